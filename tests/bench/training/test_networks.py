from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from trustdm.bench.errors import UsageError, WeightsError
from trustdm.bench.training.networks import CifarResNet18, SmallCnn, parameters_in, restored, seeded


@pytest.mark.parametrize("side", [4, 8, 16, 32])
def test_the_small_network_has_the_published_size_at_every_side(side: int) -> None:
    convolutions = (9 * 1 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 32
    assert parameters_in(SmallCnn(side)) == convolutions + (32 * 4 * 4 + 1) * 64 + (64 + 1) * 10 == 47_530
    assert SmallCnn(side)(torch.rand(3, 1, side, side)).shape == (3, 10)


def test_other_sides_are_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"side: expected one of 4, 8, 16, 32, got 12"):
        SmallCnn(12)


def test_channels_and_classes_are_free() -> None:
    assert SmallCnn(8, 3, 4)(torch.rand(2, 3, 8, 8)).shape == (2, 4)


def test_seeded_weights_depend_on_the_seed_alone_and_leave_the_generator() -> None:
    before = torch.get_rng_state()
    first = seeded(SmallCnn, 5, 8)
    torch.rand(3)
    second, other = seeded(SmallCnn, 5, 8), seeded(SmallCnn, 6, 8)
    torch.set_rng_state(before)
    third = seeded(SmallCnn, 5, 8)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b, c, d in zip(*(n.parameters() for n in (first, second, third, other)), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
        assert not torch.equal(a, d)


def test_restored_networks_hold_the_state_without_drawing_numbers() -> None:
    original = seeded(SmallCnn, 1, 8).eval()
    before = torch.get_rng_state()
    again = restored(SmallCnn, original.state_dict(), 8)
    assert torch.equal(torch.get_rng_state(), before)
    assert not again.training
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(again(x), original(x))


def test_a_state_of_another_network_is_one_line() -> None:
    state = seeded(SmallCnn, 1, 8).state_dict()
    del state["out.bias"]
    with pytest.raises(WeightsError, match=r"SmallCnn: expected the state of this network.*out\.bias") as caught:
        restored(SmallCnn, state, 8)
    assert "\n" not in str(caught.value)


def test_resnet18_computes_what_the_script_beside_its_checkpoint_does() -> None:
    spec = importlib.util.find_spec("pyautoattack")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pyautoattack is not installed")
    script = Path(spec.submodule_search_locations[0]) / "examples" / "resnet.py"
    if not script.is_file():
        pytest.skip("this pyautoattack ships no resnet.py")
    module_spec = importlib.util.spec_from_file_location("shipped_resnet", script)
    assert module_spec is not None and module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    theirs, ours = module.ResNet18(), seeded(CifarResNet18, 3)
    with torch.no_grad():
        for buffer in ours.buffers():  # batch statistics other than 0 and 1, or the test would not see them
            if buffer.is_floating_point():
                buffer += torch.rand(buffer.shape, generator=torch.Generator().manual_seed(0))
        theirs.load_state_dict(ours.state_dict())
        x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))
