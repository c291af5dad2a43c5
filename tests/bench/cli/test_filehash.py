"""Hashes that are kept: never one of a file that was touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trustdm.bench.cli import filehash
from trustdm.bench.hashing import sha256_file


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as large, and as not touched lately; the cache is in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(filehash, "LARGE", 8)
    monkeypatch.setattr(filehash, "SETTLED", -1)
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789")
    return path


def test_a_large_file_is_hashed_once(large: Path) -> None:
    assert filehash.hash_of(large) == (sha256_file(large), False)
    assert filehash.hash_of(large) == (sha256_file(large), True)


def test_an_edit_shows_even_where_size_and_time_are_set_back(large: Path) -> None:
    before, was = filehash.hash_of(large)[0], large.stat()
    large.write_bytes(b"012345678!")
    os.utime(large, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert (large.stat().st_size, large.stat().st_mtime_ns) == (was.st_size, was.st_mtime_ns)
    found, known = filehash.hash_of(large)
    assert not known and found == sha256_file(large) != before


def test_what_was_just_touched_is_not_kept(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filehash, "SETTLED", 10**12)
    assert [filehash.hash_of(large)[1] for _ in range(2)] == [False, False]
    assert not filehash.cache_file().exists()


def test_a_small_file_is_hashed_each_time(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filehash, "LARGE", 11)
    assert [filehash.hash_of(large)[1] for _ in range(2)] == [False, False]


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', '{"a": ["b", 2]}', "\x00"])
def test_a_cache_that_is_something_else_is_not_believed(large: Path, text: str) -> None:
    filehash.cache_file().parent.mkdir(parents=True)
    filehash.cache_file().write_text(text.replace('"a"', f'"{large}"'), encoding="utf-8")
    assert filehash.hash_of(large) == (sha256_file(large), False)
    assert filehash.hash_of(large)[1]


def test_a_folder_that_cannot_be_written_keeps_nothing(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(large))  # a file, no folder
    assert [filehash.hash_of(large)[1] for _ in range(2)] == [False, False]


def test_files_that_are_gone_are_forgotten(large: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"x" * 20)
    filehash.hash_of(other)
    other.unlink()
    filehash.hash_of(large)
    assert "other.bin" not in filehash.cache_file().read_text(encoding="utf-8")


def test_a_relative_cache_folder_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert filehash.cache_file() == tmp_path / ".cache" / "trustdm" / "hashes.json"
