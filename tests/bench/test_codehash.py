"""Digests of real things and of strangers' files; ``bench.source`` has the tests of what is followed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench import codehash
from trustdm.bench.codehash import LOADED_DIGEST, closure, code_digest, file_digest
from trustdm.bench.source.names import PROJECT


def load(path: Path) -> ModuleType:
    name = f"hashed_{path.stem}_{abs(hash(str(path.parent)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def digest(folder: Path, main: str, helper: str = "K = 1\n") -> str:
    folder.mkdir()
    (folder / "parts.py").write_text(helper, encoding="utf-8")
    (folder / "main.py").write_text(main, encoding="utf-8")
    sys.path.insert(0, str(folder))
    sys.modules.pop("parts", None)
    try:
        return code_digest([load(folder / "main.py").f])
    finally:
        sys.path.remove(str(folder))


MAIN = "from parts import K\n\ndef f(x):\n    return x + K\n"


@pytest.mark.parametrize(
    "main",
    [
        MAIN.replace("return", "# a comment\n    return"),
        MAIN.replace("def f(x):", 'def f(x):\n    """Said."""'),
        '"""A module."""\n\n' + MAIN.replace("x + K", "x  +  K"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path, main: str) -> None:
    assert digest(tmp_path / "a", MAIN) == digest(tmp_path / "b", main)


@pytest.mark.parametrize(
    ("main", "helper"), [(MAIN.replace("+", "-"), "K = 1\n"), (MAIN, "K = 2\n"), (MAIN + "\nY = 'x'\n", "K = 1\n")]
)
def test_code_and_imported_code_of_the_same_repository_count(tmp_path: Path, main: str, helper: str) -> None:
    assert digest(tmp_path / "a", MAIN) != digest(tmp_path / "b", main, helper)


def test_project_modules_count_and_installed_packages_do_not() -> None:
    from trustdm.bench.tasks.robustness.clean import Clean
    from trustdm.bench.tasks.robustness.protocol import Adversarial

    assert code_digest([Clean]) != code_digest([Clean, Adversarial])
    assert code_digest([Clean, Adversarial]) == code_digest([Adversarial, Clean])


def test_a_thing_without_a_file_is_known_by_its_name() -> None:
    scope: dict[str, object] = {"__name__": "__main__"}
    exec("class A: pass\nclass B: pass", scope)
    assert code_digest([scope["A"]]) != code_digest([scope["B"]])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    for _ in [1, 2]:\n        x = x + 1\n        x = x * 2\n    return x\n", None),
        ("def f(x, z):\n    y = x\n    -z\n    return y\n", "def f(x, z):\n    y = x -z\n    return y\n"),
    ],
)
def test_where_lines_and_blocks_end_counts(tmp_path: Path, before: str, after: str | None) -> None:
    after = after or before.replace("        x = x * 2", "    x = x * 2")
    assert digest(tmp_path / "a", before) != digest(tmp_path / "b", after)


def test_packages_of_one_repository_are_kept_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("K = 1\n", encoding="utf-8")
        (tmp_path / name / "model.py").write_text("from . import K\n", encoding="utf-8")
    main = tmp_path / "main.py"
    main.write_text("import one.model\nimport two.model\n", encoding="utf-8")
    seen = {file_digest(main)}
    for edited in ("one/__init__.py", "two/__init__.py", "one/model.py", "two/model.py"):
        (tmp_path / edited).write_text("K = 2\n", encoding="utf-8")
        seen.add(file_digest(main))
    assert len(seen) == 5


def test_what_a_stranger_s_file_reaches_in_the_project_counts_and_not_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plugin = tmp_path / "bench", tmp_path / "plugin" / "mine.py"
    folder.mkdir()
    plugin.parent.mkdir()
    monkeypatch.setattr("trustdm.bench.source.names.PROJECT", folder)
    seen = []
    for module, helper in (("parts", "K = 1\n"), ("pieces", "K = 1\nL = 3\n"), ("parts", "K = 2\n")):
        (folder / f"{module}.py").write_text(helper, encoding="utf-8")
        plugin.write_text(f"from trustdm.bench.{module} import K\n\ndef f(x):\n    return x + K\n", encoding="utf-8")
        seen.append(file_digest(plugin))
    assert seen[0] == seen[1] != seen[2]


def test_of_a_stranger_s_repository_whole_files_count(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from parts import K\n", encoding="utf-8")
    (tmp_path / "parts.py").write_text("K = 1\n", encoding="utf-8")
    code = closure(tmp_path / "mine.py")
    assert set(code.parts) == {"mine.py", "parts.py"}
    assert code.siblings == {"parts": tmp_path / "parts.py"}
    assert code.root == tmp_path
    before = file_digest(tmp_path / "mine.py")
    (tmp_path / "parts.py").write_text("K = 1\nOTHER = 2\n", encoding="utf-8")
    assert file_digest(tmp_path / "mine.py") != before


def test_a_relative_import_of_a_module_with_the_project_s_name_is_the_stranger_s(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    (tmp_path / "trustdm.py").write_text("K = 1\n", encoding="utf-8")
    (tmp_path / "mine.py").write_text("from .trustdm import K\nfrom trustdm import method\n", encoding="utf-8")
    assert f"{tmp_path.name}/trustdm.py" in closure(tmp_path / "mine.py").parts


def test_a_plugin_that_was_loaded_is_known_by_what_it_was_then(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(): return 1\n", encoding="utf-8")
    module = load(tmp_path / "mine.py")
    setattr(module, LOADED_DIGEST, file_digest(tmp_path / "mine.py"))
    before = code_digest([module.f])
    (tmp_path / "mine.py").write_text("def f(): return 2\n", encoding="utf-8")
    assert code_digest([module.f]) == before
    setattr(module, LOADED_DIGEST, file_digest(tmp_path / "mine.py"))
    assert code_digest([module.f]) != before


def test_every_edit_of_a_file_is_noticed_and_every_undoing(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def f(): return 1\n", encoding="utf-8")
    f = load(path).f
    first = code_digest([f])
    path.write_text("def f(): return 2\n", encoding="utf-8")
    assert code_digest([f]) != first
    path.write_text("# the same\ndef f(): return 1\n", encoding="utf-8")
    assert code_digest([f]) == first
    os.utime(path, ns=(0, 0))
    assert code_digest([f]) == first
    path.unlink()
    with pytest.raises(FileNotFoundError):
        code_digest([f])


def test_two_edits_within_one_tick_of_the_clock_are_told_apart(tmp_path: Path) -> None:
    path, soon = tmp_path / "mine.py", 2**62
    seen = []
    for text in ("def f(): return 1\n", "def f(): return 2\n"):
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(soon, soon))
        seen.append(file_digest(path))
    assert seen[0] != seen[1]


def test_a_digest_is_looked_up_where_no_file_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    from trustdm.bench.methods.digits_standard import load as method

    before = code_digest([method])

    def refused(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(codehash, "Reach", refused)
    monkeypatch.setattr(codehash, "Module", refused)
    assert code_digest([method]) == before


def test_the_function_of_a_class_is_less_than_the_class() -> None:
    from trustdm.bench.perturb.pgd import PgdSettings
    from trustdm.bench.tasks.robustness.clean import Clean

    assert len({code_digest([thing]) for thing in (Clean, Clean.run, Clean.probes, PgdSettings)}) == 4


SCRIPT = """
import json
from trustdm.bench.codehash import code_digest
from trustdm.bench.plugins import load
registry = load(installed=False).registry
kinds = ("method", "attack", "protocol")
print(json.dumps({f"{k} {e.name}": code_digest([e.load()]) for k in kinds for e in registry.entries(k)}))
"""


class Tree:
    """A copy of the project that may be edited."""

    def __init__(self, root: Path):
        self.bench = root / "trustdm" / "bench"
        shutil.copytree(PROJECT, self.bench, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__"))
        shutil.copy(PROJECT.parent / "trustdm" / "__init__.py", root / "trustdm")
        self._root = root

    def digests(self) -> dict[str, str]:
        """The digest of every method, attack and protocol, by kind and name."""
        environment = os.environ | {"PYTHONPATH": str(self._root), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=self._root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        result: dict[str, str] = json.loads(done.stdout)
        return result

    @contextmanager
    def edited(self, name: str, old: str, new: str) -> Iterator[None]:
        """One file with ``new`` in place of ``old``."""
        path = self.bench / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name}: expected one {old!r}, got {text.count(old)}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        yield
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def before(tree: Tree) -> dict[str, str]:
    digests = tree.digests()
    assert len(digests) >= 25
    return digests


@pytest.fixture
def moved_by(tree: Tree, before: dict[str, str]) -> Callable[[str, str, str], set[str]]:
    """Which digests an edit of the project moves."""

    def compare(name: str, old: str, new: str) -> set[str]:
        with tree.edited(name, old, new):
            after = tree.digests()
        assert after.keys() == before.keys()
        return {thing for thing in before if before[thing] != after[thing]}

    return compare


Moved = Callable[[str, str, str], set[str]]


def test_another_status_moves_nothing(moved_by: Moved) -> None:
    moved = moved_by("types.py", "    MADE = 5\n", "    MADE = 5\n    LATER = 6\n")
    assert not moved


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stats.py", "_MOST_PARTS = 64\n", "_MOST_PARTS = 65\n"),
        ("runner/job.py", "    block: Block\n", "    block: Block\n    more: int = 0\n"),
        ("runner/job.py", "    def noise(", "    def more(self): ...\n\n    def noise("),
    ],
)
def test_an_edit_of_what_nothing_takes_moves_nothing(moved_by: Moved, name: str, old: str, new: str) -> None:
    assert moved_by(name, old, new) == set()


def test_a_field_of_one_task_s_context_moves_that_task_alone(moved_by: Moved) -> None:
    moved = moved_by("tasks/certification/context.py", "    batch_size: int\n", "    batch_size: int\n    x: int = 0\n")
    assert moved == {"protocol certified", "protocol certified-sequential"}


def test_which_image_a_position_means_counts(moved_by: Moved) -> None:
    old, new = "divmod(job.positions, job.per_example)", "divmod(job.positions[::-1], job.per_example)"
    moved = moved_by("tasks/certification/context.py", old, new)
    assert moved == {"protocol certified", "protocol certified-sequential"}


def test_what_a_job_reads_counts_for_every_task_that_reads(moved_by: Moved) -> None:
    moved = moved_by("runner/resources.py", "return data.read(index)", "return data.read(index[::-1])")
    assert {"protocol adversarial", "protocol clean", "protocol certified"} <= moved
    assert not any(thing.startswith(("method", "attack")) for thing in moved)


def test_a_helper_of_a_helper_counts(moved_by: Moved) -> None:
    moved = moved_by("perturb/budget.py", "def norms(", "def norms(_=0, /, *")
    assert {"attack pgd", "protocol adversarial"} <= moved
    assert "method digits-standard" not in moved


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("features/extract.py", "numpy().astype(card.precision)", 'numpy().astype("float16")'),
        ("features/quantise.py", '"round": 0.5', '"round": 0.4'),
        ("features/quantise.py", "RULES[rule]) // 1", "RULES[rule]) // 2"),
    ],
)
def test_how_images_and_features_are_rounded_counts_for_generation(
    moved_by: Moved, name: str, old: str, new: str
) -> None:
    assert moved_by(name, old, new) == {"protocol generation"}


def test_moved_modules_and_folders_move_nothing(tree: Tree, before: dict[str, str], tmp_path: Path) -> None:
    other = Tree(tmp_path)
    moves = {"types": "lib.values", "perturb": "pushes", "tasks.robustness": "tasks.robust", "training.weights": "w"}
    other.bench.joinpath("lib").mkdir()
    other.bench.joinpath("lib", "__init__.py").touch()
    for old, new in moves.items():
        suffix = "" if other.bench.joinpath(*old.split(".")).is_dir() else ".py"
        source, target = (other.bench.joinpath(*name.split(".")) for name in (old, new))
        source.with_suffix(suffix).rename(target.with_suffix(suffix))
    for path in other.bench.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for old, new in moves.items():
            text = text.replace(f"trustdm.bench.{old}", f"trustdm.bench.{new}")
        path.write_text(text, encoding="utf-8")
    assert other.digests() == before
