from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion.exact import Gaussian, Mixture
from trustdm.bench.diffusion.generator import Generator
from trustdm.bench.diffusion.guidance import Guidance, classifier_free
from trustdm.bench.diffusion.samplers import SAMPLERS
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.method import TorchNoise
from trustdm.bench.rng import Noise

SHAPE = (2, 2, 3)
SEEDS = [11, 3, 500_000, 0, 7, 12, 99]
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0])


class Recording(TorchNoise):
    """Keyed noise that remembers what it gave."""

    given: ClassVar[dict[tuple[int, str], Tensor]] = {}

    def normal(self, use: str, shape: tuple[int, ...]) -> Tensor:
        drawn = super().normal(use, shape)
        for seed, row in zip(self._noise.examples.tolist(), drawn, strict=True):
            known = self.given.setdefault((seed, use), row)
            assert torch.equal(known, row), f"{use} of seed {seed} differs"
        return drawn


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, str], Tensor]:
    monkeypatch.setattr("trustdm.bench.diffusion.generator.TorchNoise", Recording)
    monkeypatch.setattr(Recording, "given", {})
    return Recording.given


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_seed_has_one_noise_in_batches_of_1_3_and_7(recorded: Any, mixture: Mixture, sampler: str) -> None:
    """Bit for bit, initial and injected, at any position; the images agree to rounding."""
    generator = Generator(mixture, SHAPE, sampler)
    whole = generator.sample(SEEDS, LABELS, 6)
    drawn = len(recorded)
    assert drawn >= 7
    alone = torch.cat([generator.sample([seed], LABELS[i : i + 1], 6) for i, seed in enumerate(SEEDS)])
    order = [4, 6, 1]
    three = generator.sample([SEEDS[i] for i in order], LABELS[order], 6)
    assert len(recorded) == drawn, "other uses were drawn in other batches"
    torch.testing.assert_close(alone, whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(three, whole[order], rtol=0, atol=1e-5)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_same_batch_same_bits(mixture: Mixture, sampler: str) -> None:
    generator = Generator(mixture, SHAPE, sampler)
    assert torch.equal(generator.sample(SEEDS, LABELS, 5), generator.sample(SEEDS, LABELS, 5))


def test_seeds_differ_and_no_global_generator_is_used(mixture: Mixture) -> None:
    generator, before = Generator(mixture, SHAPE, "ddpm"), torch.get_rng_state()
    found = generator.sample([1, 2, 1], None, 5)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(found[0], found[2]) and not torch.equal(found[0], found[1])


def test_noise_comes_by_the_names_that_are_documented(recorded: Any, mixture: Mixture) -> None:
    Generator(mixture, SHAPE, "ddpm").sample([5], None, 3)
    assert [use for _, use in recorded] == ["initial", "step 0", "step 1"]
    recorded.clear()
    Generator(mixture, SHAPE, "langevin", {"each": 2}).sample([5], None, 2)
    levels = ["level 0 step 0", "level 0 step 1", "level 1 step 0", "level 1 step 1"]
    assert [use for _, use in recorded] == ["initial", *levels]
    key = TorchNoise(Noise("sample", [5]), torch.device("cpu"))
    assert torch.equal(recorded[5, "level 1 step 0"], key.normal("level 1 step 0", SHAPE)[0])


def test_images_are_float32_in_the_unit_range(mixture: Mixture) -> None:
    found = Generator(mixture, SHAPE).sample(range(50), None, 12)
    assert found.shape == (50, *SHAPE) and found.dtype == torch.float32 and not found.requires_grad
    # The mixture goes beyond [-1, 1]: both ends are reached and not passed.
    assert float(found.min()) == 0.0 and float(found.max()) == 1.0


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("guided", [None, "free", "classifier"])
def test_evaluations_are_those_made(mixture: Mixture, counted: Any, sampler: str, guided: str | None) -> None:
    guidance = {
        None: None,
        "free": Guidance(2.0),
        "classifier": Guidance(2.0, mixture.log_posterior),
    }[guided]
    for labels in (None, LABELS):
        denoise = counted(mixture)
        generator = Generator(denoise, SHAPE, sampler, guidance=guidance)
        generator.sample(SEEDS, labels, 4)
        assert denoise.calls == generator.evaluations(4, labelled=labels is not None)
        assert denoise.rows == 7 * denoise.calls


def test_labels_reach_the_denoiser_and_none_is_unconditional(normal: Any, mixture: Mixture) -> None:
    seen: list[Any] = []

    def denoise(x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        seen.append(None if labels is None else labels.tolist())
        return mixture(x, sigma, labels)

    generator = Generator(denoise, SHAPE, "euler")
    generator.sample(SEEDS, LABELS, 2)
    generator.sample(SEEDS, None, 2)
    assert seen == [LABELS.tolist(), LABELS.tolist(), None, None]


def test_guidance_is_applied_at_its_scale(mixture: Mixture) -> None:
    guided = Generator(mixture, SHAPE, guidance=Guidance(2.0)).sample(SEEDS, LABELS, 10)
    assert torch.equal(guided, Generator(classifier_free(mixture, 2.0), SHAPE).sample(SEEDS, LABELS, 10))
    assert not torch.equal(guided, Generator(mixture, SHAPE).sample(SEEDS, LABELS, 10))


def test_conditional_samples_belong_to_their_class(mixture: Mixture) -> None:
    single = Generator(mixture, SHAPE).sample(SEEDS, torch.full((7,), 2), 18)
    # Class 2 is one component without spread: one image, clipped to the range.
    expected = ((mixture.means[2] + 1) / 2).clamp(0, 1).float()
    torch.testing.assert_close(single, expected.expand_as(single), rtol=0, atol=1e-5)


def test_denoising_at_the_boundary_has_half_the_sigma() -> None:
    """x0 ~ N(0.6, 0.2^2) in [0, 1] is N(0.2, 0.4^2) in [-1, 1]."""
    generator = Generator(Gaussian(torch.full((1, 2, 2), 0.2), 0.16), (1, 2, 2))
    x, sigma = torch.rand(4, 1, 2, 2, generator=torch.Generator().manual_seed(1)), torch.tensor([0.01, 0.1, 0.5, 3.0])
    gain = (0.04 / (0.04 + sigma**2)).view(4, 1, 1, 1)
    found = generator.denoise(x, sigma)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, 0.6 + gain * (x - 0.6), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(generator.denoise(x, torch.tensor(0.1))[1], found[1])


def test_denoising_takes_labels_and_gives_gradients(mixture: Mixture) -> None:
    generator = Generator(mixture, SHAPE)
    x, sigma = torch.rand(7, *SHAPE, requires_grad=True), torch.full((7,), 0.2)
    found = generator.denoise(x, sigma, LABELS)
    torch.testing.assert_close(
        found.detach() * 2 - 1, mixture((2 * x.detach() - 1), 2 * sigma, LABELS), rtol=1e-4, atol=1e-5
    )
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.abs().sum() > 0


def test_mistakes_are_one_clear_line(mixture: Mixture) -> None:
    with pytest.raises(UnknownName, match="unknown sampler 'hune'; did you mean 'heun'"):
        Generator(mixture, SHAPE, "hune")
    generator = Generator(mixture, SHAPE, "ddpm")
    with pytest.raises(UsageError, match="steps: expected an integer of at least 1, got 0"):
        generator.sample(SEEDS, None, 0)
    with pytest.raises(UsageError, match=r"steps: expected 1 to 1000 .*, got 1001"):
        generator.sample(SEEDS, None, 1001)
    with pytest.raises(UsageError, match=r"labels: expected 7, one for each seed, got shape \(3,\)"):
        generator.sample(SEEDS, LABELS[:3], 2)
    with pytest.raises(UsageError, match="seeds: expected at least one, none of them negative, got none"):
        generator.sample([], None, 2)
    with pytest.raises(UsageError, match=r"seeds: .*, got -4"):
        generator.sample([3, -4], None, 2)
    with pytest.raises(UsageError, match=r"denoise: sigma01: expected positive levels, got 0\.0"):
        generator.denoise(torch.zeros(2, *SHAPE), torch.tensor([0.1, 0.0]))
    latent = Generator(mixture, SHAPE, decode=lambda z: z)
    with pytest.raises(UsageError, match="denoise: expected a generator of images, got one of latents"):
        latent.denoise(torch.zeros(1, *SHAPE), torch.ones(1))


def test_it_can_be_put_on_a_device(mixture: Mixture) -> None:
    generator = Generator(mixture, SHAPE)
    assert generator.to("cpu") is generator
    assert generator.sample([1], None, 2).device.type == "cpu"
