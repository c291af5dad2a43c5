"""Attacks on weights: what is attacked, what is refused, and that everything is put back bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.errors import ContractError
from trustdm.bench.perturb.weights import NamedNoise, attacked, new_values, selected
from trustdm.bench.rng import derive
from trustdm.bench.training.weights import state_digest

KEY = "key"


class Attack:
    """Applies ``change(name, tensor, noise)`` to every tensor, and remembers what it was given."""

    def __init__(self, change: Callable[[str, Tensor, Any], Tensor]) -> None:
        self.change = change
        self.given: dict[str, Tensor] = {}

    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        self.given = dict(tensors)
        return {name: self.change(name, w.detach(), noise).to(w.dtype) for name, w in tensors.items()}


def plus_one() -> Attack:
    return Attack(lambda name, w, noise: w + 1)


def noisy() -> Attack:
    return Attack(lambda name, w, noise: w + noise.normal(name, tuple(w.shape)))


class Everything(nn.Module):
    """Tied, transposed, strided and half precision weights, running statistics, integers, complex numbers, a mask."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm1d(4)
        self.first = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.first.weight
        self.turned = nn.Parameter(self.first.weight.data.T)
        self.strided = nn.Parameter(torch.randn(4, 10)[:, ::2])
        self.brief = nn.Parameter(torch.randn(3).half())
        self.short = nn.Parameter(torch.randn(3).bfloat16(), requires_grad=False)
        self.wide = nn.Parameter(torch.randn(2, 2, dtype=torch.float64))
        self.scalar = nn.Parameter(torch.tensor(2.0))
        self.empty = nn.Parameter(torch.zeros(0, 2))
        self.register_buffer("table", torch.arange(5))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("waves", torch.randn(3, dtype=torch.complex64))
        self.register_buffer("repeated", torch.tensor([1.5]).expand(4))
        self.register_buffer("nothing", None)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf, torch.nan]), persistent=False)


def bits(module: nn.Module) -> dict[str, tuple[Any, ...]]:
    """Everything that must be as before: bytes, shape, stride, place in memory, type, flags, mode."""
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    facts: dict[str, tuple[Any, ...]] = {
        name: (
            id(t),
            t.data_ptr(),
            bytes(t.untyped_storage()),
            t.shape,
            t.stride(),
            t.dtype,
            t.requires_grad,
        )
        for name, t in named
    }
    return facts | {f"mode of {name}": (child.training,) for name, child in module.named_modules()}


def test_all_that_is_attackable_is_attacked_once_and_put_back() -> None:
    network, attack = Everything(), plus_one()
    before, old = bits(network), {name: w.detach().clone() for name, w in network.named_parameters()}
    with attacked(network, attack, KEY) as changed:
        for name, w in network.named_parameters(remove_duplicate=False):
            # What shares memory with another is attacked once, under either name.
            original = old["first.weight"] if name == "tied.weight" else old[name]
            torch.testing.assert_close(w.detach(), original + 1)
        torch.testing.assert_close(network.norm.running_mean, torch.ones(4))
        assert network.get_buffer("table").tolist() == [0, 1, 2, 3, 4]
        assert bits(network)["waves"] == before["waves"] and bits(network)["repeated"] == before["repeated"]
    assert bits(network) == before
    expected = {"first.weight", "first.bias", "tied.bias", "strided", "brief", "short", "wide", "scalar", "empty"}
    expected |= {"mask", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"}
    assert set(attack.given) == expected
    assert list(attack.given) == sorted(attack.given)
    assert {n for n, w in attack.given.items() if not isinstance(w, nn.Parameter)} == {
        "mask",
        "norm.running_mean",
        "norm.running_var",
    }
    # 16 + 4 + 4, 20, 3, 3, 4, 1, 3 of the mask less minus infinity (NaN is unequal to itself), 4 for each of the norm's
    assert changed == 24 + 20 + 3 + 3 + 4 + 1 + 2 + 16


def test_what_is_done_inside_is_undone() -> None:
    network = Everything().eval()
    before = bits(network)
    with pytest.raises(ZeroDivisionError), attacked(network, noisy(), KEY):
        network.train()
        network.norm(torch.randn(8, 4))
        with torch.no_grad():
            network.first.weight.mul_(torch.nan)
            network.get_buffer("table").zero_()
            network.get_buffer("waves").zero_()
            network.get_buffer("flags").fill_(True)
        network.brief.requires_grad_(False)
        network.short.requires_grad_(True)
        1 / 0  # noqa: B018
    assert bits(network) == before


@pytest.mark.parametrize(
    "act",
    [
        lambda network: network.double(),
        lambda network: network.half(),
        lambda network: network.load_state_dict({n: 2 * w for n, w in network.state_dict().items()}, assign=True),
        lambda network: setattr(network.first.weight, "data", torch.zeros(2, 2)),
        lambda network: setattr(network, "scalar", nn.Parameter(torch.tensor(5.0))),
        lambda network: setattr(network.norm, "running_mean", torch.zeros(4)),
        lambda network: delattr(network, "brief"),
    ],
    ids=["to double", "to half", "assigned state", "other data", "other parameter", "other buffer", "deleted"],
)
def test_tensors_that_were_replaced_inside_are_put_back(act: Callable[[Any], object]) -> None:
    network = Everything()
    before = bits(network)
    with attacked(network, noisy(), KEY):
        act(network)
    assert bits(network) == before


def test_an_attack_that_raises_or_breaks_its_contract_leaves_nothing_behind() -> None:
    network = Everything()
    before = bits(network)
    raising = Attack(lambda name, w, noise: 1 / 0)  # type: ignore[arg-type, return-value]
    infinite = Attack(lambda name, w, noise: w / 0)
    for attack, message in ((raising, "raised ZeroDivisionError"), (infinite, ": '.*': expected finite values, got")):
        refused = pytest.raises(ContractError, match=f"weight attack Attack ?{message}")
        with refused, attacked(network, attack, KEY):
            raise AssertionError("not reached")
    assert bits(network) == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "expected a dict of tensors by name, got list"),
        ({"v": torch.zeros(2)}, "'v': expected a name that was passed in, got an unknown one"),
        ({"w": [0.0, 0.0]}, "'w': expected a tensor, got list"),
        ({"w": torch.zeros(3)}, r"'w': expected torch.float32 of shape \(2,\), got torch.float32 of shape \(3,\)"),
        ({"w": torch.zeros(2).half()}, r"'w': expected torch.float32 of shape \(2,\), got torch.float16"),
        ({"w": torch.tensor([0, torch.inf])}, "'w': expected finite values, got NaN or infinity"),
    ],
)
def test_values_that_no_attack_may_return_are_refused(values: Any, message: str) -> None:
    attack = SimpleNamespace(perturb=lambda tensors, noise: values)
    with pytest.raises(ContractError, match=f"weight attack SimpleNamespace: {message}"):
        new_values(attack, {"w": torch.zeros(2)}, KEY)


