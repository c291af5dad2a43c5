"""Samples as an asset: the generator's own, chunk by chunk, the same whatever was there before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trustdm.bench import plugins
from trustdm.bench.assets.folder import Workplace
from trustdm.bench.capabilities.sample import SAMPLE
from trustdm.bench.errors import SetupError
from trustdm.bench.features.quantise import quantised
from trustdm.bench.method import Meter, place, seeded
from trustdm.bench.plugins import load_suite
from trustdm.bench.runner.resources import Loaded
from trustdm.bench.runner.step_job import StepJob
from trustdm.bench.steps import samples as step
from trustdm.bench.targets.seeds import labels_of, seeds_of
from trustdm.bench.types import Cost

SUITE, METHOD, COUNT, STEPS = "digits-generation", "digits-edm", 70, 3


def job_in(folder: Path) -> StepJob:
    registry = plugins.load(installed=False).registry
    entry = registry.get("method", METHOD)
    thing = entry.load()()
    for name in ("files", "state"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return StepJob(
        method=Loaded(thing, place(thing, entry.card, "cpu", SAMPLE), entry.card, ""),
        suite=load_suite(SUITE),
        registry=registry,
        key="k",
        seed=0,
        device="cpu",
        batch_size=64,
        meter=Meter(),
        keep={},
        params=step.samples(COUNT, STEPS).params,
        place=Workplace(folder / "files", folder / "state", Cost()),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> step.SampleSet:
    job = job_in(tmp_path_factory.mktemp("whole"))
    step.make(job)
    assert job.cost().forwards == job.meter.forwards > COUNT
    return step.read_samples(job.files)


def test_they_are_what_the_generator_makes_of_these_seeds(whole: step.SampleSet, tmp_path: Path) -> None:
    job = job_in(tmp_path)
    some = np.arange(60, 68)
    seeds = seeds_of(some, 0)
    labels = labels_of(seeds, "balanced", 10)
    images = job.method.call(list(seeds), torch.from_numpy(labels), STEPS)
    expected = quantised(images, "round").numpy().astype(int)
    assert np.abs(whole.images[some].astype(int) - expected).max() <= 1
    assert whole.images.shape == (COUNT, 1, 8, 8)
    assert whole.images.dtype == np.uint8
    assert list(whole.labels[:12]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (whole.evaluations == whole.evaluations[0]).all()
    assert whole.evaluations[0] >= STEPS


def test_a_chunk_that_is_there_is_not_made_again(whole: step.SampleSet, tmp_path: Path) -> None:
    job = job_in(tmp_path)
    step.make(job)
    second = job_in(tmp_path)
    (second.files / "00000064.npz").unlink()
    (second.state / "00000064.npz").write_bytes(b"half of a chunk, left by a kill")
    step.make(second)
    assert 0 < second.meter.forwards < job.meter.forwards / 2
    again = step.read_samples(second.files)
    assert np.array_equal(again.images, whole.images)


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="expected samples in files"):
        step.read_samples(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 half of one"])
def test_a_damaged_chunk_is_no_fault_of_the_method(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "00000000.npz").write_bytes(damage)
    with pytest.raises(SetupError, match=r"00000000.npz: expected a file of samples, got"):
        step.read_samples(tmp_path)


def drawing_job(folder: Path) -> StepJob:
    """A job for a generator that ignores its seeds and draws from the global generators."""

    def draws(seeds: list[int], labels: object, steps: int) -> torch.Tensor:
        return (torch.rand(len(seeds), 1, 8, 8) + torch.from_numpy(np.random.rand(len(seeds), 1, 8, 8))) / 2  # noqa: NPY002

    job = job_in(folder)
    return replace(job, method=replace(job.method, call=draws))


def test_a_generator_that_draws_globally_repeats_no_image_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = drawing_job(tmp_path / "whole"), drawing_job(tmp_path / "killed")
    with seeded("k"):
        step.make(whole)

    def kill(_: StepJob) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, seeded("k"), pytest.raises(KeyboardInterrupt):
        patch.setattr(StepJob, "saved", kill)
        step.make(killed)
    assert [path.name for path in killed.files.iterdir()] == ["00000000.npz"]
    with seeded("k"):
        step.make(killed)
    one, other = step.read_samples(whole.files).images, step.read_samples(killed.files).images
    assert np.array_equal(one, other) and len(np.unique(one, axis=0)) == COUNT
