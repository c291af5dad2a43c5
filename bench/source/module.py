"""A file as definitions by name, imports, and statements that do something when it is imported."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from copy import copy
from functools import cached_property
from pathlib import Path

from trustdm.bench.source.definition import (
    Chain,
    Definition,
    Function,
    Import,
    Reader,
    bindings,
    chain_of,
    chains_in,
    for_types_only,
    is_silent,
    stored,
)
from trustdm.bench.source.names import name_of, ours, plumbing

ENUMS = {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "ReprEnum"}
_LOOKS_AT_ALL = {"cls", "type", "super", "__class__", "__members__"}
Statements = list[ast.stmt]


class ClassBody:
    """The body of a class, by the names that its statements bind."""

    def __init__(self, node: ast.ClassDef):
        self.node = node
        self.members: dict[str, Statements] = {}
        for statement in node.body:
            for name in stored(statement):
                self.members.setdefault(name, []).append(statement)

    @cached_property
    def bases(self) -> tuple[Chain, ...]:
        """Its base classes, as far as they are names."""
        nodes = (base.value if isinstance(base, ast.Subscript) else base for base in self.node.bases)
        return tuple(chain for node in nodes if (chain := chain_of(node)))

    @cached_property
    def enumerated(self) -> frozenset[str]:
        """The members of an enumeration that can be taken one by one: none depends on which others there are."""
        values = {name for name, statements in self.members.items() if isinstance(statements[0], ast.Assign)}
        values = {name for name in values if not name.startswith("_")}
        apart = all(len(self.members[name]) == 1 and _written_out(self.members[name][0]) for name in values)
        enum = any(base[-1] in ENUMS for base in self.bases)
        return frozenset(values) if enum and apart and not self._looks_at_all() else frozenset()

    def _looks_at_all(self) -> bool:
        chains = (chain for statement in self.node.body for chain in chains_in(statement))
        return any(chain[0] == self.node.name or _LOOKS_AT_ALL.intersection(chain) for chain in chains)

    def without_members(self) -> ast.ClassDef:
        """The enumeration with no members."""
        rest = copy(self.node)
        rest.body = [s for s in self.node.body if not self.enumerated.intersection(stored(s))]
        return rest

    def functions_of(self, mentions: frozenset[str]) -> list[str]:
        """The functions that run for an argument of this class in code that ``mentions`` these names of attributes.

        Special ones (``__len__``) run without being named. Fields do not run.
        """
        named = (name for name in sorted(self.members) if name in mentions or name.startswith("__"))
        return [name for name in named if any(isinstance(s, Function) for s in self.members[name])]

    def leads(self, mentions: frozenset[str]) -> Iterator[Chain]:
        """The classes of what such code has at hand besides: bases, and types of fields and answers that it names."""
        yield from self.bases
        for statement in (s for name in sorted(mentions.intersection(self.members)) for s in self.members[name]):
            if isinstance(statement, ast.AnnAssign):
                yield from chains_in(statement.annotation)
            elif isinstance(statement, Function) and statement.returns is not None:
                yield from chains_in(statement.returns)


class Module:
    """A parsed file; its ``name`` is that of a module of the project, or empty: somebody else's.

    Raises:
        SyntaxError: it is no Python.
    """

    def __init__(self, path: Path, source: bytes):
        self.path = path
        self.source = source
        self.name = name_of(path)
        self.imports: dict[str, list[Import]] = {}
        self.type_imports: dict[str, list[Import]] = {}
        with warnings.catch_warnings():  # what Python has to say of the file is said when it is imported
            warnings.simplefilter("ignore", SyntaxWarning)
            self._tree = ast.parse(source)
        parts = self.name.split(".") if self.name else []
        self._package = parts if path.name == "__init__.py" else parts[:-1]
        self._bound: dict[str, Statements] = {}
        self._effects: Statements = []
        for statement in self._tree.body:
            self._sort(statement)
        self._effects += [s for s in self._tree.body if self._registers(s)]
        self._classes: dict[str, ClassBody | None] = {}
        self._read: dict[tuple[str, str], Definition] = {}

    def defines(self, name: str) -> bool:
        """Whether a statement binds the name, other than an import."""
        return name in self._bound

    def body(self, name: str) -> ClassBody | None:
        """The class of that name; None if it is none, or defined in several ways."""
        if name not in self._classes:
            first, *others = self._bound.get(name, [None])
            self._classes[name] = ClassBody(first) if isinstance(first, ast.ClassDef) and not others else None
        return self._classes[name]

    def definition(self, name: str, member: str = "") -> Definition:
        """Everything that binds ``name``, or a member of the class ``name``; "*": an enumeration without members."""
        if (name, member) not in self._read:
            self._read[name, member] = self._reader().read(self._statements(name, member))
        return self._read[name, member]

    def _statements(self, name: str, member: str) -> Statements:
        body = self.body(name)
        if not member or body is None:
            return self._bound[name]
        return [body.without_members()] if member == "*" else body.members[member]

    @cached_property
    def effects(self) -> Definition:
        """The statements that do something when the module is imported."""
        return self._reader().read(self._effects)

    @cached_property
    def whole(self) -> Definition:
        """The whole module."""
        return self._reader().read(self._tree.body)

    @cached_property
    def every_import(self) -> tuple[str, ...]:
        """The names of all modules that are imported anywhere in it, and of what may be modules."""
        found: set[str] = set()
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                found |= {base, *(f"{base}{'' if base.endswith('.') else '.'}{alias.name}" for alias in node.names)}
        return tuple(sorted(found))

    def _reader(self) -> Reader:
        future = self.imports.get("annotations", ())
        return Reader(self._package, lazy=Import("__future__", "annotations") in future)

    def _sort(self, statement: ast.stmt) -> None:
        """Notes what a top-level statement binds, imports and does."""
        if isinstance(statement, ast.If) and for_types_only(statement):
            self._note_imports(statement.body, self.type_imports)
            for other in statement.orelse:
                self._sort(other)
            return
        if isinstance(statement, Function | ast.ClassDef):
            self._bound.setdefault(statement.name, []).append(statement)
            return
        self._note_imports([statement], self.imports)
        if isinstance(statement, ast.Import | ast.ImportFrom) or is_silent(statement) or _script_only(statement):
            return
        for name in stored(statement):
            self._bound.setdefault(name, []).append(statement)
        if not _only_binds(statement):
            self._effects.append(statement)

    def _note_imports(self, statements: Statements, table: dict[str, list[Import]]) -> None:
        for node in (node for statement in statements for node in ast.walk(statement)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, imported in bindings(node, self._package):
                    table.setdefault(name, []).append(imported)

    def _registers(self, statement: ast.stmt) -> bool:
        """Whether a decorator, of this module or of the project, may put what it decorates into a table."""
        if not isinstance(statement, Function | ast.ClassDef):
            return False
        chains = (next(chains_in(decorator), ("",)) for decorator in statement.decorator_list)
        return any(chain[0] in self._bound or _taken(self.imports, chain[0]) for chain in chains)


def _taken(imports: Mapping[str, list[Import]], name: str) -> bool:
    return any(ours(i.module) and not plumbing(i.module) for i in imports.get(name, ()))


def _written_out(statement: ast.stmt) -> bool:
    try:
        ast.literal_eval(getattr(statement, "value", statement))
    except ValueError:
        return False
    return True


def _script_only(statement: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":``, which does nothing in a module that is imported."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def _only_binds(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return not any(isinstance(n, ast.Attribute | ast.Subscript) for t in statement.targets for n in ast.walk(t))
    if isinstance(statement, ast.AnnAssign):
        return isinstance(statement.target, ast.Name)
    return isinstance(statement, ast.Pass) or type(statement).__name__ == "TypeAlias"