def test_what_was_not_finite_before_may_stay_so() -> None:
    mask = torch.tensor([0.0, -torch.inf])
    attack = SimpleNamespace(perturb=lambda tensors, noise: dict(tensors))
    assert torch.equal(new_values(attack, {"mask": mask}, KEY)["mask"], mask)


def test_an_attack_cannot_reach_the_weights_themselves() -> None:
    network = nn.Linear(2, 2)
    before = bits(network)

    def in_place(tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        for w in tensors.values():
            w.zero_()
        return {}

    with attacked(network, SimpleNamespace(perturb=in_place), KEY) as changed:
        assert bits(network) == before and changed == 0


class Quantised(nn.Module):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (torch.zeros(3, dtype=torch.int8), "'weight': expected a floating point parameter, got torch.int8"),
        (torch.zeros(3, dtype=torch.complex64), "expected a floating point parameter, got torch.complex64"),
        (torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8), "got Parameter .torch.qint8"),
        (torch.zeros(3).to_sparse(), "got Parameter .torch.float32, torch.sparse_coo"),
        (torch.zeros(1).expand(3), "got an expanded one, whose elements share memory"),
    ],
)
def test_parameters_that_cannot_be_attacked_are_refused_rather_than_spared(weight: Tensor, message: str) -> None:
    with pytest.raises(ContractError, match=message), attacked(Quantised(weight), plus_one(), KEY):
        raise AssertionError("not reached")


@pytest.mark.parametrize("thing", [lambda x: x, SimpleNamespace(w=torch.zeros(3)), nn.ReLU()])
def test_a_method_without_weights_in_networks_is_refused(thing: object) -> None:
    refused = pytest.raises(ContractError, match="expected networks with floating point weights to attack, got none")
    with refused, attacked(thing, plus_one(), KEY):
        raise AssertionError("not reached")


class Holder:
    """A method that makes things while it is called."""

    def __init__(self) -> None:
        self.network: nn.Module = nn.Linear(2, 2)
        self.table = torch.zeros(2)
        self.kept: object = None


@pytest.mark.parametrize(
    "act",
    [
        lambda holder: setattr(holder, "network", nn.Linear(2, 2)),
        lambda holder: holder.table.add_(1),
        lambda holder: setattr(holder, "kept", torch.ones(1)),
    ],
    ids=["new network", "tensor outside", "new tensor"],
)
def test_what_cannot_be_restored_is_an_error(act: Callable[[Holder], object]) -> None:
    holder = Holder()
    refused = pytest.raises(ContractError, match="weights: cannot be restored after an attack")
    with refused as caught, attacked(holder, plus_one(), KEY):
        act(holder)
    assert "\n" not in str(caught.value)


