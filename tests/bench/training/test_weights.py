from __future__ import annotations

import argparse
import functools
import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from trustdm.bench import arrayfiles
from trustdm.bench.contracts import WeightFile
from trustdm.bench.errors import WeightsError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.training.weightfiles import find
from trustdm.bench.training.weights import load_state, read_checkpoint, state_digest

STATE = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.tensor([1.0, -2.0])}


class Payload:
    """Writes a file when it is unpickled without care."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def card(path: Path, name: str | None = None) -> WeightFile:
    return WeightFile(file=name or path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTDM_WEIGHTS", raising=False)


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(STATE, path)
    return path


def write(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def one_line(caught: pytest.ExceptionInfo[WeightsError]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ending", [".safetensors", ".pt", ".pth", ".ckpt"])
def test_state_comes_back_as_it_was_saved(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"w{ending}"
    if ending == ".safetensors":
        safetensors.torch.save_file(STATE, path)
    else:
        torch.save(STATE, path)
    state = load_state(card(path), tmp_path)
    assert {name: value.tolist() for name, value in state.items()} == {n: v.tolist() for n, v in STATE.items()}


def test_sha256_of_a_file_is_hashlibs(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert sha256_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_another_hash_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = write(tmp_path / "w.pt", {"a": Payload(mark)})
    with pytest.raises(WeightsError, match=r"expected SHA-256 0{64}, got [0-9a-f]{64}") as caught:
        load_state(WeightFile(file="w.pt", sha256="0" * 64), tmp_path)
    assert sha256_file(path) in one_line(caught)
    assert not mark.exists()


def test_one_changed_byte_is_another_hash(safe: Path, tmp_path: Path) -> None:
    right = card(safe)
    content = bytearray(safe.read_bytes())
    content[-1] ^= 1
    safe.write_bytes(content)
    with pytest.raises(WeightsError, match="expected SHA-256"):
        load_state(right, tmp_path)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = WeightFile(file="sub/w.safetensors", sha256="0" * 64)
    with pytest.raises(WeightsError, match="not found") as caught:
        find(wanted, tmp_path)
    assert str(tmp_path / "sub" / "w.safetensors") in one_line(caught)
    assert "TRUSTDM_WEIGHTS" in str(caught.value)
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(tmp_path / "cache"))
    with pytest.raises(WeightsError, match="not found") as caught:
        find(wanted, tmp_path)
    for place in ("cache/sub/w.safetensors", "cache/w.safetensors"):
        assert str(tmp_path / place) in str(caught.value)


@pytest.mark.parametrize("inside", ["sub/w.safetensors", "w.safetensors"])
def test_the_weights_folder_of_the_user_is_searched(
    safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    place = tmp_path / "cache" / inside
    place.parent.mkdir(parents=True)
    place.write_bytes(safe.read_bytes())
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(tmp_path / "cache"))
    assert find(card(safe, "sub/w.safetensors"), tmp_path / "plugin") == place


def test_the_folder_of_the_plugin_comes_first(safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / safe.name).write_bytes(b"other")
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(tmp_path / "cache"))
    assert find(card(safe), tmp_path) == safe


@pytest.mark.parametrize("name", ["../w.safetensors", "/etc/passwd", "a/../../w", "..\\w", "C:/w.pt"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="expected a relative path inside the plugin's folder") as caught:
        find(WeightFile(file=name, sha256="0" * 64), tmp_path)
    one_line(caught)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = write(tmp_path / "w.pt", {"a": Payload(mark)})
    with pytest.raises(WeightsError, match=r"refused, as loading it could run code \(it would import") as caught:
        load_state(card(path), tmp_path)
    one_line(caught)
    assert not mark.exists()


def test_a_whole_network_is_refused_with_its_class(tmp_path: Path) -> None:
    path = write(tmp_path / "w.pt", nn.Linear(1, 1))
    with pytest.raises(WeightsError, match=r"import torch\.nn\.modules\.linear\.Linear.*state_dict"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "value", [argparse.Namespace(lr=0.1), np.float64(0.5), np.float32(2), np.int64(3), np.arange(3), "text", None]
)
def test_harmless_values_beside_tensors_do_not_stop_loading(tmp_path: Path, value: object) -> None:
    path = write(tmp_path / "w.pt", {"args": value, "state_dict": STATE})
    assert set(read_checkpoint(path)) == {"args", "state_dict"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"\n <HTML>quota exceeded", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (b'{"error": "not found"}', "a JSON text"),
        (b"", "an empty file"),
    ],
)
@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_what_came_instead_of_a_checkpoint_is_named(tmp_path: Path, content: bytes, words: str, ending: str) -> None:
    path = tmp_path / f"w{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"expected a checkpoint, got {words}"):
        load_state(card(path), tmp_path)
    with pytest.raises(WeightsError, match=rf"expected SHA-256.*\({words}, not a checkpoint\)"):
        load_state(WeightFile(file=path.name, sha256="0" * 64), tmp_path)


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
@pytest.mark.parametrize("content", [b"\x00" * 100, b"PK\x03\x04 damaged", b"\x80\x02}q\x00", b"plain words"])
def test_damaged_files_are_one_line(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"w{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_state(card(path), tmp_path)
    assert str(path) in one_line(caught)


@pytest.mark.parametrize("tail", [b"s.", b"t.", b".", b"(t.", b"K\x01K\x02b.", b"}Q.", b"j\x01\0\0\0."])
def test_a_damaged_file_of_the_old_format_is_one_line(tmp_path: Path, tail: bytes) -> None:
    """Torch's own unpickler fails with an IndexError or an AssertionError."""
    path = tmp_path / "old.pt"
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    head = path.read_bytes()
    path.write_bytes(head[: head.index(b"\x80\x02}") + 2] + tail)
    for content in (path.read_bytes(), b"\x80\x02" + tail):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"old.pt: ") as caught:
            read_checkpoint(path)
        one_line(caught)


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_a_pipe_is_no_checkpoint(tmp_path: Path, ending: str) -> None:
    os.mkfifo(tmp_path / f"w{ending}")
    with pytest.raises(WeightsError, match="expected a checkpoint, got a named pipe, and no regular file"):
        read_checkpoint(tmp_path / f"w{ending}")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrayfiles, "SMALL", 1 << 16)
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("w/data.pkl", bytes(1 << 20))
    with pytest.raises(WeightsError, match="says it unpacks to 1,048,576 bytes"):
        read_checkpoint(tmp_path / "w.pt")


