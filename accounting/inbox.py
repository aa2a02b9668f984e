"""The inbox: a folder or a bucket into which agents put segments, and from which `chipledger ingest` takes them.

segments/AGENT/STREAM-FIRST-LAST.seg      put there by agents, whole or not at all
quarantine/AGENT/STREAM-….seg.SHA256      what could not be taken, with the reason beside it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from accounting.errors import InputError, StoreError
from collector.wire import MOST_BYTES

SEGMENTS = "segments"
QUARANTINE = "quarantine"
SCHEMES = ("gs", "s3", "az", "abfs", "file", "memory")

_READERS = 8
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """An object of the inbox and its size."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Inbox:
    """An open inbox; its methods raise `StoreError` with one line where it cannot be reached."""

    url: str
    store: obstore.store.ObjectStore

    def items(self) -> list[Item]:
        """What lies in it, sorted by name; names that begin with a dot are still being written."""
        with self._reached():
            found = [
                Item(meta["path"], meta["size"])
                for chunk in obstore.list(self.store, prefix=SEGMENTS, chunk_size=1000)
                for meta in chunk
            ]
        return sorted((i for i in found if not PurePosixPath(i.name).name.startswith(".")), key=lambda i: i.name)

    def read(self, items: Sequence[Item]) -> list[bytes | None]:
        """The objects' bytes; None: somebody took it meanwhile, b'': larger than a segment can be."""
        with self._reached(), ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(self._one, items))

    def _one(self, item: Item) -> bytes | None:
        if item.bytes > MOST_BYTES:
            return b""
        try:
            return obstore.get(self.store, item.name).bytes().to_bytes()
        except FileNotFoundError:
            return None

    def remove(self, names: Sequence[str]) -> None:
        """Deletes objects; one that is gone already is no error."""
        with self._reached():
            for start in range(0, len(names), _DELETED_AT_ONCE):
                some = names[start : start + _DELETED_AT_ONCE]
                try:
                    obstore.delete(self.store, some)
                except FileNotFoundError:
                    self._remove_each(some)

    def _remove_each(self, names: Sequence[str]) -> None:
        for name in names:
            with suppress(FileNotFoundError):  # another ingest removed it
                obstore.delete(self.store, name)

    def set_aside(self, name: str, sha256: str, reason: str) -> None:
        """Moves an object to `quarantine/`, with a text that says why."""
        place = f"{QUARANTINE}/{name.removeprefix(SEGMENTS + '/')}.{sha256[:16]}"
        with self._reached(), suppress(FileNotFoundError):  # another ingest moved it
            obstore.rename(self.store, name, place)
            obstore.put(self.store, f"{place}.reason", f"{reason}\n".encode())

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            said = str(error).splitlines()[0]
            raise StoreError(f"inbox {self.url}: {said}; what was ingested counts, ingest again") from error


def open_inbox(place: str, folder: Path) -> Inbox:
    """The inbox at a URL (gs://, s3://, az://) or a path, relative to `folder`; a folder is made where it is missing.

    Raises `InputError` where the URL is none of these, `StoreError` where the folder cannot be made.
    """
    scheme, found, _ = place.partition("://")
    if found and scheme not in SCHEMES:
        raise InputError(f"inbox {place}: {scheme} is not known: write a folder, gs://, s3:// or az://")
    try:
        if found:
            return Inbox(place, from_url(place))
        path = folder / Path(place).expanduser()
        path.mkdir(parents=True, exist_ok=True)
        return Inbox(str(path), LocalStore(path))
    except (BaseError, ValueError) as error:
        raise InputError(f"inbox {place}: {str(error).splitlines()[0]}: correct the URL or its credentials") from error
    except OSError as error:
        raise StoreError(f"inbox {place}: {error.strerror or error}") from error
