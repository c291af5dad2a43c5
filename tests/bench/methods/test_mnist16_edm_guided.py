"""EDM with classifier guidance on mnist16."""

from __future__ import annotations

import torch
from shippedgenerator import ObeysLabels, ShippedGenerator

from trustdm.bench.methods import mnist16_edm_guided, mnist16_edm_uncond


class TestMnist16EdmGuided(ObeysLabels, ShippedGenerator):
    plugin = mnist16_edm_guided


def test_it_steers_the_unconditional_denoiser() -> None:
    assert mnist16_edm_guided.SIGMA_DATA == mnist16_edm_uncond.SIGMA_DATA
    assert mnist16_edm_uncond.CARD.weights[0] in mnist16_edm_guided.CARD.weights


def test_without_guidance_labels_do_not_matter() -> None:
    generator = mnist16_edm_guided.load(guidance=0.0)
    one, other = (generator.sample([1, 2], torch.tensor(labels), 3) for labels in ([3, 3], [7, 7]))
    torch.testing.assert_close(one, other)
