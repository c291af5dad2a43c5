"""Arrays in npy and npz files of strangers: what a file says of itself is read first, and nothing is unpacked before.

A file is refused where it says more than it may hold: an archive of 2 MB that unpacks to gigabytes is no data set.
numpy writes members that are stored or deflated; anything else is refused, for other methods cannot be bounded.
"""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from collections.abc import Collection
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trustdm.bench.plainfiles import open_plain

METHODS: Final = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
ENCRYPTED: Final = 0x1 | 0x40
NUMBERS: Final = "biufc"
SMALL: Final = 256 << 20
"""Bytes that any archive may unpack to."""
RATIO: Final = 100
"""How many times its own size a larger one may: images and features shrink to a tenth, a bomb to a thousandth."""
MOST: Final = 16 << 30
SHOWN: Final = 80


class Unreadable(ValueError):
    """No file of arrays, or one that says too much; ``str()`` is what was found, for "expected ..., got ..."."""


def read_npz(path: Path, wanted: Collection[str] | None = None, most: int = MOST) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file by name: those that are ``wanted`` of the ones it has, or all.

    ``most`` bytes may be in them, whatever the archive weighs.

    Raises:
        Unreadable: no regular file, no archive, or one with members that are no plain arrays of numbers or too large.
    """
    try:
        with open_plain(path) as file:
            return _arrays(file, wanted, most)
    except Unreadable:
        raise
    except Exception as error:  # zip, zlib and npy parsers raise whatever they like on a stranger's file
        raise Unreadable(reason(error)) from error


def reason(error: BaseException) -> str:
    """What a parser complained about, in one short line; its class where it says nothing."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    line = " ".join(text.split())
    return line if len(line) <= 2 * SHOWN else f"{line[: 2 * SHOWN]}..."


def _arrays(file: BufferedReader, wanted: Collection[str] | None, most: int) -> dict[str, NDArray[Any]]:
    if file.peek(len(npy.MAGIC_PREFIX)).startswith(npy.MAGIC_PREFIX):
        raise Unreadable("a single array")
    with zipfile.ZipFile(file) as archive:
        entries = checked(archive, most)
        names = {name.removesuffix(".npy"): entry for name, entry in entries.items()}
        if len(names) < len(entries):
            raise Unreadable("two members of one name")
        return {name: _member(archive, entry) for name, entry in names.items() if wanted is None or name in wanted}


def checked(archive: zipfile.ZipFile, most: int = MOST) -> dict[str, zipfile.ZipInfo]:
    """The members of an open archive by name, once its directory says that they can be unpacked.

    Raises:
        Unreadable: a name twice, encryption, an unusual compression, or more bytes than the file may hold.
    """
    entries = archive.infolist()
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = shown(entry.filename)
        if entry.filename in found:
            raise Unreadable(f"{name} twice in it")
        if entry.flag_bits & ENCRYPTED:
            raise Unreadable(f"{name}, which is encrypted")
        if entry.compress_type not in METHODS:
            raise Unreadable(f"{name}, which is neither {' nor '.join(METHODS.values())}, as numpy writes them")
        found[entry.filename] = entry
    total, allowed = sum(entry.file_size for entry in entries), allowance(archive, most)
    if total > allowed:
        raise Unreadable(f"one that says it unpacks to {total:,} bytes, more than the {allowed:,} that it may")
    return found


def allowance(archive: zipfile.ZipFile, most: int = MOST) -> int:
    """How many bytes an open archive may unpack to."""
    if archive.fp is None:
        return 0
    return min(most, max(SMALL, RATIO * archive.fp.seek(0, os.SEEK_END)))


def shown(name: str) -> str:
    """A stranger's name in a message."""
    return repr(name if len(name) <= SHOWN else f"{name[:SHOWN]}...")


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as stream:
        try:
            return read_npy(stream, entry.file_size)
        except Unreadable as error:
            raise Unreadable(f"{shown(entry.filename)} with {error}") from error


def read_npy(stream: IO[bytes], size: int) -> NDArray[Any]:
    """The array of numbers in an npy file of ``size`` bytes, whose header says that it is of this size.

    Raises:
        Unreadable: another header, values that are no numbers, or another size than the header says.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the spelling in a header
            header, (shape, fortran, dtype) = _header(stream)
    except Exception as error:  # numpy's parser of headers may raise anything that Python's own does
        raise Unreadable(f"no npy header: {reason(error)}") from error
    if dtype.kind not in NUMBERS or dtype.hasobject:
        raise Unreadable(f"values of type {str(dtype)[:SHOWN]}, which are no numbers")
    if any(length < 0 for length in shape) or header + math.prod(shape) * dtype.itemsize != size:
        raise Unreadable(f"a header that says {dtype} {str(shape)[:SHOWN]}, which {size:,} bytes do not hold")
    flat = np.empty(math.prod(shape), dtype=dtype)
    _fill(flat, stream)
    return flat.reshape(shape[::-1]).transpose() if fortran else flat.reshape(shape)


def _header(stream: IO[bytes]) -> tuple[int, tuple[tuple[int, ...], bool, np.dtype[Any]]]:
    """How many bytes the header takes, and what it says."""
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    counted = _Counted(stream)
    version = npy.read_magic(counted)
    if version not in read:
        raise Unreadable(f"version {version[0]}.{version[1]}")
    said = read[version](counted)
    return counted.count, said


class _Counted:
    """A stream that knows how much of it was read."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        content = self._stream.read(size)
        self.count += len(content)
        return content


def _fill(flat: NDArray[Any], stream: IO[bytes]) -> None:
    """Reads the values; the stream ends where they do, which also makes an archive compare its checksum."""
    place = flat.view(np.uint8).data
    at = 0
    while at < len(place):
        piece = stream.read(min(1 << 20, len(place) - at))
        if not piece:
            raise Unreadable(f"{at:,} bytes of values instead of {len(place):,}")
        place[at : at + len(piece)] = piece
        at += len(piece)
    if stream.read(1):
        raise Unreadable("more bytes than its header says")
