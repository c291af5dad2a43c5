"""Attacks on the weights of a loaded method, undone bit for bit afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from trustdm.bench.errors import ContractError
from trustdm.bench.method import contract_errors
from trustdm.bench.rng import derive
from trustdm.bench.training.weights import modules_in, state_digest

if TYPE_CHECKING:
    from trustdm.bench.contracts import WeightAttack

Slots = dict[str, Tensor | None]


class NamedNoise:
    """The ``WeightNoise`` of ``key``: a value depends on the key and on the name of the tensor alone."""

    def __init__(self, key: str):
        self.key = key

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """float32 ``shape`` on the CPU, standard normal."""
        drawn = self._generator("normal", name).standard_normal(int(np.prod(shape)), dtype=np.float32)
        return torch.from_numpy(drawn).reshape(shape)

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """float32 ``shape`` on the CPU, uniform on [0, 1)."""
        drawn = self._generator("uniform", name).random(int(np.prod(shape)), dtype=np.float32)
        return torch.from_numpy(drawn).reshape(shape)

    def _generator(self, use: str, name: str) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=derive(self.key, "weights", use, name)))


@contextmanager
def attacked(thing: object, attack: WeightAttack, key: str) -> Iterator[int]:
    """The method ``thing`` has attacked weights inside, and afterwards, whatever happened, those that it had.

    Yields how many of its numbers are others.

    Attacked are the networks (``nn.Module``) that it is or holds. The attack sees copies on the CPU, so the outcome
    does not depend on the device. Memory that two names share is attacked once: under the name of a parameter rather
    than a buffer, of the larger tensor, the first in order. Integer, complex, sparse and quantised buffers, and
    buffers that repeat one element, are left alone; a parameter of such a kind is refused.

    Args:
        thing: a loaded method. Its parameters and buffers are put back by bits and by object, with ``requires_grad``,
            training mode and device; ``grad`` is not. The rest of what ``state_digest`` covers must stay as it is.
        attack: a weight attack, with its parameters.
        key: what its noise derives from.

    Raises:
        ContractError: weights that cannot be attacked, values that are not what an attack may return, or weights that
            cannot be restored: it then is another method than before, and must be loaded again.
    """
    before = state_digest(thing)
    places = _places(thing)
    targets = _targets(places)
    kept = _kept(places)
    modes = [(module, module.training) for top in modules_in(thing) for module in top.modules()]
    try:
        yield _write(targets, new_values(attack, _copies(targets), key))
    finally:
        _restore(places, kept)
        for module, training in modes:
            module.training = training
        _require_restored(thing, before)


def new_values(attack: WeightAttack, tensors: Mapping[str, Tensor], key: str) -> dict[str, Tensor]:
    """What ``attack`` makes of ``tensors``, checked.

    Raises:
        ContractError: it raised, or returned an unknown name, another shape or dtype, NaN or infinity.
    """
    who, known = f"weight attack {type(attack).__name__}", dict(tensors)
    with contract_errors(who), torch.no_grad():
        values = attack.perturb(tensors, NamedNoise(key))
    if not isinstance(values, dict):
        raise ContractError(f"{who}: expected a dict of tensors by name, got {type(values).__name__}")
    for name, value in values.items():
        if fault := _fault(known.get(name), value):
            raise ContractError(f"{who}: {name!r}: {fault}")
    return values


def selected(tensors: Mapping[str, Tensor], *, buffers: bool) -> dict[str, Tensor]:
    """The parameters of ``tensors``, and with ``buffers`` the rest, in order of names.

    Those that are empty or hold NaN or infinity (masks) are left out.

    Raises:
        ContractError: nothing is left.
    """
    chosen = {
        name: tensors[name]
        for name in sorted(tensors)
        if (buffers or isinstance(tensors[name], nn.Parameter)) and tensors[name].numel() and _finite(tensors[name])
    }
    if not chosen:
        hint = "" if buffers else "; with buffers = true these are attacked as well"
        raise ContractError(f"weights: expected parameters to attack, got none among {len(tensors)} tensors{hint}")
    return chosen


def _finite(value: Tensor) -> bool:
    return bool(value.double().isfinite().all())


def _fault(old: Tensor | None, new: object) -> str:
    """Why ``new`` may not take the place of ``old``; empty if it may."""
    if old is None:
        return "expected a name that was passed in, got an unknown one"
    if not isinstance(new, Tensor):
        return f"expected a tensor, got {type(new).__name__}"
    if (new.shape, new.dtype, new.layout) != (old.shape, old.dtype, old.layout):
        return f"expected {old.dtype} of shape {tuple(old.shape)}, got {new.dtype} of shape {tuple(new.shape)}"
    if bool((old.double().isfinite().cpu() & ~new.detach().double().isfinite().cpu()).any()):
        return "expected finite values, got NaN or infinity"
    return ""


@dataclass(frozen=True)
class _Place:
    """Where a network holds a tensor; ``alias`` is the memory it had, None where that is not plain memory."""

    name: str
    slots: Slots
    leaf: str
    tensor: Tensor
    alias: Tensor | None
    requires_grad: bool

    @property
    def is_parameter(self) -> bool:
        return isinstance(self.tensor, nn.Parameter)

    def put_back(self) -> None:
        self.slots[self.leaf] = self.tensor
        if self.alias is not None and not _same_memory(self.tensor, self.alias):
            self.tensor.data = self.alias
        if self.tensor.requires_grad != self.requires_grad:
            self.tensor.requires_grad_(self.requires_grad)


def _places(thing: object) -> list[_Place]:
    """Every parameter and buffer; a network's number is before its names where there are several."""
    tops = modules_in(thing)
    return [
        _Place(f"{path}.{leaf}" if path else leaf, slots, leaf, tensor, _alias(tensor), tensor.requires_grad)
        for number, top in enumerate(tops)
        for path, module in top.named_modules(prefix=str(number) if len(tops) > 1 else "")
        for slots in (module._parameters, module._buffers)
        for leaf, tensor in slots.items()
        if tensor is not None
    ]


