"""What is in flight, since when, and what came before."""

from __future__ import annotations

import time
from pathlib import Path

from helpers import TEMPLATES, TINY, Measure

from trustdm.bench import api
from trustdm.bench.runner.flight import Flight, Past
from trustdm.bench.runner.units import Unit, UnitResult
from trustdm.bench.store.store import Store
from trustdm.bench.types import Cost


def units() -> list[Unit]:
    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))
    return [Unit(cell, block) for cell in api.prepare(request).cells for block in cell.blocks]


def test_what_was_taken_is_in_flight_until_it_comes_back() -> None:
    flight, (first, second, third, *_) = Flight(), units()
    taken = flight.given([first, second, third])
    assert flight.now() == []
    assert next(taken) is first and next(taken) is second
    assert [one.unit for one in flight.now()] == [first, second]
    assert all(0 <= time.monotonic() - one.since < 60 for one in flight.now())
    flight.back(UnitResult(first, "done", cost=Cost(wall=2.5)))
    (left,) = flight.now()
    assert left.unit is second and left.last == Past(len(first.block), 2.5)


def test_a_unit_that_was_not_finished_says_nothing_of_time() -> None:
    flight, (first, second, *_) = Flight(), units()
    for outcome in ("failed", "machine", "setup", "bug"):
        list(flight.given([first, second]))
        flight.back(UnitResult(first, outcome, cost=Cost(wall=9.0)))  # type: ignore[arg-type]
        assert [one.last for one in flight.now()] == [None]


def test_a_retry_is_in_flight_again() -> None:
    flight, (first, *_) = Flight(), units()
    for _ in range(2):
        list(flight.given([first]))
        assert len(flight.now()) == 1
        flight.back(UnitResult(first, "machine"))
        assert flight.now() == []


def test_an_earlier_run_says_how_long_a_block_took(measure: Measure, tmp_path: Path) -> None:
    from trustdm.bench.provenance import collect
    from trustdm.bench.runner.run import Options, Progress, Runner
    from trustdm.bench.runner.serial import SerialBackend

    measure(limit=8)
    request = api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,), limit=16)
    prepared, seen = api.prepare(request), []

    class Looks(SerialBackend):
        def run(self, units, stopping, *_):  # type: ignore[no-untyped-def]
            for unit in units:
                seen.append(runner.in_flight())
                yield UnitResult(unit, "machine", error="no")

    with Store.open(str(tmp_path / "a.db")) as store:
        backend = Looks(prepared.settings, prepared.catalogue.registry)
        runner = Runner(store, backend, collect("test", {}), Options(), Progress())
        runner.run(prepared.cells)
        stored = {c.key: store.blocks(c.id)[0].cost.wall for c in store.cells()}
    (one,) = seen[0]
    assert one.unit.block.start == 8 and one.last == Past(8, stored[one.unit.cell.identity.key])
