"""new suite: a file for data of one's own that loads, and runs from end to end."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from trustdm.bench.plugins import load, load_suite
from trustdm.bench.suite.data import open_data
from trustdm.bench.tasks.contract import Task

TASKS = [e.name for e in load(installed=False).registry.entries("task")]


def follow(trustdm: Any, said: str, method: str) -> Any:
    """Types the commands that were printed, with a method of one's own; returns the last."""
    ran = None
    for line in (line for line in said.splitlines() if line.startswith("next: ")):
        command = line.removeprefix("next: ").partition(", with a method")[0]
        words = shlex.split(command.replace("--plugin FILE.py --method NAME", f"--plugin methods.py --method {method}"))
        assert words.pop(0) == "trustdm"
        ran = trustdm(*words, *(["--method", method] if words[0] == "run" and "--method" not in words else []))
        assert ran.code == 0, ran.err
    return ran


@pytest.mark.parametrize("source", ["cells.npz", "pngs"])
def test_the_suite_runs_from_end_to_end(trustdm: Any, pngs: Path, source: str) -> None:
    made = trustdm("new", "suite", "cells", "--data", source)
    assert made.code == 0 and made.out.startswith("wrote cells.toml\n") and not made.err
    ran = follow(trustdm, made.out, "toy")
    assert "toy" in ran.out and "8/12" in ran.out
    (row,) = json.loads(trustdm("show", "cells.toml", "--json").out)
    assert set(row["metrics"]) == {"clean_accuracy", "pgd40_accuracy", "autoattack_accuracy"}


def test_certificates_run_from_end_to_end(trustdm: Any, cells: Path) -> None:
    less = [f"--set={text}" for text in ("certification.estimation=100", "certification.chunk=100")]
    made = trustdm("new", "suite", "sure", "--data", "cells.npz", "--task", "certification", *less)
    assert made.code == 0, made.err
    follow(trustdm, made.out, "noisy")
    (row,) = json.loads(trustdm("show", "sure.toml", "--json").out)
    assert "acr_1-2" in row["metrics"]


def test_generators_run_from_end_to_end(trustdm: Any, cells: Path) -> None:
    less = [f"--set={text}" for text in ("generation.set=64", "size.full=64", "size.block=64")]
    (cells.parent / "sub").mkdir()
    words = ["--dataset", "digits", "--task", "generation", "--out", "sub/gen.toml", "--plugin", "methods.py"]
    made = trustdm("new", "suite", "gen", *words, *less)
    assert made.code == 0 and "wrote sub/gen.toml and sub/gen.splits.json" in made.out, made.err
    assert "next: trustdm reference sub/gen.toml --out sub/gen.reference.npz" in made.out
    follow(trustdm, made.out, "maker")
    (row,) = json.loads(trustdm("show", "sub/gen.toml", "--json").out)
    assert row["n"] == 64 and "frechet_18" in row["metrics"]


def test_the_lists_are_drawn_from_the_data(trustdm: Any, cells: Path) -> None:
    for name in ("a", "b"):
        assert trustdm("new", "suite", name, "--data", "cells.npz", "--test", 20, "--validation", 4).code == 0
    a, b = load_suite(cells.parent / "a.toml"), load_suite(cells.parent / "b.toml")
    assert a.data == b.data and (len(a.train), len(a.validation), len(a.test)) == (16, 4, 20)
    labels = open_data(a, load().registry).read(a.test)[1]
    assert sorted(labels.tolist()) == [k for k in range(4) for _ in range(5)]
    assert sorted(labels[:8].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_nothing_is_overwritten(trustdm: Any, cells: Path) -> None:
    (cells.parent / "cells.toml").write_text("mine", encoding="utf-8")
    (cells.parent / "other.splits.json").write_text("mine", encoding="utf-8")
    for words in (["cells"], ["x", "--out", "cells.toml"], ["other"]):
        ran = trustdm("new", "suite", *words, "--data", "cells.npz")
        assert ran.code == 1 and "it is not overwritten" in ran.err and ran.err.count("\n") == 1
    assert sorted(p.name for p in cells.parent.iterdir()) == [
        "cells.npz",
        "cells.toml",
        "methods.py",
        "other.splits.json",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a/b"], "expected a name of letters, digits"),
        (["digits-linf"], "expected a name of its own, got digits-linf"),
        (["x", "--out", "x.txt"], "expected a file that ends in .toml, got x.txt"),
        (["x", "--out", "no/x.toml"], "expected a file in a folder that is there, got no/x.toml"),
        (["x", "--task", "robustnes"], "unknown task 'robustnes'; did you mean 'robustness'"),
        (["x", "--test", "39"], "leave some of the 40 examples for training, got 39 and 4"),
        (["x", "--set", "adversary.epsilon=1"], "x.toml: adversary.epsilon: expected eps here, got an unknown key"),
        (["x", "--set", "adversary.eps=0.03"], "x.toml: adversary.eps: expected a positive fraction in quotes"),
        (["x", "--set", "name.first=1"], "--set: expected KEY=VALUE with a key of the suite file"),
        (["x", "--set", "nothing"], "--set: expected KEY=VALUE with a key of the suite file"),
        (["x", "--set", "evaluations.pgd40.protocol=no"], "x.toml: evaluations.pgd40: expected an evaluation"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(trustdm: Any, cells: Path, words: list[str], said: str) -> None:
    ran = trustdm("new", "suite", *words, "--data", "cells.npz")
    assert ran.code == 1 and said in ran.err and ran.err.count("\n") == 1 and not ran.out
    assert sorted(p.name for p in cells.parent.iterdir()) == ["cells.npz", "methods.py"]


def test_a_task_that_proposes_nothing_is_refused(trustdm: Any, cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(type(load().registry.get("task", "robustness").card), "start")
    ran = trustdm("new", "suite", "x", "--data", "cells.npz", "--task", "robustness")
    assert ran.code == 1 and "expected a task that proposes a first suite (certification, generation)" in ran.err
    ran = trustdm("new", "suite", "x", "--data", "cells.npz")
    assert ran.code == 1 and "--task: expected one of certification, generation, got nothing" in ran.err


@pytest.mark.parametrize("task", TASKS)
def test_every_task_of_ours_proposes_a_suite(trustdm: Any, cells: Path, task: str) -> None:
    assert type(load().registry.get("task", task).card).start is not Task.start
    made = trustdm("new", "suite", "x", "--data", "cells.npz", "--task", task)
    assert made.code == 0, made.err
    suite = load_suite(cells.parent / "x.toml")
    assert suite.task.name == task and suite.data.digest and len(suite.test) == 12
