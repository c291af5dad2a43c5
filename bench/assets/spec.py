"""What must be prepared before a block can be run: an asset, made once by a registered step and found again by its key.

The key says what the asset is: the step with its version and parameters, what it is about (a method, data), the seed,
and the keys of the assets it is made from. The code that made it, and what it is made from, is stored beside it:
another code is refused, as it is for cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, cast

from trustdm.bench.codehash import code_digest
from trustdm.bench.contracts import MethodCard, StepCard
from trustdm.bench.errors import UsageError
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.registry import Registry

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite


@dataclass(frozen=True)
class AssetSpec:
    """An asset as a protocol asks for it: the ``step`` by name, its parameters, and assets it is made from, by name."""

    step: str
    params: Mapping[str, object] = field(default_factory=dict)
    parents: Mapping[str, AssetSpec] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodIdentity:
    """The method an asset is about: name, version, parameters, and the digests of its weights."""

    name: str
    version: str
    params: tuple[tuple[str, object], ...]
    weights: tuple[str, ...]
    randomness: str


@dataclass(frozen=True)
class AssetIdentity:
    """Everything that may change an asset, and nothing else; ``key`` is its SHA-256. ``parents``: (name, key)."""

    step: str
    step_version: str
    params: str
    method: MethodIdentity | None
    data: str
    seed: int
    parents: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Canonical JSON."""
        return canonical_json(asdict(self))

    @property
    def key(self) -> str:
        return sha256_of(asdict(self))


@dataclass(frozen=True)
class PlannedAsset:
    """An asset ready to be made; ``code``: of the step, of the method if it is about one, of what it is made from."""

    identity: AssetIdentity
    params: Mapping[str, object]
    parents: Mapping[str, PlannedAsset]
    code: str

    @property
    def key(self) -> str:
        return self.identity.key

    def __str__(self) -> str:
        return f"{self.identity.step} {self.key[:12]}"


@dataclass(frozen=True)
class About:
    """What the assets of one cell may be about: its suite, its method with the digest of that code, its seed."""

    suite: Suite
    card: MethodCard
    params: tuple[tuple[str, object], ...]
    weights: tuple[str, ...]
    code: str
    seed: int


def planned(spec: AssetSpec, about: About, registry: Registry) -> PlannedAsset:
    """The asset that ``spec`` asks for, with the assets it is made from.

    Raises:
        UsageError: no such step, or the method cannot do what the step asks of it.
    """
    entry = registry.get("step", spec.step)
    card = cast(StepCard, entry.card)
    if card.capability and card.capability not in about.card.capabilities:
        raise UsageError(
            f"step {card.name}: expected a method that can {card.capability}, got {about.card.name}, which can "
            f"{', '.join(about.card.capabilities)}"
        )
    parents = {name: planned(parent, about, registry) for name, parent in sorted(spec.parents.items())}
    method = MethodIdentity(about.card.name, about.card.version, about.params, about.weights, about.card.randomness)
    identity = AssetIdentity(
        step=card.name,
        step_version=card.version,
        params=canonical_json(dict(spec.params)),
        method=method if card.capability else None,
        data=_data(about.suite, registry) if card.data else "",
        seed=about.seed,
        parents=tuple((name, parent.key) for name, parent in parents.items()),
    )
    others = [about.code] * bool(card.capability) + [parent.code for parent in parents.values()]
    return PlannedAsset(identity, dict(spec.params), parents, _code(code_digest([entry.load()]), others))


def _code(own: str, others: Sequence[str]) -> str:
    """One digest of the code of a step and of all that it builds on: an edit of any of it is an edit of the asset."""
    return sha256_of([own, *others]) if others else own


def _data(suite: Suite, registry: Registry) -> str:
    """Digest of the data a step may read: the data set by its content, its shape, and the lists of the splits.

    Where the suite says nothing of the content, it is that of the data that are found.
    """
    from trustdm.bench.suite.data import open_data

    told = suite.data.model_dump(mode="json", exclude={"options"}, exclude_none=True)
    return sha256_of({**told, "digest": suite.data.digest or open_data(suite, registry).digest()})
