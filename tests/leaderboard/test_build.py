from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trustdm.bench import reported
from trustdm.bench.errors import TrustdmError, UsageError
from trustdm.bench.plugins import load_suite, stored_suite
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.leaderboard import build, loading, state, swap
from trustdm.leaderboard.build import build_site


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def filled(world: Any, suites: list[Suite], fakes: list[Any]) -> Store:
    for fake in (fakes[0], fakes[5]):
        world.add(suites[1], replace(fake, n=min(fake.n, 64)))
    store: Store = world.store
    return store


def test_building_again_writes_nothing(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    first = build_site(filled, tmp_path / "site", suites)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*") if p.is_file()}
    again = build_site(filled, tmp_path / "site", suites)
    assert (first.written, first.unchanged) == (7, 0)
    assert (again.written, again.unchanged, again.removed, again.bytes) == (0, 7, 0, first.bytes)
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_two_builds_of_one_store_are_equal_byte_for_byte(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    build_site(filled, tmp_path / "a", suites)
    build_site(filled, tmp_path / "b", suites)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_changed_page_is_rewritten_alone(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    site = tmp_path / "site"
    build_site(filled, site, suites)
    (site / "index.html").write_text("edited")
    report = build_site(filled, site, suites)
    assert (report.written, report.unchanged) == (1, 6)
    assert "edited" not in (site / "index.html").read_text()


def test_pages_of_what_is_gone_are_removed_and_nothing_else(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    site = tmp_path / "site"
    build_site(filled, site, suites)
    (site / "CNAME").write_text("mine")
    report = build_site(filled, site, suites[:1])
    assert (report.removed > 0 and not (site / "methods").exists()) or not list((site / "methods").iterdir())
    assert (site / "CNAME").read_text() == "mine" and (site / "index.html").exists()
    assert not (site / "suites/digits-linf.html").exists()


def test_a_manifest_cannot_reach_outside_the_site(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    site, victim = tmp_path / "site", tmp_path / "victim"
    build_site(filled, site, suites)
    victim.write_text("mine")
    paths = ["../victim", str(victim)]
    piece = {"stamp": "s", "files": dict.fromkeys(paths, 4), "facts": {}}
    for manifest in (paths, {"format": state.FORMAT, "pieces": {"method:gone": piece}}):
        (site / state.MANIFEST).write_text(json.dumps(manifest))
        build_site(filled, site, suites, force=True)
        assert victim.read_text() == "mine"


def test_a_damaged_manifest_is_replaced(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    site = tmp_path / "site"
    build_site(filled, site, suites)
    (site / state.MANIFEST).write_text("{")
    with pytest.raises(UsageError, match=r"expected a new folder, .* filled, got index\.html"):
        build_site(filled, site, suites)
    assert build_site(filled, site, suites, force=True).removed == 0
    assert "index.html" in json.loads((site / state.MANIFEST).read_text())["pieces"]["index"]["files"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(TrustdmError, match="site"):
        build_site(filled, tmp_path / "site", suites)
    with pytest.raises(UsageError, match="expected a folder that can be written"):
        build_site(filled, tmp_path / "site", [])


def test_an_empty_store_gives_a_site(world: Any, suites: list[Suite], tmp_path: Path) -> None:
    report = build_site(world.store, tmp_path / "site", suites)
    assert report.written == 5
    assert build_site(world.store, tmp_path / "none", []).written == 2


def test_run_files_can_be_downloaded_and_are_the_exported_ones(
    filled: Store, suites: list[Suite], tmp_path: Path
) -> None:
    build_site(filled, tmp_path / "site", suites)
    runs = sorted((tmp_path / "site/data/runs").rglob("*.json"))
    assert {path.stem for path in runs} == {"mnist16-adversarial", "purify-sde"}
    page = (tmp_path / "site/suites/digits-linf.html").read_text()
    assert all(f"../{path.relative_to(tmp_path / 'site').as_posix()}" in page for path in runs)


def renamed(suite: Suite, name: str, folder: Path) -> Suite:
    """The same suite under a name of its own, as a file that is not shipped would give it."""
    raw = json.loads(suite.content) | {"name": name}
    return stored_suite(json.dumps(raw), str(folder / f"{name}.toml"))


def test_a_suite_that_is_only_in_the_store_gets_a_page(
    world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path
) -> None:
    world.add(renamed(suites[1], "my-digits", tmp_path), fakes[0])
    world.add(suites[1], fakes[0])
    report = build_site(world.store, tmp_path / "site", suites[:1])
    assert (tmp_path / "site/suites/my-digits.html").is_file()
    assert report.left_out == ("digits-linf",)
    assert build_site(world.store, tmp_path / "site", suites).left_out == ()


def test_a_stored_suite_that_cannot_be_read_is_named(
    world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(renamed(suites[1], "my-digits", tmp_path), fakes[0])
    cells = [replace(cell, suite_content="{}") for cell in world.store.cells()]
    monkeypatch.setattr(
        world.store, "cells", lambda suite=None: [c for c in cells if suite in {None, c.identity.suite}]
    )
    assert build_site(world.store, tmp_path / "site", suites).left_out == ("my-digits",)
    assert not (tmp_path / "site/suites/my-digits.html").exists()


def test_cells_that_hold_nothing_give_no_run_file(
    filled: Store, world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path
) -> None:
    world._cell(suites[1], fakes[2], "clean")
    build_site(filled, tmp_path / "site", suites)
    assert {p.stem for p in (tmp_path / "site/data/runs").rglob("*.json")} == {"mnist16-adversarial", "purify-sde"}
    assert "(2: every record" in (tmp_path / "site/suites/digits-linf.html").read_text()


def test_an_imported_row_is_marked_and_told_apart(
    world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path
) -> None:
    world.add(suites[1], replace(fakes[1], n=64))
    runfiles.export(world.store, tmp_path / "runs")
    stranger = world.store.lab
    with Store.open(tmp_path / "other.db") as other:
        runimport.import_folder(other, tmp_path / "runs")
        world.store = other
        world.add(suites[1], replace(fakes[1], n=64))
        (board,) = loading.load(other, [suites[1]]).boards
        build_site(other, tmp_path / "site", [suites[1]])
    assert {(e.name, e.row.own) for e in board.entries} == {
        ("Standard training", True),
        ("Standard training (imported)", False),
    }
    page = (tmp_path / "site/suites/digits-linf.html").read_text()
    assert page.count(">imported</span>") == 2
    assert "not ranked: imported; the row measured here is ranked instead" in page
    assert f">lab {stranger[:8]} (1)</option>" in page and ">here (1)</option>" in page
    assert "Standard training (imported)" in (tmp_path / "site/methods/mnist16-standard.html").read_text()
    with Store.open(tmp_path / "other.db") as other:
        other.name_lab(stranger[:6], "Delft")
        build_site(other, tmp_path / "site", [suites[1]])
    page = (tmp_path / "site/suites/digits-linf.html").read_text()
    assert ">imported: Delft</span>" in page and ">Delft (1)</option>" in page


def test_entries_have_their_cells_in_the_order_of_the_suite(filled: Store, suites: list[Suite]) -> None:
    site = loading.load(filled, suites)
    board = site.boards[1]
    assert [p.evaluation for p in board.entries[0].parts] == list(board.suite.evaluations)
    assert set(site.methods()) == {"mnist16-adversarial", "purify-sde"}


def test_the_leaderboard_needs_no_torch(published: Path) -> None:
    names = sorted(p.stem for p in Path(build.__file__).parent.glob("*.py") if p.stem != "__init__")
    imports = "; ".join(f"import trustdm.leaderboard.{name}" for name in names)
    code = f"import sys; {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_that_a_published_row_says_makes_its_pages_again(
    world: Any, suites: list[Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its title and the row of ours that it names too, which no download of it has."""
    build_site(world.store, tmp_path / "site", suites)
    real = reported.reported
    measured = reported.Measured(method="plain", metric="fid")
    for change in ({"title": "Renamed & new"}, {"measured": measured}):
        monkeypatch.setattr(reported, "reported", lambda name, c=change: tuple(replace(r, **c) for r in real(name)))
        build_site(world.store, tmp_path / "site", suites)
        build_site(world.store, tmp_path / "whole", suites)
        stamps = [json.loads((tmp_path / s / state.MANIFEST).read_text())["pieces"] for s in ("site", "whole")]
        assert stamps[0] == stamps[1] and content(tmp_path / "site") == content(tmp_path / "whole")


def test_records_are_counted_once(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    calls, real = [], filled.record_counts

    def counted() -> dict[int, int]:
        calls.append(1)
        return real()

    filled.record_counts = counted  # type: ignore[method-assign]
    build_site(filled, tmp_path / "site", suites)
    assert len(calls) == 1


def test_files_of_others_are_neither_replaced_nor_removed(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "data").mkdir(parents=True)
    (site / "photo.jpg").write_text("mine")
    (site / state.MANIFEST).write_text('["photo.jpg", "index.html"]')
    before = content(site)
    with pytest.raises(UsageError, match=f"got {state.MANIFEST}, which none wrote; .* --force"):
        build_site(filled, site, suites)
    assert content(site) == before
    build_site(filled, site, suites, force=True)
    assert (site / "photo.jpg").read_text() == "mine"
    assert build_site(filled, site, suites).written == 0


def test_a_build_that_is_interrupted_leaves_the_site_as_it_was(
    filled: Store, world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: object) -> None:
        raise KeyboardInterrupt

    site = tmp_path / "site"
    for first in (True, False):
        before = content(site)
        monkeypatch.setattr(build._Build, "_fronts", killed)
        with pytest.raises(KeyboardInterrupt):
            build_site(filled, site, suites)
        monkeypatch.undo()
        assert content(site) == before
        assert build_site(filled, site, suites).written > 0
        if first:
            world.add(suites[1], replace(fakes[1], n=64))


def publishing(db: Path, suites: list[Suite], out: Path, before: str) -> int:
    """The exit code of a process of its own that publishes, with a line of code ``before`` that has it killed."""
    code = f"""
import os, signal
from pathlib import Path
from trustdm.bench.plugins import load_suite
from trustdm.bench.store import packed
from trustdm.bench.store.store import Store
from trustdm.leaderboard import build, swap
{before}
with Store.open({str(db)!r}, read_only=True) as store:
    build.build_site(store, Path({str(out)!r}), [load_suite(name) for name in {[s.name for s in suites]!r}])
"""
    return subprocess.run([sys.executable, "-c", code], check=False, timeout=100).returncode


def after(renames: int) -> str:
    """Has the process killed after so many files were put in place."""
    return f"""
real, done = swap._Journal._place, []
def place(self, out, path):
    if len(done) == {renames}:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(path)
    real(self, out, path)
swap._Journal._place = place
"""


@pytest.mark.parametrize("renames", [0, 3])
def test_a_build_that_is_killed_between_two_renames_is_finished_by_the_next(
    filled: Store, world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path, renames: int
) -> None:
    site, db = tmp_path / "site", Path(filled.database.name)
    assert publishing(db, suites, site, after(renames)) == -signal.SIGKILL, "the first publish, too"
    build_site(filled, site, suites)
    world.add(suites[1], replace(fakes[1], n=64))
    before = content(site)
    assert publishing(db, suites, site, after(renames)) == -signal.SIGKILL
    here = {path: data for path, data in content(site).items() if not path.startswith(".")}
    assert sum(here[path] != before.get(path) for path in here) == renames
    report = build_site(filled, site, suites)
    build_site(filled, tmp_path / "whole", suites)
    assert content(site) == content(tmp_path / "whole")
    assert report.written == 0, "what the one that was killed had made is put in place, not made again"


def test_what_a_killed_build_wrote_of_removed_results_is_not_published(
    filled: Store, suites: list[Suite], tmp_path: Path
) -> None:
    site, db = tmp_path / "site", Path(filled.database.name)
    killed = "packed.LARGE = 1; build._Build.finished = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    assert publishing(db, suites, site, killed) == -signal.SIGKILL
    assert list(site.rglob("*.npy"))
    build_site(filled, site, [])
    assert not list(site.rglob("*.npy")) and not (site / swap.ASIDE).exists()


def test_two_that_publish_at_once_do_not_mix(
    filled: Store, suites: list[Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, said = build._Build.run, list[str]()

    def run(self: build._Build) -> None:
        if not said:
            with pytest.raises(UsageError) as error:
                build_site(filled, tmp_path / "site", suites)
            said.append(str(error.value))
        real(self)

    monkeypatch.setattr(build._Build, "run", run)
    assert build_site(filled, tmp_path / "site", suites).written == 7
    assert "expected to be the only one to publish there, got another process that does; wait for it" in said[0]
    assert build_site(filled, tmp_path / "site", suites).written == 0


def test_a_site_lies_in_the_places_that_are_looked_at(filled: Store, suites: list[Suite], tmp_path: Path) -> None:
    build_site(filled, tmp_path / "site", [*suites, load_suite("mnist16-generation")])
    assert {path.name for path in (tmp_path / "site").iterdir()} <= set(state.PLACES)
