"""A digest of the code that decides an outcome; comments, docstrings and layout do not move it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import sys
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

PLUMBING = {"trustdm", "trustdm.bench.contracts", "trustdm.bench.errors", "trustdm.bench.registry"}
"""Modules that carry no arithmetic: their edits do not make a result another result."""
PROJECT = Path(__file__).resolve().parent
_QUIET = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}


def code_digest(things: Iterable[object]) -> str:
    """Hex SHA-256 over the modules of ``things`` and every project module or sibling file that these import.

    A thing whose source cannot be found (typed into a notebook, say) is represented by its own source or name.
    """
    parts: dict[str, str] = {}
    for thing in things:
        code = _code_of(thing)
        path = _file_of(code)
        if path is None or (code is not thing and "site-packages" in path.parts):
            parts[f"{code.__module__}.{code.__qualname__}"] = _own_source(code)
        else:
            _collect(path, parts)
    text = "\n".join(f"{name}\x00{parts[name]}" for name in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()


def _code_of(thing: Any) -> Any:
    """The function or class behind a thing; for an object of this process, of what it wraps."""
    inner = getattr(thing, "__wrapped__", thing)
    return inner if hasattr(inner, "__qualname__") else type(inner)


def _file_of(code: Any) -> Path | None:
    module = sys.modules.get(code.__module__)
    path = getattr(module, "__file__", None)
    return None if path is None or code.__module__ == "__main__" else Path(path).resolve()


def _own_source(code: Any) -> str:
    try:
        return inspect.getsource(code)
    except (OSError, TypeError):
        return ""


def _collect(path: Path, parts: dict[str, str]) -> None:
    name = _name_of(path)
    if name in parts:
        return
    tokens, imports = _read(path)
    parts[name] = tokens
    for imported in imports:
        found = _resolve(imported, path)
        if found is not None:
            _collect(found, parts)


def _name_of(path: Path) -> str:
    """A name that does not depend on where the project is installed."""
    return path.relative_to(PROJECT.parent).as_posix() if path.is_relative_to(PROJECT) else path.name


def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    return _parsed(path.read_text(encoding="utf-8"))


@cache
def _parsed(source: str) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(source)
    return _tokens(source, _docstring_lines(tree)), tuple(sorted(set(_imports(tree))))


def _tokens(source: str, skip: set[tuple[int, int]]) -> str:
    stream = tokenize.generate_tokens(io.StringIO(source).readline)
    return " ".join(t.string for t in stream if t.type not in _QUIET and t.start not in skip)


def _docstring_lines(tree: ast.AST) -> set[tuple[int, int]]:
    """Where statements that are only a string begin."""
    return {
        (node.lineno, node.col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def _imports(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}{'' if base.endswith('.') else '.'}{alias.name}" for alias in node.names)


def _resolve(name: str, importer: Path) -> Path | None:
    """The file of a project module, or of a module of the importing plugin's own repository; nothing else."""
    if name in PLUMBING:
        return None
    if name.startswith("trustdm."):
        found = PROJECT.joinpath(*name.split(".")[2:]).with_suffix(".py")
        return found if name.startswith("trustdm.bench.") and found.is_file() else None
    base, parts = _base(name, importer)
    if not any(parts) or (base.name == "site-packages" and parts[0] != importer.relative_to(base).parts[0]):
        return None
    stem = base.joinpath(*parts)
    found_files = [c for c in (stem.with_suffix(".py"), stem / "__init__.py") if c.is_file()]
    return found_files[0].resolve() if found_files else None


def _base(name: str, importer: Path) -> tuple[Path, list[str]]:
    """Where the first part of ``name`` is looked up: a relative import's folder, or the root of the repository."""
    level = len(name) - len(name.lstrip("."))
    if level:
        return importer.parents[level - 1], name[level:].split(".")
    root = importer.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return root, name.split(".")
