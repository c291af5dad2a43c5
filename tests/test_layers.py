"""A module imports lower layers only; imports inside functions count, and those for type checkers, too."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From low to high. Modules of one group may import each other (without cycles) unless the group is marked apart:
# plugins import no other plugin, and parts divided by "|" no other part.
LAYERS: list[tuple[str, bool]] = [
    ("errors foreign printable plainfiles arrayfiles hashing types conforms records scrub", False),
    ("contracts capabilities registry rng stats construct parameters defaults parts smoothing source", False),
    ("features.frechet features.neighbours features.kernel", False),
    ("codehash data training.weights training.weightfiles", False),
    ("method", False),
    ("features diffusion perturb training targets", False),
    ("datasets attacks weight_attacks extractors methods", True),
    ("suite", False),
    ("assets tasks.claim tasks.contract tasks.positions tasks.protocol", False),
    ("steps", True),
    ("summary", False),
    ("admission plugins plan", False),
    ("runner.job runner.resources runner.step_job runner.units", False),
    ("store | reported | conformance checks | provenance", True),
    ("tasks", False),
    ("runner", False),
    ("request", False),
    ("shipped studies", False),
    ("leaderboard", False),
    ("api", False),
    ("cli tasks.*.verbs tasks.*.commands", False),
]

# A contract names types of what is built on it; nothing of these is imported when the program runs.
NAMES_TYPES_ABOVE = {
    "bench.suite.load": {"bench.tasks.contract", "bench.tasks.positions"},
    "bench.tasks.contract": {"bench.summary.cell", "bench.summary.score"},
    "bench.tasks.protocol": {"bench.runner.job"},
    "bench.steps.samples": {"bench.runner.step_job"},
}


def layer(module: str) -> tuple[int, str]:
    """The rank of ``bench.x.y`` or ``leaderboard.x`` and, in layers marked apart, the part it belongs to."""
    name = module.removeprefix("bench.")
    best: tuple[int, int, str] | None = None
    for rank, (text, apart) in enumerate(LAYERS):
        for part in text.split("|"):
            for item in part.split():
                if fnmatch(name, item) or fnmatch(name, f"{item}.*"):
                    plugin = name if apart and "|" not in text else part.strip()
                    best = max(best or (0, 0, ""), (len(item), rank, plugin))
    if best is None:
        raise AssertionError(f"{module} has no layer: add it to LAYERS")
    return best[1], best[2]


@cache
def modules() -> dict[str, Path]:
    found = {}
    for folder in ("bench", "leaderboard"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "__init__.py":
                found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = path
    return found


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, anywhere in it, when it runs."""
    return _imported(path)[0]


def named(path: Path) -> set[str]:
    """Those that it imports for type checkers alone."""
    run, types = _imported(path)
    return types - run


@cache
def _imported(path: Path) -> tuple[set[str], set[str]]:
    known = modules()
    run: set[str] = set()
    types: set[str] = set()

    def look(node: ast.AST, found: set[str]) -> None:
        found.update(n for n in _names(node, path) if n in known)
        checking = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.iter_child_nodes(node):
            look(child, types if checking and child in getattr(node, "body", ()) else found)

    look(ast.parse(path.read_text(encoding="utf-8")), run)
    return run, types


def _names(node: ast.AST, path: Path) -> Iterator[str]:
    names = []
    if isinstance(node, ast.Import):
        names = [a.name for a in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path}: relative import"
        names = [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
    yield from (n.removeprefix("trustdm.") for n in names)


@pytest.mark.parametrize("module", sorted(modules()))
def test_module_imports_lower_layers_only(module: str) -> None:
    rank, part = layer(module)
    path = modules()[module]
    for other in imported(path) | (named(path) - NAMES_TYPES_ABOVE.get(module, set())):
        other_rank, other_part = layer(other)
        assert other_rank <= rank, f"{module} imports {other}, which is above it"
        if other_rank == rank and LAYERS[rank][1]:
            assert other_part == part, f"{module} imports {other}, its neighbour"


def test_a_contract_names_no_more_types_than_it_must() -> None:
    for module, others in NAMES_TYPES_ABOVE.items():
        assert others <= named(modules()[module]), module


BESIDE_ROOMS = {f"bench.tasks.{name}" for name in ("claim", "contract", "positions", "protocol")}
ROOM = re.compile(r"(bench|leaderboard)\.tasks\.(\w+)\.")


@pytest.mark.parametrize("module", sorted(modules()))
def test_only_the_room_of_a_task_imports_it(module: str) -> None:
    own = ROOM.match(f"{module}.")
    path = modules()[module]
    for other in imported(path) | named(path):
        room = ROOM.match(f"{other}.")
        if room is None or other in BESIDE_ROOMS:
            continue
        assert own is not None and own[2] == room[2], f"{module} imports {other}, which is inside another room"
        assert own[1] == room[1] or own[1] == "leaderboard", f"{module} imports {other}"


def test_rooms_are_seen() -> None:
    """Otherwise the test above would look at nothing."""
    rooms = {room[2] for name in modules() if name not in BESIDE_ROOMS and (room := ROOM.match(f"{name}."))}
    assert {"robustness", "generation", "certification"} <= rooms


def test_there_are_no_import_cycles() -> None:
    graph = {name: imported(path) - {name} for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_packages_reexport_nothing() -> None:
    for folder in ("bench", "leaderboard", "suites", "results"):
        for path in (ROOT / folder).rglob("__init__.py"):
            assert not path.read_text(encoding="utf-8").strip(), f"{path} should be empty"


HEAVY = ("torch", "pyautoattack", "sklearn", "mlxtend", "matplotlib")
SUMS = ("scipy", "altair", "pandas", "sqlalchemy")
RUN = "import os; from trustdm.bench.cli.main import main; sys.stdout = open(os.devnull, 'w'); "
"""Verbs are run; what they say is of no interest here."""


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sorted({{m.partition('.')[0] for m in sys.modules}}), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "banned"),
    [
        ("import trustdm.bench.cli.main", (*HEAVY, "scipy", "altair", "pandas", "sqlalchemy", "pydantic")),
        ("from trustdm.bench import plugins; plugins.load()", HEAVY),
        ("import trustdm.bench.cli.show", (*HEAVY, *SUMS)),
        ("import trustdm.bench.cli.doctor", (*HEAVY, "scipy", "pandas", "altair")),
        (f"{RUN}main(['list']); main(['list', '--json'])", (*HEAVY, *SUMS)),
        (f"{RUN}main(['--help'])", (*HEAVY, *SUMS, "pydantic", "numpy")),
        (f"{RUN}main(['show', 'digits-linf']); main(['show', 'digits-standard'])", (*HEAVY, "pandas", "altair")),
        (
            f"{RUN}import trustdm.bench.cli.doctor as d; d.DRIVER = d.Path('/nowhere'); main(['doctor'])",
            (*HEAVY, "scipy", "pandas", "altair"),
        ),
        ("import trustdm.bench.plan", HEAVY),
        ("import trustdm.bench.store.store, trustdm.bench.store.runfiles", HEAVY),
        (
            "import pkgutil, importlib, trustdm.leaderboard as l\n"
            "for m in pkgutil.walk_packages(l.__path__, f'{l.__name__}.'): importlib.import_module(m.name)",
            HEAVY,
        ),
    ],
)
def test_what_must_stay_light_stays_light(code: str, banned: tuple[str, ...]) -> None:
    assert loaded_after(code).isdisjoint(banned)
