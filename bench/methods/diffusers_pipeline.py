"""Any diffusers pipeline as a method: ``diffusers:/folder/of/pipeline`` or ``diffusers:OWNER/NAME`` of the hub.

What it is, is read from the files of the pipeline: shape and classes from its configuration, its identity from the
SHA-256 of every file that it is loaded from. Where the folder lies does not matter.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustdm.bench.contracts import MethodCard, WeightFile
from trustdm.bench.errors import UsageError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.plainfiles import expanded
from trustdm.bench.registry import attach

if TYPE_CHECKING:
    from trustdm.bench.diffusion.pipeline import PipelineGenerator

CARD = MethodCard(
    name="diffusers",
    title="A diffusers pipeline",
    summary="Any pipeline of diffusers that makes images, diffusers:FOLDER or diffusers:OWNER/NAME; its shape, "
    "classes and weights are those of the pipeline that is named.",
    tags=("diffusion", "diffusers"),
    capabilities=("sample", "denoise"),
    input_shape=(1, 1, 1),
    classes=0,
)
INSTALL = "pip install 'trustdm[generation]'"
DOWNLOAD = "TRUSTDM_DOWNLOAD"
INDEX = "model_index.json"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
WEIGHTS = re.compile(r"(diffusion_pytorch_model|pytorch_model|model)(-\d+-of-\d+)?\.safetensors")
TEXTS = (".json", ".txt", ".model")
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
WITHOUT_WEIGHTS = ("Scheduler", "Tokenizer", "TokenizerFast", "Processor", "FeatureExtractor")
FETCHED = ["*.json", "*.txt", "*.model", "*diffusion_pytorch_model*.safetensors", "*/*model*.safetensors"]


def card_of(
    *,
    path: str,
    name: str = "",
    revision: str = "",
    prompts: str = "",
    scheduler: str = "",
    **options: float | int | str,
) -> tuple[MethodCard, dict[str, object]]:
    """The card of the pipeline in ``path``, and the parameters that are part of its identity.

    Raises:
        UsageError: there is no such pipeline, its weights are pickles, or it makes no images of a fixed size.
    """
    folder = folder_of(path, revision)
    index = _index(folder)
    kept: dict[str, object] = {"prompts": prompts, "scheduler": scheduler, **options}
    local = expanded(path).is_dir()
    card = MethodCard(
        name=_name(name or f"diffusers-{folder.resolve().name if local else path}"),
        title=_title(index, scheduler)[:200],
        summary=f"A pipeline of diffusers{'' if local else f' from the hub: {path}'}.",
        tags=CARD.tags,
        capabilities=("sample", "denoise") if _denoises(folder, index) else ("sample",),
        input_shape=_shape(folder, index),
        classes=_classes(folder, index, _split(prompts)),
        weights=tuple(_files(folder, index)),
    )
    return card, kept


@attach("method", CARD, card_of)
def load(
    *,
    path: str,
    name: str = "",
    revision: str = "",
    prompts: str = "",
    scheduler: str = "",
    **options: float | int | str,
) -> PipelineGenerator:
    """The generator.

    Args:
        path: a folder that ``save_pretrained`` wrote, or OWNER/NAME on the hub.
        name: under which its results are filed; by default "diffusers-" and the last part of the folder, or the id.
        revision: of a repository on the hub.
        prompts: texts with "|" between them, one for each class, where images are made of texts.
        scheduler: the name of a diffusers class to sample with in place of the pipeline's.
        options: further arguments of the pipeline's call: ``guidance``, ``eta``.
    """
    from trustdm.bench.diffusion.pipeline import PipelineGenerator, open_pipeline
    from trustdm.bench.training.weightfiles import verify

    card, _ = card_of(path=path, name=name, revision=revision, prompts=prompts)
    folder = folder_of(path, revision)
    for weights in card.weights:
        verify(weights, folder)
    return PipelineGenerator(open_pipeline(folder, scheduler), card.classes, _split(prompts), options)


def folder_of(path: str, revision: str = "") -> Path:
    """The folder of the pipeline; of one on the hub, that in the local cache.

    Raises:
        UsageError: it is nowhere.
    """
    place = expanded(path)
    if place.is_dir():
        return place
    if place.exists() or not HUB_ID.fullmatch(path):
        got = "another kind of file" if place.exists() else "no such folder"
        raise UsageError(f"diffusers:{path}: expected the folder of a pipeline, or OWNER/NAME on the hub, got {got}")
    return _from_hub(path, revision)


def _from_hub(name: str, revision: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise UsageError(f"diffusers:{name}: expected huggingface_hub, which is not installed: {INSTALL}") from error
    online = os.environ.get(DOWNLOAD) == "1"
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision or None,
                local_files_only=not online,
                allow_patterns=FETCHED,
                ignore_patterns=["*.fp16*", "*.non_ema*"],
            )
        )
    except Exception as error:  # of the hub's client, of its HTTP library, of the file system
        got = f"no such folder, and the hub does not give it: {type(error).__name__}: {error}"
        if not online:
            got = f"neither; {DOWNLOAD}=1 downloads it from the hub (only safetensors and configurations)"
        raise UsageError(
            f"diffusers:{name}: expected a folder, or a pipeline in the cache of the hub, got {got}"
        ) from error


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: expected a file of a diffusers pipeline, got none: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file}: expected JSON, got an error: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{file}: expected a table, got {type(content).__name__}")
    return content


def _index(folder: Path) -> dict[str, Any]:
    if not (folder / INDEX).is_file():
        raise UsageError(f"{folder}: expected a pipeline as save_pretrained writes it, got a folder without {INDEX}")
    index = _json(folder / INDEX)
    if not isinstance(index.get("_class_name"), str):
        raise UsageError(
            f"{folder / INDEX}: _class_name: expected a class of diffusers, got {index.get('_class_name')!r}"
        )
    return index


def _parts(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The components by name: library and class."""
    pairs = {k: v for k, v in index.items() if isinstance(v, list) and len(v) == 2 and not k.startswith("_")}
    return {name: (str(library), str(kind)) for name, (library, kind) in pairs.items() if kind}


