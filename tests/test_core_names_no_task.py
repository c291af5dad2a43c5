"""Core names no task, metric or capability: what a task is, its room says; a new one needs no change elsewhere.

Looked for as names of variables, attributes, arguments, keywords, functions and modules, and as words of string
literals. Docstrings and comments may give examples. A word that is at the same time a field of one of core's own
models (``evaluations``, say) says nothing about a task and is not looked for.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from trustdm.bench.plugins import installed_tasks, load

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"tasks", "capabilities", "checks"}
PLUGINS = {"methods", "attacks", "weight_attacks", "datasets", "extractors", "steps"}
LIBRARIES = {"diffusion", "perturb", "training", "features", "smoothing", "targets"}
CORE = [
    path
    for top in ("bench", "leaderboard")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path.relative_to(ROOT).parts[1] not in ROOMS | PLUGINS | LIBRARIES and path.name != "__init__.py"
]
TEMPLATES = sorted(
    path
    for path in (ROOT / "leaderboard").rglob("*")
    if path.suffix in (".html", ".jinja", ".txt") and "tasks" not in path.relative_to(ROOT).parts
)
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")


def plain(word: str) -> str:
    return word.lower().replace("-", "_")


@cache
def fields_of_core() -> frozenset[str]:
    """The fields of every dataclass and pydantic model that core defines in bench."""
    names: set[str] = set()
    for path in CORE:
        if path.relative_to(ROOT).parts[0] != "bench":
            continue
        module = importlib.import_module("trustdm." + ".".join(path.relative_to(ROOT).with_suffix("").parts))
        for thing in vars(module).values():
            if not isinstance(thing, type) or thing.__module__ != module.__name__:
                continue
            if dataclasses.is_dataclass(thing):
                names |= {field.name for field in dataclasses.fields(thing)}
            elif issubclass(thing, BaseModel):
                names |= set(thing.model_fields)
    return frozenset(plain(name) for name in names)


@cache
def forbidden() -> frozenset[str]:
    tasks = installed_tasks().values()
    words = {word for task in tasks for word in (task.key, task.name, *(metric.name for metric in task.metrics))}
    words |= set(load().registry.names("capability"))
    return frozenset(plain(word) for word in words) - fields_of_core()


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """The names and the words of string literals of Python code, with their lines; no docstrings."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from ((line, word) for word in WORD.findall(node.value))
        elif isinstance(node, ast.ImportFrom):
            yield from ((line, word) for word in WORD.findall(node.module or ""))
        for attribute in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, attribute, None)
            if isinstance(name, str):
                yield from ((line, word) for word in WORD.findall(name))


def found_in(source: str) -> list[str]:
    return sorted({f"line {line}: {word}" for line, word in words_of(source) if plain(word) in forbidden()})


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_of_core_names_no_task(path: Path) -> None:
    assert found_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_names_no_task(path: Path) -> None:
    """In its code, that is: between {{ and }} or {% and %}."""
    text = path.read_text(encoding="utf-8")
    code = " ".join(re.findall(r"\{\{.*?\}\}|\{%.*?%\}", text, re.DOTALL))
    assert sorted({word for word in WORD.findall(code) if plain(word) in forbidden()}) == []


def test_the_words_are_those_of_every_task() -> None:
    assert forbidden() >= {"adversary", "certification", "generation", "robustness", "survival", "frechet", "kid"}
    assert forbidden() >= {"certified", "certified_radius", "abstention", "classify", "classify_noisy", "denoise"}
    assert not forbidden() & {"evaluations", "precision", "draws"}


@pytest.mark.parametrize(
    "line",
    [
        "adversary = 1",
        "x = suite.generation",
        "f(certification=3)",
        "def classify(x): ...",
        "class Adversary: ...",
        "x = 'frechet'",
        "x = f'the survival of {y}'",
        "x = 'certified-radius'",
        "def f(*, robustness): ...",
        "import bench.tasks.robustness.flags",
        "from bench.capabilities.classify_noisy import X",
        "from bench.x import y as kid",
    ],
)
def test_each_way_to_name_one_is_seen(line: str) -> None:
    assert len(found_in(line)) == 1


def test_examples_in_docstrings_and_comments_are_fine() -> None:
    assert (
        found_in(
            '"""Adversary: ``frechet``."""\ndef f():\n    """A kid."""  # classify\n    x = 1\n    """Recall."""\n'
        )
        == []
    )
