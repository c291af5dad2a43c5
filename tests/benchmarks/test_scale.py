"""What the size of a store costs: planning, summing up, publishing; with ``pytest --benchmark-only tests/benchmarks``.

``TRUSTDM_SCALE`` multiplies the numbers of methods (1, 3 and 10): 100 gives a store of 1,000 methods, 30 suites and
10 million records. Compare the three sizes: growth should be linear.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from benchmarks import synthetic

from trustdm.bench import plugins
from trustdm.bench.plan import MethodSpec, plan_cells
from trustdm.bench.plugins import load_suite
from trustdm.bench.store.store import Store
from trustdm.bench.summary.cache import FactsCache
from trustdm.bench.summary.rows import rows
from trustdm.leaderboard.build import build_site

SCALE = int(os.environ.get("TRUSTDM_SCALE", "1"))
SUITES = 30
SIZES = (1, 3, 10)


@pytest.fixture(scope="module", params=SIZES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    path = tmp_path_factory.mktemp("scale") / "bench.db"
    return path, synthetic.fill(path, request.param * SCALE, SUITES)


def published(path: Path, suites: list[Any], out: Path) -> int:
    with Store.open(path, read_only=True) as store, FactsCache.beside(str(path)) as cache:
        return build_site(store, out, suites, cache, jobs=os.cpu_count() or 1).written


def test_first_publication(benchmark: Any, filled: tuple[Path, list[Any]], tmp_path: Path) -> None:
    path, suites = filled
    folders = iter(tmp_path / str(at) for at in range(100))

    def fresh() -> tuple[tuple[Any, ...], dict[str, Any]]:
        path.with_suffix(".scores").unlink(missing_ok=True)
        return (path, suites, next(folders)), {}

    assert benchmark.pedantic(published, setup=fresh, rounds=1, iterations=1) > SUITES


def test_publication_with_nothing_changed(benchmark: Any, filled: tuple[Path, list[Any]], tmp_path: Path) -> None:
    path, suites = filled
    published(path, suites, tmp_path)
    assert benchmark.pedantic(published, args=(path, suites, tmp_path), rounds=3, iterations=1) == 0


def test_publication_after_one_new_run(benchmark: Any, filled: tuple[Path, list[Any]], tmp_path: Path) -> None:
    path, suites = filled
    published(path, suites, tmp_path)
    numbers = iter(range(9000, 9100))

    def one_more() -> tuple[tuple[Any, ...], dict[str, Any]]:
        synthetic.add_run(path, suites, next(numbers))
        return (path, suites, tmp_path), {}

    assert 3 <= benchmark.pedantic(published, setup=one_more, rounds=3, iterations=1) <= 5


def test_rows_of_a_board_from_the_cache(benchmark: Any, filled: tuple[Path, list[Any]]) -> None:
    path, suites = filled

    def summed_up() -> int:
        with Store.open(path, read_only=True) as store, FactsCache.beside(str(path)) as cache:
            results = store.results(suites[0].name)
            return len(rows(suites[0], results, cache.of(suites[0], results)))

    assert summed_up() == benchmark.pedantic(summed_up, rounds=3, iterations=1)


def test_planning_a_thousand_cells(benchmark: Any) -> None:
    suite, registry = load_suite("digits-linf"), plugins.load(installed=False).registry
    specs = [MethodSpec.parse("digits-standard")] * 334
    cells = benchmark.pedantic(lambda: plan_cells(suite, specs, registry), rounds=3, iterations=1, warmup_rounds=1)
    assert len(cells) == 1002
