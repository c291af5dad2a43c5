"""DiffPure on real CIFAR-10: pyautoattack's ResNet-18 behind a small DDPM that is trained here, end to end.

The images of the suite that are on this machine take the place of its first ones. Slow: some minutes on two cores.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import TESTS, command_line

from trustdm.bench.datasets.cifar10 import load
from trustdm.bench.errors import DataError
from trustdm.bench.rng import Noise

pytestmark = pytest.mark.slow
pytest.importorskip("diffusers", reason="diffusers is not installed")

SUITE = "cifar10-purification-linf"
IMAGES, TRAINED_ON, STEPS = 8, 512, 150
SHORTER = {"steps = 40": "steps = 4", "steps = 20": "steps = 3", "eot = 10": "eot = 2", "queries = 100": "queries = 4"}


@pytest.fixture(scope="module")
def data() -> Any:
    if not os.environ.get("TRUSTDM_DATA"):
        pytest.skip("TRUSTDM_DATA is not set: CIFAR-10 is not on this machine")
    try:
        return load()
    except DataError as error:
        pytest.skip(f"CIFAR-10 is not on this machine: {error}")


@pytest.fixture(scope="module")
def suite(data: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped suite, whose test list begins with what is here, with short attacks."""
    folder = tmp_path_factory.mktemp("suite")
    text = (TESTS.parent / "suites" / f"{SUITE}.toml").read_text(encoding="utf-8")
    old = (TESTS.parent / "suites" / "cifar10-purification.splits.json").read_bytes()
    splits = json.loads(old)
    listed = np.array([int(i) for i in splits["test"].split(",")])
    here = listed[data.here(listed)][:IMAGES]
    if len(here) < IMAGES:
        pytest.skip(f"{len(here)} of the images of {SUITE} are on this machine, {IMAGES} are needed")
    new = json.dumps({**splits, "test": ",".join(map(str, here))}).encode()
    (folder / "cifar10-purification.splits.json").write_bytes(new)
    changes = {hashlib.sha256(old).hexdigest(): hashlib.sha256(new).hexdigest(), f'"{SUITE}"': '"here"'}
    for before, after in {**changes, **SHORTER, f"full = {len(listed)}": f"full = {IMAGES}"}.items():
        assert before in text, before
        text = text.replace(before, after)
    path = folder / "here.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def ddpm(data: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small DDPM of real training images, as diffusers saves one."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    training = np.flatnonzero(data.here(np.arange(50_000)))[:TRAINED_ON]
    if len(training) < TRAINED_ON:
        pytest.skip("CIFAR-10's training images are not on this machine")
    images = torch.from_numpy(data.read(training)[0]) * 2 - 1
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownBlock2D",) * 3, "up_block_types": ("UpBlock2D",) * 3}
    unet = UNet2DModel(32, 3, 3, block_out_channels=(16, 32, 32), layers_per_block=1, norm_num_groups=8, **blocks)
    scheduler, optimizer = DDPMScheduler(), torch.optim.Adam(unet.parameters(), 2e-3)
    for step in range(STEPS):
        noise = Noise("ddpm", [step])
        rows = torch.from_numpy((noise.uniform("rows", (32,))[0] * len(images)).astype(np.int64))
        times = torch.from_numpy((noise.uniform("times", (32,))[0] * 1000).astype(np.int64))
        eps = torch.from_numpy(noise.normal("eps", (32, 3, 32, 32))[0])
        predicted = unet(scheduler.add_noise(images[rows], eps, times), times).sample
        loss = torch.nn.functional.mse_loss(predicted, eps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5  # noise is predicted: one that guesses 0 is at 1
    folder = tmp_path_factory.mktemp("models") / "small-ddpm"
    DDPMPipeline(unet.eval(), scheduler).save_pretrained(str(folder))
    return folder


def test_diffpure_end_to_end(suite: Path, ddpm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, database = command_line(capsys), tmp_path / "bench.db"
    purified = f"purify:purifier=diffpure,classifier=cifar10-resnet18,denoiser=diffusers:{ddpm},t=0.05,steps=3"
    ran = run("run", suite, "--method", purified, "--method", "cifar10-resnet18", "--limit", IMAGES, "--db", database)
    assert ran.code == 0, ran.err
    rows = {row["method"]: row for row in json.loads(run("show", suite, "--db", database, "--json").out)}
    purify, bare = rows["purify"], rows["cifar10-resnet18"]
    assert purify["params"]["denoiser"] == "diffusers-small-ddpm" and len(purify["weights"]) > 2
    assert not {"gradient-unverified", "draws-ignored"} & set(purify["flags"]) and purify["caveat"] == ""
    assert bare["metrics"]["clean_accuracy"]["value"] >= 0.75 > 0.25 >= bare["metrics"]["robust_accuracy"]["value"]
    accuracy = {name: estimate["value"] for name, estimate in purify["metrics"].items()}
    assert accuracy["robust_accuracy"] <= accuracy["transfer_accuracy"] and accuracy["robust_worst"] <= 0.75
    assert str(ddpm) not in (database.read_bytes().decode("latin-1"))


def test_the_classifier_alone_through_cifar10_linf(
    data: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, database = command_line(capsys), tmp_path / "bench.db"
    words = ["cifar10-linf", "--method", "cifar10-resnet18", "--limit", IMAGES, "--db", database]
    assert run("run", *words, "--evaluation", "clean", "--evaluation", "pgd40").code == 0
    (row,) = json.loads(run("show", "cifar10-linf", "--db", database, "--json").out)
    assert row["metrics"]["clean_accuracy"]["value"] >= 0.75 and row["metrics"]["pgd40_accuracy"]["value"] <= 0.125
