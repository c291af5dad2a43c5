"""What a build remembers of a site: it comes back as it was, and anything else makes the site anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustdm.leaderboard import state
from trustdm.leaderboard.state import MANIFEST, Piece


def write(out: Path, data: bytes) -> None:
    (out / MANIFEST).parent.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).write_bytes(data)


def test_pieces_come_back_as_they_were(tmp_path: Path) -> None:
    pieces = {"front": Piece("s1", {"index.html": 3}, {"rows": 2}), "board": Piece("s2", {"a.html": 1, "b.js": 2})}
    write(tmp_path, state.text(pieces))
    assert state.read(tmp_path) == (pieces, {"index.html", "a.html", "b.js"})


def test_an_older_manifest_says_only_what_may_be_removed(tmp_path: Path) -> None:
    pieces = {"front": Piece("s1", {"index.html": 3})}
    write(tmp_path, state.text(pieces).replace(b'"format": 2', b'"format": 1'))
    assert state.read(tmp_path) == ({}, {"index.html"}) and state.owned(tmp_path)


DAMAGED = [
    b"",
    b"{",
    b"{}",
    b'{"pieces": 3}',
    b'{"pieces": {"a": {"stamp": 1}}}',
    b'["index.html", "photo.jpg"]',
    b"[]",
]


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_manifest_is_none_and_so_is_that_of_another_program(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, data)
    assert state.read(tmp_path) == ({}, set())
    assert not state.owned(tmp_path) and state.foreign(tmp_path) == MANIFEST


@pytest.mark.parametrize("path", ["index.html", "reported.html", "suites/a.html", "methods/x/y.txt", "assets"])
def test_a_file_where_pages_go_is_foreign_until_there_is_a_manifest(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("mine")
    assert state.foreign(tmp_path) == path
    write(tmp_path, state.text({}))
    assert state.foreign(tmp_path) == ""


def test_what_lies_beside_the_pages_is_in_nobodys_way(tmp_path: Path) -> None:
    assert state.foreign(tmp_path / "none") == "" == state.foreign(tmp_path)
    (tmp_path / "CNAME").write_text("mine")
    (tmp_path / "methods").mkdir()
    assert state.foreign(tmp_path) == ""
    (tmp_path / "index.html").symlink_to(tmp_path / "nowhere")
    assert state.foreign(tmp_path) == "index.html"


def test_a_piece_is_there_while_its_files_have_their_sizes(tmp_path: Path) -> None:
    piece = Piece("s", {"index.html": 3})
    assert not piece.there(tmp_path)
    (tmp_path / "index.html").write_bytes(b"abc")
    assert piece.there(tmp_path)
    (tmp_path / "index.html").write_bytes(b"ab")
    assert not piece.there(tmp_path)


def test_a_stamp_tells_values_apart() -> None:
    assert state.stamp("a", 1) == state.stamp("a", 1) != state.stamp("a", 2)
