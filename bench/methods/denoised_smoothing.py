"""Noise, denoise, classify (Carlini et al. 2023, Alg. 1), with any registered denoiser and classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.parameters import MethodThat
from trustdm.bench.registry import Registry, attach

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

NONE = "none"
Classifier = Annotated[str, MethodThat("classify")]
Denoiser = Annotated[str, MethodThat("denoise", (NONE,))]
CARD = MethodCard(
    name="denoised-smoothing",
    title="Denoise, then classify",
    summary="A registered denoiser before a registered classifier, by name: "
    "denoised-smoothing:denoiser=mnist16-edm,classifier=mnist16-standard; denoiser=none is the control.",
    authors=("The trustdm authors",),
    licence="Apache-2.0",
    paper="Carlini et al. 2023, (Certified!!) Adversarial Robustness for Free!",
    tags=("certified", "smoothing", "diffusion"),
    claim="What is certified within a radius in l2 cannot be changed, but with the stated probability.",
    capabilities=("classify_noisy",),
    input_shape=(1, 1, 1),
    classes=2,
    variants=(
        "classifier=mnist16-standard,denoiser=mnist16-edm",
        "classifier=mnist16-standard,denoiser=none",
    ),
)


def card_of(
    registry: Registry, *, classifier: Classifier, denoiser: Denoiser, steps: int = 1
) -> tuple[MethodCard, dict[str, str | int]]:
    """The card of a pair, and its parameters.

    Raises:
        UsageError: a part that cannot do what is asked of it, or of another shape.
    """
    parts = [_part(registry, classifier, "classify")]
    if denoiser != NONE:
        parts.append(_part(registry, denoiser, "denoise"))
        if parts[1].input_shape != parts[0].input_shape:
            raise UsageError(
                f"{CARD.name}: expected a denoiser for images {parts[0].input_shape} of {classifier}, got "
                f"{parts[1].input_shape} of {denoiser}"
            )
    if steps < 1 or (denoiser == NONE and steps != 1):
        raise UsageError(f"{CARD.name}: steps: expected at least 1, and 1 without a denoiser, got {steps}")
    data = tuple(sorted(set.intersection(*(set(part.data) for part in parts))))
    if not data and any(part.data for part in parts):
        raise UsageError(
            f"{CARD.name}: expected parts made for the same data, got {' and '.join(p.name for p in parts)}"
        )
    card = CARD.model_copy(
        update={
            "input_shape": parts[0].input_shape,
            "classes": parts[0].classes,
            "data": data,
            "weights": tuple(weights for part in parts for weights in part.weights),
        }
    )
    last = _versioned(parts[1]) if parts[1:] else NONE
    return card, {"classifier": _versioned(parts[0]), "denoiser": last, "steps": steps}


def _versioned(card: MethodCard) -> str:
    """A part as it stands in the identity of the pair; its weights are there as well."""
    return card.name if card.version == "1" else f"{card.name}@{card.version}"


@attach("method", CARD, card_of, parts=("classifier", "denoiser"))
def load(registry: Registry, *, classifier: Classifier, denoiser: Denoiser, steps: int = 1) -> DenoisedClassifier:
    """The pair, ready to be smoothed.

    Args:
        classifier: what gives the label of a denoised image.
        denoiser: what takes the noise away before it; "none" is the control.
        steps: of the denoiser; above 1 they follow the probability-flow ODE from sigma down.
    """
    model = registry.get("method", classifier).load()()
    if denoiser == NONE:
        return DenoisedClassifier(model, None, steps)
    return DenoisedClassifier(model, registry.get("method", denoiser).load()(), steps)


class DenoisedClassifier:
    """A classifier of noisy images; the denoiser is told the noise level in [0, 1] pixel units."""

    def __init__(self, classifier: Any, denoiser: Any, steps: int):
        self.classifier = classifier
        self.denoiser = denoiser
        self.steps = steps

    def to(self, device: str) -> None:
        """Moves what can be moved."""
        for part in (self.classifier, self.denoiser):
            if callable(move := getattr(part, "to", None)):
                move(device)

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        """Logits (B, K) of x0 + sigma n; what the classifier sees is clipped to [0, 1], where images are."""
        clean = x if self.denoiser is None else self._denoised(x, sigma)
        classify: Callable[[Tensor], Tensor] = getattr(self.classifier, "classify", self.classifier)
        return classify(clean.clamp(0, 1).to(x.dtype))

    def _denoised(self, x: Tensor, sigma: float) -> Tensor:
        from trustdm.bench.diffusion.ode import heun
        from trustdm.bench.diffusion.schedules import karras

        if self.steps == 1:
            return cast("Tensor", self.denoiser.denoise(x, x.new_full((len(x),), sigma)))
        levels = karras(self.steps, min(0.01, sigma / 2), sigma)
        return heun(lambda state, level: self.denoiser.denoise(state, level), x.double(), levels)


def _part(registry: Registry, name: str, capability: str) -> MethodCard:
    card = registry.get("method", name).card
    if not isinstance(card, MethodCard) or capability not in card.capabilities:
        raise UsageError(f"{CARD.name}: expected a method that can {capability}, got {name}")
    if card.randomness != "none":
        raise UsageError(f"{CARD.name}: expected parts that draw no random numbers, got {name}: {card.randomness}")
    return card
