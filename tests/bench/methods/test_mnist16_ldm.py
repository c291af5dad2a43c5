"""Latent diffusion on mnist16."""

from __future__ import annotations

from shippedgenerator import ObeysLabels, ShippedGenerator

from trustdm.bench.methods import mnist16_ldm


class TestMnist16Ldm(ObeysLabels, ShippedGenerator):
    plugin = mnist16_ldm
