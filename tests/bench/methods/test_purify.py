"""A purifier before a classifier: known by its parts, refused where these do not fit, sizes changed there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import command_line
from torch import Tensor
from torch.nn import functional

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.method import TorchNoise
from trustdm.bench.methods.purify import Purified
from trustdm.bench.plan import MethodSpec, described, method_code
from trustdm.bench.plugins import load
from trustdm.bench.rng import Noise

REGISTRY = load().registry

STRANGER = """
import torch
from trustdm import MethodCard, method, WeightFile

CARD = MethodCard(name="{name}", title="A blur", capabilities=("{can}",), input_shape={shape}, classes={classes}{more})


@method(CARD)
class Stranger:
    def __init__(self, *, {parameter}: float = 0.5):
        self.width = {parameter}

    def purify(self, x, *noise):
        return self.width * x + {factor} * (noise[0].normal("a", tuple(x.shape[1:])) if noise else 1)

    def classify(self, x, *noise):
        return {factor} * x.flatten(1)[:, :{classes}]
"""


def stranger(
    folder: Path,
    name: str,
    can: str,
    *,
    shape: tuple[int, ...] = (1, 8, 8),
    more: str = "",
    factor: float = 0.1,
    parameter: str = "width",
) -> Path:
    """A plugin file with one method."""
    path, classes = folder / f"{name}.py", 10 if can == "classify" else 0
    text = STRANGER.format(
        name=name, can=can, shape=shape, classes=classes, more=more, factor=factor, parameter=parameter
    )
    path.write_text(text, encoding="utf-8")
    return path


def described_with(files: list[Path], **params: object) -> tuple[MethodCard, dict[str, object]]:
    catalogue = load(files)
    assert catalogue.named == [], catalogue.named
    card, identity = described(catalogue.registry, MethodSpec("purify", tuple(sorted(params.items()))))
    return card, dict(identity)


PAIR: dict[str, Any] = {"purifier": "diffpure", "classifier": "digits-standard", "denoiser": "digits-edm"}
WHOLE = {**PAIR, "solver": "sde", "t": 0.1, "steps": 100}


def test_a_pair_has_the_shape_the_data_and_the_weights_of_its_parts() -> None:
    card, identity = described_with([], **PAIR)
    first, last = (REGISTRY.get("method", PAIR[key]).card for key in ("denoiser", "classifier"))
    assert card.weights == first.weights + last.weights and len(card.weights) == 2
    assert (card.input_shape, card.classes, card.data) == ((1, 8, 8), 10, ("digits",))
    assert (card.capabilities, card.randomness, card.gradient) == (("classify",), "keyed", "exact")
    assert card.title == f"DiffPure before {last.title}" and card.paper.startswith("Nie et al. 2022")
    assert identity == WHOLE


@pytest.mark.parametrize(
    "params",
    [
        {"t": 0.1, "steps": 100},
        {"solver": "sde"},
        {"purifier": "diffpure:denoiser=digits-edm", "denoiser": None},
        {"purifier": "diffpure:t=0.1;denoiser=digits-edm", "denoiser": None},
        {"purifier": "diffpure:steps=100"},
    ],
)
def test_every_way_to_type_a_pair_is_the_same_pair(params: dict[str, object]) -> None:
    given = {key: value for key, value in {**PAIR, **params}.items() if value is not None}
    assert described_with([], **given)[1] == WHOLE


def test_other_parameters_of_the_purifier_are_another_pair() -> None:
    assert described_with([], **PAIR, t=0.05, steps=5)[1] == {**WHOLE, "t": 0.05, "steps": 5}
    guided = described_with([], **{**PAIR, "purifier": "gdmp"}, repeats=1)[1]
    assert guided["repeats"] == 1 and guided["guidance"] == 1.0 and guided["purifier"] == "gdmp"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"purifier": "digits-edm"}, "purify: expected a method that can purify, got digits-edm"),
        ({"classifier": "digits-edm"}, "purify: expected a method that can classify, got digits-edm"),
        ({"denoiser": "digits-standard"}, "expected a method that can denoise, got digits-standard"),
        (
            {"denoiser": "mnist16-edm"},
            "purify: expected parts made for the same data, got diffpure and digits-standard",
        ),
        (
            {"classifier": "cifar10-resnet18"},
            "purify: expected parts for images of as many channels, got 1 and 3",
        ),
        ({"eta": 0.5}, "eta: expected 0 where solver is sde, which has none, got 0.5"),
        ({"stepz": 5}, "expected one of denoiser, solver, t, steps, eta, got 'stepz'"),
        ({"t": "long"}, "expected float, got 'long'"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        described_with([], **{**PAIR, **params})
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("params", "near"), [({"denoiser": "digits-edn"}, "digits-edm"), ({"purifier": "difpure"}, "diffpure")]
)
def test_names_that_nobody_knows_are_one_line(params: dict[str, object], near: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown method .*; did you mean '{near}'"):
        described_with([], **{**PAIR, **params})


def test_a_classifier_with_randomness_of_its_own_is_refused(tmp_path: Path) -> None:
    file = stranger(tmp_path, "chance", "classify", more=', randomness="keyed"')
    with pytest.raises(UsageError, match=r"^purify: expected a classifier that draws no random numbers, got chance$"):
        described_with([file], **{**PAIR, "classifier": "chance"})


@pytest.mark.parametrize("parameter", ["classifier", "purifier"])
def test_a_purifier_whose_parameter_has_a_name_of_ours_is_refused(tmp_path: Path, parameter: str) -> None:
    file = stranger(tmp_path, "blur", "purify", parameter=parameter)
    with pytest.raises(UsageError, match=f"^purify: expected a purifier without a parameter {parameter}, got blur$"):
        described_with([file], purifier="blur", classifier="digits-standard")


# --- a stranger's purifier


def test_a_strangers_purifier_goes_before_our_classifier(tmp_path: Path) -> None:
    file = stranger(tmp_path, "blur", "purify", more=', randomness="keyed", version="2"')
    card, identity = described_with([file], purifier="blur", classifier="digits-standard", width=0.25)
    assert identity == {"purifier": "blur@2", "classifier": "digits-standard", "width": 0.25}
    assert card.randomness == "keyed" and card.data == ("digits",) and card.title.startswith("A blur before ")
    registry = load([file]).registry
    pair = registry.get("method", "purify").load()(registry, purifier="blur", classifier="digits-standard", width=0.25)
    x, noise = torch.rand(3, 1, 8, 8), TorchNoise(Noise("k", [1, 2, 3]), torch.device("cpu"))
    bare = registry.get("method", "digits-standard").load()()
    purified = 0.25 * x + 0.1 * noise.normal("a", (1, 8, 8))
    assert torch.equal(pair.purify(x, noise), purified)
    assert torch.equal(pair.classify_purified(x), getattr(bare, "classify", bare)(x))
    assert torch.equal(pair.classify(x, noise), pair.classify_purified(purified))


def test_a_strangers_purifier_runs_on_a_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = stranger(tmp_path, "blur", "purify", more=', randomness="none"', factor=0.01)
    method = "purify:purifier=blur,classifier=digits-standard,width=0.9"
    words = ("run", "digits-linf", "--plugin", file, "--method", method, "--limit", 1, "--evaluation", "clean")
    said = command_line(capsys)(*words, "--db", tmp_path / "a.db")
    assert said.code == 0, said.err
    assert "purify" in said.out


def test_randomness_and_the_gradient_are_those_of_the_parts(tmp_path: Path) -> None:
    for randomness in ("none", "keyed", "block-seeded"):
        file = stranger(tmp_path, "blur", "purify", more=f', randomness="{randomness}"')
        assert described_with([file], purifier="blur", classifier="digits-standard")[0].randomness == randomness
    for first, last, whole in (
        ("exact", "exact", "exact"),
        ("bpda", "exact", "bpda"),
        ("exact", "surrogate", "surrogate"),
        ("none", "surrogate", "none"),
        ("surrogate", "none", "none"),
        ("bpda", "surrogate", "bpda"),
    ):
        files = [
            stranger(tmp_path, "blur", "purify", more=f', gradient="{first}"'),
            stranger(tmp_path, "net", "classify", more=f', gradient="{last}"'),
        ]
        assert described_with(files, purifier="blur", classifier="net")[0].gradient == whole


def test_what_was_trained_on_is_said_of_the_whole(tmp_path: Path) -> None:
    files = [
        stranger(tmp_path, "blur", "purify", more=", external_data=True"),
        stranger(tmp_path, "net", "classify", more=", generated_data=True"),
    ]
    card, _ = described_with(files, purifier="blur", classifier="net")
    assert (card.external_data, card.generated_data, card.selection_data) == (True, True, False)


def test_the_code_of_each_part_is_the_code_of_the_pair(tmp_path: Path) -> None:
    def digest(purifier: float, classifier: float) -> str:
        files = [
            stranger(tmp_path, "blur", "purify", factor=purifier),
            stranger(tmp_path, "net", "classify", factor=classifier),
        ]
        params = (("classifier", "net"), ("purifier", "blur:width=0.5"))
        return method_code(load(files).registry, MethodSpec("purify", params))

    first = digest(1, 1)
    assert len({first, digest(2, 1), digest(1, 2)}) == 3 and digest(1, 1) == first


# --- sizes


class Spy:
    """Keeps what it was shown, and adds a pattern."""

    def __init__(self) -> None:
        self.shown: list[Tensor] = []

    def purify(self, x: Tensor, *noise: Any) -> Tensor:
        self.shown.append(x)
        return x + torch.linspace(0, 1, x.shape[2] * x.shape[3]).view(1, 1, *x.shape[2:])

    def classify(self, x: Tensor) -> Tensor:
        self.shown.append(x)
        return x.flatten(1)[:, :4]


def pair(inside: int, outside: int) -> tuple[Purified, Spy, Spy]:
    card = MethodCard(name="spy", capabilities=("purify",), input_shape=(1, inside, inside), classes=0)
    first, last = Spy(), Spy()
    return Purified(first, last, card, (1, outside, outside)), first, last


@pytest.mark.parametrize(("inside", "outside"), [(10, 7), (4, 8), (5, 5)])
def test_images_are_resized_for_the_purifier_and_back(inside: int, outside: int) -> None:
    """Bilinear, pixel centres aligned as areas: what torch calls align_corners=False."""
    made, first, last = pair(inside, outside)
    x = torch.rand(2, 1, outside, outside, generator=torch.Generator().manual_seed(0))
    made.classify(x)
    assert first.shown[0].shape == (2, 1, inside, inside) and last.shown[0].shape == x.shape

    def bilinear(image: Tensor, size: int) -> Tensor:
        return functional.interpolate(image, size=(size, size), mode="bilinear", align_corners=False)

    given = x if inside == outside else bilinear(x, inside)
    torch.testing.assert_close(first.shown[0], given)
    out = Spy().purify(given)
    torch.testing.assert_close(last.shown[0], out if inside == outside else bilinear(out, outside))


def test_resizing_by_hand() -> None:
    """Two pixels to four: weights 3/4 and 1/4 between centres, the border repeated."""
    made, first, _ = pair(4, 2)
    made.purify(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
    torch.testing.assert_close(first.shown[0][0, 0, 0], torch.tensor([0.0, 0.25, 0.75, 1.0]))


def test_a_flat_image_stays_flat_and_the_same_size_is_untouched() -> None:
    made, first, _ = pair(9, 6)
    made.purify(torch.full((1, 1, 6, 6), 0.3))
    torch.testing.assert_close(first.shown[0], torch.full((1, 1, 9, 9), 0.3))
    made, first, _ = pair(6, 6)
    x = torch.rand(1, 1, 6, 6)
    made.purify(x)
    assert first.shown[0] is x


def test_a_denoiser_of_another_size_makes_a_purifier_for_a_classifier(tmp_path: Path) -> None:
    """The digits' denoiser (8x8) before a stranger's classifier of 12x12."""
    file = stranger(tmp_path, "net", "classify", shape=(1, 12, 12))
    registry = load([file]).registry
    params: dict[str, Any] = {**PAIR, "classifier": "net", "t": 0.05, "steps": 2}
    card, _ = described_with([file], **params)
    assert card.input_shape == (1, 12, 12) and card.data == ("digits",)
    made = registry.get("method", "purify").load()(registry, **params)
    x = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(0)).requires_grad_()
    noise = TorchNoise(Noise("k", [1, 2]), torch.device("cpu"))
    out = made.purify(x, noise)
    assert out.shape == x.shape and out.dtype == torch.float32
    (gradient,) = torch.autograd.grad(made.classify(x, noise).sum(), x)
    assert float(gradient.abs().max()) > 0


def test_it_moves_what_can_be_moved() -> None:
    moved: list[str] = []

    class Part:
        def to(self, device: str) -> None:
            moved.append(device)

    card = MethodCard(name="spy", capabilities=("purify",), input_shape=(1, 2, 2), classes=0)
    Purified(Part(), object(), card, (1, 2, 2)).to("meta")
    Purified(Part(), Part(), card, (1, 2, 2)).to("meta")
    assert moved == ["meta"] * 3


def test_a_callable_is_a_classifier_too() -> None:
    made = Purified(Spy(), lambda x: x.flatten(1), pair(2, 2)[0]._card, (1, 2, 2))
    x = torch.rand(3, 1, 2, 2)
    assert torch.equal(made.classify_purified(x), x.flatten(1))
