"""How often and how far a source is read: what all of them have in common in the configuration."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,60}$")]


class Polling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of every source.

    `name` tells sources apart, also in an inbox (default: its kind). `every`: seconds between two readings. `delay`:
    seconds after which a point is taken to be visible. `span`: at most so many seconds are read at once. `backfill`:
    hours before the first start that are read too.
    """

    name: Name | None = None
    every: Annotated[float, Meta(ge=1, le=86_400)] = 60
    delay: Annotated[float, Meta(ge=0, le=86_400)] = 30
    span: Annotated[float, Meta(ge=60, le=86_400)] = 3600
    backfill: Annotated[float, Meta(ge=0, le=24 * 400)] = 24
    cluster: Annotated[str, Meta(min_length=1)] = "default"
    pool: str = ""
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None
