"""EDM on the digits."""

from __future__ import annotations

from shippedgenerator import KnowsItsData, ShippedGenerator

from trustdm.bench.methods import digits_edm


class TestDigitsEdm(KnowsItsData, ShippedGenerator):
    plugin = digits_edm
