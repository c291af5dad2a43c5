"""The tests mirror the tree: every module above 60 lines has a test file of its own name in the same place."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
MOST = 60
MODULES = [
    path
    for top in ("bench", "leaderboard")
    for path in sorted((ROOT / top).rglob("*.py"))
    if sum(bool(line.strip()) for line in path.read_text(encoding="utf-8").splitlines()) > MOST
]

# Modules whose tests are being written; the list only shrinks.
EXCEPTIONS: set[str] = set()


def mirrored(path: Path) -> Path:
    """Where the tests of a module are."""
    return TESTS / path.relative_to(ROOT).parent / f"test_{path.name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_has_a_test_file(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if name in EXCEPTIONS:
        assert not mirrored(path).exists(), f"{name} has tests now: take it off the list"
        return
    assert mirrored(path).is_file(), f"expected {mirrored(path).relative_to(ROOT)}"


def test_a_test_file_tests_something() -> None:
    for path in MODULES:
        if mirrored(path).is_file():
            text = mirrored(path).read_text(encoding="utf-8")
            assert "def test_" in text or "class Test" in text, mirrored(path)


def test_exceptions_are_modules() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in MODULES}
    assert names >= EXCEPTIONS
