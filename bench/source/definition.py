"""Statements read as one definition: what they say, and which names they use.

Layout, comments and docstrings say nothing, and imports of the project say nothing by themselves: they are followed
where a name that they bind is used. The text is a form of the syntax tree that is the same in all versions of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from trustdm.bench.source.names import beyond_modules, ours

Chain = tuple[str, ...]
"""A name with the attributes that follow it, such as ``budgets.project``."""
Role = Literal["value", "field", "type"]
"""How a name is used: by code that runs, in the annotation of a field (pydantic evaluates these), in any other."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
_SILENT_FIELDS = {"ctx", "kind", "type_comment"}
_LOOK_ANYWHERE = {"globals", "eval", "exec"}
"""Names of functions that reach any name of a module."""
_LOOK_AROUND = {"vars", "dir", "locals"}
"""Those that do so where they are called without arguments."""


class Import(NamedTuple):
    """What an import statement binds: ``name`` of ``module``, or the module itself where ``name`` is empty."""

    module: str
    name: str = ""


class Use(NamedTuple):
    """A name that is used, and how."""

    chain: Chain
    role: Role


@dataclass(frozen=True)
class Definition:
    """``uses`` are in the order of the text; ``imports`` are those inside it; ``mentions`` the names of attributes.

    ``dynamic``: it looks names of its module up in ways that cannot be read off it.
    """

    text: str
    uses: tuple[Use, ...]
    imports: tuple[tuple[str, Import], ...]
    mentions: frozenset[str]
    dynamic: bool


def chain_of(node: ast.AST) -> Chain:
    """``a.b.c`` as its parts; empty for another expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def chains_in(node: ast.AST) -> Iterator[Chain]:
    """Every name in an expression, with the attributes that follow it."""
    if chain := chain_of(node):
        yield chain
        return
    for child in ast.iter_child_nodes(node):
        yield from chains_in(child)


def is_silent(node: object) -> bool:
    """Whether a statement is a docstring, or another text alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def for_types_only(node: object) -> bool:
    """Whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and chain_of(node.test)[-1:] == ("TYPE_CHECKING",)


def bindings(node: ast.Import | ast.ImportFrom, package: Sequence[str]) -> Iterator[tuple[str, Import]]:
    """The names that an import binds, and to what; ``package``: where a relative one begins, empty: it keeps its dots."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, Import(_absolute(node, package), alias.name)
        elif alias.asname:
            yield alias.asname, Import(alias.name)
        else:
            first = alias.name.partition(".")[0]
            yield first, Import(first)


def _absolute(node: ast.ImportFrom, package: Sequence[str]) -> str:
    if not node.level or not package:
        return "." * node.level + (node.module or "")
    return ".".join([*package[: len(package) + 1 - node.level], *([node.module] if node.module else [])])


class Reader:
    """Reads statements; ``package`` as in ``bindings``; ``lazy``: annotations of functions are not evaluated."""

    def __init__(self, package: Sequence[str], *, lazy: bool):
        self._package = package
        self._lazy = lazy
        self._role: Role = "value"
        self._in_class = False
        self._uses: dict[Use, None] = {}
        self._imports: list[tuple[str, Import]] = []
        self._mentions: set[str] = set()
        self._dynamic = False

    def read(self, statements: Sequence[ast.stmt]) -> Definition:
        """The definition that the statements are."""
        text = self._say(list(statements))
        imports = tuple(self._imports)
        return Definition(text, tuple(self._uses), imports, frozenset(self._mentions), self._dynamic)

    def _say(self, value: Any) -> str:
        if isinstance(value, list):
            return f"[{','.join(text for item in value if (text := self._say(item)))}]"
        if not isinstance(value, ast.AST):
            return repr(value)
        special: Callable[[Any], str] = getattr(self, f"_say_{type(value).__name__}", self._say_fields)
        return special(value)

    def _say_fields(self, node: ast.AST) -> str:
        said = []
        for name, value in ast.iter_fields(node):
            # What is absent says nothing, so that a field that a later version of Python adds says nothing either.
            if name not in _SILENT_FIELDS and value is not None and value != []:
                with self._in_role(self._role_of(node, name)):
                    said.append(f"{name}={self._say(value)}")
        return f"{type(node).__name__}({','.join(said)})"

    def _role_of(self, node: ast.AST, field: str) -> Role:
        if field == "annotation" and isinstance(node, ast.AnnAssign):
            return "field" if self._in_class else "type"
        return "type" if field in ("annotation", "returns") and self._lazy else self._role

    @contextmanager
    def _in_role(self, role: Role) -> Iterator[None]:
        before, self._role = self._role, role
        yield
        self._role = before

    def _say_body(self, node: ast.AST) -> str:
        before, self._in_class = self._in_class, isinstance(node, ast.ClassDef)
        text = self._say_fields(node)
        self._in_class = before
        return text

    _say_ClassDef = _say_FunctionDef = _say_AsyncFunctionDef = _say_body  # noqa: N815

    def _say_Expr(self, node: ast.Expr) -> str:
        return "" if is_silent(node) else self._say_fields(node)

    def _say_If(self, node: ast.If) -> str:
        return self._say_fields(node) if not for_types_only(node) else self._say(node.orelse) if node.orelse else ""

    def _say_imports(self, node: ast.Import | ast.ImportFrom) -> str:
        bound = list(bindings(node, self._package))
        self._imports += bound
        if isinstance(node, ast.Import):
            said = [f"{alias.name} as {alias.asname}" for alias in node.names if not ours(alias.name)]
        else:
            said = [f"{name}={i.module}:{i.name}" for name, i in bound if not ours(i.module)]
        return f"Import({','.join(said)})" if said else ""

    _say_Import = _say_ImportFrom = _say_imports  # noqa: N815

    def _say_Name(self, node: ast.Name) -> str:
        if isinstance(node.ctx, ast.Load):
            self._use((node.id,))
        return f"Name({node.id})"

    def _say_Attribute(self, node: ast.Attribute) -> str:
        self._mentions.add(node.attr)
        chain = chain_of(node)
        if not chain:
            return self._say_fields(node)
        self._mentions.update(chain[1:])
        self._use(chain)
        return f"Name({'.'.join(beyond_modules(chain))})"

    def _say_AugAssign(self, node: ast.AugAssign) -> str:
        if isinstance(node.target, ast.Name):
            self._use((node.target.id,))
        return self._say_fields(node)

    def _say_Call(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Name):
            name, bare = node.func.id, not node.args and not node.keywords
            self._dynamic |= name in _LOOK_ANYWHERE or (bare and name in _LOOK_AROUND)
        return self._say_fields(node)

    def _use(self, chain: Chain) -> None:
        self._dynamic |= chain[0] in _LOOK_ANYWHERE
        self._uses.setdefault(Use(chain, self._role))
