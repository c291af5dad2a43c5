"""DDPM on mnist16."""

from __future__ import annotations

from shippedgenerator import DenoisesMnist16, ObeysLabels, ShippedGenerator

from trustdm.bench.methods import mnist16_ddpm


class TestMnist16Ddpm(ObeysLabels, DenoisesMnist16, ShippedGenerator):
    plugin = mnist16_ddpm
