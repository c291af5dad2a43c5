"""NCSN on mnist16."""

from __future__ import annotations

from shippedgenerator import DenoisesMnist16, ShippedGenerator

from trustdm.bench.methods import mnist16_ncsn


class TestMnist16Ncsn(DenoisesMnist16, ShippedGenerator):
    plugin = mnist16_ncsn
