from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from trustdm.bench.contracts import WeightFile
from trustdm.bench.errors import WeightsError
from trustdm.bench.training.convert import ConvertReport, convert
from trustdm.bench.training.weights import load_state

RAW = {"conv.weight": torch.ones(2, 2), "conv.bias": torch.zeros(2)}
EMA = {name: value + 5 for name, value in RAW.items()}


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


def run(tmp_path: Path, content: object, prefer: str = "ema") -> tuple[ConvertReport, dict[str, Tensor]]:
    source, target = tmp_path / "train.pt", tmp_path / "out" / "net.safetensors"
    torch.save(content, source)
    report = convert(source, target, prefer=prefer)
    return report, safetensors.torch.load_file(target)


def same(got: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return set(got) == set(expected) and all(torch.equal(got[n], expected[n]) for n in expected)


def optimizer_state() -> dict[str, Any]:
    network = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def fails(tmp_path: Path, content: object, words: str, prefer: str = "ema") -> None:
    with pytest.raises(WeightsError, match=words) as caught:
        run(tmp_path, content, prefer)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("content", "used"),
    [
        (RAW, ""),
        ({"state_dict": RAW, "epoch": 3}, "state_dict"),
        ({"model": RAW, "optimizer": optimizer_state(), "epoch": 3, "best": 0.5}, "model"),
        ({"checkpoint": {"net": RAW}, "epoch": 3}, "checkpoint.net"),
        ({"defence": RAW, "lr": 0.1}, "defence"),
    ],
)
def test_the_network_is_found_wherever_training_code_puts_it(tmp_path: Path, content: Any, used: str) -> None:
    report, state = run(tmp_path, content)
    assert same(state, RAW)
    assert report.used == used


@pytest.mark.parametrize("key", ["ema", "state_dict_ema", "model_ema", "ema_state_dict"])
def test_averaged_weights_are_preferred_and_raw_ones_can_be_asked_for(tmp_path: Path, key: str) -> None:
    content = {"state_dict": RAW, key: EMA, "optimizer": optimizer_state()}
    report, state = run(tmp_path, content)
    assert same(state, EMA)
    assert report.used == key
    for prefer in ("raw", "model"):
        report, state = run(tmp_path, content, prefer=prefer)
        assert same(state, RAW)
        assert any(text.startswith(key) for text in report.dropped)


def test_the_report_reads_well_and_ends_with_the_line_to_paste(tmp_path: Path) -> None:
    report, _ = run(tmp_path, {"model": prefixed(RAW, "module."), "epoch": 3})
    assert str(report).splitlines() == [
        f"{report.target}: 2 tensors, 6 values, {report.bytes} bytes",
        f"taken from {report.source}, key model",
        "removed from every name: module.",
        "left out: epoch (int)",
        "for the card:",
        f"    {report.line}",
    ]


