"""Arrays as ``.npy`` files named by the SHA-256 of their bytes: how artefacts travel beside a run file."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.arrayfiles import Unreadable, read_npy
from trustdm.bench.errors import RunFileError
from trustdm.bench.plainfiles import read_plain
from trustdm.bench.store.fields import Field
from trustdm.bench.store.shards import KINDS

LARGEST = 4 << 30
"""Bytes of the largest file that is read."""


def data(array: NDArray[Any]) -> bytes:
    """The bytes of an ``.npy`` file (format 1.0, C order) with that array."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def digest(content: bytes) -> str:
    """Hex SHA-256 of the bytes of a file."""
    return hashlib.sha256(content).hexdigest()


def read(folder: Path, field: Field, name: str, nowhere: str = "") -> NDArray[Any]:
    """The array of the file in ``folder`` whose bytes have the SHA-256 ``name``; ``field`` is what asks for it.

    ``nowhere`` says in the message of a missing file where else it might have been.

    Raises:
        RunFileError: the file is missing, was changed, or holds no plain array.
    """
    path = folder / f"{name}.npy"
    try:
        content = read_plain(path, LARGEST, links=False)
    except OSError as error:
        where = f"it is not in {nowhere}" if nowhere else "copy the whole folder that was exported, artefacts/ included"
        raise RunFileError(f"{field.where}: expected the file {path}, got {error.strerror}; {where}") from error
    return parse(content, field, name, str(path))


def parse(content: bytes, field: Field, name: str, where: str) -> NDArray[Any]:
    """The array in the bytes of an ``.npy`` file whose SHA-256 is ``name``.

    Nothing in it is executed, and no more is allocated than was read.

    Raises:
        RunFileError: it was changed, or is no plain array.
    """
    if digest(content) != name:
        raise field.error(f"{where} with the SHA-256 of its name", digest(content))
    try:
        return _parse(content)
    except (Unreadable, MemoryError) as error:
        raise field.error(f"{where} to be an array of numbers in npy format 1.0", error) from error


def _parse(content: bytes) -> NDArray[Any]:
    values = read_npy(io.BytesIO(content), len(content))
    if values.dtype.kind not in KINDS:
        raise Unreadable(f"values of type {values.dtype}")
    if data(values) != content:
        raise Unreadable("another format")
    return values
