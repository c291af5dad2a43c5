from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.codehash import code_digest


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
    from trustdm.bench.evaluations.adversarial import Adversarial
    from trustdm.bench.evaluations.clean import Clean

    assert code_digest([Clean]) != code_digest([Clean, Adversarial])
    assert code_digest([Clean, Adversarial]) == code_digest([Adversarial, Clean])


def test_a_thing_without_a_file_is_known_by_its_name() -> None:
    scope: dict[str, object] = {"__name__": "__main__"}
    exec("class A: pass\nclass B: pass", scope)
    assert code_digest([scope["A"]]) != code_digest([scope["B"]])
