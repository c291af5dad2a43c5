"""The conformance checks of a run: once for each method and code, before its blocks, stored apart from cells."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TINY, Measure, only_clean, plugin, same, stored

from trustdm.bench import api
from trustdm.bench.conforms import Conformance
from trustdm.bench.records import CellResult
from trustdm.bench.runner.checks import to_run
from trustdm.bench.runner.run import Exit, Options
from trustdm.bench.runner.session import Session
from trustdm.bench.runner.units import Settings, Unit, UnitResult
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.store import Store

FLAT = "w = torch.arange(640.0).reshape(64, 10).sin()\n"
SOUND = FLAT + "return x.flatten(1) @ w"
MEAN = FLAT + "return (x - x.mean(0, keepdim=True)).flatten(1) @ w"
"""What it says of an image depends on the others in the batch."""
SIX = "if len(x) == 6:\n    {}\n"
"""In a batch as the checks have one, and no block."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods whose checks were run, in order."""
    names: list[str] = []
    checked = Session._checked

    def noted(self: Session, unit: Unit) -> UnitResult:
        names.append(str(unit.cell.spec))
        return checked(self, unit)

    monkeypatch.setattr(Session, "_checked", noted)
    return names


def results(path: Path) -> list[CellResult]:
    with Store.open(path, read_only=True) as store:
        return store.results()


def outcomes(path: Path) -> list[Conformance]:
    """Those of every cell; each must have one."""
    found = [result.conformance for result in results(path)]
    assert found and all(found)
    return [each for each in found if each is not None]


@pytest.fixture
def forgotten(tmp_path: Path) -> Iterator[None]:
    yield
    forget(tmp_path)


def forget(folder: Path) -> None:
    """Lets a plugin be read again in this process, as a new one would."""
    for name in [n for n, m in sys.modules.items() if str(getattr(m, "__file__", None)).startswith(str(folder))]:
        del sys.modules[name]


def test_a_method_is_checked_once_and_its_cells_refer_to_the_outcome(
    measure: Measure, tmp_path: Path, asked: list[str]
) -> None:
    report = measure(limit=8)
    assert report.exit_code is Exit.DONE and report.done == 3 and report.failed_checks == []
    found = outcomes(tmp_path / "a.db")
    assert len(found) == 3 and len({each.uid for each in found}) == 1 and found[0].failed == ()
    assert {check.outcome for check in found[0].checks} == {"passed", "skipped"} and found[0].device == "cpu"
    assert measure(limit=8).skipped == 3 and measure(limit=9).skipped == 3
    assert asked == ["templates"]
    with Store.open(tmp_path / "a.db") as store:
        assert store.check() == []


def test_a_later_run_links_its_new_cells_to_what_is_known(measure: Measure, tmp_path: Path, asked: list[str]) -> None:
    measure(suite=only_clean(tmp_path), limit=8)
    measure(limit=8)
    assert asked == ["templates"] and len(outcomes(tmp_path / "a.db")) == 4


def test_fresh_checks_again_and_changed_code_does(
    measure: Measure, tmp_path: Path, asked: list[str], forgotten: None
) -> None:
    how: dict[str, Any] = {"methods": ("broken",), "plugins": (plugin(tmp_path, SOUND),), "limit": 8}
    measure(**how)
    measure(**how, options=Options(fresh=True))
    assert asked == ["broken", "broken"]
    forget(tmp_path)
    plugin(tmp_path, SOUND.replace("sin", "cos"))
    assert measure(**how, options=Options(fresh=True)).done == 3
    assert len(asked) == 3 and len({each.key for each in outcomes(tmp_path / "a.db")}) == 2


