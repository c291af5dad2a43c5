"""What the store takes and gives: frozen rows, and the texts they are stored as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from trustdm.bench.conforms import Conformance
from trustdm.bench.errors import StoreError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.types import Block, CellIdentity, Cost, Origin, Verification

NOTHING: Mapping[str, Any] = MappingProxyType({})
BlockStatus = Literal["done", "failed"]


@dataclass(frozen=True)
class BlockRow:
    """One block as it was run: by which run, where, how often it was tried, what it took.

    ``finished`` is UTC, ISO 8601. ``error`` is the one line of a method that failed ("failed"), empty otherwise.
    """

    block: Block
    status: BlockStatus
    run_id: str
    finished: str
    batch_size: int
    device: str
    attempts: int
    cost: Cost
    error: str = ""


@dataclass(frozen=True)
class CellRow:
    """One attempt at a cell. ``uid`` names it in every store it is copied to; ``id`` and ``attempt`` are local.

    ``lab`` is the id of the store that measured it.

    ``supersedes`` is the id of the cell that this one corrects; ``superseded`` says that another one corrects this, and
    has at least one block already. ``conformance`` is how its method did in conformance checks, None where these were
    not run.
    """

    id: int
    uid: str
    lab: str
    key: str
    attempt: int
    identity: CellIdentity
    planned: int
    code_digest: str
    state_digest: str | None
    origin: Origin
    verification: Verification
    supersedes: int | None
    superseded: bool
    created: str
    card: dict[str, object]
    suite_content: str
    conformance: Conformance | None = None


@dataclass(frozen=True)
class RunRow:
    """One invocation; ``finished`` and ``exit_code`` are None while it runs, and stay so if it was killed."""

    id: str
    started: str
    finished: str | None
    exit_code: int | None
    command: str
    commit: str
    dirty: bool | None
    facts: dict[str, str]


@dataclass(frozen=True)
class Held:
    """A cell that holds something: whose it is, and a hash of all that is exported of it. ``params`` are JSON.

    Beside what ``Store.revisions`` follows, ``revision`` moves when a run ends that computed a block of the cell.
    """

    id: int
    suite: str
    method: str
    params: str
    revision: str


@dataclass(frozen=True)
class AssetRow:
    """A prepared asset: the SHA-256 of its ``identity`` (canonical JSON) and of its files, and what it took to make."""

    key: str
    content: str
    identity: str
    code_digest: str
    bytes: int
    cost: Cost


@dataclass(frozen=True)
class NewCell:
    """What a cell is created with."""

    identity: CellIdentity
    planned: int
    code_digest: str
    card: Mapping[str, object]
    suite_content: str


def identity_text(identity: CellIdentity) -> str:
    """The canonical JSON whose SHA-256 is the cell's key."""
    return canonical_json(asdict(identity))


def identity_from(text: str) -> CellIdentity:
    """The identity again; sequences come back as tuples.

    Raises:
        StoreError: it has other fields than an identity has today, or values of another type.
    """
    values = json.loads(text)
    names = {f.name for f in fields(CellIdentity)}
    if set(values) != names:
        odd = ", ".join(sorted(set(values) ^ names))
        raise StoreError(
            f"identity of a cell: expected today's fields, got a difference in {odd}; start a new database"
        )
    for field in fields(CellIdentity):
        kind = KINDS.get(str(field.type))
        if kind is not None and type(values[field.name]) is not kind:
            raise StoreError(f"identity of a cell: {field.name}: expected {field.type}, got {values[field.name]!r:.60}")
    return CellIdentity(**{name: frozen(values[name]) for name in names})


KINDS = {"str": str, "int": int}
"""Types of the fields of an identity that are plain values."""


def frozen(value: object) -> Any:
    """A JSON value with tuples in place of lists."""
    return tuple(frozen(v) for v in value) if isinstance(value, list) else value
