"""Pipelines as generators: the images are the pipeline's own, and depend on their seeds only."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from trustdm.bench.diffusion.pipeline import PipelineGenerator, open_pipeline
from trustdm.bench.errors import ContractError, TrustdmError, UnknownName, UsageError
from trustdm.bench.targets.passes import counted
from trustdm.bench.training.weights import state_digest

diffusers = pytest.importorskip("diffusers")
tiny = pytest.importorskip("tiny_pipelines")

SEEDS = (3, 1, 4)
LABELS = torch.tensor([7, 0, 7])
# Some schedulers make arrays of tensors in a way that numpy 2 frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def own(pipeline: Any, seeds: tuple[int, ...] = SEEDS, **given: Any) -> torch.Tensor:
    """What the pipeline itself makes with a generator for each image."""
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.from_numpy(pipeline(generator=generators, output_type="np", **given).images).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("pipelines")
    return {name: tiny.saved(getattr(tiny, name)(), place / name) for name in ("ddpm", "ddim", "dit")}


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_samples_are_the_pipelines_own(folders: dict[str, Path], name: str) -> None:
    ours = PipelineGenerator(open_pipeline(folders[name])).sample(SEEDS, None, 5)
    assert ours.shape == (3, 1, 8, 8) and ours.dtype == torch.float32
    torch.testing.assert_close(ours, own(getattr(tiny, name)(), batch_size=3, num_inference_steps=5))


def test_a_class_conditional_latent_pipeline_is_its_own_too(folders: dict[str, Path]) -> None:
    pipeline = open_pipeline(folders["dit"], "DDIMScheduler")
    ours = PipelineGenerator(pipeline, 10, options={"guidance": 1.0}).sample(SEEDS, LABELS, 4)
    theirs = own(tiny.dit(scheduler="DDIMScheduler"), class_labels=[7, 0, 7], num_inference_steps=4, guidance_scale=1.0)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


CASES = [
    ("ddpm", "", {}, None),
    ("ddim", "", {"eta": 1.0}, None),
    ("dit", "EulerAncestralDiscreteScheduler", {"guidance": 1.0}, LABELS),
    ("ddpm", "DPMSolverMultistepScheduler", {}, None),
    ("ddpm", "PNDMScheduler", {}, None),
    ("dit", "", {"guidance": 1.0}, LABELS),  # this pipeline gives its scheduler no generator
]


@pytest.mark.parametrize(("name", "scheduler", "options", "labels"), CASES)
def test_an_image_depends_on_its_seed_and_label_only(
    folders: dict[str, Path], name: str, scheduler: str, options: dict[str, Any], labels: torch.Tensor | None
) -> None:
    made = PipelineGenerator(open_pipeline(folders[name], scheduler), 0 if labels is None else 10, options=options)
    state, before = torch.get_rng_state(), state_digest(made)
    together = made.sample(SEEDS, labels, 4)
    for i in range(3):
        alone = made.sample(SEEDS[i : i + 1], None if labels is None else labels[i : i + 1], 4)
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-4)
    turned = made.sample(SEEDS[::-1], None if labels is None else labels.flip(0), 4)
    torch.testing.assert_close(turned.flip(0), together, rtol=1e-4, atol=1e-4)
    assert torch.equal(made.sample(SEEDS, labels, 4), together)
    assert torch.equal(torch.get_rng_state(), state) and state_digest(made) == before
    assert (together[0] - together[1]).abs().max() > 0.01


def test_passes_counted_are_steps(folders: dict[str, Path]) -> None:
    made = PipelineGenerator(open_pipeline(folders["ddpm"]))
    for steps in (1, 7):
        with counted(made) as rows:
            made.sample(SEEDS, None, steps)
        assert sum(rows.values()) == 3 * steps


def test_passes_of_a_guided_latent_pipeline(folders: dict[str, Path]) -> None:
    unguided = PipelineGenerator(open_pipeline(folders["dit"]), 10, options={"guidance": 1.0})
    with counted(unguided) as rows:
        unguided.sample(SEEDS, LABELS, 4)
    assert rows == {"DiTTransformer2DModel": 12, "post_quant_conv": 3, "decoder": 3}


def test_guidance_draws_noise_for_the_images_only() -> None:
    pipeline = tiny.dit(classes=1000)
    pipeline.set_progress_bar_config(disable=True)
    guided = PipelineGenerator(pipeline, 1000, options={"guidance": 3.0})
    together = guided.sample(SEEDS, LABELS, 3)
    torch.testing.assert_close(guided.sample(SEEDS[1:2], LABELS[1:2], 3)[0], together[1], rtol=1e-4, atol=1e-4)


class OfTexts:
    """What the pipelines that make images of texts look like."""

    scheduler = SimpleNamespace(config=SimpleNamespace(num_train_timesteps=100), step=lambda a, b, c: None)
    device = torch.device("cpu")

    def __call__(self, prompt: Any, generator: Any, num_inference_steps: int = 50, output_type: str = "pil") -> Any:
        images = np.stack([np.full((2, 2, 1), len(text) / 8, np.float32) for text in prompt])
        return SimpleNamespace(images=images)


def test_prompts_stand_for_labels() -> None:
    made = PipelineGenerator(OfTexts(), 2, ["a", "ab"])
    assert made.sample(SEEDS, torch.tensor([1, 0, 1]), 2)[:, 0, 0, 0].tolist() == [0.25, 0.125, 0.25]
    assert made.sample(SEEDS, None, 2).sum() == 0


class Careless(OfTexts):
    def __call__(self, batch_size: int, generator: Any, num_inference_steps: int = 5, output_type: str = "pil") -> Any:
        return SimpleNamespace(images=torch.rand(batch_size, 2, 2, 1).numpy())


class FromImages(OfTexts):
    def __call__(self, image: Any, generator: Any, num_inference_steps: int = 5, output_type: str = "pil") -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda p: PipelineGenerator(Careless()).sample(SEEDS, None, 2), ContractError, "some drawn from the global"),
        (lambda p: PipelineGenerator(FromImages()), UsageError, "of seeds alone, got one that needs image"),
        (lambda p: PipelineGenerator(OfTexts()), UsageError, "got one that needs prompt"),
        (lambda p: PipelineGenerator(p, options={"eto": 1.0}), UnknownName, "option of DDIMPipeline 'eto'; .*'eta'"),
        (lambda p: PipelineGenerator(p, options={"batch_size": 1}), UnknownName, "unknown option"),
        (lambda p: PipelineGenerator(p, 10), UsageError, "expected a pipeline that takes class_labels"),
        (lambda p: PipelineGenerator(object.__new__(Nothing)), UsageError, "that takes generator, num_inference_steps"),
        (lambda p: PipelineGenerator(p).sample(SEEDS, None, 0), UsageError, "steps: expected an integer of at least 1"),
        (lambda p: PipelineGenerator(p).sample(SEEDS, None, 101), ContractError, "at most its 100 timesteps, got 101"),
        (lambda p: PipelineGenerator(p).sample(SEEDS, LABELS[:2], 2), UsageError, "labels: expected 3"),
        (lambda p: PipelineGenerator(tiny.dit(), 10).sample(SEEDS, None, 2), UsageError, "labels: expected one for"),
    ],
)
def test_mistakes_are_one_line(folders: dict[str, Path], call: Any, kind: type[TrustdmError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        call(open_pipeline(folders["ddim"]))
    assert "\n" not in str(caught.value)


class Nothing:
    def __call__(self) -> None: ...


def test_unknown_schedulers_and_code_beside_the_weights_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown scheduler for DDPMPipeline 'DDIMSheduler'; did you mean 'DDIMSch"):
        open_pipeline(folders["ddpm"], "DDIMSheduler")
    with pytest.raises(
        UsageError, match=r"DDPMPipeline: scheduler: expected one whose noise starts at 1, .* got EulerDis"
    ):
        open_pipeline(folders["ddpm"], "EulerDiscreteScheduler")
    ran = tmp_path / "ran"
    folder = tiny.saved(tiny.ddpm(), tmp_path / "own")
    (folder / "unet" / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Net: pass\n")
    index = folder / "model_index.json"
    text = index.read_text()
    index.write_text(text.replace('"diffusers",\n    "UNet2DModel"', '"evil",\n    "Net"'))
    with pytest.raises(UsageError, match="unet: expected a class of diffusers or transformers, got one of 'evil'"):
        open_pipeline(folder)
    index.write_text(text.replace("DDPMPipeline", "NoSuchPipeline"))
    with pytest.raises(UsageError, match=r"expected a pipeline that diffusers \S+ has, got 'NoSuchPipeline'"):
        open_pipeline(folder)
    assert not ran.exists()


def test_nothing_is_printed(folders: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    PipelineGenerator(open_pipeline(folders["ddpm"])).sample(SEEDS, None, 2)
    assert capfd.readouterr() == ("", "")


def test_without_diffusers_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(UsageError, match=r"not installed: pip install 'trustdm\[generation\]'"):
        open_pipeline(tmp_path)
