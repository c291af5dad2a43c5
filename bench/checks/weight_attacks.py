"""Checks of a weight attack; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trustdm.bench.checks.cases import KEY, ROWS, Check, generators_untouched, require
from trustdm.bench.contracts import WeightAttackCard
from trustdm.bench.rng import Noise

if TYPE_CHECKING:
    from torch import Tensor, nn

SIDE = 8
WIDTH = 6


@dataclass(frozen=True)
class WeightAttackCase:
    """A weight attack under test, against a small network of known weights."""

    attack: Any
    card: WeightAttackCard

    @property
    def loaded(self) -> Any:
        return self.attack

    @property
    def tensors(self) -> dict[str, Tensor]:
        """New parameters and buffers of several types and shapes, in order of names, as an attack is given them."""
        import torch
        from torch import nn

        noise = Noise(KEY, [0])

        def drawn(name: str, *shape: int) -> Tensor:
            return torch.from_numpy(noise.normal(name, shape)[0])

        parameters = {
            "bias": torch.zeros(WIDTH),
            "decoder.weight": drawn("decoder.weight", 4, 3, 3, 3),
            "double": drawn("double", 7).double(),
            "empty": torch.zeros(0, 3),
            "half.weight": drawn("half.weight", WIDTH, 5).half(),
            "short.weight": drawn("short.weight", WIDTH, 5).bfloat16(),
            "temperature": torch.tensor(0.7),
        }
        mask = torch.full((3, 3), -torch.inf).triu(1)
        tensors = {
            name: nn.Parameter(value.contiguous(), requires_grad=False) for name, value in parameters.items()
        } | {"mask": mask, "running_var": drawn("running_var", WIDTH).square() + 0.1}
        return {name: tensors[name] for name in sorted(tensors)}

    def perturbed(self, tensors: Mapping[str, Tensor] | None = None, key: str = KEY) -> dict[str, Tensor]:
        """What the attack makes of ``tensors`` (of those above), checked as the harness does."""
        from trustdm.bench.perturb.weights import new_values

        return new_values(self.attack, self.tensors if tensors is None else tensors, key)

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """The new values that most checks compare with."""
        return self.perturbed()

    def network(self) -> nn.Module:
        """A new network, the same each time: convolution, batch normalisation, and a weight that is used twice."""
        from trustdm.bench.method import seeded

        with seeded(KEY, "network"):
            return _tied_network()


def check_values(case: WeightAttackCase) -> str | None:
    """Values are finite tensors of the names, shapes and types that it was given: they are written over these."""
    _ = case.values
    return None


def check_changes_something(case: WeightAttackCase) -> str | None:
    """Some weight is another one afterwards: an attack that does nothing flatters what it is used against."""
    import torch

    changed = [name for name, old in case.tensors.items() if not torch.equal(case.values.get(name, old), old)]
    require(bool(changed), "expected another value of some weight, got the same values")
    return None


def check_values_repeatable(case: WeightAttackCase) -> str | None:
    """The same weights and key give the same values, bit for bit: resumed runs depend on it."""
    _require_same(case.perturbed(), case.values, "the same values for the same weights and key")
    return None


def check_order_of_tensors(case: WeightAttackCase) -> str | None:
    """Values do not depend on the order of the tensors: it is that in which a network happened to be built."""
    turned = dict(reversed(case.tensors.items()))
    _require_same(case.perturbed(turned), case.values, "the same values whatever the order of the tensors")
    return None


def check_noise_as_declared(case: WeightAttackCase) -> str | None:
    """Another key gives other values if and only if the card says randomized: else it is repeated for nothing."""
    import torch

    other = case.perturbed(key=f"{KEY}/other")
    same = all(torch.equal(other.get(name, old), case.values.get(name, old)) for name, old in case.tensors.items())
    want = "other values for another key" if case.card.randomized else "the same values for another key"
    got = "the same" if same else "others"
    require(same != case.card.randomized, f"expected {want}, as the card says, got {got}")
    return None


def check_tensors_not_modified(case: WeightAttackCase) -> str | None:
    """What it is given stays as it is: the harness compares the values with it."""
    tensors = case.tensors
    case.perturbed(tensors)
    require(list(tensors) == list(case.tensors), "expected the mapping of tensors to stay as it was, got other names")
    _require_same(tensors, case.tensors, "tensors to stay as they were")
    return None


def check_perturb_generators(case: WeightAttackCase) -> str | None:
    """No global generator is drawn from (or seeded): numbers would depend on what ran before."""
    with generators_untouched("perturb"):
        case.perturbed()
    return None


def check_strength(case: WeightAttackCase) -> str | None:
    """The card names the parameter that says how strong it is: curves are drawn against it."""
    accepted = inspect.signature(type(case.attack)).parameters
    expected = f"expected strength to be one of {', '.join(accepted) or 'no parameter'}"
    require(case.card.strength in accepted, f"{expected}, got {case.card.strength!r}")
    return None


def check_attacked_network(case: WeightAttackCase) -> str | None:
    """An attacked network still answers with numbers, and is put back: its own fault would be taken for the method's.

    Its counts (integer buffers) stay as they are while it is attacked, too.
    """
    import torch

    from trustdm.bench.perturb.weights import attacked
    from trustdm.bench.training.weights import state_digest

    network = case.network().eval()
    before, x = state_digest(network), torch.from_numpy(Noise(KEY, range(ROWS)).uniform("images", (1, SIDE, SIDE)))
    with attacked(network, case.attack, KEY), torch.no_grad():
        finite = bool(torch.isfinite(network(x)).all())
        counted = int(network.get_buffer("norm.num_batches_tracked"))
    require(finite, "expected finite answers of an attacked network with batch normalisation, got NaN or infinity")
    require(counted == 0, f"expected integer buffers to stay as they were, got a count of {counted} in place of 0")
    require(state_digest(network) == before, "expected the weights of before after the attack, got others")
    return None


def _require_same(got: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> None:
    import torch

    names = sorted(got) == sorted(expected)
    apart = [name for name in sorted(expected) if names and not torch.equal(got[name], expected[name])]
    require(names and not apart, f"expected {what}, got others of {', '.join(apart) or 'other names'}")


def _tied_network() -> nn.Module:
    from torch import nn

    class Network(nn.Module):
        """Logits (B, 6) of images (B, 1, 8, 8)."""

        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(1, WIDTH, 3, padding=1)
            self.norm = nn.BatchNorm2d(WIDTH)
            self.hidden = nn.Linear(WIDTH, WIDTH)
            self.out = nn.Linear(WIDTH, WIDTH)
            self.out.weight = self.hidden.weight

        def forward(self, x: Tensor) -> Tensor:
            pooled = self.norm(self.convolution(x)).relu().mean((2, 3))
            logits: Tensor = self.out(self.hidden(pooled).relu())
            return logits

    return Network()


CHECKS: tuple[Check, ...] = (
    check_values,
    check_changes_something,
    check_values_repeatable,
    check_order_of_tensors,
    check_noise_as_declared,
    check_tensors_not_modified,
    check_perturb_generators,
    check_strength,
    check_attacked_network,
)
