from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from trustdm.bench import studies
from trustdm.bench.plugins import load_suite
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.cache import FactsCache
from trustdm.bench.tasks.contract import Task
from trustdm.leaderboard import loading
from trustdm.leaderboard.boards import Board


def test_what_is_summed_up_is_looked_up_in_the_cache(
    world: Any, suites: list[Suite], fakes: list[Any], tmp_path: Path
) -> None:
    world.add(suites[1], replace(fakes[0], n=64))
    boards, hits = [], []
    for _ in range(2):
        with FactsCache(tmp_path / "bench.scores") as cache:
            boards.append(loading.load(world.store, [suites[1]], cache).boards[0])
            hits.append((cache.hits, cache.misses))
    assert hits == [(0, 3), (3, 0)]
    rows = [[json.dumps(entry.row.as_json()) for entry in board.entries] for board in boards]
    assert rows[0] == rows[1]


def test_axes_and_what_the_view_loaded_belong_to_the_board(generators: Board, dives: Board) -> None:
    assert "frechet_10" in generators.scales and generators.extra is not None and dives.extra is None


def test_studies_are_those_of_the_suites_that_are_there(world: Any) -> None:
    names = {study.name for study in map(studies.load_study, studies.names())}
    assert names
    asked = [studies.load_study(name) for name in names]
    suites = sorted({axis.suite for study in asked for axis in (study.x, study.y)})
    whole = loading.load(world.store, [load_suite(name) for name in suites])
    assert {study.name for study in whole.studies} == names
    assert loading.load(world.store, [load_suite(suites[0])]).studies == ()


def test_a_stored_suite_of_a_task_that_is_not_installed_is_left_out(dives: Board, diving: Task, world: Any) -> None:
    store: Store = world.store
    entry = dives.entries[0]
    part = entry.parts[0]
    cell = store.cell(part.cell.identity, planned=12, code_digest="00" * 32, card={}, suite_content=dives.suite.content)
    store.commit(cell.id, replace(part.blocks[0], run_id=store.runs()[0].id), part.result.records)
    assert loading.stored(store, []) == ([], ("rope",))
    assert loading.stored(store, [dives.suite]) == ([], ())
