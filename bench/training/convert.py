"""A training checkpoint -> one safetensors file of named tensors, with its hash."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from trustdm.bench.arrayfiles import RATIO, SMALL
from trustdm.bench.errors import WeightsError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.plainfiles import open_plain
from trustdm.bench.training.bookkeeping import is_optimizer, network_tensors, of_training
from trustdm.bench.training.weights import read_checkpoint, save_state

EMA = ("ema", "state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "params_ema", "net_ema", "module_ema")
RAW = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "params",
    "weights",
    "module",
    "teacher",
)
PREFIXES = ("module.", "_orig_mod.")  # DataParallel, torch.compile
COUNTER = "n_averaged"  # torch's AveragedModel keeps it beside the weights
LISTED = 12
ADVICE = "take the checkpoint that has the model's state_dict(), or name its key with --prefer"


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What was written, from which part of the checkpoint, and what was left out.

    ``used`` is the path of keys that led to the tensors ("" for the top); ``stripped`` the prefixes removed from
    every name; ``dropped`` one text for each thing left out.
    """

    source: Path
    target: Path
    sha256: str
    tensors: int
    parameters: int
    bytes: int
    used: str
    stripped: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def line(self) -> str:
        """The line to paste into the card's ``weights``."""
        return f'WeightFile(file="{self.target.name}", sha256="{self.sha256}")'

    def __str__(self) -> str:
        """What happened, for a person; the line to paste comes last."""
        lines = [f"{self.target}: {self.tensors} tensors, {self.parameters} values, {self.bytes} bytes"]
        lines.append(f"taken from {self.source}" + (f", key {self.used}" if self.used else ""))
        if self.stripped:
            lines.append(f"removed from every name: {', '.join(self.stripped)}")
        if self.dropped:
            more = f", and {len(self.dropped) - LISTED} more" if len(self.dropped) > LISTED else ""
            lines.append(f"left out: {', '.join(self.dropped[:LISTED])}{more}")
        return "\n".join([*lines, "for the card:", f"    {self.line}"])


def convert(source: Path, target: Path, *, prefer: str = "ema") -> ConvertReport:
    """Writes the network in ``source`` to ``target`` (safetensors) and reports what was used and what was dropped.

    ``prefer`` is "ema" (averaged weights where there are any), "raw" or "model" (those that were trained), or the name
    of a key to take. Prefixes that DataParallel and torch.compile put before every name are removed, others ("model."
    of Lightning) are kept. Shared and non-contiguous tensors get storage of their own. What an optimizer
    keeps is never taken for weights. ``target`` is replaced whole or not at all.

    Raises:
        WeightsError: no tensors, several candidates, code in the file, or a file that cannot be read or written.
    """
    if target.suffix != ".safetensors":
        raise WeightsError(f"{target}: expected a target that ends in .safetensors, got {target.suffix or 'no ending'}")
    size = _size(source)
    content = read_checkpoint(source)
    used, found, dropped = _network_in(content, prefer, source)
    tensors, more = _only_tensors(found, used)
    if not tensors:
        kept = any(of_training(key) or is_optimizer(value) for key, value in found.items()) or is_optimizer(found)
        raise WeightsError(
            f"{source}: expected named tensors in {used or 'the file'!r}, got {_listed(found)}"
            f"{'; what the training keeps for itself is no network: ' + ADVICE if kept or more else ''}"
        )
    tensors, stripped, counters = _without_prefixes(tensors, source)
    if (whole := sum(value.numel() * value.element_size() for value in tensors.values())) > max(SMALL, RATIO * size):
        raise WeightsError(f"{source}: expected tensors of about its {size:,} bytes, got ones of {whole:,}")
    save_state(tensors, target)
    return ConvertReport(
        source=source,
        target=target,
        sha256=sha256_file(target),
        tensors=len(tensors),
        parameters=sum(value.numel() for value in tensors.values()),
        bytes=target.stat().st_size,
        used=used,
        stripped=stripped,
        dropped=(*dropped, *more, *counters),
    )


def _size(source: Path) -> int:
    try:
        with open_plain(source) as file:
            return os.fstat(file.fileno()).st_size
    except OSError as error:
        got = "none" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise WeightsError(f"{source}: expected a checkpoint file, got {got}; check the path") from error


def _network_in(content: Any, prefer: str, source: Path) -> tuple[str, Mapping[str, Any], list[str]]:
    """(path of keys, the state dict there, what was passed by)."""
    if not isinstance(content, Mapping):
        raise WeightsError(f"{source}: expected a dictionary, got {type(content).__name__}; save model.state_dict()")
    path: list[str] = []
    dropped: list[str] = []
    while True:
        if is_optimizer(content):
            what = ".".join(path) or "a file"
            raise WeightsError(f"{source}: expected a network, got {what} with what an optimizer keeps; {ADVICE}")
        key = _choose(content, prefer, source, path)
        if key is None:
            return ".".join(path), content, dropped
        dropped += [_describe(".".join([*path, str(k)]), v) for k, v in content.items() if k != key]
        path.append(str(key))
        content = content[key]


