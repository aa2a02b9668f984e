"""What commitments pay for: the blended price of what they cover, their owners' discounts, and what nobody used.

In an hour a commitment covers as much as it is of, of all that is eligible. Owned by no team, it makes what it covers
cheaper for all alike; what a team's covers stays at its price, and the difference is the team's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from accounting.core.eligible import Levels, amounts, cuts
from accounting.core.pricing import Price, Sku, spans
from accounting.core.shares import nearest, shares
from accounting.core.steps import HOUR, PPM

KINDS = ("reservation", "resource", "spend")
"""In the order in which they cover: Google takes commitments to resources before those to spend."""
UNIT = PPM * HOUR
"""Of a nano-unit: amounts are kept in nano-units an hour × ppm × ms."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What was promised from `start` to `end` (ms): `amount` accelerators (ppm), or of `spend` nano-units an hour.

    `prices` are what it makes of an hour of an accelerator (nano-units), by name. It covers capacity of its provider,
    region (None: any) and purchase; capacity that names no purchase counts as bought on demand.
    """

    id: str
    kind: str
    provider: str
    region: str | None
    purchase: str
    prices: tuple[tuple[str, int], ...]
    amount: int
    start: int
    end: int
    owner: str | None = None

    def fits(self, sku: Sku) -> bool:
        """Whether it can cover what was bought so."""
        accelerator, provider, region, purchase = sku
        bought = purchase or "on_demand"
        here = self.region is None or self.region == region
        return (self.provider, self.purchase) == (provider, bought) and here and accelerator in dict(self.prices)

    def promised(self, start: int, end: int) -> int:
        """What it is of between two instants: ppm·ms of accelerators, of `spend` nano-units an hour × ms."""
        return self.amount * max(0, min(self.end, end) - max(self.start, start))


@dataclass(slots=True)
class Settled:
    """What commitments did between two instants, amounts in nano-units × `UNIT`.

    `eligible` and `covered` are in ppm·ms: by SKU, and by SKU and commitment. `blended` is by SKU what its hours cost
    that no team's commitment covers otherwise. `saved` is by commitment and accelerator what the owner is credited,
    `unused` by commitment.
    """

    start: int
    end: int
    eligible: dict[Sku, int]
    prices: dict[Sku, Price | None]
    covered: dict[tuple[Sku, str], int] = field(default_factory=dict)
    shared: dict[Sku, tuple[int, int]] = field(default_factory=dict)
    saved: dict[tuple[str, str], int] = field(default_factory=dict)
    unused: dict[str, int] = field(default_factory=dict)

    def blended(self, sku: Sku) -> int | None:
        """Nano-units of an hour of the SKU; None: nothing shared covers it, or a part of it has no price."""
        quantity, value = self.shared.get(sku, (0, 0))
        price, eligible = self.prices[sku], self.eligible[sku]
        if not quantity or (price is None and quantity < eligible):
            return None
        return nearest(value + (eligible - quantity) * (price.nano if price else 0), eligible)


def settle(
    levels_of: Mapping[Sku, Levels],
    book: tuple[Price, ...],
    commitments: Sequence[Commitment],
    start: int,
    end: int,
    exact: Sequence[int],
) -> Iterator[Settled]:
    """What one provider's commitments did from `start` to `end`, piece by piece; `exact` are instants to cut at."""
    some = {sku: levels for sku, levels in levels_of.items() if any(one.fits(sku) for one in commitments)}
    priced = {sku: spans(book, sku, start, end) for sku in some}
    changes = {span.start for spans_of in priced.values() for span in spans_of}
    begun = [at for one in commitments for at in (one.start, one.end)]
    instants = cuts(some, start, end, begun, {*exact, *changes})
    eligible = {sku: amounts(levels, instants) for sku, levels in some.items()}
    ordered = sorted(commitments, key=lambda one: (KINDS.index(one.kind), one.id))
    at = dict.fromkeys(some, 0)
    for number, (first, last) in enumerate(pairwise(instants)):
        for sku, spans_of in priced.items():
            at[sku] += spans_of[at[sku]].end <= first
        prices = {sku: spans_of[at[sku]].price for sku, spans_of in priced.items()}
        one = Settled(first, last, {sku: amount[number] for sku, amount in eligible.items()}, prices)
        _settle(one, ordered)
        yield one


def _settle(one: Settled, ordered: Sequence[Commitment]) -> None:
    left = dict(one.eligible)
    for commitment in ordered:
        promised = commitment.promised(one.start, one.end)
        if promised:
            fits = {sku: left[sku] for sku in left if commitment.fits(sku)}
            rest = _spent(one, commitment, promised, fits, left)
            if rest:
                one.unused[commitment.id] = rest


def _spent(one: Settled, commitment: Commitment, promised: int, fits: dict[Sku, int], left: dict[Sku, int]) -> int:
    """Covers what fits, the greatest saving first, and takes it off `left`; what nobody used, in nano-units × UNIT."""
    prices, spend = dict(commitment.prices), commitment.kind == "spend"
    rest = promised * PPM if spend else promised
    for group in _ordered(one, fits, prices):
        price = prices[group[0][0]]
        each = price if spend else 1
        weights = {str(number): fits[sku] for number, sku in enumerate(group)}
        taken = shares(min(rest // each, sum(weights.values())), weights)
        for number, quantity in taken.items():
            left[group[int(number)]] -= quantity
            _cover(one, commitment, group[int(number)], quantity, price)
        rest -= sum(taken.values()) * each
    return rest if spend else rest * commitment.prices[0][1]


def _ordered(one: Settled, fits: Mapping[Sku, int], prices: Mapping[str, int]) -> list[list[Sku]]:
    """SKUs that there is something of, those that save alike together; what has no price comes last."""
    groups: dict[tuple[bool, Fraction, str], list[Sku]] = {}
    for sku, amount in fits.items():
        price = one.prices[sku]
        saving = Fraction(prices[sku[0]], price.nano) if price and price.nano else Fraction(0)
        if amount:
            groups.setdefault((price is None, saving, sku[0]), []).append(sku)
    return [groups[key] for key in sorted(groups)]


def _cover(one: Settled, commitment: Commitment, sku: Sku, quantity: int, price: int) -> None:
    one.covered[sku, commitment.id] = quantity
    listed = one.prices[sku]
    if commitment.owner is None:
        known = one.shared.get(sku, (0, 0))
        one.shared[sku] = (known[0] + quantity, known[1] + quantity * price)
    elif listed is not None:
        key = (commitment.id, sku[0])
        one.saved[key] = one.saved.get(key, 0) + quantity * (listed.nano - price)
