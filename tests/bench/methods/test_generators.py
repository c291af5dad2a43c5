"""The shipped generators among each other; each has a file of its own beside this one."""

from __future__ import annotations

from trustdm.bench.methods import (
    digits_edm,
    mnist16_ddpm,
    mnist16_edm,
    mnist16_edm_guided,
    mnist16_edm_uncond,
    mnist16_ldm,
    mnist16_ncsn,
)
from trustdm.bench.training.weights import state_digest

PLUGINS = [
    digits_edm,
    mnist16_ddpm,
    mnist16_edm,
    mnist16_edm_guided,
    mnist16_edm_uncond,
    mnist16_ldm,
    mnist16_ncsn,
]


def test_the_generators_are_trained_separately() -> None:
    digests = [state_digest(plugin.load()) for plugin in PLUGINS]
    assert len(set(digests)) == len(PLUGINS)
    models = {plugin.CARD.weights[0].sha256 for plugin in PLUGINS if plugin.CARD.name.startswith("mnist16")}
    assert len(models) >= 5
