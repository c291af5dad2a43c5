"""A digest of the code that decides an outcome; comments, docstrings and layout do not move it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

LOADED_DIGEST = "__trustdm_digest__"
"""Set on a plugin file's module: the digest of the code as it was when it was loaded."""
PLUMBING = {"trustdm", "trustdm.bench.contracts", "trustdm.bench.errors", "trustdm.bench.registry"}
"""Modules that carry no arithmetic: their edits do not make a result another result."""
PROJECT = Path(__file__).resolve().parent
_MARKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: "{", tokenize.DEDENT: "}"}
_QUIET = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}


def code_digest(things: Iterable[object]) -> str:
    """Hex SHA-256 over the modules of ``things`` and every project module or sibling file that these import.

    A thing whose source cannot be found (typed into a notebook, say) is represented by its own source and name.
    """
    parts: dict[str, str] = {}
    for thing in things:
        for code in _codes_of(thing):
            parts |= _parts_of(code, wrapped=code is not thing)
    return _digest(parts)


def file_digest(path: Path) -> str:
    """The same for the module in one file, as it is on disk now."""
    return _digest(closure(path).parts)


def _digest(parts: dict[str, str]) -> str:
    text = "\n".join(f"{name}\x00{parts[name]}" for name in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()


def _codes_of(thing: Any) -> list[Any]:
    """The function or class behind a thing; for objects of this process, behind each part that it wraps."""
    inner = getattr(thing, "__wrapped__", (thing,))
    parts = inner if isinstance(inner, tuple) else (inner,)
    return [part if hasattr(part, "__qualname__") else type(part) for part in parts]


def _parts_of(code: Any, *, wrapped: bool) -> dict[str, str]:
    module = sys.modules.get(code.__module__)
    loaded = getattr(module, LOADED_DIGEST, None)
    if loaded is not None:
        return {f"{code.__module__}": loaded}
    file = getattr(module, "__file__", None)
    path = None if file is None or code.__module__ == "__main__" else Path(file).resolve()
    if path is None or (wrapped and "site-packages" in path.parts):
        return {f"{code.__module__}.{code.__qualname__}": _own_source(code)}
    return closure(path).parts


def _own_source(code: Any) -> str:
    try:
        return inspect.getsource(code)
    except (OSError, TypeError):
        return ""


@dataclass
class Closure:
    """A module's file with the project and sibling files that it imports.

    ``parts``: tokens by a name that does not depend on where things are installed. ``siblings``: the files that
    absolute imports of its own repository mean, by module name.
    """

    root: Path
    parts: dict[str, str] = field(default_factory=dict)
    siblings: dict[str, Path] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Adds a file, and what it imports."""
        name = self._name(path)
        if name in self.parts:
            return
        tokens, imports = _parsed(path.read_text(encoding="utf-8"))
        self.parts[name] = tokens
        for imported in imports:
            for module, found in _resolve(imported, path):
                if not module.startswith((".", "trustdm")):
                    self.siblings[module] = found
                self.add(found)

    def _name(self, path: Path) -> str:
        for base in (PROJECT.parent, self.root):
            if path.is_relative_to(base):
                return path.relative_to(base).as_posix()
        return path.as_posix()


def closure(path: Path) -> Closure:
    """Everything of the project and of its own repository that the module in ``path`` imports, itself included."""
    path = path.resolve()
    found = Closure(_repository(path))
    found.add(path)
    return found


@cache
def _parsed(source: str) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(source)
    return " ".join(_tokens(source, tree)), tuple(sorted(set(_imports(tree))))


def _tokens(source: str, tree: ast.AST) -> Iterator[str]:
    """The tokens that mean something; the ends of lines and of indented blocks do."""
    said = {
        (node.lineno, node.col_offset): (node.end_lineno, node.end_col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    until: tuple[int | None, int | None] = (0, 0)
    skipped = False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        until = said.get((token.start[0], token.start[1]), until)
        inside = token.end <= (until[0] or 0, until[1] or 0)
        ends_skipped = skipped and token.type == tokenize.NEWLINE
        skipped = inside
        if not inside and not ends_skipped and token.type not in _QUIET:
            yield _MARKS.get(token.type, token.string)


def _imports(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}{'' if base.endswith('.') else '.'}{alias.name}" for alias in node.names)


def _resolve(name: str, importer: Path) -> Iterator[tuple[str, Path]]:
    """The files that a name means, packages on the way included: of the project, or of the importer's repository."""
    if name in PLUMBING:
        return
    if name.startswith("trustdm."):
        found = PROJECT.joinpath(*name.split(".")[2:]).with_suffix(".py")
        if name.startswith("trustdm.bench.") and found.is_file():
            yield name, found
        return
    base, parts = _base(name, importer)
    if not all(parts) or (base.name == "site-packages" and parts[0] != importer.relative_to(base).parts[0]):
        return
    dots = name[: len(name) - len(name.lstrip("."))]
    for depth in range(1, len(parts) + 1):
        stem = base.joinpath(*parts[:depth])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                yield dots + ".".join(parts[:depth]), file.resolve()


def _base(name: str, importer: Path) -> tuple[Path, list[str]]:
    """Where the first part of ``name`` is looked up: a relative import's folder, or the root of the repository."""
    level = len(name) - len(name.lstrip("."))
    if level:
        return importer.parents[level - 1], name[level:].split(".")
    return _repository(importer), name.split(".")


def _repository(path: Path) -> Path:
    """The folder from which ``path`` is imported by its absolute name."""
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return root
