"""What tells a loaded method from another one: weights exactly, answers to a tolerance."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from trustdm.bench.capabilities.classify import CLASSIFY
from trustdm.bench.contracts import MethodCard
from trustdm.bench.method import place
from trustdm.bench.runner.fingerprint import describe, differs

CARD = MethodCard(name="toy", input_shape=(1, 2, 2), classes=3)


def network(scale: float = 1.0) -> nn.Module:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    with torch.no_grad():
        net[1].weight.copy_(scale * torch.arange(12.0).reshape(3, 4).sin())
        net[1].bias.zero_()
    return net


def described(thing: object, card: MethodCard = CARD) -> str:
    return describe(thing, place(thing, card, "cpu", CLASSIFY), card, "cpu", CLASSIFY)


def test_the_same_method_is_described_alike() -> None:
    assert described(network()) == described(network()) and not differs(described(network()), described(network()))


def test_other_weights_differ_exactly() -> None:
    assert differs(described(network()), described(network(1 + 1e-6)))


def test_other_answers_differ_beyond_a_tolerance() -> None:
    net = network()
    one, two, far = (described(lambda x, s=s: s * net(x)) for s in (1.0, 1.001, 1.2))
    assert not differs(one, two) and differs(one, far)


@pytest.mark.parametrize("broken", [lambda x: x, lambda x: 1 / 0])
def test_a_method_that_breaks_its_contract_is_described_without_answers(broken: object) -> None:
    told = described(broken)
    assert json.loads(told)["answers"] == [] and not differs(told, described(lambda x: x.flatten(1)[:, :3]))


def test_answers_that_are_not_finite_are_written_as_zero() -> None:
    class Overflows(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.flatten(1)[:, :3]

        @staticmethod
        def backward(ctx, gradient):
            return torch.full((len(gradient), 1, 2, 2), float("inf"))

    assert 0.0 in json.loads(described(Overflows.apply))["answers"]
