"""A pipeline of diffusers as a generator; nothing of diffusers is imported before one is opened."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trustdm.bench.diffusion.diffusers_unet import from_diffusers_unet
from trustdm.bench.diffusion.preconditioning import denoised_boundary
from trustdm.bench.errors import ContractError, UnknownName, UsageError
from trustdm.bench.method import contract_errors, cuda_in_use

INSTALL = "pip install 'trustdm[generation]'"
LIBRARIES = ("diffusers", "transformers")
# What the harness decides, or what would have to be a tensor, an image or a function.
OURS = ("generator", "num_inference_steps", "output_type", "return_dict", "batch_size", "class_labels", "prompt")
GIVEN = (*OURS, "latents", "image", "prompt_embeds", "num_images_per_prompt", "callback", "callback_on_step_end")


class PipelineGenerator:
    """A loaded pipeline with a capability ``sample``; image i depends on ``seeds[i]`` (and its label) only.

    Every image has a ``torch.Generator`` on the CPU with its own seed, for the initial noise and for what a scheduler
    injects, whether the pipeline hands it on or not. Each call steps a copy of the scheduler.
    """

    def __init__(
        self,
        pipeline: Any,
        classes: int = 0,
        prompts: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
    ):
        """Wraps ``pipeline``.

        Args:
            pipeline: a ``DiffusionPipeline``.
            classes: how many class labels it takes; 0: it is not given any.
            prompts: one for each class, of a pipeline that makes images of texts.
            options: further arguments of its call, such as ``eta``; ``guidance`` is short for ``guidance_scale``.

        Raises:
            UsageError: it does not make images from seeds and steps (and labels), or does not take an option.
        """
        self.pipeline = pipeline
        self._classes = classes
        self._prompts = tuple(prompts)
        self._options = {"guidance_scale" if k == "guidance" else k: v for k, v in (options or {}).items()}
        self._takes = inspect.signature(type(pipeline).__call__).parameters
        self._check_call()

    def to(self, device: str | torch.device) -> PipelineGenerator:
        """Moves the networks."""
        self.pipeline.to(device)
        return self

    @torch.no_grad()
    def sample(self, seeds: Sequence[int], labels: Tensor | None, steps: int) -> Tensor:
        """Images float32 (n, C, H, W) in [0, 1]; a step is what the scheduler calls one.

        Raises:
            UsageError: ``steps`` below 1; labels missing, or not one for each seed.
            ContractError: more steps than the scheduler has; the pipeline drew from the global generator, so that an
                image depends on its neighbours.
        """
        self._check_steps(steps)
        given = {
            "generator": [torch.Generator().manual_seed(int(seed)) for seed in seeds],
            "num_inference_steps": steps,
            "output_type": "np",
            **self._condition(len(seeds), labels),
            **self._options,
        }
        before = _global_state()
        with self._fresh_scheduler(given["generator"]):
            answer = self.pipeline(**given)
        if any(not torch.equal(a, b) for a, b in zip(before, _global_state(), strict=True)):
            raise ContractError(
                f"{self._what}: expected noise from the generators of the seeds, got some drawn from the global one; "
                'measure it by wrap(..., randomness="block-seeded")'
            )
        return torch.from_numpy(answer.images).permute(0, 3, 1, 2).float().contiguous().to(self.pipeline.device)

    def denoise(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """E[x0 | x] for images ``x`` = x0 + sigma n, x0 in [0, 1]; differentiable, not clipped.

        Raises:
            UsageError: its network is no ``UNet2DModel`` of images with a discrete schedule; a level not positive.
        """
        denoise = from_diffusers_unet(self.pipeline.unet, self.pipeline.scheduler)
        return denoised_boundary(denoise, x, sigma, labels)

    @property
    def _what(self) -> str:
        return f"{type(self.pipeline).__name__} with {type(self.pipeline.scheduler).__name__}"

    def _check_call(self) -> None:
        name = type(self.pipeline).__name__
        lacking = [key for key in ("generator", "num_inference_steps", "output_type") if key not in self._takes]
        if lacking:
            raise UsageError(f"{name}: expected a pipeline that takes {', '.join(lacking)}, got one that does not")
        for option in self._options:
            if option not in self._takes or option in GIVEN:
                raise UnknownName(f"option of {name}", option, set(self._takes) - {"self", *GIVEN})
        need = "prompt" if self._prompts else "class_labels" if self._classes else None
        if need and need not in self._takes:
            raise UsageError(f"{name}: expected a pipeline that takes {need}, got one that does not")
        present = {*self._options, *OURS} - ({"prompt", "class_labels"} - {need})
        required = [k for k, p in self._takes.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        more = [key for key in required if key != "self" and key not in present]
        if more:
            raise UsageError(
                f"{name}: expected a pipeline that makes images of seeds alone, got one that needs {more[0]}"
            )

    def _check_steps(self, steps: int) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise UsageError(f"steps: expected an integer of at least 1, got {steps!r}")
        most = getattr(self.pipeline.scheduler.config, "num_train_timesteps", None)
        if most is not None and steps > most:
            raise ContractError(f"{self._what}: steps: expected at most its {most} timesteps, got {steps}")

    def _condition(self, n: int, labels: Tensor | None) -> dict[str, Any]:
        if labels is not None and labels.shape != (n,):
            raise UsageError(f"labels: expected {n}, one for each seed, got shape {tuple(labels.shape)}")
        if self._prompts:
            return {"prompt": [""] * n if labels is None else [self._prompts[k] for k in labels.tolist()]}
        size = {"batch_size": n} if "batch_size" in self._takes else {}
        if not self._classes:
            return size
        if labels is None:
            raise UsageError(f"{self._what}: labels: expected one for each seed, got none; it makes no images without")
        return {**size, "class_labels": labels.tolist()}

    @contextmanager
    def _fresh_scheduler(self, generators: list[torch.Generator]) -> Iterator[None]:
        """A copy of the scheduler for one call, whose noise comes from ``generators`` also where none are passed."""
        kept = self.pipeline.scheduler
        self.pipeline.scheduler = _drawing_from(generators, copy.deepcopy(kept))
        try:
            yield
        finally:
            self.pipeline.scheduler = kept


def _drawing_from(generators: list[torch.Generator], scheduler: Any) -> Any:
    """``scheduler``, with ``generators`` for steps that are not given any; guided steps have two rows an image.

    Some pipelines hand none on, others hand them to schedulers that take none.
    """
    step: Callable[..., Any] = scheduler.step
    takes = "generator" in inspect.signature(step).parameters

    @functools.wraps(step)
    def with_noise(output: Any, timestep: Any, sample: Tensor, *rest: Any, **named: Any) -> Any:
        given = named.pop("generator", None)
        if takes and not rest:
            named["generator"] = given or generators * (len(sample) // len(generators))
        return step(output, timestep, sample, *rest, **named)

    scheduler.step = with_noise
    return scheduler


def _global_state() -> list[Tensor]:
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if cuda_in_use() else ())]


def open_pipeline(folder: Path, scheduler: str = "") -> Any:
    """The pipeline in ``folder``, in float32 on the CPU, with another ``scheduler`` if one is named.

    Only safetensors are read, only code of diffusers and transformers is run, and nothing is downloaded.

    Raises:
        UsageError: diffusers is not installed, or does not have this pipeline or scheduler.
        ContractError: diffusers cannot load it.
    """
    try:
        import diffusers
    except ImportError as error:
        raise UsageError(f"{folder}: expected diffusers, which is not installed: {INSTALL}") from error
    with _quiet(), contract_errors(f"{folder}: diffusers"):
        _check_code(diffusers.DiffusionPipeline.load_config(folder), folder)
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            str(folder), use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module) and any(p.dtype != torch.float32 for p in part.parameters()):
            part.float()
    if scheduler:
        pipeline.scheduler = _other_scheduler(pipeline, scheduler)
    return pipeline


def _other_scheduler(pipeline: Any, name: str) -> Any:
    what = type(pipeline).__name__
    known = {c.__name__: c for c in pipeline.scheduler.compatibles}
    if name not in known:
        raise UnknownName(f"scheduler for {what}", name, known)
    made = known[name].from_config(pipeline.scheduler.config)
    scales = "scale_model_input" in inspect.unwrap(type(pipeline).__call__).__code__.co_names
    if not scales and float(made.init_noise_sigma) != 1:
        raise UsageError(f"{what}: scheduler: expected one whose noise starts at 1, as it scales none, got {name}")
    return made


def _check_code(index: Mapping[str, Any], folder: Path) -> None:
    """Every class is one that the libraries have; code that lies beside the weights is not run."""
    import diffusers

    name = index.get("_class_name")
    if not isinstance(name, str) or not hasattr(diffusers, name):
        raise UsageError(f"{folder}: expected a pipeline that diffusers {diffusers.__version__} has, got {name!r}")
    for part, pair in index.items():
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str):
            library = pair[0]
            if library not in LIBRARIES and not hasattr(diffusers.pipelines, library):
                raise UsageError(
                    f"{folder}: {part}: expected a class of diffusers or transformers, got one of {library!r}"
                )


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars while it lasts."""
    from diffusers.utils import logging
    from tqdm import tqdm  # type: ignore[import-untyped]

    if not hasattr(tqdm, "_lock"):  # the lock it makes by default is a semaphore, which worker processes leave behind
        tqdm.set_lock(threading.RLock())
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
