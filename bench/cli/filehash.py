"""SHA-256 of large files, computed once: kept in the user's cache folder for as long as the file is not touched.

An entry is found by path, size, inode and both times of the file, in nanoseconds. A program can set back the time of
the last change of content, but not that of the last change of the inode (on POSIX systems), so an edit always shows.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from trustdm.bench.hashing import sha256_file

LARGE = 16 << 20
"""Bytes from which on a hash is kept; smaller files are hashed each time, which takes milliseconds."""
SETTLED = 2_000_000_000
"""Nanoseconds for which a file must not have been touched: two edits within one tick of its clock look alike."""


def cache_file() -> Path:
    """``trustdm/hashes.json`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root.startswith("/") else Path.home() / ".cache") / "trustdm" / "hashes.json"


def hash_of(path: Path) -> tuple[str, bool]:
    """Hex SHA-256 of a file, and whether it was known from before.

    Raises:
        OSError: the file cannot be read.
    """
    path = path.resolve()
    stamp = _stamp(path)
    if path.stat().st_size < LARGE:
        return sha256_file(path), False
    known = _read()
    if (entry := known.get(str(path))) and entry[0] == stamp:
        return entry[1], True
    found = sha256_file(path)
    if _stamp(path) == stamp and _settled(path):
        _write(str(path), [stamp, found])
    return found, False


def _stamp(path: Path) -> str:
    s = path.stat()
    return f"{s.st_size} {s.st_ino} {s.st_mtime_ns} {s.st_ctime_ns}"


def _settled(path: Path) -> bool:
    s = path.stat()
    return time.time_ns() - max(s.st_mtime_ns, s.st_ctime_ns) > SETTLED


def _read() -> dict[str, list[str]]:
    """What is kept; nothing where the file is missing or is something else."""
    with suppress(OSError, ValueError, RuntimeError):  # RuntimeError: a user without a home
        found = json.loads(cache_file().read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {k: v for k, v in found.items() if isinstance(v, list) and len(v) == 2 and all(map(_is_text, v))}
    return {}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _write(path: str, entry: list[str]) -> None:
    """Keeps one more, and forgets files that are gone; a folder that cannot be written keeps nothing."""
    with suppress(OSError, RuntimeError):
        target = cache_file()
        kept = {name: value for name, value in _read().items() if Path(name).is_file()} | {path: entry}
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        part.replace(target)
