"""The project's SQL, in GoogleSQL, as text: `read("views/usage")`."""

from __future__ import annotations

from importlib.resources import files

_SUFFIX = ".sql"


def read(name: str) -> str:
    """The text of `name`, such as `views/usage`; raises `FileNotFoundError`."""
    return (files(__name__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def names(folder: str) -> list[str]:
    """The names in `folder` (`views`, `checks`), sorted, as `read` takes them: `views/usage`."""
    entries = (entry.name for entry in (files(__name__) / folder).iterdir())
    return sorted(f"{folder}/{name.removesuffix(_SUFFIX)}" for name in entries if name.endswith(_SUFFIX))
