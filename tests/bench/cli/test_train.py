"""``trustdm train`` for a method that can be resumed and has options."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trustdm.bench.cli import main as cli

PLUGIN = """
from trustdm.bench.contracts import MethodCard, WeightFile, method

CARD = MethodCard(
    name="tiny", input_shape=(1, 8, 8), classes=10, data=("digits",), capabilities=("sample",),
    weights=(WeightFile(file="tiny.safetensors", sha256="0" * 64),),
)
DURATION = "2 s on a machine"
SUITE = "digits-linf"


@method(CARD)
def load():
    raise NotImplementedError


def train(images, labels, *, on_step=None, checkpoints=None, steps=24, pause=0.0, interrupt=0):
    import os, signal, time
    from trustdm.bench.diffusion.preconditioning import Edm
    from trustdm.bench.training.denoisers import DenoiserSpec, DenoisingLoss, network_data
    from trustdm.bench.training.diffusion_loop import DiffusionRecipe
    from trustdm.bench.training.diffusion_losses import EdmLevels
    from trustdm.bench.training.unet import UNetShape

    def slowly(step, total, loss):
        time.sleep(pause)
        if step == interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        on_step(step, total, loss)

    spec = DenoiserSpec(
        UNetShape(side=8, patch=1, widths=(8, 8), embedding=8),
        DenoisingLoss(Edm(0.75), EdmLevels(0.75)),
        DiffusionRecipe("tiny", steps=steps, batch=4),
    )
    return spec.train(*network_data(images, labels), checkpoints.of("denoiser"), slowly)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(PLUGIN)
    return path


def train(plugin: Path, out: Path, *more: str, name: str = "tiny") -> int:
    return cli.main(["train", name, "--plugin", str(plugin), "--out", str(out), *more])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_writes_the_checkpoint_says_its_hash_and_how_long_the_shipped_one_took(
    plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert train(plugin, out) == 0
    said = capsys.readouterr()
    assert f"{out / 'tiny.safetensors'}  sha256 {sha256(out / 'tiny.safetensors')}" in said.out
    assert "997 images" in said.out and "other bytes than the card's " + "0" * 64 in said.out
    assert "the shipped files took 2 s on a machine" in said.err
    assert [path.name for path in out.iterdir()] == ["tiny.safetensors"]


def test_options_train_another_file(plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(plugin, tmp_path / "out", name="tiny:steps=3") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny-steps-3.safetensors"]
    assert "not the shipped recipe" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("tiny:stops=3", (), "unknown option of the recipe of tiny 'stops'; did you mean 'steps'"),
        ("tiny:steps", (), "expected NAME:key=value"),
        ("tiny", ("--checkpoint-every", "0"), "--checkpoint-every: expected at least 1, got 0"),
        ("tinny", (), "unknown method 'tinny'; did you mean 'tiny'"),
    ],
)
def test_what_is_wrong_is_one_line(
    name: str, more: tuple[str, ...], words: str, plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(plugin, tmp_path / "out", *more, name=name) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "method tiny: expected a text SUITE beside its recipe in trustdm_plugin_tiny"),
        ("SUITE = 3", "method tiny: expected a text SUITE beside its recipe in trustdm_plugin_tiny"),
        ('SUITE = "mnist16-linf"', "SUITE = 'mnist16-linf': expected a suite of digits, got one of mnist16"),
        ('SUITE = "mnist17-linf"', "unknown suite 'mnist17-linf'; did you mean 'mnist16-linf'"),
    ],
)
def test_a_recipe_says_whose_training_split_it_takes(
    line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.py"
    path.write_text(PLUGIN.replace('SUITE = "digits-linf"', line))
    assert train(path, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def slow_training(plugin: Path, out: Path) -> subprocess.Popen[str]:
    """A training in a process of its own, once its first state is written."""
    arguments = ["train", "tiny:pause=0.1", "--plugin", str(plugin), "--out", str(out), "--checkpoint-every", "3"]
    program = [sys.executable, "-m", "trustdm.bench.cli.main", *arguments]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not list(out.glob("*.training.pt")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    return process


def test_after_kill_9_it_goes_on_to_the_bytes_of_an_uninterrupted_training(plugin: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    with slow_training(plugin, out) as process:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    resume_and_compare(plugin, out, whole)


def test_ctrl_c_keeps_the_state_and_says_so(plugin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert train(plugin, out, name="tiny:interrupt=10") == 3
    assert f"kept its state in {out}: the same command goes on" in capsys.readouterr().err
    resume_and_compare(plugin, out, tmp_path / "whole")


def resume_and_compare(plugin: Path, out: Path, whole: Path) -> None:
    (state,) = out.glob("*.training.pt")
    state.rename(out / "tiny.denoiser.training.pt")
    assert train(plugin, out) == 0
    assert train(plugin, whole) == 0
    assert sha256(out / "tiny.safetensors") == sha256(whole / "tiny.safetensors")
    assert [path.name for path in out.iterdir()] == ["tiny.safetensors"]