def _choose(content: Mapping[str, Any], prefer: str, source: Path, path: list[str]) -> str | None:
    """The key to go into, or None where ``content`` is the state dict itself.

    Tensors beside a network that is kept under one of the usual keys are counters and the like, not another one.
    """
    where = f"{source}{': ' + '.'.join(path) if path else ''}"
    if not path and (asked := _asked_for(content, prefer, where)):
        return asked
    groups = (EMA, RAW) if prefer == "ema" else (RAW,)
    inner = [key for key, value in content.items() if not of_training(key) and _holds_tensors(value)]
    usual = any(key in group for group in groups for key in inner)
    if not inner or (network_tensors(content)[0] and not usual):
        _refuse_unnamed(content, prefer, where)
        return None
    for group in groups:
        known = [key for key in inner if key in group]
        if group is EMA and not known:
            _refuse_unnamed(content, prefer, where)
        if len(known) == 1:
            return known[0]
        if known:
            raise WeightsError(_ambiguous(where, known))
    others = [key for key in inner if key not in EMA]
    if len(others) == 1:
        return others[0]
    raise WeightsError(_ambiguous(where, others or inner))


def _asked_for(content: Mapping[str, Any], prefer: str, where: str) -> str | None:
    """``prefer`` where it is the name of a key rather than a kind of weights."""
    if prefer in ("ema", "raw"):
        return None
    if isinstance(content.get(prefer), Mapping):
        return prefer
    if prefer == "model":
        return None
    raise WeightsError(f"{where}: expected a state dict under {prefer!r}, got {_listed(content)}")


def _refuse_unnamed(content: Mapping[str, Any], prefer: str, where: str) -> None:
    """Averages kept as a bare list (one tensor a parameter) cannot be named without the network's code."""
    for key in EMA if prefer == "ema" else ():
        value = content.get(key)
        lists = value.values() if isinstance(value, Mapping) else [value]
        if any(isinstance(part, list) and part and isinstance(part[0], Tensor) for part in lists):
            raise WeightsError(
                f"{where}: expected named tensors in {key!r}, got a list without names; copy it into the network in "
                "the training code and save its state_dict(), or prefer 'raw' weights"
            )


def _ambiguous(where: str, keys: list[str]) -> str:
    return f"{where}: expected one network, got {', '.join(map(repr, keys))}; prefer one of these keys by its name"


def _holds_tensors(value: Any) -> bool:
    """Whether a state dict is here or further down; what the training keeps for itself is none."""
    if not isinstance(value, Mapping) or is_optimizer(value):
        return False
    if network_tensors(value)[0]:
        return True
    return any(_holds_tensors(part) for key, part in value.items() if not of_training(key))


def _only_tensors(found: Mapping[str, Any], used: str) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of the network, and what else there is."""
    tensors, others = network_tensors(found)
    prefix = f"{used}." if used else ""
    dropped = [f"{prefix}{name} (tensor of the training)" for name in others]
    return tensors, dropped + [_describe(prefix + str(k), v) for k, v in found.items() if not isinstance(v, Tensor)]


def _without_prefixes(
    tensors: dict[str, Tensor], source: Path
) -> tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...]]:
    """(tensors by their bare names, prefixes removed, counters of the averaging that were dropped)."""
    stripped: list[str] = []
    counters: tuple[str, ...] = ()
    named = [name for name in tensors if name != COUNTER]
    if COUNTER in tensors and named and all(name.startswith(PREFIXES) for name in named):
        counters = (f"{COUNTER} (counts the averaged models)",)
        tensors = {name: tensors[name] for name in named}
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), ""):
        stripped.append(prefix)
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    # torch.compile of a part of the network puts its prefix in the middle of some names.
    inside = {name: name.replace("._orig_mod.", ".").removeprefix("_orig_mod.") for name in tensors}
    if len(set(inside.values())) < len(inside):
        raise WeightsError(f"{source}: expected different names without '_orig_mod.', got the same name twice")
    if any(old != new for old, new in inside.items()):
        stripped.append("_orig_mod.")
    return {inside[name]: value for name, value in tensors.items()}, tuple(dict.fromkeys(stripped)), counters


def _describe(path: str, value: Any) -> str:
    if is_optimizer(value):
        return f"{path} (optimizer)"
    if isinstance(value, Mapping):
        return f"{path} ({len(value)} entries)"
    if isinstance(value, Tensor):
        return f"{path} (tensor {tuple(value.shape)})"
    return f"{path} ({type(value).__name__})"


def _listed(content: Mapping[str, Any]) -> str:
    if not content:
        return "nothing"
    names = ", ".join(_describe(str(key), value) for key, value in list(content.items())[:LISTED])
    return f"{names}, ..." if len(content) > LISTED else names
