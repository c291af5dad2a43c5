"""Archives of arrays, references, images and artefacts of strangers."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
from fuzz.harness import Survivors, budget, chances, damaged
from PIL import Image

from trustdm.bench.data.images import decoded, shape_of
from trustdm.bench.datasets.npz import card_of
from trustdm.bench.features.frechet import moments
from trustdm.bench.features.reference import Reference, read_reference, write_reference
from trustdm.bench.store import npyfile, packed
from trustdm.bench.store.fields import Field

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ARRAYS = [np.arange(64, dtype=np.uint8).reshape(4, 4, 4), np.arange(4), np.zeros(3), np.ones((2, 2), dtype=complex)]
HEADERS = [b"(4, 4, 4)", b"|u1", b"<i8", b"False", b"descr", b"shape"]
WORDS = [
    b"((((((((",
    b"(2**70,)",
    b"|O",
    b"-1",
    b"(9999999,)*9",
    b"'" * 9,
    b"\xff\xff",
    b"()",
    b"<M8",
    b"\\",
    b"lambda:0",
]


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def member(chance: random.Random) -> bytes:
    content = npy(chance.choice(ARRAYS))
    if chance.random() < 0.4:
        content = content.replace(chance.choice(HEADERS), chance.choice(WORDS), 1)
    return damaged(content, chance) if chance.random() < 0.3 else content


def archive(chance: random.Random) -> bytes:
    """An npz file with images and labels, some of which are none; damaged, or in an unusual form."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", chance.choice(METHODS)) as file:
        for name in ("images", "labels"):
            content = npy(ARRAYS[name == "labels"]) if chance.random() < 0.5 else member(chance)
            file.writestr(f"{name}{chance.choice(('.npy', '.npy', '.npy', ''))}", content)
    return damaged(buffer.getvalue(), chance) if chance.random() < 0.7 else buffer.getvalue()


@budget(120, 2000)
def test_archives_of_images(cases: int, tmp_path: Path) -> None:
    path, found = tmp_path / "x.npz", Survivors()
    for chance in chances("archives", cases):
        path.write_bytes(content := archive(chance))
        found.runs(content, lambda: card_of(str(path)))
    found.check()


@budget(60, 1000)
def test_references(cases: int, tmp_path: Path) -> None:
    path, found = tmp_path / "r.npz", Survivors()
    features = np.random.default_rng(0).normal(size=(8, 2))
    write_reference(Reference(moments(features), "x", "0" * 64, "s", "round", features, features), path)
    whole = path.read_bytes()
    for chance in chances("references", cases):
        path.write_bytes(content := damaged(whole, chance) if chance.random() < 0.9 else archive(chance))
        found.runs(content, lambda: read_reference(path))
    found.check()


@budget(60, 1000)
def test_images(cases: int, tmp_path: Path) -> None:
    found, wholes = Survivors(), []
    for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, kind)
        wholes.append(buffer.getvalue())
    path = tmp_path / "x.png"
    for chance in chances("images", cases):
        path.write_bytes(content := damaged(chance.choice(wholes), chance))
        found.runs(content, lambda: (shape_of(path), decoded(path, (1, 8, 8))))
    found.check()


@budget(60, 1000)
def test_artefacts(cases: int, tmp_path: Path) -> None:
    found, path, field = Survivors(), tmp_path / "m.json", Field(None, "m.json: x")
    arrays = {npyfile.digest(data): data for data in map(npyfile.data, ARRAYS[:3])}
    (whole,) = packed.files(path, arrays).values()
    for chance in chances("artefacts", cases):
        content = damaged(whole, chance)
        if chance.random() < 0.3:  # the right hash of the wrong thing
            data = member(chance)
            (content,) = packed.files(path, {npyfile.digest(data): data}).values()
            digest = npyfile.digest(data)
        else:
            digest = chance.choice(list(arrays))
        packed.archive(path).write_bytes(content)
        found.runs(content, lambda digest=digest: packed.Arrays(path).read(field, digest))
    found.check()
