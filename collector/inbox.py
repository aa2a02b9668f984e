"""Where segments go: a folder or a bucket, which has an object in full or not at all, and keeps the first of a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from collector.spool.files import TEMPORARY, sync_folder, write_synced

if TYPE_CHECKING:
    from obstore.store import ObjectStore

BUCKETS = ("gs", "s3", "az")
TIMEOUT = timedelta(seconds=60)


class Unavailable(Exception):
    """The object may be stored or not: put it again later. The message is one line."""


class Inbox(Protocol):
    """Keeps what it is given; `put` may be called again with the same name and bytes."""

    def put(self, name: str, data: bytes) -> bool:
        """Stores an object durably; False where the name was there already; raises `Unavailable`."""
        ...


class Dated(Inbox, Protocol):
    """An inbox that tells when it took an object."""

    def modified_ms(self, name: str) -> int | None:
        """When an object was stored, by the inbox's own clock (Unix ms); None where it does not tell."""
        ...


class FolderInbox:
    """A folder on a disk of this machine or a network file system with hard links; the folder itself must be there.

    A store of `obstore` would do but does not sync: what it has said to be there may be gone after power loss.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> bool:
        """Stores a file durably; False where the name was there already; raises `Unavailable`."""
        try:
            return self._put(self._folder / name, data)
        except OSError as error:
            raise Unavailable(f"{error.filename or self._folder}: {error.strerror}") from error

    def modified_ms(self, name: str) -> int | None:
        """When a file was stored, by the clock of the file system's server (Unix ms)."""
        try:
            return (self._folder / name).stat().st_mtime_ns // 1_000_000
        except OSError:
            return None

    def _put(self, path: Path, data: bytes) -> bool:
        _make_folders(self._folder, path.parent)
        temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
        write_synced(temporary, data, mode=0o666)
        try:
            path.hardlink_to(temporary)
            stored = True
        except FileExistsError:
            stored = False
        finally:
            temporary.unlink()
        sync_folder(path.parent)
        return stored


class BucketInbox:
    """A bucket that honors put-if-absent; without retries of its own, as its caller has better ones."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, name: str, data: bytes) -> bool:
        """Stores an object; False where the name was there already; raises `Unavailable`."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            self._store.put(name, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except BaseError as error:
            raise Unavailable(str(error).partition("\n")[0]) from error
        return True

    def modified_ms(self, name: str) -> int | None:
        """When an object was stored, by the bucket's clock (Unix ms); None where it may not be asked."""
        from obstore.exceptions import BaseError

        try:
            return int(self._store.head(name)["last_modified"].timestamp() * 1000)
        except BaseError:
            return None


def open_inbox(url: str, settings: Mapping[str, Any] | None = None) -> Dated:
    """The inbox at a folder's path, `file://`, `gs://`, `s3://` or `az://` URL; raises `ValueError` for any other.

    `settings` are the bucket's, by the names that `obstore` has for them; it reads the usual environment too.
    """
    parts = urlsplit(url)
    if parts.scheme in {"", "file"} and not parts.netloc and parts.path:
        return FolderInbox(Path(unquote(parts.path) if parts.scheme else url))
    if parts.scheme not in BUCKETS or not parts.netloc:
        raise ValueError(
            f"inbox {url!r}: neither a folder's path nor file://, gs://BUCKET, s3://BUCKET or az://CONTAINER"
        )
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    config = dict(settings or {})
    client: dict[str, Any] = {"timeout": TIMEOUT}
    if str(config.get("endpoint", "")).startswith("http://"):
        client["allow_http"] = True
    retries = {"max_retries": 0, "retry_timeout": TIMEOUT}
    options: dict[str, Any] = {"config": config, "client_options": client, "retry_config": retries}
    try:
        store: ObjectStore = from_url(url, **options)
    except BaseError as error:
        raise ValueError(f"inbox {url!r}: {str(error).partition(chr(10))[0]}") from error
    return BucketInbox(store)


def _make_folders(root: Path, folder: Path) -> None:
    """The folders below the root are there durably; never the root, which may be a mount that is missing."""
    if folder == root or folder.is_dir():
        return
    _make_folders(root, folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)
