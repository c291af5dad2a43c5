"""Prepares the reference model, a few sequences at a time, so that a kill costs little."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.contracts import StepCard, step
from trustdm_sequences.reference import FILE, STEP, pairs
from trustdm_sequences.trace import trace

if TYPE_CHECKING:
    from trustdm.bench.runner.step_job import StepJob

CHUNK = 8


@step(StepCard(name=STEP, version="1", summary="how often a token follows another one", data=True))
def count(job: StepJob) -> None:
    """Counts chunk by chunk; the state is a file of counts whose name says how many chunks are in it."""
    vocabulary, ids = int(str(job.params["vocabulary"])), job.suite.train
    done = sorted(job.state.glob("*.npy"))
    counts = np.load(done[-1]) if done else np.zeros((vocabulary, vocabulary), dtype=np.int64)
    first = int(done[-1].stem) if done else 0
    trace("step begins" if not first else f"step goes on after {first} chunks")
    for chunk in range(first, -(-len(ids) // CHUNK)):
        tokens, _ = job.read(ids[CHUNK * chunk : CHUNK * (chunk + 1)])
        counts = counts + pairs(tokens, vocabulary)
        unfinished = job.state / "unfinished"
        with unfinished.open("wb") as file:
            np.save(file, counts)
        unfinished.replace(job.state / f"{chunk + 1:04d}.npy")
        job.saved()
        trace(f"step chunk {chunk}")
    last = max(job.state.glob("*.npy"))
    shutil.copyfile(last, job.files / FILE)
    trace("step ends")
