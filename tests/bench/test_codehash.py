from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.codehash import code_digest, file_digest


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
