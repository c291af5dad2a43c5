"""One text for a JSON value, and SHA-256 of values and files; no library but the standard one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from trustdm.bench.plainfiles import open_plain


def canonical_json(value: object) -> str:
    """The one text of a JSON value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_of(value: object) -> str:
    """Hex SHA-256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of the bytes of a regular file.

    Raises:
        OSError: it cannot be read, or is a device, a named pipe or the like.
    """
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
