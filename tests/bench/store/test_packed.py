"""The arrays beside a run file: one archive, the same bytes for the same arrays, and nothing in it is trusted."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.errors import RunFileError
from trustdm.bench.store import npyfile, packed
from trustdm.bench.store.fields import Field
from trustdm.bench.store.packed import LARGE, Arrays

FIELD = Field(None, "x.json: cells[0].blocks[0].artefacts.a")


def npy(seed: int, size: int = 5) -> tuple[str, bytes]:
    data = npyfile.data(np.random.default_rng(seed).normal(size=size))
    return npyfile.digest(data), data


def write(path: Path, arrays: dict[str, bytes]) -> None:
    for file, data in packed.files(path, arrays).items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def test_small_ones_share_an_archive_and_large_ones_do_not(tmp_path: Path) -> None:
    path, small, large = tmp_path / "m.json", dict([npy(1), npy(2)]), dict([npy(3, LARGE // 8)])
    write(path, small | large)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.np*")) == sorted(
        ["m.npz", f"artefacts/{next(iter(large))}.npy"]
    )
    arrays = Arrays(path)
    for digest, data in (small | large).items():
        assert npyfile.data(arrays.read(FIELD, digest)) == data
    with np.load(tmp_path / "m.npz") as file:  # any numpy reads it
        assert set(file) == set(small)


def test_the_same_arrays_are_the_same_bytes_in_any_order() -> None:
    one, two = npy(1), npy(2)
    path = Path("m.json")
    assert packed.files(path, dict([one, two])) == packed.files(path, dict([two, one]))
    with zipfile.ZipFile(io.BytesIO(packed.files(path, dict([one]))[Path("m.npz")])) as file:
        assert [(e.date_time, e.create_system, e.external_attr >> 16) for e in file.infolist()] == [
            ((1980, 1, 1, 0, 0, 0), 3, 0o644)
        ]


def test_files_of_older_versions_are_read(tmp_path: Path) -> None:
    digest, data = npy(1)
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / f"{digest}.npy").write_bytes(data)
    assert npyfile.data(Arrays(tmp_path / "m.json").read(FIELD, digest)) == data


def archive(path: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", how) as file:
        for name, data in members:
            file.writestr(name, data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_no_plain_archive_is_one_line(tmp_path: Path) -> None:
    path, (digest, data) = tmp_path / "m.npz", npy(1)
    member = f"{digest}.npy"

    def refused(message: str) -> None:
        with pytest.raises(RunFileError, match=message) as error:
            Arrays(tmp_path / "m.json").read(FIELD, digest)
        assert "\n" not in str(error.value)

    refused("expected the file .* either; copy the whole folder")
    path.write_bytes(b"no archive")
    refused(r"expected an archive of arrays, got .*; copy the whole folder")
    archive(path, (member, data), how=zipfile.ZIP_DEFLATED)
    refused("expected a member that is stored as it is")
    archive(path, (member, data), (member, data))
    refused("expected each member once")
    archive(path, (member, npy(2)[1]))
    refused("with the SHA-256 of its name")
    archive(path, (member, data))
    spoiled = bytearray(path.read_bytes())
    spoiled[spoiled.index(data) + len(data) - 1] ^= 1
    path.write_bytes(spoiled)
    refused("to hold it, got Bad CRC")
    archive(path, (member, data))
    lying = bytearray(path.read_bytes())
    at = lying.index(b"PK\x01\x02")
    for field in (20, 24):
        lying[at + field : at + field + 4] = (1 << 31).to_bytes(4, "little")
    path.write_bytes(lying)
    refused("expected a member within the archive")
    lying[at + 8] |= 1
    path.write_bytes(lying)
    refused("stored as it is")


def test_a_member_is_never_written_anywhere(tmp_path: Path) -> None:
    digest, data = npy(1)
    archive(tmp_path / "m.npz", ("../../evil.npy", data), (f"{digest}.npy", data))
    Arrays(tmp_path / "m.json").read(FIELD, digest)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["m.npz"]
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("make", ["link", "pipe", "folder"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make: str) -> None:
    """A link may lead anywhere, and a named pipe would be waited for."""
    digest, data = npy(1)
    (tmp_path / "x").mkdir()
    write(tmp_path / "x" / "m.json", {digest: data})
    odd(make, tmp_path / "m.npz", tmp_path / "x" / "m.npz")
    with pytest.raises(RunFileError, match=r"m.npz: expected an archive of arrays, got (a |Is a )"):
        Arrays(tmp_path / "m.json").read(FIELD, digest)
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "x" / "a.npy").write_bytes(data)
    odd(make, tmp_path / "artefacts" / f"{digest}.npy", tmp_path / "x" / "a.npy")
    with pytest.raises(RunFileError, match=r"got (a symbolic link|a named pipe|Is a directory)"):
        npyfile.read(tmp_path / "artefacts", FIELD, digest)


def odd(make: str, place: Path, target: Path) -> None:
    """A link to ``target``, a named pipe or a folder at ``place``."""
    if make == "link":
        place.symlink_to(target)
    elif make == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
