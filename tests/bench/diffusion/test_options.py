"""What samplers may be told is what they are made of, and is known without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from typing import get_args

import pytest

from trustdm.bench.diffusion.options import OPTIONS, SamplerName, by_sampler
from trustdm.bench.diffusion.samplers import SAMPLERS, make_sampler
from trustdm.bench.parameters import parameters_of


def test_the_names_are_those_of_the_samplers() -> None:
    assert list(get_args(SamplerName)) == list(OPTIONS) == list(SAMPLERS)


@pytest.mark.parametrize("name", list(OPTIONS))
def test_every_option_is_one_of_the_sampler_with_its_default(name: SamplerName) -> None:
    made = make_sampler(name)
    assert {f.name for f in fields(made)} == {f.name for f in fields(OPTIONS[name])}  # type: ignore[arg-type]
    for p in parameters_of(OPTIONS[name]):
        assert getattr(made, p.name) == p.default and p.meaning and p.type, p
        for choice in p.choices:
            make_sampler(name, {p.name: choice})


def test_a_method_has_defaults_of_its_own() -> None:
    assert by_sampler({"rho": 5.0}).defaults == {"rho": 5.0} and by_sampler({}).by == "sampler"


def test_it_needs_no_torch() -> None:
    code = "import sys, trustdm.bench.diffusion.options; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
