"""chipledger resolve."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click

from accounting import disputes
from accounting.cli import pushing, screen
from accounting.stores.lake import now_ms


class Amount(click.ParamType[Decimal]):
    """Money above zero, of at most nine decimals."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Fails where the text is no such amount."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value} is not an amount such as 12.50", param, ctx)
        if not amount.is_finite() or amount != round(amount, 9):
            self.fail(f"{value} is not an amount of at most nine decimals", param, ctx)
        return amount


@click.command("resolve")
@click.argument("charge_id")
@click.option("--reason", required=True, help="The answer; it stays on record.")
@click.option("--credit", type=Amount(), help="What is taken off; without it the charge stands.")
@click.pass_context
def command(ctx: click.Context, charge_id: str, reason: str, credit: Decimal | None) -> None:
    """Answer the open dispute of a charge, with a credit or without.

    The platform team bears what is credited, so that the charges stay the bill. It is charged in the charge's month,
    or in the open one where that is closed; the next run books it.

    \b
    Examples:
      chipledger resolve 3f2a9c --credit 12.50 --reason "half a day of it was an outage"
      chipledger resolve 3f2a9c --reason "the job ran: see its log"
    """
    project = screen.project(ctx)
    line = disputes.resolve(project, charge_id, reason, credit, now_ms())
    if line.credit is None:
        click.echo(f"dispute {line.number} is rejected; charge {line.charge_id} stands")
    else:
        amount = screen.money(Decimal(line.credit), line.currency)
        click.echo(f"dispute {line.number} is credited: {amount} of {line.booked} go from {line.team} to {line.payer}")
        click.echo("next: chipledger run")
    pushing.after_commit(project)
