"""Statements read as one definition: what they say, and which names they use.

Layout, comments and docstrings say nothing, and imports of the project say nothing by themselves: they are followed
where a name that they bind is used. The text is a form of the syntax tree that is the same in all versions of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from trustdm.bench.source.names import beyond_modules, ours

Chain = tuple[str, ...]
"""A name with the attributes that follow it, such as ``budgets.project``."""
Role = Literal["value", "test", "field", "type"]
"""How a name is used: by code that runs; by a test of what something is an instance of; in the annotation of a class's
field, which pydantic evaluates; in any other annotation."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
_SILENT_FIELDS = {"ctx", "kind", "type_comment"}
_LOOK_ANYWHERE = {"globals", "eval", "exec"}
"""Names of functions that reach any name of a module."""
_LOOK_AROUND = {"vars", "dir", "locals"}
"""Those that do so where they are called without arguments."""

_TYPE_TESTS = {"isinstance", "issubclass"}


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


def stored(node: ast.AST) -> set[str]:
    """The names that a statement binds in its scope, other than by importing them."""
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Lambda):
        return set()
    names = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        names = {node.name}
    if isinstance(node, ast.MatchMapping) and node.rest:
        names = {node.rest}
    inside = [node.iter, *node.ifs] if isinstance(node, ast.comprehension) else ast.iter_child_nodes(node)
    return names.union(*(stored(child) for child in inside))


def _locals(node: Function | ast.Lambda) -> set[str]:
    """The names that mean something of its own inside a function; those that it imports are not among them."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {argument.arg for argument in every if argument}
    outer: set[str] = set()
    for statement in node.body if isinstance(node, Function) else ():
        names |= stored(statement)
        outer.update(*(i.names for i in ast.walk(statement) if isinstance(i, ast.Global)))
        outer.update(a.asname or a.name.partition(".")[0] for i in ast.walk(statement) for a in _aliases(i))
    return names - outer


def _aliases(node: ast.AST) -> list[ast.alias]:
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


def is_silent(node: object) -> bool:
    """Whether a statement is a docstring, or another text alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def for_types_only(node: object) -> bool:
    """Whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and chain_of(node.test)[-1:] == ("TYPE_CHECKING",)


def bindings(node: ast.Import | ast.ImportFrom, package: Sequence[str]) -> Iterator[tuple[str, Import]]:
    """The names that an import binds, and to what.

    ``package`` is where a relative import begins; where it is empty, the module keeps its dots.
    """
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
        self._hidden: frozenset[str] = frozenset()
        self._uses: dict[Use, None] = {}
        self._imports: list[tuple[str, Import]] = []
        self._mentions: set[str] = set()
        self._dynamic = False

    def read(self, statements: Sequence[ast.stmt]) -> Definition:
        """The definition that the statements are."""
        text = "\n".join(said for statement in statements if (said := self._say(statement)))
        imports = tuple(self._imports)
        return Definition(text, tuple(self._uses), imports, frozenset(self._mentions), self._dynamic)

    def _say(self, value: Any) -> str:
        if not isinstance(value, ast.AST):
            return repr(value)
        special: Callable[[Any], str] = getattr(self, f"_say_{type(value).__name__}", self._say_fields)
        return special(value)

    def _say_fields(self, node: ast.AST) -> str:
        said = []
        for name, value in ast.iter_fields(node):
            # What is absent says nothing, so that a field that a later version of Python adds says nothing either.
            if name in _SILENT_FIELDS or value is None or value == []:
                continue
            hidden = _locals(node) if name == "body" and isinstance(node, Function | ast.Lambda) else ()
            with self._reading(self._role_of(node, name), hidden):
                said.append(f"{name}=")
                for item in value if isinstance(value, list) else [value]:
                    said.append(self._say(item))
        return f"{type(node).__name__}({' '.join(text for text in said if text)})"

    def _role_of(self, node: ast.AST, field: str) -> Role:
        if field == "annotation" and isinstance(node, ast.AnnAssign):
            return "field" if self._in_class else "type"
        return "type" if field in ("annotation", "returns") and self._lazy else self._role

    @contextmanager
    def _reading(self, role: Role, hidden: Iterable[str] = ()) -> Iterator[None]:
        before = self._role, self._hidden
        self._role, self._hidden = role, self._hidden.union(hidden)
        yield
        self._role, self._hidden = before

    def _say_body(self, node: ast.AST) -> str:
        before, self._in_class = self._in_class, isinstance(node, ast.ClassDef)
        text = self._say_fields(node)
        self._in_class = before
        return text

    _say_ClassDef = _say_FunctionDef = _say_AsyncFunctionDef = _say_body

    def _say_loop(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> str:
        first = self._say(node.generators[0].iter)  # its names are those outside
        with self._reading(self._role, set().union(*(stored(part.target) for part in node.generators))):
            return f"{first} {self._say_fields(node)}"

    _say_ListComp = _say_SetComp = _say_DictComp = _say_GeneratorExp = _say_loop

    def _say_Expr(self, node: ast.Expr) -> str:
        return "" if is_silent(node) else self._say_fields(node)

    def _say_If(self, node: ast.If) -> str:
        return "\n".join(self._say(other) for other in node.orelse) if for_types_only(node) else self._say_fields(node)

    def _say_imports(self, node: ast.Import | ast.ImportFrom) -> str:
        bound = list(bindings(node, self._package))
        self._imports += bound
        if isinstance(node, ast.Import):
            said = [f"{alias.name} as {alias.asname}" for alias in node.names if not ours(alias.name)]
        else:
            said = [f"{name}={i.module}:{i.name}" for name, i in bound if not ours(i.module)]
        return f"Import({','.join(said)})" if said else ""

    _say_Import = _say_ImportFrom = _say_imports

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
            self._dynamic |= bare and name in _LOOK_AROUND
            if name in _TYPE_TESTS and len(node.args) == 2:
                return self._say_type_test(node)
        return self._say_fields(node)

    def _say_type_test(self, node: ast.Call) -> str:
        said = f"{self._say(node.func)} {self._say(node.args[0])}"
        with self._reading("test"):
            return f"Call({said} {self._say(node.args[1])})"

    def _use(self, chain: Chain) -> None:
        if chain[0] in self._hidden:
            return
        self._dynamic |= chain[0] in _LOOK_ANYWHERE
        self._uses.setdefault(Use(chain, self._role))
