"""The arrays of a run file, beside it: packed into one ``.npz``, the large ones as files of their own.

``<method>.npz`` beside ``<method>.json`` is a zip archive of ``<sha256>.npy``, stored without compression, sorted and
without dates: the same arrays give the same bytes, whatever library packs them. An array above ``LARGE`` bytes, which
does not belong in a repository, lies in ``artefacts/<sha256>.npy``; so did all of them in files of older versions.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from trustdm.bench.arrayfiles import reason
from trustdm.bench.errors import RunFileError
from trustdm.bench.plainfiles import open_plain
from trustdm.bench.store import npyfile
from trustdm.bench.store.fields import Field

LARGE = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
ENCRYPTED = 0x1
ADVICE = "copy the whole folder that was exported"


def files(path: Path, arrays: Mapping[str, bytes]) -> dict[Path, bytes]:
    """The files that hold ``arrays`` (npy bytes by their SHA-256) beside the run file ``path``."""
    small = {digest: data for digest, data in arrays.items() if len(data) <= LARGE}
    out = {path.parent / "artefacts" / f"{d}.npy": data for d, data in arrays.items() if d not in small}
    return out | ({archive(path): _packed(small)} if small else {})


def archive(path: Path) -> Path:
    """Where the packed arrays of a run file are."""
    return path.with_suffix(".npz")


def _packed(arrays: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for digest in sorted(arrays):
            entry = zipfile.ZipInfo(f"{digest}.npy", EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            file.writestr(entry, arrays[digest])
    return buffer.getvalue()


class Arrays:
    """The arrays beside one run file; every one is checked against its hash, and none is taken to be what it says."""

    def __init__(self, path: Path):
        self._archive = archive(path)
        self._folder = path.parent / "artefacts"
        self._packed: dict[str, zipfile.ZipInfo] | None = None

    def read(self, field: Field, digest: str) -> NDArray[Any]:
        """The array whose npy bytes have that SHA-256; ``field`` is what asks for it.

        Raises:
            RunFileError: it is nowhere, was changed, or is no plain array; the archive is damaged or no plain one.
        """
        entry = self._entries().get(f"{digest}.npy")
        if entry is None:
            return npyfile.read(self._folder, field, digest, f"{self._archive} either; {ADVICE}")
        try:
            with open_plain(self._archive, links=False) as opened, zipfile.ZipFile(opened) as file:
                content = file.read(entry)
        except Exception as error:  # parsers of archives raise whatever they like on a stranger's file
            raise field.error(f"{self._archive} to hold it", reason(error)) from error
        return npyfile.parse(content, field, digest, str(self._archive))

    def _entries(self) -> dict[str, zipfile.ZipInfo]:
        """The members of the archive by name; none where there is no archive."""
        if self._packed is None:
            self._packed = {}
            if self._archive.is_symlink() or self._archive.exists():
                self._packed = _members(self._archive)
        return self._packed


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """What an archive holds, once its directory has been checked: sizes are known before anything is unpacked.

    Raises:
        RunFileError: it is no zip archive, or one with links, compression, encryption or a name twice.
    """
    try:
        with open_plain(path, links=False) as opened, zipfile.ZipFile(opened) as file:
            entries = file.infolist()
            size = opened.seek(0, os.SEEK_END)
    except Exception as error:
        raise RunFileError(f"{path}: expected an archive of arrays, got {reason(error)}; {ADVICE} again") from error
    for entry in entries:
        plain = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
        if not plain or entry.flag_bits & ENCRYPTED:
            raise RunFileError(
                f"{path}: {entry.filename[:80]!r}: expected a member that is stored as it is, got another"
            )
        if entry.file_size > size:
            raise RunFileError(
                f"{path}: {entry.filename[:80]!r}: expected a member within the archive, got a larger one"
            )
    if len({entry.filename for entry in entries}) < len(entries):
        raise RunFileError(f"{path}: expected each member once, got one twice")
    return {entry.filename: entry for entry in entries}