def test_edited_checks_are_run_on_what_is_still_to_be_measured(
    measure: Measure, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(limit=8)
    from trustdm.bench import plan

    digest = plan.code_digest
    monkeypatch.setattr(plan, "code_digest", lambda things: digest(things)[::-1] if _checks(things) else digest(things))
    measure(limit=8)
    assert asked == ["templates"]
    measure(limit=20)
    assert asked == ["templates", "templates"]


def _checks(things: Any) -> bool:
    return isinstance(things, tuple) and all(thing.__name__.startswith("check_") for thing in things)


def test_parameters_are_checked_apart(measure: Measure, asked: list[str]) -> None:
    measure(methods=("templates", "templates:scale=2.0"), limit=8)
    assert asked == ["templates", "templates:scale=2.0"]


def test_what_is_measured_is_the_same_with_and_without_checks(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes included: those of the checks count nowhere."""
    measure("with.db", limit=8)
    monkeypatch.setattr("trustdm.bench.runner.checks.Checks.due", lambda *_: False)
    measure("without.db", limit=8)
    assert same(stored(tmp_path / "with.db"), stored(tmp_path / "without.db"))
    passes = [[(r.cost.forwards, r.cost.gradients) for r in results(tmp_path / f"{n}.db")] for n in ("with", "without")]
    assert passes[0] == passes[1] != []


def test_a_method_that_fails_is_measured_and_named(measure: Measure, tmp_path: Path) -> None:
    report = measure(methods=("broken",), plugins=(plugin(tmp_path, MEAN),), limit=8)
    assert report.done == 3 and report.exit_code is Exit.DONE
    (line,) = report.failed_checks
    assert line.startswith(
        "broken: failed conformance checks, so its rows are shown and not ranked: check_batch_of_one"
    )
    (failed,) = {each.failed for each in outcomes(tmp_path / "a.db")}
    assert "check_batch_of_one" in failed


def test_a_kill_between_checks_and_the_first_block_loses_nothing(
    measure: Measure, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as torn:
        torn.setattr(Store, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            measure(limit=8)
    assert measure(limit=8).done == 3 and asked == ["templates"]
    assert all(each.failed == () for each in outcomes(tmp_path / "a.db"))


def test_what_was_measured_before_there_were_checks_gets_them_from_the_same_command(
    measure: Measure, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as old:
        old.setattr("trustdm.bench.runner.checks.Checks.due", lambda *_: False)
        measure(limit=8)
    assert [r.conformance for r in results(tmp_path / "a.db")] == [None] * 3
    report = measure(limit=8)
    assert (report.done, report.skipped) == (0, 3) and asked == ["templates"]
    assert len(outcomes(tmp_path / "a.db")) == 3


def test_what_another_lab_found_does_not_spare_the_checks(measure: Measure, tmp_path: Path, asked: list[str]) -> None:
    measure("theirs.db", limit=8)
    with Store.open(tmp_path / "theirs.db") as store:
        paths = runfiles.export(store, tmp_path / "runs")
    with Store.open(tmp_path / "ours.db") as store:
        assert sum(runimport.import_file(store, path) for path in paths) == 3
    measure("ours.db", limit=8)
    assert asked == ["templates", "templates"]


def test_running_out_of_memory_is_no_outcome(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, FLAT + SIX.format("raise MemoryError") + "return x.flatten(1) @ w")
    report = measure(suite=only_clean(tmp_path), methods=("broken",), plugins=(path,), limit=8)
    assert report.done == 1 and report.exit_code is Exit.DONE
    given_up = "broken: conformance checks were given up: out of memory; its rows say that they were not run"
    assert report.lines == [given_up]
    assert [r.conformance for r in results(tmp_path / "a.db")] == [None]


def test_a_method_that_cannot_be_loaded_is_named_once(measure: Measure, tmp_path: Path) -> None:
    path = tmp_path / "none.py"
    path.write_text(
        "from trustdm import MethodCard, method\n\n"
        "@method(MethodCard(name='none', input_shape=(1, 8, 8), classes=10))\n"
        "def load():\n    raise OSError('no such checkpoint')\n",
        encoding="utf-8",
    )
    report = measure(methods=("none",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.ERROR and len(report.lines) == 1 and "no such checkpoint" in report.lines[0]


def test_blocks_see_another_object_than_the_checks() -> None:
    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,), limit=8)
    (cell, *_) = api.prepare(request).cells
    session = Session(Settings(plugins=(TEMPLATES,)))
    before = session.method(cell)
    result = session.execute(Unit(cell, cell.blocks[0], checks=True))
    assert result.outcome == "done" and result.result is None and result.outcomes
    assert session.method(cell) is not before


def test_a_plan_says_how_many_checks_there_are(measure: Measure, tmp_path: Path) -> None:
    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,), limit=8)
    prepared = api.prepare(request)
    registry = prepared.catalogue.registry
    assert to_run(prepared.cells, None, registry, fresh=False) == {"templates (classify)": 14}
    measure(limit=8)
    with Store.open(tmp_path / "a.db", read_only=True) as store:
        assert to_run(prepared.cells, store, registry, fresh=False) == {}
        assert to_run(prepared.cells, store, registry, fresh=True) == {"templates (classify)": 14}


def test_a_check_that_hangs_is_given_up_and_its_row_says_not_run(measure: Measure, tmp_path: Path) -> None:
    """In a worker process; the blocks are measured, and the same command tries the checks again."""
    path = plugin(tmp_path, FLAT + SIX.format("import time; time.sleep(600)") + "return x.flatten(1) @ w")
    options = Options(block_seconds=5.0)
    request = api.Request((only_clean(tmp_path),), ("broken",), (path,), limit=8, options=options)
    with Store.open(tmp_path / "a.db") as store:
        report = api.execute(request, api.prepare(request), store, apart=True)
    assert report.done == 1 and report.exit_code is Exit.STOPPED
    assert [line for line in report.lines if "conformance checks were given up: --block-minutes allows" in line]
    assert [r.conformance for r in results(tmp_path / "a.db")] == [None]
