"""A purifier before a classifier, both by name: whatever is registered as one, ours or a stranger's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.parameters import MethodThat
from trustdm.bench.parts import Part, part, same_data, versioned
from trustdm.bench.registry import Registry, attach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Purifier = Annotated[str, MethodThat("purify")]
Classifier = Annotated[str, MethodThat("classify")]
WORSE = ("exact", "surrogate", "bpda", "none")
"""What the gradient of a part may be, each worse than the one before: that of the whole is the worst."""
CARD = MethodCard(
    name="purify",
    title="Purify, then classify",
    summary="A registered purifier before a registered classifier; further parameters are those of the purifier: "
    "purify:purifier=diffpure,classifier=digits-standard,denoiser=digits-edm,t=0.09,steps=4.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Nie et al. 2022, Diffusion Models for Adversarial Purification",
    tags=("purification",),
    claim="Perturbations within the budget are taken away before the classifier sees the image.",
    input_shape=(1, 1, 1),
    classes=2,
    randomness="keyed",
)


def card_of(
    registry: Registry, *, purifier: Purifier, classifier: Classifier, **options: float | int | str
) -> tuple[MethodCard, dict[str, object]]:
    """The card of a pair, and its parameters: those of the purifier with its defaults.

    Raises:
        UsageError: a part that cannot do what is asked of it, or parts that do not fit each other.
    """
    first, last = _parts(registry, purifier, classifier, options)
    channels = (first.card.input_shape[0], last.card.input_shape[0])
    if len(set(channels)) > 1:
        raise UsageError(
            f"{CARD.name}: expected parts for images of as many channels, got {channels[0]} and {channels[1]}"
        )
    if clash := sorted({"purifier", "classifier"} & set(first.params)):
        raise UsageError(f"{CARD.name}: expected a purifier without a parameter {clash[0]}, got {first.card.name}")
    if last.card.randomness != "none":
        raise UsageError(f"{CARD.name}: expected a classifier that draws no random numbers, got {last.card.name}")
    cards = {"purifier": first.card, "classifier": last.card}
    update: dict[str, Any] = {
        "title": f"{first.card.title or first.card.name} before {last.card.title or last.card.name}"[:200],
        "paper": first.card.paper,
        "input_shape": last.card.input_shape,
        "classes": last.card.classes,
        "data": same_data(cards, CARD.name),
        "weights": first.card.weights + last.card.weights,
        "randomness": first.card.randomness,
        "gradient": max((card.gradient for card in cards.values()), key=WORSE.index),
    }
    flags = ("external_data", "generated_data", "selection_data")
    update |= {name: any(getattr(card, name) for card in cards.values()) for name in flags}
    return CARD.model_copy(update=update), {
        **first.params,
        "purifier": versioned(first.card),
        "classifier": last.identity,
    }


@attach("method", CARD, card_of, parts=("purifier", "classifier", "denoiser"))
def load(registry: Registry, *, purifier: Purifier, classifier: Classifier, **options: float | int | str) -> Purified:
    """The pair.

    Args:
        purifier: what an image goes through first.
        classifier: what gives the label of a purified image.
        options: the parameters of the purifier.
    """
    first, last = _parts(registry, purifier, classifier, options)
    return Purified(first.load(), last.load(), first.card, last.card.input_shape)


def _parts(registry: Registry, purifier: str, classifier: str, options: Mapping[str, object]) -> tuple[Part, Part]:
    first = part(registry, purifier, "purify", CARD.name, options)
    return first, part(registry, classifier, "classify", CARD.name)


class Purified:
    """A classifier of purified images; images of another size than the purifier's are resized for it and back."""

    def __init__(self, purifier: Any, classifier: Any, card: MethodCard, shape: tuple[int, ...]):
        self.purifier = purifier
        self.classifier = classifier
        self._card = card
        self._sizes = (tuple(card.input_shape[1:]), tuple(shape[1:]))

    def to(self, device: str) -> None:
        """Moves what can be moved."""
        for each in (self.purifier, self.classifier):
            if callable(move := getattr(each, "to", None)):
                move(device)

    def purify(self, x: Tensor, *noise: Any) -> Tensor:
        """Purified images, of the size of ``x``. ImageNet's 224 pixels are purified at 256 (Nie et al. 2022)."""
        inside, outside = self._sizes
        made: Tensor = self.purifier.purify(_resized(x, inside), *noise)
        return _resized(made, outside).to(x.dtype)

    def classify_purified(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images as they are: the bare classifier."""
        logits: Tensor = getattr(self.classifier, "classify", self.classifier)(x)
        return logits

    def classify(self, x: Tensor, *noise: Any) -> Tensor:
        """Logits (B, K) of purified images."""
        return self.classify_purified(self.purify(x, *noise))


def _resized(x: Tensor, size: tuple[int, ...]) -> Tensor:
    from torch.nn import functional

    if tuple(x.shape[2:]) == size:
        return x
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=False)
