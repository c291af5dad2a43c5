"""A classifier behind a denoiser: what it is told, and that it is known by its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trustdm.bench import api
from trustdm.bench.errors import UsageError
from trustdm.bench.plan import MethodSpec, described, method_code
from trustdm.bench.plugins import load

PART = """
from trustdm import MethodCard, method


@method(MethodCard(name="{name}", capabilities=("{can}",), input_shape=(1, 8, 8), classes=10))
class Part:
    factor = {factor}
"""


def test_a_pair_is_known_by_its_parts() -> None:
    request = api.Request(suites=("mnist16-certified",), methods=())
    cells = {str(c.spec): c.identity for c in api.prepare(request).cells if c.identity.evaluation == "sigma-1-2"}
    pair = cells["denoised-smoothing:classifier=mnist16-standard,denoiser=mnist16-edm"]
    alone = cells["denoised-smoothing:classifier=mnist16-standard,denoiser=none"]
    assert len(pair.weights) == 2 and pair.weights[:1] == alone.weights
    assert "mnist16-noise-trained" in cells
    with pytest.raises(UsageError, match="expected a method that can denoise, got mnist16-standard"):
        bad = "denoised-smoothing:classifier=mnist16-standard,denoiser=mnist16-standard"
        api.prepare(api.Request(suites=("mnist16-certified",), methods=(bad,)))


def test_the_denoiser_is_told_the_noise_of_the_boundary() -> None:
    import torch

    from trustdm.bench.methods.denoised_smoothing import DenoisedClassifier

    seen: list[Any] = []

    class Spy:
        def denoise(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            seen.append((x.clone(), sigma))
            return x - 5

    x = torch.randn(3, 1, 4, 4)
    answer = DenoisedClassifier(lambda clean: clean.flatten(1), Spy(), 1).classify_noisy(x, 0.5)
    ((given, sigma),) = seen
    assert torch.equal(given, x) and sigma.tolist() == [0.5] * 3
    assert float(answer.max()) == 0.0  # clipped to where images are


def test_more_steps_follow_the_ode_from_sigma_down() -> None:
    import torch

    from trustdm.bench.methods.denoised_smoothing import DenoisedClassifier

    levels: list[float] = []

    class Gaussian:
        """The exact denoiser of images whose pixels are normal around 1/2 with variance 1/16."""

        def denoise(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            levels.append(float(sigma[0]))
            keep = (1 / 16) / (1 / 16 + sigma**2)
            return 0.5 + keep[:, None, None, None] * (x - 0.5)

    x = 0.5 + 0.3 * torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    many = DenoisedClassifier(lambda clean: clean.flatten(1), Gaussian(), 40).classify_noisy(x, 0.5)
    assert len(levels) == 79 and levels[0] == pytest.approx(0.5) and min(levels) == pytest.approx(0.01)
    exact = 0.5 + (x - 0.5) * (0.25 / (1 / 16 + 0.25) ** 0.5)  # the ODE keeps the quantile
    torch.testing.assert_close(many, exact.clamp(0, 1).flatten(1), atol=2e-3, rtol=0)


def test_the_code_of_a_part_is_the_code_of_the_pair(tmp_path: Path) -> None:
    pair = MethodSpec("denoised-smoothing", (("classifier", "net"), ("denoiser", "den")))

    def digest(net: int, den: int) -> str:
        for name, can, factor in (("net", "classify", net), ("den", "denoise", den)):
            (tmp_path / f"{name}.py").write_text(PART.format(name=name, can=can, factor=factor), encoding="utf-8")
        return method_code(load([tmp_path / "net.py", tmp_path / "den.py"]).registry, pair)

    first = digest(1, 1)
    assert len({first, digest(2, 1), digest(1, 2)}) == 3 and digest(1, 1) == first


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"classifier": "mnist16-edm", "denoiser": "none"}, "expected a method that can classify, got mnist16-edm"),
        ({"classifier": "digits-standard", "denoiser": "mnist16-edm"}, "expected a denoiser for images (1, 8, 8)"),
        ({"classifier": "mnist16-standard", "denoiser": "none", "steps": 2}, "1 without a denoiser, got 2"),
        ({"classifier": "mnist16-standard", "denoiser": "mnist16-edm", "steps": 0}, "steps: expected at least 1"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        described(load().registry, MethodSpec("denoised-smoothing", tuple(params.items())))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_pair_has_the_shape_the_data_and_the_weights_of_its_parts() -> None:
    registry = load().registry
    params = (("classifier", "mnist16-standard"), ("denoiser", "mnist16-edm"), ("steps", 3))
    card, identity = described(registry, MethodSpec("denoised-smoothing", params))
    parts = [registry.get("method", name).card for _, name in params[:2]]
    assert card.input_shape == (1, 16, 16) and card.classes == 10 and card.data == ("mnist16",)
    assert card.weights == parts[0].weights + parts[1].weights
    assert dict(identity)["steps"] == 3 and dict(identity)["classifier"].startswith("mnist16-standard")
