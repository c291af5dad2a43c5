"""Checkpoints, read after their hash was checked (``weightfiles``); and the digest of a loaded state."""

from __future__ import annotations

import argparse
import functools
import hashlib
import pickle
import types
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from trustdm.bench.arrayfiles import checked, reason
from trustdm.bench.contracts import WeightFile
from trustdm.bench.errors import WeightsError
from trustdm.bench.plainfiles import open_plain
from trustdm.bench.training.weightfiles import _guise, verify

PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".tar", ".th", ".pkl", ".chk", ".model")
DEPTH = 6  # how far state_digest follows attributes and containers


def load_state(card_file: WeightFile, folder: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, on the CPU, after its SHA-256 was found to be the card's.

    Looked for as ``folder/file`` (``folder`` is the plugin's) and then in ``$TRUSTDM_WEIGHTS`` (as ``file`` or by its
    last part). The name may not leave these folders; a symbolic link inside them may, as the hash decides.

    Raises:
        WeightsError: missing, another hash, unsafe to load, or not a checkpoint of named tensors.
    """
    path = verify(card_file, folder)
    return _named_tensors(read_checkpoint(path), path)


def read_checkpoint(path: Path) -> Any:
    """What a safetensors or torch file holds, on the CPU; no code in it is run.

    Raises:
        WeightsError: a web page or a pointer instead of a checkpoint, a pickle that needs code, a damaged file.
    """
    try:
        guise = _guise(path)
    except OSError as error:
        raise WeightsError(f"{path}: expected a checkpoint, got {reason(error)}") from error
    if guise:
        raise WeightsError(f"{path}: expected a checkpoint, got {guise}; download the file itself")
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except Exception as error:  # parsers raise whatever they like on a stranger's file
            problem = f"one that cannot be read: {reason(error)}"
            raise WeightsError(f"{path}: expected a safetensors file, got {problem}") from error
    if path.suffix not in PICKLES:
        raise WeightsError(f"{path}: expected .safetensors or one of {', '.join(PICKLES)}, got {path.suffix!r}")
    try:
        _check_archive(path)
        with torch.serialization.safe_globals(_harmless()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch thinks of old formats
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(_unsafe(path, str(error))) from error
    except Exception as error:  # files of old formats take torch's unpickler apart: AssertionError, IndexError, ...
        problem = f"one that cannot be read: {reason(error)}"
        raise WeightsError(f"{path}: expected a torch checkpoint, got {problem}") from error


def _check_archive(path: Path) -> None:
    """Looks at the directory of a zip archive, as torch writes them, before anything in it is unpacked.

    Raises:
        Unreadable: it would unpack to more than it may, or its members are not such as torch writes.
    """
    with open_plain(path) as file:
        if file.read(4) == b"PK\3\4":
            with zipfile.ZipFile(file) as archive:
                checked(archive)


def save_state(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Writes named tensors as safetensors: whole or not at all, each with storage of its own, the same bytes each time.

    Raises:
        WeightsError: it cannot be written, or has a type that safetensors lacks.
    """
    own = {name: value.detach().cpu().to_dense().clone().contiguous() for name, value in tensors.items()}
    part = path.with_name(path.name + ".part")
    try:
        content = safetensors.torch.save(own)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except (OSError, safetensors.SafetensorError, KeyError, ValueError) as error:
        if part.is_file():
            part.unlink()
        raise WeightsError(f"{path}: cannot be written: {error}") from error


def state_digest(thing: object) -> str | None:
    """Hex SHA-256 over every parameter and buffer that ``thing`` is, or holds; None where there is none.

    Covers name, dtype, shape and bytes. Followed are attributes, lists and dicts, and what functions close over or
    name in their own module, so that wrapped code is covered. The order in which things were made does not matter;
    their names do. Numbers that are no tensors (a scale, a depth) are the business of the code digest.

    Raises:
        WeightsError: a tensor has no values yet (a lazy or meta parameter).
    """
    tensors = dict(_tensors_of(thing, "", DEPTH, set()))
    if not tensors:
        return None
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = _dense(name, tensors[name])
        digest.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        if value.numel():  # an empty tensor may have a stride that cannot be viewed as bytes
            digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def modules_in(thing: object) -> list[nn.Module]:
    """The networks that ``thing`` is or holds, found where ``state_digest`` looks; not those inside another one."""
    found: list[nn.Module] = []
    seen: set[int] = set()

    def walk(part: object, depth: int) -> None:
        if id(part) in seen or depth < 0:
            return
        seen.add(id(part))
        if isinstance(part, nn.Module):
            found.append(part)
        elif not isinstance(part, Tensor | np.ndarray):
            for _, inner in _parts(part):
                walk(inner, depth - 1)

    walk(thing, DEPTH)
    return found


def _dense(name: str, value: Tensor) -> Tensor:
    if nn.parameter.is_lazy(value) or value.is_meta:
        raise WeightsError(f"tensor {name!r}: expected values, got an uninitialised one; run the network once in load")
    strided = value if value.layout == torch.strided else value.to_dense()
    return strided.detach().cpu().contiguous()


def _tensors_of(thing: object, path: str, depth: int, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    if id(thing) in seen or depth < 0:
        return
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        yield path, thing
    elif isinstance(thing, np.ndarray):
        if thing.dtype.kind in "biuf":
            yield path, torch.tensor(thing)
    else:
        # In the order of names: what is reachable twice is then always found under the same one.
        for name, part in sorted(_parts(thing), key=lambda pair: pair[0]):
            yield from _tensors_of(part, f"{path}.{name}" if path else name, depth - 1, seen)


def _parts(thing: object) -> Iterator[tuple[str, object]]:
    """What to look into next: state of networks, containers, attributes of instances, what a function reaches."""
    if isinstance(thing, nn.Module):
        yield from _parts_of_module(thing)
    elif isinstance(thing, Mapping):
        yield from ((str(key), value) for key, value in thing.items())
    elif isinstance(thing, list | tuple):
        yield from ((str(i), value) for i, value in enumerate(thing))
    elif isinstance(thing, functools.partial):
        yield from (("func", thing.func), ("args", thing.args), ("keywords", thing.keywords))
    elif isinstance(thing, types.MethodType):
        yield "self", thing.__self__
    elif isinstance(thing, types.FunctionType):
        yield from _reached_by(thing)
    elif hasattr(thing, "__dict__") and not isinstance(thing, type | types.ModuleType):
        yield from vars(thing).items()


def _parts_of_module(module: nn.Module) -> Iterator[tuple[str, object]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
    registered = vars(nn.Module()).keys()
    for name, child in module.named_modules():
        for attribute, value in vars(child).items():
            if attribute not in registered:
                yield f"{name}.{attribute}" if name else attribute, value


def _reached_by(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # a name that is bound later
            continue
    yield from ((f"default{i}", value) for i, value in enumerate(function.__defaults__ or ()))
    yield from (function.__kwdefaults__ or {}).items()
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, nn.Module | Tensor) or getattr(value, "__module__", None) == function.__module__:
            yield name, value


def _named_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values()):
        return {str(name): value for name, value in content.items()}
    got = (
        f"the keys {', '.join(map(str, list(content)[:6]))}" if isinstance(content, Mapping) else type(content).__name__
    )
    raise WeightsError(
        f"{path}: expected named tensors only, got {got or 'nothing'}; run `trustdm weights convert` on it and use the "
        "file that this writes"
    )


def _harmless() -> list[Any]:
    """What training scripts store beside tensors: plain values and arrays; building them runs no code of the file."""
    scalar, array = np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]
    old = "numpy.core.multiarray"  # where numpy 1 had them
    kinds = {type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"}
    moved = [(scalar, f"{old}.scalar"), (array, f"{old}._reconstruct")]
    return [argparse.Namespace, np.dtype, np.ndarray, *kinds, scalar, array, *moved]


def _unsafe(path: Path, text: str) -> str:
    name = text.partition("GLOBAL ")[2].partition(" ")[0]
    what = f"it would import {name}" if name else "it is no plain torch checkpoint"
    return (
        f"{path}: refused, as loading it could run code ({what}); where it was trained, save the tensors only: "
        "torch.save(model.state_dict(), ...) or safetensors.torch.save_file"
    )
