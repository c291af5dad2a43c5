"""A module imports lower layers only; imports inside functions and under TYPE_CHECKING count too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From low to high. Modules of one group may import each other (without cycles) unless the group is marked apart.
LAYERS: list[tuple[str, bool]] = [
    ("errors hashing types records", False),
    ("contracts capabilities registry rng stats features.frechet features.neighbours features.kernel smoothing", False),
    ("codehash data method", False),
    ("features", False),
    ("diffusion perturb training targets", False),
    ("datasets attacks extractors methods", True),
    ("tasks.contract suite.fields suite.models", False),
    ("suite", False),
    ("plugins plan", False),
    ("runner.job runner.units", False),
    ("store | summary | reported | conformance checks | provenance", True),
    ("tasks", False),
    ("runner", False),
    ("shipped", False),
    ("leaderboard", False),
    ("api", False),
    ("cli", False),
]


def layer(module: str) -> tuple[int, str]:
    """The rank of ``bench.x.y`` or ``leaderboard.x`` and, in layers marked apart, the part it belongs to."""
    name = module.removeprefix("bench.")
    best: tuple[int, int, str] | None = None
    for rank, (text, _) in enumerate(LAYERS):
        for part in text.split("|"):
            for item in part.split():
                if name == item or name.startswith(item + "."):
                    plugin = name if LAYERS[rank][1] and "|" not in text else part.strip()
                    best = max(best or (0, 0, ""), (len(item), rank, plugin))
    if best is None:
        raise AssertionError(f"{module} has no layer: add it to LAYERS")
    return best[1], best[2]


def modules() -> dict[str, Path]:
    found = {}
    for folder in ("bench", "leaderboard"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "__init__.py":
                found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
        yield from (n.removeprefix("trustdm.") for n in names if n.removeprefix("trustdm.") in known)


@pytest.mark.parametrize("module", sorted(modules()))
def test_module_imports_lower_layers_only(module: str) -> None:
    rank, part = layer(module)
    for other in imported(modules()[module]):
        other_rank, other_part = layer(other)
        assert other_rank <= rank, f"{module} imports {other}, which is above it"
        if other_rank == rank and LAYERS[rank][1]:
            assert other_part == part, f"{module} imports {other}, its neighbour"


def test_there_are_no_import_cycles() -> None:
    graph = {name: set(imported(path)) - {name} for name, path in modules().items()}
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


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "banned"),
    [
        ("import trustdm.bench.cli.main", (*HEAVY, "scipy", "altair", "pandas", "sqlalchemy", "pydantic")),
        ("from trustdm.bench import plugins; plugins.load()", HEAVY),
        ("import trustdm.bench.cli.show", HEAVY),
        ("import trustdm.bench.plan", HEAVY),
        ("import trustdm.bench.store.store, trustdm.bench.store.runfiles", HEAVY),
        (
            "import pkgutil, importlib, trustdm.leaderboard as l\n"
            "for m in pkgutil.iter_modules(l.__path__): importlib.import_module(f'trustdm.leaderboard.{m.name}')",
            HEAVY,
        ),
    ],
)
def test_what_must_stay_light_stays_light(code: str, banned: tuple[str, ...]) -> None:
    assert loaded_after(code).isdisjoint(banned)
