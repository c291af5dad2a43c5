"""Counts what a loaded method does: images through its networks, backward passes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from trustdm.bench.training.weights import modules_in


@contextmanager
def counted(thing: object) -> Iterator[dict[str, int]]:
    """While it lasts, counts the images that enter each network of ``thing`` from outside any other network."""
    rows: dict[str, int] = {}
    depth = [0]

    def enter(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if depth[0] == 0:
                rows[name] = rows.get(name, 0) + _images_in((*args, *kwargs.values()))
            depth[0] += 1

        return hook

    def leave(*_: Any) -> None:
        depth[0] -= 1

    handles = []
    for name, module in _networks(thing):
        handles.append(module.register_forward_pre_hook(enter(name), with_kwargs=True))
        handles.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield rows
    finally:
        for handle in handles:
            handle.remove()


def _networks(thing: object) -> Iterator[tuple[str, nn.Module]]:
    """Every module that has parameters, each once, with a name that is fit for a table."""
    seen: set[int] = set()
    for top in modules_in(thing):
        for path, module in top.named_modules():
            if id(module) not in seen and next(module.parameters(), None) is not None:
                seen.add(id(module))
                yield re.sub(r"[^A-Za-z0-9_.-]", "_", path or type(module).__name__)[:60], module


def _images_in(values: Sequence[object]) -> int:
    """The batch size of a call: the length of its first tensor that has a batch."""
    return next((len(v) for v in values if isinstance(v, Tensor) and v.ndim > 0), 1)


@contextmanager
def entered(thing: object) -> Iterator[dict[int, int]]:
    """While it lasts, counts the images that enter each module of ``thing`` that has parameters, by the module's id."""
    rows: dict[int, int] = {}

    def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        rows[id(module)] = rows.get(id(module), 0) + _images_in((*args, *kwargs.values()))

    handles = [m.register_forward_pre_hook(enter, with_kwargs=True) for _, m in _networks(thing)]
    try:
        yield rows
    finally:
        for handle in handles:
            handle.remove()


def network_passes(thing: object, rows: dict[int, int]) -> int:
    """How many images went through the networks of ``thing`` in all, from what ``entered`` counted.

    A module is one network, unless a part of it is entered more often than it is itself: then it is a loop around its
    parts (a purifier around a denoiser), and these are counted. A network that is no module cannot be seen.
    """
    return sum(_passes(module, rows) for module in modules_in(thing))


def _passes(module: nn.Module, rows: dict[int, int]) -> int:
    own = rows.get(id(module), 0)
    parts = list(module.children())
    if own and all(_most(part, rows) <= own for part in parts):
        return own
    return sum(_passes(part, rows) for part in parts)


def _most(module: nn.Module, rows: dict[int, int]) -> int:
    """How often a part is entered: itself, or for a mere container (``nn.ModuleList``) what lies in it."""
    return rows.get(id(module)) or max((_most(part, rows) for part in module.children()), default=0)


@contextmanager
def backward_calls() -> Iterator[list[str]]:
    """Records each time autograd's engine is started inside the block: a sign of optimisation at test time."""
    calls: list[str] = []
    engine: Any = torch.autograd._engine_run_backward  # type: ignore[attr-defined]

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append("backward")
        return engine(*args, **kwargs)

    torch.autograd._engine_run_backward = counted  # type: ignore[attr-defined]
    try:
        yield calls
    finally:
        torch.autograd._engine_run_backward = engine  # type: ignore[attr-defined]
