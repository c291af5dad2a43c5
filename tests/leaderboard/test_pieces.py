"""Pieces of a site: what is made again after a change, what is not, and that several processes make the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trustdm.bench.store import packed
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.cache import FactsCache
from trustdm.leaderboard import build, pieces, state
from trustdm.leaderboard.build import build_site
from trustdm.leaderboard.pieces import Workshop
from trustdm.leaderboard.swap import ASIDE, Stage


@pytest.fixture
def filled(world: Any, suites: list[Suite], fakes: list[Any]) -> Any:
    for fake in (fakes[0], fakes[1], fakes[5]):
        world.add(suites[1], replace(fake, n=min(fake.n, 64)))
    return world


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pieces that are made from now on."""
    made: list[str] = []
    for name in ("make_board", "make_method"):
        real = getattr(Workshop, name)

        def spy(self: Workshop, which: str, real: Any = real, name: str = name) -> Any:
            made.append(f"{name.removeprefix('make_')}:{which}")
            return real(self, which)

        monkeypatch.setattr(Workshop, name, spy)
    return made


def test_nothing_is_made_where_nothing_changed(
    filled: Any, suites: list[Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_site(filled.store, tmp_path / "site", suites)
    made = spied(monkeypatch)
    build_site(filled.store, tmp_path / "site", suites)
    assert made == []


def test_one_new_run_makes_its_board_and_its_method_alone(
    filled: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_site(filled.store, tmp_path / "site", suites)
    made = spied(monkeypatch)
    filled.add(suites[1], replace(fakes[2], n=64))
    build_site(filled.store, tmp_path / "site", suites)
    assert made == [f"board:{suites[1].name}", f"method:{fakes[2].name}"]
    build_site(filled.store, tmp_path / "whole", suites)
    assert content(tmp_path / "site") == content(tmp_path / "whole")


def test_a_file_that_is_gone_is_made_again(filled: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path) -> None:
    build_site(filled.store, tmp_path / "site", suites)
    before = content(tmp_path / "site")
    for path in ("index.html", f"data/ranks/{suites[1].name}.js"):
        (tmp_path / "site" / path).unlink()
    next((tmp_path / "site" / "methods").glob("*.html")).unlink()
    build_site(filled.store, tmp_path / "site", suites)
    assert content(tmp_path / "site") == before


def test_other_code_makes_everything_again(
    filled: Any, suites: list[Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_site(filled.store, tmp_path / "site", suites)
    made = spied(monkeypatch)
    monkeypatch.setattr(state, "_own", lambda: "edited")
    build_site(filled.store, tmp_path / "site", suites)
    assert len(made) == len(suites) + 3


def test_several_processes_write_the_same_bytes(
    filled: Any, suites: list[Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_site(filled.store, tmp_path / "one", suites)
    monkeypatch.setattr(build, "WORTHWHILE", 1)
    build_site(filled.store, tmp_path / "two", suites, jobs=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_ranks_are_data_and_end_no_script(filled: Any, suites: list[Suite], tmp_path: Path) -> None:
    shop = Workshop(filled.store, suites, Stage(tmp_path, tmp_path / ASIDE), FactsCache(None))
    board = shop.board(suites[1].name)
    text = dict(pieces.board_files(shop.site, board, []))[f"data/ranks/{suites[1].name}.js"].decode()
    assert "<" not in text
    ranks = json.loads(text[text.index("]=") + 2 : text.rindex(";")])
    assert set(ranks) == {str(entry.row.cells[0]) for entry in board.entries}
    assert any(words.startswith("rank") for words in ranks.values())


def test_runs_are_read_after_what_a_page_is_stamped_with(
    filled: Any, suites: list[Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a page without the end of a run would bear the stamp of one with it, and stay."""
    order: list[str] = []
    for name in ("runs", "contents"):
        real = getattr(filled.store, name)

        def spy(real: Any = real, name: str = name) -> Any:
            order.append(name)
            return real()

        monkeypatch.setattr(filled.store, name, spy)
    build_site(filled.store, tmp_path / "site", suites)
    assert order.count("runs") == 1 and order[-1] == "runs"


def test_large_arrays_belong_to_the_piece_that_wrote_them(
    filled: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "LARGE", 1)
    site = tmp_path / "site"
    report = build_site(filled.store, site, suites)
    arrays = sorted(site.rglob("artefacts/*.npy"))
    here = [p for p in site.rglob("*") if p.is_file() and p != site / state.MANIFEST]
    assert arrays and report.bytes == sum(p.stat().st_size for p in here)
    arrays[0].unlink()
    build_site(filled.store, site, suites)
    assert arrays[0].is_file()
    build_site(filled.store, site, [])
    assert not list(site.rglob("*.npy"))