def test_tensors_that_the_file_cannot_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value that is repeated without end takes no room in a checkpoint, and all of the disk out of it."""
    monkeypatch.setattr("trustdm.bench.training.convert.SMALL", 1 << 16)
    fails(tmp_path, {"w": torch.zeros(1).expand(1 << 40)}, "got ones of 4,398,046,511,104")


def test_a_key_can_be_asked_for_by_name(tmp_path: Path) -> None:
    report, state = run(tmp_path, {"generator": RAW, "critic": EMA}, prefer="critic")
    assert same(state, EMA)
    assert report.used == "critic"


def test_several_networks_are_ambiguous(tmp_path: Path) -> None:
    fails(tmp_path, {"generator": RAW, "critic": EMA}, "expected one network, got 'generator', 'critic'")
    fails(tmp_path, {"model": RAW, "net": EMA}, "expected one network, got 'model', 'net'")


def test_an_unknown_key_lists_what_is_there(tmp_path: Path) -> None:
    fails(tmp_path, {"model": RAW}, r"expected a state dict under 'g', got model \(2 entries\)", prefer="g")


@pytest.mark.parametrize(
    ("prefix", "stripped"),
    [
        ("module.", ("module.",)),
        ("_orig_mod.", ("_orig_mod.",)),
        ("module._orig_mod.", ("module.", "_orig_mod.")),
        ("_orig_mod.module.", ("_orig_mod.", "module.")),
        ("model.", ()),
    ],
)
def test_prefixes_of_wrappers_go_and_others_stay(tmp_path: Path, prefix: str, stripped: tuple[str, ...]) -> None:
    report, state = run(tmp_path, {"state_dict": prefixed(RAW, prefix)})
    assert same(state, RAW if stripped else prefixed(RAW, prefix))
    assert report.stripped == stripped


def test_a_prefix_that_not_every_name_has_is_part_of_the_names(tmp_path: Path) -> None:
    content = {**prefixed(RAW, "module."), "head.weight": torch.ones(1)}
    report, state = run(tmp_path, content)
    assert same(state, content)
    assert report.stripped == ()


def test_real_wrappers_convert_to_what_they_wrap(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    averaged = torch.optim.swa_utils.AveragedModel(network)
    for wrapper in (nn.DataParallel(network), averaged):
        report, state = run(tmp_path, wrapper.state_dict())
        assert same(state, dict(network.state_dict()))
    assert any("n_averaged" in text for text in report.dropped)


def test_compiled_parts_lose_the_prefix_inside_names(tmp_path: Path) -> None:
    report, state = run(tmp_path, {"body._orig_mod.weight": torch.ones(2), "head.weight": torch.zeros(2)})
    assert set(state) == {"body.weight", "head.weight"}
    assert report.stripped == ("_orig_mod.",)


def test_names_that_would_collide_are_refused(tmp_path: Path) -> None:
    fails(tmp_path, {"a._orig_mod.w": torch.ones(1), "a.w": torch.zeros(1)}, "the same name twice")


def test_what_is_dropped_is_said(tmp_path: Path) -> None:
    content = {"model": {**RAW, "version": 2}, "optimizer": optimizer_state(), "epoch": 3, "scaler": {}}
    report, _ = run(tmp_path, content)
    assert report.dropped == ("optimizer (optimizer)", "epoch (int)", "scaler (0 entries)", "model.version (int)")
    assert (report.tensors, report.parameters) == (2, 6)
    assert report.bytes == report.target.stat().st_size


def test_the_line_to_paste_is_a_weight_file_that_loads(tmp_path: Path) -> None:
    report, state = run(tmp_path, {"model": RAW})
    assert report.sha256 == hashlib.sha256(report.target.read_bytes()).hexdigest()
    pasted = eval(report.line, {"WeightFile": WeightFile})
    assert same(load_state(pasted, report.target.parent), state)


def test_shared_and_strided_tensors_get_storage_of_their_own(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    content = {"a": base, "tied": base, "turned": base.T, "part": base[1:, ::2], "channels": torch.rand(1, 2, 3, 3)}
    content["channels"] = content["channels"].to(memory_format=torch.channels_last)
    _, state = run(tmp_path, content)
    assert same(state, content)


def test_types_are_kept(tmp_path: Path) -> None:
    content = {
        name: torch.ones(2).to(kind) for name, kind in (("h", torch.half), ("b", torch.bfloat16), ("i", torch.int64))
    }
    _, state = run(tmp_path, content)
    assert {name: value.dtype for name, value in state.items()} == {n: v.dtype for n, v in content.items()}


def test_converting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, _ = run(tmp_path, {"model": RAW})
    second, _ = run(tmp_path, {"model": dict(reversed(RAW.items()))})
    assert first.sha256 == second.sha256


def test_a_safetensors_file_can_be_converted_again(tmp_path: Path) -> None:
    source = tmp_path / "in.safetensors"
    safetensors.torch.save_file(prefixed(RAW, "module."), source)
    report = convert(source, tmp_path / "net.safetensors")
    assert same(safetensors.torch.load_file(report.target), RAW)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"epoch": 3}, r"expected named tensors in 'the file', got epoch \(int\)"),
        ({}, "got nothing"),
        ([torch.ones(1)], "expected a dictionary, got list"),
        (torch.ones(1), "expected a dictionary, got Tensor"),
        ({"optimizer": optimizer_state()}, "expected named tensors"),
        (nn.Linear(1, 1), "refused, as loading it could run code"),
    ],
)
def test_files_without_a_network_are_one_line(tmp_path: Path, content: object, words: str) -> None:
    fails(tmp_path, content, words)


def test_averages_without_names_are_refused_and_raw_weights_still_convert(tmp_path: Path) -> None:
    content = {"model": RAW, "ema": {"decay": 0.999, "shadow_params": [torch.ones(2, 2), torch.zeros(2)]}}
    fails(tmp_path, content, "expected named tensors in 'ema', got a list without names")
    assert same(run(tmp_path, content, prefer="raw")[1], RAW)


def test_a_missing_source_and_a_wrong_target_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected a checkpoint file, got none"):
        convert(tmp_path / "no.pt", tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match=r"expected a target that ends in \.safetensors, got \.pt"):
        convert(tmp_path / "no.pt", tmp_path / "net.pt")


def test_a_target_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    source, blocked = tmp_path / "train.pt", tmp_path / "file"
    torch.save(RAW, source)
    blocked.write_text("not a folder")
    with pytest.raises(WeightsError, match="cannot be written"):
        convert(source, blocked / "net.safetensors")
    (tmp_path / "net.safetensors").mkdir()
    with pytest.raises(WeightsError, match="cannot be written"):
        convert(source, tmp_path / "net.safetensors")
    assert not list(tmp_path.glob("*.part"))


def slots(kind: type[torch.optim.Optimizer] = torch.optim.Adam, **options: Any) -> Any:
    """What an optimizer keeps of one parameter, by its number."""
    network = nn.Linear(2, 1, bias=False)
    optimizer = kind(network.parameters(), **options)
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()["state"]


MOMENTS = {"exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2), "step": torch.tensor(3.0)}
NO_NETWORK: dict[str, Any] = {
    "state of Adam": optimizer_state(),
    "its part with tensors": slots(),
    "of SGD": slots(torch.optim.SGD, lr=0.1, momentum=0.9),
    "of Adagrad": slots(torch.optim.Adagrad),
    "of one parameter": MOMENTS,
    "one tensor": {"momentum_buffer": torch.ones(2)},
    "under a key": {"optimizer": optimizer_state(), "epoch": 3},
    "beside an empty model": {"model": {}, "optim_state": slots()},
    "beside none": {"model": None, "optim_state": optimizer_state()},
    "by the name of a parameter": {"optim": {"conv.weight": MOMENTS}},
    "by names, without a key that says so": {"conv.weight": MOMENTS, "conv.bias": MOMENTS},
    "flat": {"optimizer.state.0.exp_avg": torch.ones(2), "optimizer.param_groups.0.lr": torch.ones(())},
    "flat, by parameter": {"state.conv.weight.exp_avg": torch.ones(2), "state.conv.weight.step": torch.ones(())},
    "moments of all": {"exp_avg": RAW, "exp_avg_sq": RAW},
    "deeper": {"train": {"optimizer": slots()}},
    "inside a wrapper": {"optimizer": {"optimizer_state_dict": optimizer_state(), "single": {"w": torch.ones(2)}}},
    "with the state of a generator": {"optimizer": optimizer_state(), "rng_state": torch.get_rng_state()},
    "of a scaler": {"scaler": {"scale": torch.ones(())}},
    "of a scheduler": {"lr_scheduler": {"last": torch.ones(())}},
    "of generators": {"rng": {"cpu": torch.get_rng_state()}},
    "counters": {"step": torch.tensor(3), "epoch": torch.tensor(1)},
}


@pytest.mark.parametrize("what", NO_NETWORK)
def test_what_a_training_keeps_for_itself_is_never_written(tmp_path: Path, what: str) -> None:
    fails(tmp_path, NO_NETWORK[what], r"expected .*(; take|: take) the checkpoint that has the model's state_dict\(\)")


def test_an_optimizer_is_no_network_even_if_it_is_asked_for(tmp_path: Path) -> None:
    for kept in (optimizer_state(), slots(), {"conv.weight": MOMENTS}):
        content = {"model": RAW, "optimizer": kept}
        fails(tmp_path, content, "expected a network, got optimizer with what an optimizer keeps", prefer="optimizer")
    report, _ = run(tmp_path, {"model": RAW, "opt": EMA}, prefer="opt")
    assert report.used == "opt"


@pytest.mark.parametrize(
    ("content", "dropped"),
    [
        ({"model": RAW, "step": torch.tensor(5), "optimizer": optimizer_state()}, "step (tensor ())"),
        ({"model": RAW, "rng_state": torch.get_rng_state()}, "rng_state (tensor "),
        ({"defence": RAW, "rng_state": torch.get_rng_state()}, "rng_state (tensor "),
        ({"model": RAW, "ema": {"step": torch.tensor(3.0)}}, "ema (optimizer)"),
        ({"model": RAW, "scaler": {"scale": torch.ones(())}}, "scaler (1 entries)"),
        ({"defence": RAW, "scaler": {"scale": torch.ones(())}}, "scaler (1 entries)"),
        (RAW | {"optimizer.state.0.exp_avg": torch.ones(2)}, "optimizer.state.0.exp_avg (tensor of the training)"),
        (RAW | {"step": torch.tensor(3), "optimizer": optimizer_state()}, "step (tensor of the training)"),
    ],
)
def test_what_lies_beside_the_network_is_left_out_by_name(tmp_path: Path, content: Any, dropped: str) -> None:
    report, state = run(tmp_path, content)
    assert same(state, RAW)
    assert any(text.startswith(dropped) for text in report.dropped), report.dropped
    assert dropped in str(report)


def test_a_buffer_of_the_network_may_be_called_step(tmp_path: Path) -> None:
    _, state = run(tmp_path, {"state_dict": RAW | {"step": torch.ones(())}, "optimizer": optimizer_state()})
    assert set(state) == {*RAW, "step"}
