"""A loaded method: put on a device, global generators seeded, its exceptions told from ours, its passes counted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.errors import ContractError, TrustdmError
from trustdm.bench.foreign import described, interrupts, one_process, said
from trustdm.bench.rng import Noise, seed32
from trustdm.bench.training.weights import modules_in
from trustdm.bench.types import Counts

if TYPE_CHECKING:
    from trustdm.bench.contracts import MethodCard


class TorchNoise:
    """``Noise`` as tensors on the device of the batch; what a keyed method is given."""

    def __init__(self, noise: Noise, device: torch.device):
        self._noise = noise
        self._device = device

    def normal(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """float32 (B, *shape), standard normal."""
        return torch.from_numpy(self._noise.normal(use, shape)).to(self._device)

    def uniform(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """float32 (B, *shape), uniform on [0, 1)."""
        return torch.from_numpy(self._noise.uniform(use, shape)).to(self._device)


@dataclass
class Meter:
    """Images that went forward through the method, and images a gradient was taken for."""

    forwards: int = 0
    gradients: int = 0

    def counts(self) -> Counts:
        return Counts(self.forwards, self.gradients)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that the machine's memory did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = said(error)
    return "can't allocate memory" in text or "CUDA out of memory" in text


def place(thing: Any, card: MethodCard, device: str, capability: Capability) -> Callable[..., Any]:
    """Puts a loaded method on ``device`` in evaluation mode with frozen weights; returns what it is called by.

    Raises:
        ContractError: it has no method of the capability's name and cannot be called.
    """
    for module in modules_in(thing):
        module.to(device).eval().requires_grad_(False)
    if not isinstance(thing, nn.Module) and callable(getattr(thing, "to", None)):
        thing.to(device)
    itself = thing if capability.bare_module or not isinstance(thing, nn.Module) else None
    able = getattr(thing, capability.name, itself)
    if not callable(able):
        raise ContractError(
            f"{card.name}: expected an object with {capability.call}, or a callable, got {type(thing).__name__}"
        )
    return able  # type: ignore[no-any-return]


@contextmanager
def contract_errors(what: str) -> Iterator[None]:
    """Turns whatever a stranger's code raises into one ContractError that says what raised it; memory is no fault.

    Ctrl-C passes. A process that the code forked off ends here.

    Raises:
        ContractError: with the type and text of the exception.
    """
    with one_process():
        try:
            yield
        except TrustdmError:
            raise
        except BaseException as error:
            if interrupts(error) or out_of_memory(error):
                raise
            raise ContractError(f"{what} raised {described(error)}") from error


@contextmanager
def preserving_state(thing: object) -> Iterator[None]:
    """Puts the networks of an object back as they were: training mode, device, which weights take gradients."""
    modules = [m for top in modules_in(thing) for m in top.modules()]
    modes = [(m, m.training) for m in modules]
    weights = [(p, p.requires_grad) for m in modules for p in m.parameters(recurse=False)]
    devices = [(top, p.device) for top in modules_in(thing) if (p := next(top.parameters(), None)) is not None]
    try:
        yield
    finally:
        for top, device in devices:
            top.to(device)
        for module, training in modes:
            module.training = training
        for weight, wanted in weights:
            weight.requires_grad_(wanted)


@contextmanager
def seeded(*identity: object) -> Iterator[None]:
    """Seeds every global generator from ``identity``, and puts their states back afterwards.

    Existing code that draws from them then repeats itself for each block, and nothing outside notices.
    """
    cuda = list(range(torch.cuda.device_count())) if cuda_in_use() else []
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    seed = seed32(*identity)
    try:
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def cuda_in_use() -> bool:
    """Whether this process has used a CUDA device; asking does not start one."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
