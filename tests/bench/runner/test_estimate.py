"""What a run will take: passes bounded by protocols, seconds scaled from a few positions, problems in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import TEMPLATES, TINY, plugin

from trustdm.bench import api
from trustdm.bench.runner import estimate as module
from trustdm.bench.runner.estimate import SHORT, estimate
from trustdm.bench.runner.session import Session
from trustdm.bench.runner.units import Settings, Unit, UnitResult
from trustdm.bench.types import Block, Cost


def planned(names: tuple[str, ...] = ("templates",), plugins: tuple[Path, ...] = (TEMPLATES,)):
    prepared = api.prepare(api.Request(suites=(TINY,), methods=names, plugins=plugins))
    return Session(Settings(plugins=plugins)), prepared.cells


def test_passes_are_those_of_the_protocol_for_what_is_left() -> None:
    session, cells = planned()
    clean, pgd, ensemble = estimate(session, [(cell, cell.blocks[1:]) for cell in cells])
    assert [e.blocks for e in (clean, pgd, ensemble)] == [3, 3, 3] and clean.examples == 40
    assert (clean.forwards, clean.gradients) == (80, 0)
    assert (pgd.forwards, pgd.gradients) == (40 * cells[1].passes.forwards, 40 * cells[1].passes.gradients)
    assert ensemble.forwards > pgd.forwards and all(e.seconds > 0 and e.memory > 0 for e in (clean, pgd, ensemble))


def test_nothing_left_takes_nothing_and_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    session, cells = planned()
    monkeypatch.setattr(session, "method", lambda cell: pytest.fail("loaded"))
    (found,) = estimate(session, [(cells[0], [])])
    assert (found.seconds, found.blocks, found.problem) == (0.0, 0, "")


def test_seconds_of_a_few_positions_are_scaled_to_a_block_of_middle_size(monkeypatch: pytest.MonkeyPatch) -> None:
    session, cells = planned()
    asked: list[Block] = []

    def execute(unit: Unit) -> UnitResult:
        asked.append(unit.block)
        return UnitResult(unit, "done", cost=Cost(wall=2.0))

    monkeypatch.setattr(session, "execute", execute)
    monkeypatch.setattr(session.protocol(cells[0]), "seconds", lambda job: None)
    blocks = [Block(0, 8), Block(8, 24), Block(24, 40)]
    (found,) = estimate(session, [(cells[0], blocks)])
    assert [len(b) for b in asked] == [SHORT] and found.seconds == 3 * 2.0 * 16 / SHORT


def test_what_a_protocol_says_itself_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    session, cells = planned()
    monkeypatch.setattr(session.protocol(cells[0]), "seconds", lambda job: 5.0 * len(job.positions))
    (found,) = estimate(session, [(cells[0], [Block(0, 8), Block(8, 16)])])
    assert found.seconds == 80.0


def test_a_method_that_fails_or_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    failing = plugin(tmp_path, "raise KeyError('layer4')")
    session, cells = planned(("broken",), (failing,))
    (found,) = estimate(session, [(cells[0], cells[0].blocks)])
    assert found.seconds is None and found.problem.startswith("tiny / broken: ") and "'layer4'" in found.problem
    heavy = plugin(tmp_path, "return x", "heavy", ", weights=({'file': 'none.safetensors', 'sha256': 'ab' * 32},)")
    session, cells = planned(("heavy",), (heavy,))
    (found,) = estimate(session, [(cells[0], cells[0].blocks)])
    assert "none.safetensors" in found.problem and "\n" not in found.problem


def test_memory_is_that_of_the_process() -> None:
    assert module._peak_memory("cpu") > 2**24
