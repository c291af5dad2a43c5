"""What a suite asks of a method, in words: of a classifier to withstand an adversary, of a generator to make images."""

from __future__ import annotations

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import Adversary, Certification, Generation
from trustdm.bench.tasks.certification.metrics import SEQUENTIAL
from trustdm.bench.types import Estimate
from trustdm.leaderboard import text
from trustdm.leaderboard.models import Fact

NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}
LABELS = {
    "balanced": "every class by turns: image i is asked for class i modulo {classes}",
    "random": "one drawn from the seed of each image",
    "none": "none; the generator makes what it likes",
}
FAILURES = {"wrong": "the example counts as wrong", "excluded": "the example is left out, and n says so"}
SEQUENTIALLY = "stops drawing as soon as its declared radii are decided; holds for these and its alpha only"
CERTIFICATE = (
    "that the smoothed classifier, the majority over all noise, gives this label to every image within the radius; it "
    "holds whatever the change is, and needs no search for one"
)
NO_CERTIFICATE = (
    "anything beyond the radius or for other kinds of change, that the label is right, or that a vote over a few draws "
    "gives the majority's label"
)
ROUNDING = {"round": "floor(255 x + 1/2)", "truncate": "floor(255 x)"}


def line(suite: Suite) -> str:
    """One line on what is asked."""
    if suite.adversary is not None:
        what = "every pixel" if suite.adversary.norm == "linf" else "the image, in Euclidean length,"
        return f"The adversary knows the method and may change {what} by at most {suite.adversary.eps} of its range."
    if suite.generation is not None:
        size = suite.generation.set
        return f"Images made of seeds: how far {size:,} of them are from real ones, as a frozen extractor sees both."
    if suite.certification is not None:
        odds = suite.certification.alpha
        return f"Labels under Gaussian noise, and the radius within which none can change but with probability {odds}."
    return suite.title


def unit(suite: Suite) -> str:
    """What is counted: an example, or an image."""
    return "example" if suite.adversary else "image"


def kind(suite: Suite) -> str:
    """The task: "attacked", "generated", "certified", or empty."""
    tasks = {"attacked": suite.adversary, "generated": suite.generation, "certified": suite.certification}
    return next((name for name, asked in tasks.items() if asked is not None), "")


def budget(suite: Suite) -> str:
    """The budget in words; empty where nobody attacks."""
    if suite.adversary is None:
        return ""
    norm = NORMS.get(suite.adversary.norm, suite.adversary.norm)
    return f"{norm} norm at most {suite.adversary.eps} of the pixel range"


def facts(suite: Suite, extractor: ExtractorCard | None, floor: Estimate | None) -> tuple[Fact, ...]:
    """The facts of a board: who attacks or what is made, of which images, how much, and what a failure means."""
    if suite.adversary is not None:
        found = _attacked(suite, suite.adversary)
    elif suite.generation is not None:
        found = _generated(suite, suite.generation, extractor, floor)
    elif suite.certification is not None:
        found = _certified(suite, suite.certification)
    else:
        found = []
    return tuple(Fact(term, text.linked(words), term in {"Extractor", "Reference"}) for term, words in found if words)


def _attacked(suite: Suite, adversary: Adversary) -> list[tuple[str, str]]:
    return [
        ("What may change", budget(suite)),
        ("The adversary knows", adversary.knows),
        ("It wins when", adversary.wins),
        ("Images", f"{suite.data.dataset}: {_images(suite)} of {suite.data.classes} classes"),
        ("Sizes", f"{suite.size.full:,} test images at full size{_demo(suite)}"),
        ("If a method fails", FAILURES[suite.failures]),
    ]


def _certified(suite: Suite, it: Certification) -> list[tuple[str, str]]:
    sequential = sorted(name for name, spec in suite.evaluations.items() if spec.protocol == SEQUENTIAL)
    return [
        ("What is certified", "a radius in l2, in units of the pixel range, within which the majority's label stays"),
        ("Draws, n0 and n", f"n0 = {it.selection:,} choose the label; n = {it.estimation:,} others bound its share"),
        ("Error, alpha", f"an image's certificate is wrong with probability at most {it.alpha}, over the draws"),
        ("Sequential", SEQUENTIALLY if sequential else ""),
        ("If it abstains", "the image counts as wrong, at every radius"),
        ("A certificate says", CERTIFICATE),
        ("It does not say", NO_CERTIFICATE),
        ("Images", f"{suite.data.dataset}: {_images(suite)} of {suite.data.classes} classes"),
        ("Sizes", f"{suite.size.full:,} test images at full size{_demo(suite)}"),
        ("If a method fails", FAILURES[suite.failures].replace("example", "image")),
    ]


def _demo(suite: Suite) -> str:
    return f", the first {suite.size.demo:,} in the demo" if suite.size.demo else ""


def _generated(
    suite: Suite, it: Generation, extractor: ExtractorCard | None, floor: Estimate | None
) -> list[tuple[str, str]]:
    sets = suite.size.full // it.set
    card = f", {extractor.dimension:,} features" if extractor else ""
    return [
        ("What is made", f"{_images(suite)} like those of {suite.data.dataset}"),
        ("Classes asked for", LABELS[it.labels].format(classes=suite.data.classes)),
        ("Rounding", f"to 8 bits, {ROUNDING[it.quantise]}, before anything is compared"),
        ("Images", f"{suite.size.full:,} at full size{_demo(suite)}; image i is made of seed i"),
        ("A set", f"{it.set:,} images; {'one set' if sets == 1 else f'a distance is the mean over {sets} sets'}"),
        ("Extractor", f"{it.extractor}{card}" + (f", sha256 {it.extractor_sha256}" if it.extractor_sha256 else "")),
        ("Resizing", extractor.resizing if extractor else ""),
        ("Reference", it.reference + (f", sha256 {it.reference_sha256}" if it.reference_sha256 else "")),
        ("Floor", floor_line(floor)),
        ("If a generator fails", "no distance: a set with an image missing would be another set"),
    ]


def floor_line(floor: Estimate | None) -> str:
    """What held-out real images get, in words; empty where the suite has none."""
    if floor is None:
        return ""
    value, interval = text.measure(floor.value, floor.low, floor.high)
    return f"held-out real images: {value} {interval} at n = {floor.n:,}".replace("  ", " ")


def _images(suite: Suite) -> str:
    channels, height, width = suite.data.shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{height}×{width} {colour} images"