def test_a_truncated_checkpoint_is_one_line(safe: Path, tmp_path: Path) -> None:
    safe.write_bytes(safe.read_bytes()[:-5])
    with pytest.raises(WeightsError, match="cannot be read") as caught:
        load_state(card(safe), tmp_path)
    one_line(caught)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    path.write_bytes(b"PK12345")
    with pytest.raises(WeightsError, match=r"expected \.safetensors or one of .*, got '\.npz'"):
        load_state(card(path), tmp_path)


@pytest.mark.parametrize("content", [{"state_dict": STATE, "epoch": 3}, [torch.zeros(1)], {}])
def test_a_training_checkpoint_sends_the_user_to_convert(tmp_path: Path, content: object) -> None:
    path = write(tmp_path / "w.pt", content)
    with pytest.raises(WeightsError, match=r"expected named tensors only.*trustdm weights convert"):
        load_state(card(path), tmp_path)


# --- state_digest


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def digest_by_hand(tensors: dict[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        total.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode() + value.detach().numpy().tobytes())
    return total.hexdigest()


def test_the_digest_is_sha256_over_names_types_shapes_and_bytes() -> None:
    module = network()
    assert state_digest(module) == digest_by_hand(module.state_dict())


def test_every_kind_of_change_changes_the_digest() -> None:
    def changed(edit: Callable[[nn.Module], object]) -> str | None:
        module = network()
        with torch.no_grad():
            edit(module)
        return state_digest(module)

    edits: list[Callable[[nn.Module], object]] = [
        lambda m: None,
        lambda m: m[0].weight.view(-1)[0].add_(1e-7),  # type: ignore[index]
        lambda m: m[1].running_mean.add_(1),  # type: ignore[index]
        lambda m: m[1].num_batches_tracked.add_(1),  # type: ignore[index]
        lambda m: m.double(),
        lambda m: m.register_buffer("extra", torch.zeros(1), persistent=False),
    ]
    assert len({changed(edit) for edit in edits}) == len(edits)


def test_shape_and_name_are_part_of_the_digest() -> None:
    same = torch.zeros(6)
    variants: list[dict[str, Tensor]] = [{"a": same}, {"b": same}, {"a": same.reshape(2, 3)}, {"a": same.int()}]
    assert len({state_digest(v) for v in variants}) == 4


def test_the_order_of_insertion_does_not_matter() -> None:
    class Two:
        pass

    one, other = Two(), Two()
    one.a, one.b = network(1), network(2)  # type: ignore[attr-defined]
    other.b, other.a = network(2), network(1)  # type: ignore[attr-defined]
    shared = network(3)
    assert state_digest(one) == state_digest(other)
    one.a = one.b = shared  # type: ignore[attr-defined]
    other.b = other.a = shared  # type: ignore[attr-defined]
    assert state_digest(one) == state_digest(other)


def test_training_mode_and_gradients_do_not_matter() -> None:
    module = network()
    before = state_digest(module)
    module.eval().requires_grad_(False)
    assert state_digest(module) == before


class Holder:
    def __init__(self, part: object):
        self.part = part

    def classify(self, x: Tensor) -> Tensor:
        return x


TOP = network(7)


def uses_a_global(x: Tensor) -> Tensor:
    result: Tensor = TOP(x)
    return result


def closes_over(part: object) -> Callable[[Tensor], object]:
    return lambda x: part


@pytest.mark.parametrize(
    "hold",
    [
        Holder,
        lambda part: Holder(Holder(part)),
        lambda part: [part],
        lambda part: {"net": part},
        lambda part: Holder([{"net": (part,)}]),
        lambda part: Holder(part).classify,
        closes_over,
        lambda part: functools.partial(lambda x, part: part, part=part),
        lambda part: lambda x, part=part: part,
    ],
    ids=["attribute", "nested", "list", "dict", "mixed", "bound method", "closure", "partial", "default"],
)
def test_networks_are_found_wherever_a_method_may_hold_them(hold: Callable[[object], object]) -> None:
    first, same, other = (state_digest(hold(network(seed))) for seed in (1, 1, 2))
    assert first is not None
    assert first == same
    assert first != other


def test_a_network_in_the_module_of_a_function_is_found() -> None:
    assert state_digest(uses_a_global) is not None
    assert state_digest(uses_a_global) == state_digest({"TOP": network(7)})


def test_plain_tensors_and_arrays_count_too() -> None:
    assert state_digest(Holder(torch.ones(2))) == state_digest(Holder(np.ones(2, np.float32)))
    assert state_digest(Holder(torch.ones(2))) != state_digest(Holder(torch.zeros(2)))


@pytest.mark.parametrize("thing", [Holder(3), lambda x: x, nn.ReLU(), object(), "text", Holder(np.array(["a"]))])
def test_nothing_to_hash_is_none(thing: object) -> None:
    assert state_digest(thing) is None


def test_cycles_end() -> None:
    holder = Holder(None)
    holder.part = [holder, network()]
    assert state_digest(holder) is not None


def test_half_precision_and_scalars_are_hashed() -> None:
    values = {"a": torch.tensor(1.5, dtype=torch.bfloat16), "b": torch.tensor(2)}
    assert state_digest(values) != state_digest({**values, "a": torch.tensor(1.25, dtype=torch.bfloat16)})


@pytest.mark.parametrize("module", [lambda: nn.LazyLinear(2), lambda: nn.Linear(2, 2, device="meta")])
def test_tensors_without_values_are_one_line(module: Callable[[], nn.Module]) -> None:
    with pytest.raises(WeightsError, match=r"tensor '(weight|bias)': expected values, got an uninitialised one"):
        state_digest(module())


def test_empty_arrays_have_a_digest_too() -> None:
    empty = np.zeros(3, dtype=np.int64)[:0]
    assert state_digest([empty, torch.zeros(0)]) != state_digest([torch.zeros(0)])