def _title(index: Mapping[str, Any], scheduler: str) -> str:
    """What samples: the pipeline with its parts or, where another scheduler takes the place of its own, that one."""
    kinds = {part: kind for part, (_, kind) in _parts(index).items() if not (scheduler and part == "scheduler")}
    pipeline = index["_class_name"]
    return f"{f'{scheduler} in {pipeline}' if scheduler else pipeline} ({', '.join(kinds.values())})"


def _base(folder: Path, part: str) -> Path:
    """Where a component's files are: in a folder of its own, or beside the index."""
    return folder / part if (folder / part).is_dir() else folder


def _config(folder: Path, part: str) -> dict[str, Any]:
    return _json(_base(folder, part) / "config.json")


def _files(folder: Path, index: Mapping[str, Any]) -> Iterator[WeightFile]:
    """Every file that the pipeline is loaded from: configurations, vocabularies, and weights.

    Raises:
        UsageError: a network has no weights in safetensors.
    """
    found = {folder / INDEX}
    for part, (_, kind) in _parts(index).items():
        files = [file for file in _base(folder, part).iterdir() if file.is_file()]
        weights = {file for file in files if WEIGHTS.fullmatch(file.name)}
        if not weights and not kind.endswith(WITHOUT_WEIGHTS):
            pickles = [file.name for file in files if file.suffix in PICKLES]
            got = f"{pickles[0]}, a pickle, which is refused" if pickles else "none"
            hint = "; load it where you trust it, and save_pretrained writes safetensors" if pickles else ""
            raise UsageError(f"{folder}: {part}: expected weights in safetensors, got {got}{hint}")
        found |= weights | {file for file in files if file.suffix in TEXTS}
    for file in sorted(found):
        stat = file.stat()
        yield WeightFile(file=file.relative_to(folder).as_posix(), sha256=_digest(file, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=1024)
def _digest(file: Path, size: int, changed: int) -> str:
    """The hash of a file, taken again when its size or time changed."""
    return sha256_file(file)


def _shape(folder: Path, index: Mapping[str, Any]) -> tuple[int, int, int]:
    """(C, H, W) of the images, from the configurations of the network and of the decoder, if there is one."""
    parts = _parts(index)
    core = next((part for part in ("unet", "transformer") if part in parts), None)
    config = _config(folder, core) if core else {}
    side = config.get("sample_size")
    height, width = side if isinstance(side, list) and len(side) == 2 else [side, side]
    coder = next((part for part in ("vae", "vqvae") if part in parts), None)
    channels, factor = config.get("in_channels"), 1
    if coder:
        coding = _config(folder, coder)
        channels, factor = coding.get("out_channels"), 2 ** (len(coding.get("block_out_channels") or "-") - 1)
    if isinstance(channels, int) and isinstance(height, int) and isinstance(width, int):
        return channels, height * factor, width * factor
    raise UsageError(
        f"{folder}: expected a pipeline that makes images, with a unet or transformer that says its sample_size, "
        f"got {index['_class_name']} of {', '.join(parts)}"
    )


def _classes(folder: Path, index: Mapping[str, Any], prompts: tuple[str, ...]) -> int:
    parts = _parts(index)
    if any(part.startswith(("tokenizer", "text_encoder")) for part in parts):
        if not prompts:
            raise UsageError(
                f"{folder}: expected prompts=FIRST|SECOND|..., a text for each class, as {index['_class_name']} makes "
                "images of texts; got none"
            )
        return len(prompts)
    config = _config(folder, "unet" if "unet" in parts else "transformer")
    return int(config.get("num_class_embeds") or config.get("num_embeds_ada_norm") or 0)


def _denoises(folder: Path, index: Mapping[str, Any]) -> bool:
    """Whether its network is an unconditional one of images, with the discrete noise schedule of DDPM."""
    parts = _parts(index)
    if set(parts) != {"unet", "scheduler"} or parts["unet"][1] != "UNet2DModel":
        return False
    schedule = _json(folder / "scheduler" / "scheduler_config.json") if (folder / "scheduler").is_dir() else {}
    return "beta_schedule" in schedule and not _config(folder, "unet").get("num_class_embeds")


def _split(prompts: str) -> tuple[str, ...]:
    return tuple(prompts.split("|")) if prompts else ()


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:80]
