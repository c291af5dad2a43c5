"""From a definition to everything that it reaches in the project, as one digest in which no path occurs.

What a name means is followed through the project's imports; names of anybody else's modules, and of modules without
arithmetic, stand for themselves. Where it cannot be told what is taken of a module, all of it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from trustdm.bench.source.definition import Chain, Definition, Import, Use
from trustdm.bench.source.module import Module
from trustdm.bench.source.names import file_of, ours, plumbing

Kind = Literal["definition", "member", "whole", "effects", "foreign"]


class Node(NamedTuple):
    """Something that is reached. ``member`` "*" is an enumeration without its members; "foreign" has no module."""

    kind: Kind
    module: Module | None = None
    name: str = ""
    member: str = ""


class Reach:
    """What one thing reaches. ``modules`` are those that were looked at, in that order."""

    def __init__(self, module_at: Callable[[Path], Module]):
        self.modules: dict[Module, None] = {}
        self._module_at = module_at
        self._looking_up: set[tuple[Module, Chain]] = set()

    def digest(self, module: Module, name: str = "") -> str:
        """Hex SHA-256 of what ``name`` is in a module: "f", "Class" or "Class.function"; of all of it without a name.

        What the import of a module does, other than binding names, counts for everything that is taken from it.
        """
        self.modules[module] = None
        own = self._walk(_root(module, *name.split(".")))
        effects: dict[Module, str] = {}
        while new := [m for m in self.modules if m not in effects]:
            effects |= {m: self._walk(Node("effects", m)) if m.effects.text and m.name else "" for m in new}
        return _sha256("\n".join([own, *sorted({e for e in effects.values() if e})]))

    def _walk(self, root: Node) -> str:
        """Numbers what is reached in the order in which it is met, and hashes each text with the numbers that it uses.

        The order follows from the texts alone, so equal code has one digest wherever its modules lie; and which of two
        definitions of one name is meant by whom is told by the numbers.
        """
        number = {root: 0}
        waiting = [root]
        lines = []
        for node in waiting:
            targets = list(dict.fromkeys(self._targets(node)))
            for target in targets:
                if target not in number:
                    number[target] = len(number)
                    waiting.append(target)
            lines.append(f"{_sha256(_read(node).text if node.module else node.name)} {[number[t] for t in targets]}")
        return _sha256("\n".join(lines))

    def _targets(self, node: Node) -> Iterator[Node]:
        """What a definition uses, in the order of its text."""
        module = node.module
        if module is None:
            return
        definition = _read(node)
        for use in definition.uses:
            for target in self._used(module, definition, use):
                if node.kind != "whole" or target.module is not module:
                    yield target
        if node.kind == "member" and node.member != "*":
            yield from self._typed([Node("definition", module, node.name)], definition.mentions, set())
        if definition.dynamic:
            yield Node("whole", module)

    def _used(self, module: Module, definition: Definition, use: Use) -> Iterator[Node]:
        inside = [imported for name, imported in definition.imports if name == use.chain[0]]
        meant = [*self._imported(inside, use.chain[1:]), *self._named(module, use.chain)]
        typed = use.role == "type" or not meant
        if typed:
            meant += self._imported(module.type_imports.get(use.chain[0], ()), use.chain[1:])
        for node in meant:
            is_class = node.module is not None and node.module.body(node.name) is not None
            if typed or (use.role == "test" and is_class):
                yield from self._typed([node], definition.mentions, set())
            else:
                yield _without_members(node) if use.role == "field" else node

    def _named(self, module: Module, chain: Chain) -> Iterator[Node]:
        """What a name means at the top level of a module."""
        if (module, chain) in self._looking_up:  # two modules that import a name from each other
            return
        self.modules[module] = None
        name, rest = chain[0], chain[1:]
        if module.defines(name):
            yield from _defined(module, name, rest)
        self._looking_up.add((module, chain))
        yield from self._imported(module.imports.get(name, ()), rest)
        if not module.defines(name) and name not in module.imports:
            stars = (Import(i.module) for i in module.imports.get("*", ()))
            yield from self._imported(list(stars), ())
        self._looking_up.discard((module, chain))

    def _imported(self, imports: Iterable[Import], rest: Chain) -> Iterator[Node]:
        for module, name in imports:
            if not ours(module):
                yield Node("foreign", name=f"{module} {name}")
            else:
                yield from self._taken(module, (name, *rest) if name else rest)

    def _taken(self, name: str, chain: Chain) -> Iterator[Node]:
        """What a name of one of the project's modules means, or the module where there is no name."""
        below = f"{name}.{chain[0]}" if chain else ""
        path = file_of(name)
        module = self._module_at(path) if path and not plumbing(name) else None
        if module and chain and (module.defines(chain[0]) or module.imports.keys() & {chain[0], "*"}):
            yield from self._named(module, chain)
        elif below and (below == "trustdm.bench" or file_of(below)):
            yield from self._taken(below, chain[1:])
        elif module:
            self.modules[module] = None
            yield Node("whole", module)
        else:
            yield Node("foreign", name=f"{'.'.join(chain[:1])} of the project")

    def _typed(self, nodes: Iterable[Node], mentions: frozenset[str], seen: set[Node]) -> Iterator[Node]:
        """Of the classes that annotations name, what may be called of an argument: see ``ClassBody.functions_of``."""
        for node in nodes:
            if node.module is None or node in seen or not node.module.defines(node.name):
                continue
            seen.add(node)
            body = node.module.body(node.name)
            for member in body.functions_of(mentions) if body else ():
                yield Node("member", node.module, node.name, member)
            uses = node.module.definition(node.name).uses
            for chain in body.leads(mentions) if body else (use.chain for use in uses):
                yield from self._typed(list(self._any_named(node.module, chain)), mentions, seen)

    def _any_named(self, module: Module, chain: Chain) -> Iterator[Node]:
        yield from self._named(module, chain)
        yield from self._imported(module.type_imports.get(chain[0], ()), chain[1:])


def _root(module: Module, name: str, member: str = "", *inner: str) -> Node:
    """The node of a thing, or of the definition that it is part of; the module where there is none of that name."""
    body = module.body(name)
    if body and member in body.members and not inner:
        return Node("member", module, name, member)
    return Node("definition", module, name) if module.defines(name) else Node("whole", module)


def _defined(module: Module, name: str, rest: Chain) -> Iterator[Node]:
    body = module.body(name)
    if body and rest and rest[0] in body.enumerated:
        yield Node("member", module, name, "*")
        yield Node("member", module, name, rest[0])
    else:
        yield Node("definition", module, name)


def _without_members(node: Node) -> Node:
    """For an enumeration that is named as a type: it without its members; anything else as it is."""
    body = node.module.body(node.name) if node.module and node.kind == "definition" else None
    return Node("member", node.module, node.name, "*") if body and body.enumerated else node


def _read(node: Node) -> Definition:
    module = node.module
    if module is None:
        raise TypeError("a foreign name has no definition")
    if node.kind in ("whole", "effects"):
        return module.whole if node.kind == "whole" else module.effects
    return module.definition(node.name, node.member)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
