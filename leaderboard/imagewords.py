"""Words about images that several tasks share; suites of other data do not use them."""

from __future__ import annotations

from trustdm.bench.suite.load import Suite


def images(suite: Suite) -> str:
    """What one image is: "16×16 grey images"."""
    channels, height, width = suite.data.shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{height}×{width} {colour} images"


def of_classes(suite: Suite) -> str:
    """The data set, its images and its classes."""
    return f"{suite.data.dataset}: {images(suite)} of {suite.data.classes} classes"