def test_views_of_one_buffer_are_each_attacked_and_what_overlaps_is_attacked_once() -> None:
    network = nn.Module()
    memory = torch.zeros(12)
    network.low, network.high = nn.Parameter(memory[:4]), nn.Parameter(memory[4:8].reshape(2, 2))
    network.register_buffer("all_of_it", memory)
    attack = plus_one()
    with attacked(network, attack, KEY):
        assert memory.tolist() == [1.0] * 8 + [0.0] * 4
    assert set(attack.given) == {"low", "high"} and memory.tolist() == [0.0] * 12
    network = nn.Module()
    network.part, network.whole = nn.Parameter(memory[2:5]), nn.Parameter(memory)
    with attacked(network, attack, KEY):
        assert memory.tolist() == [1.0] * 12
    assert set(attack.given) == {"whole"}


def test_what_overlaps_is_known_by_bytes_whatever_the_types() -> None:
    network = nn.Module()
    memory = torch.zeros(4, dtype=torch.float64)
    wide, narrow = memory[:2], memory[2:].view(torch.float32)
    network.wide, network.narrow = nn.Parameter(wide), nn.Parameter(narrow)
    network.other = nn.Parameter(memory[3:].view(torch.float16))
    attack = plus_one()
    with attacked(network, attack, KEY):
        assert wide.tolist() == [1.0] * 2 and narrow.tolist() == [1.0] * 4
    assert set(attack.given) == {"wide", "narrow"}
    assert memory.tolist() == [0.0] * 4


def test_networks_are_numbered_where_there_are_several_and_shared_ones_attacked_once() -> None:
    shared = nn.Linear(2, 2)
    method = SimpleNamespace(encoder=nn.Linear(2, 2), again=shared, decoder=nn.Sequential(shared, nn.Linear(2, 2)))
    attack = plus_one()
    old = shared.weight.detach().clone()
    with attacked(method, attack, KEY):
        torch.testing.assert_close(shared.weight.detach(), old + 1)
    assert set(attack.given) == {f"{n}.{leaf}" for n in ("0", "1", "2.1") for leaf in ("weight", "bias")}


def test_weights_made_in_inference_mode_are_attacked_and_put_back() -> None:
    with torch.inference_mode():
        network = nn.Linear(2, 2)
    before = state_digest(network)
    with attacked(network, plus_one(), KEY):
        assert state_digest(network) != before
    assert state_digest(network) == before


def test_attacked_weights_depend_on_the_key_and_the_names_only() -> None:
    def weights(key: str, names: list[str]) -> dict[str, Tensor]:
        network = nn.Module()
        for name in names:
            setattr(network, name, nn.Parameter(torch.zeros(5)))
        with attacked(network, noisy(), key):
            return {name: network.get_parameter(name).detach().clone() for name in names}

    one, other = weights("a", ["x", "y", "z"]), weights("a", ["z", "x"])
    assert all(torch.equal(one[name], other[name]) for name in other)
    assert not torch.equal(one["x"], one["y"])
    assert not torch.equal(weights("b", ["x"])["x"], one["x"])


def test_noise_is_what_the_generator_of_the_key_and_name_gives() -> None:
    noise = NamedNoise("a")
    generator = np.random.Generator(np.random.Philox(key=derive("a", "weights", "normal", "w")))
    drawn = noise.normal("w", (2, 3))
    assert drawn.dtype == torch.float32
    np.testing.assert_array_equal(drawn.numpy(), generator.standard_normal((2, 3), dtype=np.float32))
    assert noise.normal("w", ()).shape == () and noise.uniform("w", (0, 2)).shape == (0, 2)
    uniform = noise.uniform("w", (2000,))
    assert float(uniform.min()) >= 0 and float(uniform.max()) < 1
    assert abs(float(uniform.mean()) - 0.5) < 4 / (12 * 2000) ** 0.5
    normal = noise.normal("w", (2000,))
    assert abs(float(normal.mean())) < 4 / 2000**0.5 and abs(float(normal.var()) - 1) < 4 * (2 / 2000) ** 0.5
    assert torch.equal(noise.normal("w", (2, 3)), drawn)


def test_parameters_are_selected_in_order_and_buffers_on_demand() -> None:
    tensors = {
        "z": nn.Parameter(torch.ones(2)),
        "a": nn.Parameter(torch.ones(2)),
        "running": torch.ones(2),
        "mask": torch.tensor([0, -torch.inf]),
        "empty": nn.Parameter(torch.zeros(0)),
    }
    assert list(selected(tensors, buffers=False)) == ["a", "z"]
    assert list(selected(tensors, buffers=True)) == ["a", "running", "z"]
    with pytest.raises(ContractError, match="got none among 1 tensors; with buffers = true these are attacked as well"):
        selected({"running": torch.ones(2)}, buffers=False)
    with pytest.raises(ContractError, match=r"got none among 1 tensors$"):
        selected({"mask": tensors["mask"]}, buffers=True)


def test_nothing_global_is_drawn() -> None:
    network = nn.Linear(3, 3)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index] # noqa: NPY002
    with attacked(network, noisy(), KEY):
        pass
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[2]
    assert np.random.get_state()[1].tolist() == states[1]  # type: ignore[index] # noqa: NPY002
