"""Checks of a generator; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.capabilities.sample import SAMPLE
from trustdm.bench.checks.cases import (
    KEY,
    MORE_STEPS,
    ROWS,
    SAMPLE_STEPS,
    Check,
    MethodCase,
    generators_untouched,
    require,
    require_same_images,
)
from trustdm.bench.checks.classify import check_load_is_repeatable
from trustdm.bench.errors import TrustdmError

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_SEEDED = "randomness is block-seeded: images share one stream"


def check_images(case: MethodCase) -> str | None:
    """Images are finite floating point (n, C, H, W) in [0, 1], for one seed and for several: features are theirs."""
    for rows in ([0], range(ROWS)):
        case.sample(rows)
    return None


def check_image_alone(case: MethodCase) -> str | None:
    """A seed alone gives the image that it gives in a batch: images must not influence each other."""
    if case.card.randomness == "block-seeded":
        return BLOCK_SEEDED
    import torch

    alone = torch.cat([case.sample([i])[0] for i in range(ROWS)])
    require_same_images(alone, case.sampled[0], "expected images of one seed at a time to be those of the batch")
    return None


def check_place_in_batch(case: MethodCase) -> str | None:
    """Images move with their seeds and labels: the place in the batch decides nothing."""
    if case.card.randomness == "block-seeded":
        return BLOCK_SEEDED
    order = [3, 0, 5, 1, 4, 2]
    require_same_images(case.sample(order)[0], case.sampled[0][order], "expected images to move with their seeds")
    return None


def check_seeds_matter(case: MethodCase) -> str | None:
    """Different seeds give different images: a set of copies has no spread to compare with real images."""
    import torch

    labels = None if case.labels is None else np.zeros(ROWS, dtype=np.int64)
    images, _ = case.sample(labels=labels)
    for i in range(ROWS):
        for j in range(i):
            same = torch.equal(images[i], images[j])
            require(
                not same, f"expected other images of other seeds, got the same of {case.seeds[j]} and {case.seeds[i]}"
            )
    return None


def check_samples_repeatable(case: MethodCase) -> str | None:
    """The same seeds give the same images, bit for bit: resumed runs depend on it."""
    import torch

    same = torch.equal(case.sample()[0], case.sampled[0])
    require(same, "expected the same images for the same seeds, got others")
    return None


def check_labels_used(case: MethodCase) -> str | None:
    """Other labels give other images of the same seeds: a suite that asks for every class would get any."""
    import torch

    if case.labels is None:
        return "it has no classes"
    other = (case.labels + 1) % case.card.classes
    same = torch.equal(case.sample(labels=other)[0], case.sampled[0])
    require(not same, "expected other images for other labels, got the same; declare classes 0")
    return None


def check_no_labels(case: MethodCase) -> str | None:
    """Without labels it makes images, or says in one line that it cannot: some suites give none."""
    if case.labels is None:
        return "it has no classes"
    refused = _refusal(case, SAMPLE_STEPS, None, "labels")
    if not refused:
        case.sample(conditional=False)
    return refused


def check_arguments_not_modified(case: MethodCase) -> str | None:
    """Seeds and labels stay as they are: images are filed under those that were asked for."""
    import torch

    seeds, given = list(case.seeds), _labels(case, case.labels)
    _call(case)(seeds, given, SAMPLE_STEPS)
    require(seeds == case.seeds, "expected the list of seeds to stay as it was, got it modified in place")
    kept = _labels(case, case.labels)
    same = given is None or kept is None or torch.equal(given, kept)
    require(same, "expected the labels to stay as they were, got them modified in place")
    return None


def check_sampling_generators(case: MethodCase) -> str | None:
    """No global generator is drawn from (or seeded): images would depend on what ran before."""
    if case.card.randomness == "block-seeded":
        return "randomness is block-seeded: declared to draw from global generators"
    with generators_untouched("sample"):
        case.sample()
    return None


def check_block_seeds_used(case: MethodCase) -> str | None:
    """A generator declared block-seeded draws from what the harness seeds: else its row carries a mark for nothing."""
    import torch

    if case.card.randomness != "block-seeded":
        return f"randomness is {case.card.randomness}"
    same = torch.equal(case.sample(key=f"{KEY}/other")[0], case.sampled[0])
    require(not same, "expected other images for other global seeds, got the same; declare randomness 'none'")
    return None


def check_steps(case: MethodCase) -> str | None:
    """One step works and more of them take more passes: curves against steps rest on it."""
    _, one = case.sample(steps=1)
    if not case.sampled[1]:
        return "no passes are counted"
    _, more = case.sample(steps=MORE_STEPS)
    expected = f"expected more passes for {MORE_STEPS} steps than for 1"
    require(more > one, f"{expected}, got {more / ROWS:g} and {one / ROWS:g} an image")
    return None


def check_steps_refused(case: MethodCase) -> str | None:
    """Steps below 1 are refused in one line: an image of no steps would be noise that is taken for a sample."""
    for steps in (0, -1):
        refused = _refusal(case, steps, case.labels, "steps")
        require(bool(refused), f"steps {steps}: expected a ValueError or TrustdmError about steps, got images")
    return None


def check_passes_counted(case: MethodCase) -> str | None:
    """Passes through its networks are seen by the harness: their number stands on the board as its cost."""
    from trustdm.bench.training.weights import modules_in

    if not any(True for module in modules_in(case.loaded) for _ in module.parameters()):
        return "it holds no networks"
    require(case.sampled[1] > 0, "expected passes through the networks it holds, got none; call networks as modules")
    return None


def check_sampling_state(case: MethodCase) -> str | None:
    """Weights stay as loaded, frozen and in evaluation mode: later images would come from another network."""
    from trustdm.bench.method import place
    from trustdm.bench.training.weights import modules_in, state_digest

    thing = case.load()
    place(thing, case.card, case.device, SAMPLE)
    before = state_digest(thing)
    if before is None:
        return "it holds no parameters or buffers"
    case.sample(thing=thing)
    modules = [m for top in modules_in(thing) for m in top.modules()]
    require(state_digest(thing) == before, "expected the same parameters and buffers after sample, got others")
    require(
        not any(m.training for m in modules), "expected networks in evaluation mode after sample, got training mode"
    )
    free = any(p.requires_grad for m in modules for p in m.parameters())
    require(not free, "expected frozen weights after sample, got some that take gradients")
    return None


def _call(case: MethodCase) -> Callable[..., Any]:
    """``sample`` itself, without what the harness does around it; global generators are seeded and put back."""
    from trustdm.bench.method import seeded

    sample = case.able(SAMPLE)

    def call(seeds: list[int], labels: Tensor | None, steps: int) -> Any:
        import torch

        with torch.no_grad(), seeded(KEY):
            return sample(seeds, labels, steps)

    return call


def _called(case: MethodCase, steps: int, labels: Any) -> Any:
    return _call(case)(case.seeds, _labels(case, labels), steps)


def _labels(case: MethodCase, labels: NDArray[np.int64] | None) -> Tensor | None:
    """A new tensor of labels where the method is."""
    import torch

    return None if labels is None else torch.from_numpy(labels).to(case.device)


def _refusal(case: MethodCase, steps: int, labels: Any, word: str) -> str:
    """The one line with which it refuses, which must have ``word`` in it; empty where it returns something."""
    try:
        _called(case, steps, labels)
    except (ValueError, TrustdmError) as error:
        said = str(error)
        require(word in said and "\n" not in said, f"expected a refusal in one line that names {word}, got {said!r}")
        return f"it refuses: {said}"
    return ""


CHECKS: tuple[Check, ...] = (
    check_images,
    check_image_alone,
    check_place_in_batch,
    check_seeds_matter,
    check_samples_repeatable,
    check_labels_used,
    check_no_labels,
    check_arguments_not_modified,
    check_sampling_generators,
    check_block_seeds_used,
    check_steps,
    check_steps_refused,
    check_passes_counted,
    check_sampling_state,
    check_load_is_repeatable,
)
