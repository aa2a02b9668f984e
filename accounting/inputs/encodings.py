"""Files in other encodings, as UTF-8."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

from accounting.errors import InputError
from accounting.inputs.scratch import Scratch

_CHUNK = 1 << 22
_UTF8 = ("utf-8", "utf-8-sig", "ascii")


def as_utf8(path: Path, encoding: str, scratch: Scratch) -> Path:
    """The file itself where it is UTF-8, else a transcoded copy; raises `InputError` on bytes outside the encoding."""
    name = codecs.lookup(encoding).name
    if name in _UTF8:
        _check_mark(path)
        return path
    if path.suffix == ".zst":
        raise InputError(f"{path}: encoding {encoding} inside .zst is not read: decompress the file first")
    target = scratch.path(".txt")
    decoder = codecs.getincrementaldecoder(name)()
    done = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as source, target.open("wb") as sink:
        try:
            while chunk := source.read(_CHUNK):
                sink.write(decoder.decode(chunk).encode())
                done += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeError as error:
            raise InputError(
                f"{path}: near byte {done}: not {encoding} ({error}): correct `encoding` in the mapping"
            ) from error
        except (EOFError, OSError) as error:
            raise InputError(f"{path}: cannot be read to its end ({error}): it may be cut; export it again") from error
    return target


def _check_mark(path: Path) -> None:
    """UTF-16 says so itself, or has every other byte empty."""
    if path.suffix in (".gz", ".zst"):
        return
    with path.open("rb") as file:
        head = file.read(64)
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or (len(head) > 3 and not any(head[1::2])):
        raise InputError(f'{path}: looks like UTF-16, not UTF-8: add `encoding = "utf-16"` to the mapping')