def _alias(tensor: Tensor) -> Tensor | None:
    """A tensor over the same memory, which autograd, inference mode and what is done to ``tensor`` do not reach."""
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided
    if not plain or tensor.is_quantized or tensor.is_neg() or tensor.is_conj():
        return None
    alias = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
    alias.set_(tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
    return nn.Parameter(alias, requires_grad=False) if isinstance(tensor, nn.Parameter) else alias


def _same_memory(one: Tensor, other: Tensor) -> bool:
    def facts(t: Tensor) -> tuple[object, ...]:
        return _storage(t), t.storage_offset(), t.dtype, t.size(), t.stride()

    return facts(one) == facts(other)


def _storage(tensor: Tensor) -> tuple[str, int]:
    return str(tensor.device), tensor.untyped_storage().data_ptr()


def _targets(places: list[_Place]) -> dict[str, Tensor]:
    """The memory to attack, each element once, by the name it is attacked under, in order of names.

    Raises:
        ContractError: there are no weights, or a parameter cannot be attacked.
    """
    able = []
    for place in places:
        fault = _unfit(place)
        if fault and place.is_parameter:
            raise ContractError(f"weights: {place.name!r}: expected a floating point parameter, got {fault}")
        if not fault:
            able.append(place)
    if not able:
        raise ContractError("weights: expected networks with floating point weights to attack, got none")
    storages: dict[tuple[str, int], list[_Place]] = {}
    for place in sorted(able, key=lambda p: (not p.is_parameter, -p.tensor.numel(), p.name)):
        storages.setdefault(_storage(place.tensor), []).append(place)
    apart = [place for sharing in storages.values() for place in _apart(sharing)]
    return {place.name: place.alias for place in sorted(apart, key=lambda p: p.name) if place.alias is not None}


def _unfit(place: _Place) -> str:
    """What keeps a tensor from being attacked; empty if nothing does."""
    tensor = place.tensor
    if place.alias is None:
        return f"{type(tensor).__name__} ({tensor.dtype}, {tensor.layout})"
    if not tensor.is_floating_point():
        return str(tensor.dtype)
    if any(stride == 0 and size > 1 for stride, size in zip(tensor.stride(), tensor.shape, strict=True)):
        return "an expanded one, whose elements share memory"
    return ""


def _apart(sharing: list[_Place]) -> list[_Place]:
    """Those of the places in one storage that have no memory in common with an earlier one that stays."""
    if len(sharing) == 1:
        return sharing
    unit = min(p.tensor.element_size() for p in sharing)
    taken = torch.zeros(sharing[0].tensor.untyped_storage().nbytes() // unit, dtype=torch.bool)
    apart = []
    for place in sharing:
        tensor, wide = place.tensor, place.tensor.element_size() // unit
        strides = [wide * stride for stride in tensor.stride()]
        own = taken.as_strided((*tensor.shape, wide), (*strides, 1), wide * tensor.storage_offset())
        if not own.any():
            own.fill_(True)
            apart.append(place)
    return apart


def _copies(targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies on the CPU; parameters are parameters."""
    copies = {}
    for name, memory in targets.items():
        copy = memory.detach().to("cpu", copy=True).contiguous()
        copies[name] = nn.Parameter(copy, requires_grad=False) if isinstance(memory, nn.Parameter) else copy
    return copies


def _write(targets: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> int:
    """How many numbers became others."""
    changed = 0
    with torch.no_grad():
        for name, value in values.items():
            changed += int((targets[name].cpu().double() != value.cpu().double()).sum())
            targets[name].copy_(value)
    return changed


def _kept(places: list[_Place]) -> list[tuple[Tensor, Tensor]]:
    """The bytes of each storage that is used, as they are in place and as a copy on the CPU."""
    storages = {_storage(p.alias): p.alias.untyped_storage() for p in places if p.alias is not None}
    kept = []
    for storage in storages.values():
        in_place = torch.empty(0, dtype=torch.uint8, device=storage.device)
        in_place.set_(storage, 0, (storage.nbytes(),), (1,))
        kept.append((in_place, in_place.to("cpu", copy=True)))
    return kept


def _restore(places: list[_Place], kept: list[tuple[Tensor, Tensor]]) -> None:
    for place in places:
        place.put_back()
    with torch.no_grad():
        for in_place, copy in kept:
            in_place.copy_(copy)


def _require_restored(thing: object, before: str | None) -> None:
    if state_digest(thing) != before:
        raise ContractError(
            "weights: cannot be restored after an attack: expected the parameters and buffers of before, got others; "
            "the method must not make new networks, or tensors outside of them, while it is called"
        )
