"""Unconditional EDM on mnist16."""

from __future__ import annotations

from shippedgenerator import DenoisesMnist16, KnowsItsData, ShippedGenerator

from trustdm.bench.methods import mnist16_edm_uncond


class TestMnist16EdmUncond(KnowsItsData, DenoisesMnist16, ShippedGenerator):
    plugin = mnist16_edm_uncond
