"""From a definition to everything that it reaches in the project, as one digest in which no path occurs.

What a name means is followed through the project's imports; names of anybody else's modules, and of modules without
arithmetic, stand for themselves. Where it cannot be told what is taken of a module, all of it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from trustdm.bench.source.definition import Chain, Definition, Function, Import, Use
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
        """Hex SHA-256 of a name of a module (of all of it without a name, or where it defines none of that name).

        What the import of a module does, other than binding names, counts for everything that is taken from it.
        """
        self.modules[module] = None
        own = self._walk(Node("definition", module, name) if module.defines(name) else Node("whole", module))
        effects: dict[Module, str] = {}
        while new := [m for m in self.modules if m not in effects]:
            effects |= {m: self._walk(Node("effects", m)) if m.effects.text != "[]" and m.name else "" for m in new}
        return _sha256("\n".join([own, *sorted({e for e in effects.values() if e})]))

    def _walk(self, root: Node) -> str:
        """Numbers what is reached in the order in which it is met, and hashes each text with the numbers it uses.

        Two graphs have one digest if and only if they differ by where their modules lie: the order depends on the
        texts alone.
        """
        number = {root: 0}
        waiting = [root]
        lines = []
        for node in waiting:
            targets = list(dict.fromkeys(t for t in self._targets(node) if not (node.kind == "whole" and t.module is node.module)))
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
            yield from self._used(module, definition, use)
        if node.kind == "member" and node.member != "*":
            yield from self._typed([Node("definition", module, node.name)], definition.mentions, set())
        if definition.dynamic:
            yield Node("whole", module)

    def _used(self, module: Module, definition: Definition, use: Use) -> Iterator[Node]:
        inside = [imported for name, imported in definition.imports if name == use.chain[0]]
        meant = [*self._imported(inside, use.chain[1:]), *self._named(module, use.chain)]
        if use.role == "type" or not meant:
            meant += self._imported(module.type_imports.get(use.chain[0], ()), use.chain[1:])
            yield from self._typed(meant, definition.mentions, set())
            return
        for node in meant:
            body = node.module.body(node.name) if node.module and node.kind == "definition" else None
            yield Node("member", node.module, node.name, "*") if use.role == "field" and body and body.enumerated else node

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
        """Of the classes that an annotation names: the functions that are called by their names, and the special ones.

        An argument's class is not imported to be called, but its functions may run; its fields do not.
        """
        for node in nodes:
            if node.module is None or node in seen or not node.module.defines(node.name):
                continue
            seen.add(node)
            module, body = node.module, node.module.body(node.name)
            further = [use.chain for use in module.definition(node.name).uses] if body is None else list(body.bases)
            for member in sorted(body.members) if body else ():
                mentioned = member in mentions
                if mentioned or member.startswith("__"):
                    if any(isinstance(s, Function) for s in body.members[member]):
                        yield Node("member", module, node.name, member)
                further += body.types_of(member) if mentioned else ()
            for chain in further:
                yield from self._typed(list(self._any_named(module, chain)), mentions, seen)

    def _any_named(self, module: Module, chain: Chain) -> Iterator[Node]:
        yield from self._named(module, chain)
        yield from self._imported(module.type_imports.get(chain[0], ()), chain[1:])


def _defined(module: Module, name: str, rest: Chain) -> Iterator[Node]:
    body = module.body(name)
    if body and rest and rest[0] in body.enumerated:
        yield Node("member", module, name, "*")
        yield Node("member", module, name, rest[0])
    else:
        yield Node("definition", module, name)


def _read(node: Node) -> Definition:
    module = node.module
    if module is None:
        raise TypeError("a foreign name has no definition")
    if node.kind in ("whole", "effects"):
        return module.whole if node.kind == "whole" else module.effects
    return module.definition(node.name, node.member)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
