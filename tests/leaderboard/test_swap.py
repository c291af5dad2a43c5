"""Files are put in place together, or not at all; a journal that was begun is finished."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trustdm.bench.errors import UsageError
from trustdm.leaderboard import swap


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def fill(out: Path, content: dict[str, str], gone: list[str]) -> list[bool]:
    with swap.staged(out) as stage:
        new = [stage.write(path, text.encode()) for path, text in content.items()]
        stage.put(gone, "last")
    return new


def test_what_is_new_is_put_in_place_and_what_is_gone_removed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert fill(site, {"a": "1", "b/c": "1", "last": "1"}, []) == [True] * 3
    assert fill(site, {"a": "1", "b/d": "2", "last": "2"}, ["b/c", "never there"]) == [False, True, True]
    assert files(site) == {"a": "1", "b/d": "2", "last": "2"}
    assert [p.name for p in site.iterdir() if p.name.startswith(".")] == []


def test_what_is_interrupted_before_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path, {"a": "1", "last": "1"}, [])
    with pytest.raises(KeyboardInterrupt), swap.staged(tmp_path) as stage:
        stage.write("a", b"2")
        raise KeyboardInterrupt
    assert files(tmp_path) == {"a": "1", "last": "1"}


@pytest.mark.parametrize("after", range(3))
def test_a_rename_that_fails_is_done_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    fill(tmp_path, {"a": "1", "b": "1", "old": "1", "last": "1"}, [])
    real, done = swap._Journal._place, list[str]()

    def place(self: swap._Journal, out: Path, path: str) -> None:
        if len(done) == after:
            raise OSError("the disk is gone")
        done.append(path)
        real(self, out, path)

    monkeypatch.setattr(swap._Journal, "_place", place)
    with pytest.raises(OSError, match="the disk is gone"):
        fill(tmp_path, {"a": "2", "b": "2", "last": "2"}, ["old"])
    monkeypatch.undo()
    assert swap.interrupted(tmp_path) and (tmp_path / "last").read_text() == "1"
    with swap.staged(tmp_path):
        assert not swap.interrupted(tmp_path)
    assert files(tmp_path) == {"a": "2", "b": "2", "last": "2"}


def test_a_journal_names_what_is_to_be_done(tmp_path: Path) -> None:
    journal = {"folder": "x", "gone": ["b"], "put": ["a"]}
    (tmp_path / swap.ASIDE / "x").mkdir(parents=True)
    (tmp_path / swap.ASIDE / "x" / "a").write_text("2")
    (tmp_path / "b").write_text("1")
    (tmp_path / swap.JOURNAL).write_text(json.dumps(journal))
    with swap.staged(tmp_path):
        pass
    assert files(tmp_path) == {"a": "2"}


def test_only_one_has_the_folder(tmp_path: Path) -> None:
    with swap.staged(tmp_path), pytest.raises(UsageError, match="got another process that does"), swap.staged(tmp_path):
        pass
    with swap.staged(tmp_path):
        pass


def test_a_folder_in_the_place_of_a_file_is_seen_before_anything_is_put(tmp_path: Path) -> None:
    (tmp_path / "a.html").mkdir()
    with pytest.raises(OSError), swap.staged(tmp_path) as stage:
        stage.write("a.html", b"text")
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize("text", ["{", "{}", '{"folder": "x", "gone": ["../site/mine"], "put": []}', "[]"])
def test_a_journal_that_no_build_wrote_does_nothing(tmp_path: Path, text: str) -> None:
    site = tmp_path / "site"
    (site / swap.ASIDE).mkdir(parents=True)
    (site / "mine").write_text("1")
    (site / swap.JOURNAL).write_text(text)
    with swap.staged(site):
        pass
    assert files(site) == {"mine": "1"}
