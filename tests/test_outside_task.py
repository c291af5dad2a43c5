"""A fourth task from outside: an installed package brings a kind of evaluation that no line of the harness knows.

Its data are sequences of whole numbers; its protocol looks several times at each, through masks that the harness draws;
its records are negative; two evaluations share a prepared asset; a metric has a parameter and a caveat.
"""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TEMPLATES, complaints, only_clean, rewrite, same
from numpy.typing import NDArray
from outsiders import CLI, environment, installed, trustdm

from trustdm.bench.records import Records
from trustdm.bench.rng import Noise
from trustdm.bench.store.rows import CellRow
from trustdm.bench.store.store import Store

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(__file__).resolve().parent / "outside"
KEYS, LENGTH, VOCABULARY, SHARE, FPR = 3, 12, 8, 0.75, 1 / 8
METHODS = {"uniform-tokens", "bigram-tokens", "by-heart-tokens"}
ROWS, EVALUATIONS, CHUNKS = 4, 2, 14
TRACE, PAUSE = "TRUSTDM_SEQUENCES_TRACE", "TRUSTDM_SEQUENCES_PAUSE"


@dataclass(frozen=True)
class Run:
    """A folder in which the suite was run, with its database, and what the package noted meanwhile."""

    folder: Path
    site: Path

    @property
    def db(self) -> Path:
        return self.folder / "bench.db"

    @property
    def suite(self) -> Path:
        return self.site / "trustdm_sequences" / "walks.toml"

    @property
    def trace(self) -> list[str]:
        path = self.folder / "trace"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def __call__(self, verb: str, *words: object, **how: Any) -> subprocess.CompletedProcess[str]:
        """A verb that takes ``--db``."""
        how = {"site": self.site, TRACE: str(self.folder / "trace"), **how}
        return trustdm(self.folder, verb, *words, "--db", self.db, **how)

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the board by method and parameters."""
        rows = json.loads(self("show", self.suite, "--json").stdout)
        return {" ".join([row["method"], *map(str, row["params"].values())]): row for row in rows}

    def cells(self) -> Iterator[tuple[CellRow, Records]]:
        with Store.open(str(self.db), read_only=True) as store:
            for cell in store.cells():
                yield cell, store.records(cell.id)

    def stored(self) -> dict[tuple[str, str], Records]:
        """The records of every cell by its key; the content of its assets is part of the name."""
        with Store.open(str(self.db), read_only=True) as store:
            return {
                (cell.key, str({name: row.content for name, row in store.assets(cell.id).items()})): store.records(
                    cell.id
                )
                for cell in store.cells()
            }

    def arrays(self) -> dict[str, bytes]:
        """The bytes of the arrays of every cell that has some."""
        with Store.open(str(self.db), read_only=True) as store:
            found = {cell.key: store.arrays(cell.id, "logprobs") for cell in store.cells()}
        return {key: array.tobytes() for key, array in found.items() if array is not None}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(PACKAGE, tmp_path_factory.mktemp("installed"))


def new(factory: pytest.TempPathFactory, site: Path) -> Run:
    return Run(factory.mktemp("run"), site)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Run:
    """The suite, run by one worker to its end."""
    run = new(tmp_path_factory, site)
    run("run", run.suite)
    return run


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Run:
    """The first sequences, with one method."""
    run = new(tmp_path_factory, site)
    run("run", run.suite, "--method", "uniform-tokens", "--limit", 8)
    return run


def test_it_is_listed_shown_and_examined(tmp_path: Path, site: Path) -> None:
    run = Run(tmp_path, site)
    listed = json.loads(trustdm(tmp_path, "list", "--json", site=site).stdout)
    names = {kind: {card["name"] for card in cards} for kind, cards in listed.items()}
    assert names["method"] >= METHODS and "walks" in names["dataset"] and "pair-counts" in names["step"]
    assert {"likelihood", "membership"} <= names["protocol"]
    assert "sequences" in names["task"] and "token_logprobs" in names["capability"]
    assert "3 random masks a sequence" in trustdm(tmp_path, "show", run.suite, site=site).stdout
    assert "missing  plugin" not in trustdm(tmp_path, "doctor", site=site).stdout


def test_a_dry_run_makes_nothing_and_does_not_pretend_to_know(tmp_path: Path, site: Path) -> None:
    run = Run(tmp_path, site)
    shown = run("run", run.suite, "--dry-run").stdout
    assert shown.count("walks-membership /") == ROWS * EVALUATIONS
    assert f"and {ROWS * EVALUATIONS} cells whose time is unknown" in shown
    assert list(tmp_path.iterdir()) == [] and run.trace == []


def test_its_plugins_keep_their_contracts(tmp_path: Path, site: Path) -> None:
    program = (
        "from trustdm.bench.conformance import check_dataset, check_method\n"
        "from trustdm_sequences import corpus, methods\n"
        "check_dataset(corpus.load)\n"
        "for load in (methods.load_uniform, methods.load_bigram, methods.load_by_heart): check_method(load)\n"
    )
    words = [CLI[0], "-c", program]
    done = subprocess.run(words, cwd=tmp_path, env=environment(site), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_record_is_the_likelihood_of_what_the_harness_left(whole: Run) -> None:
    """Closed form: under the uniform model each token that counts adds -log 8; the cell's key says which do."""
    uniform = {c.identity.evaluation: (c.key, r) for c, r in whole.cells() if c.identity.method == "uniform-tokens"}
    key, masked = uniform["masked"]
    masked = masked.where(masked.probe == "model").sorted()
    assert np.array_equal(masked.example, np.arange(48 * KEYS))
    places = Noise(f"{key}/mask", masked.example).uniform("places", (LENGTH,)) < SHARE
    assert np.allclose(masked.value, -math.log(VOCABULARY) * places.sum(1), rtol=1e-12)
    assert (masked.value.reshape(-1, KEYS).std(1) > 0).any(), "the masks of a sequence should differ"
    _, plain = uniform["whole"]
    assert np.allclose(plain.value[plain.probe == "model"], -LENGTH * math.log(VOCABULARY), rtol=1e-12)
    assert all((records.value < 0).all() for _, records in whole.cells())


def naive_rate(records: Records) -> float:
    """The share of members above all but an eighth of the others, sequence by sequence."""
    said: dict[str, NDArray[np.float64]] = {}
    for probe in ("model", "reference"):
        part = records.where(records.probe == probe).sorted()
        said[probe], member = part.value, part.label[::KEYS] == 1
    scores = [sum(said["model"][i : i + KEYS] - said["reference"][i : i + KEYS]) / KEYS for i in range(0, 144, KEYS)]
    others = sorted((s for s, m in zip(scores, member, strict=True) if not m), reverse=True)
    threshold = others[int(FPR * len(others))]
    return sum(s > threshold for s, m in zip(scores, member, strict=True) if m) / int(member.sum())


def test_it_is_summed_up(whole: Run) -> None:
    rows = whole.rows()
    assert len(rows) == ROWS and all(row["completeness"] == "full" and not row["caveat"] for row in rows.values())
    bits = rows["uniform-tokens"]["metrics"]["bits"]
    assert np.isclose(bits["value"], math.log2(VOCABULARY)) and np.isclose(bits["low"], bits["high"])
    assert [name for name, row in rows.items() if "gives-back-whole" in row["flags"]] == ["by-heart-tokens 0.99"]
    assert rows["by-heart-tokens 0.99"]["metrics"]["tpr_at_1_8"]["n"] == 24
    for cell, records in whole.cells():
        if cell.identity.evaluation == "masked":
            name = " ".join([cell.identity.method, *(str(v) for _, v in cell.identity.method_params)])
            assert np.isclose(rows[name]["metrics"]["tpr_at_1_8"]["value"], naive_rate(records))
    assert rows["by-heart-tokens 0.99"]["rank_low"] == 1 and rows["uniform-tokens"]["rank_low"] > 1
    assert {row["n"] for row in rows.values()} == {row["planned"] for row in rows.values()} == {48}
    assert rows["uniform-tokens"]["cost"]["forwards"] == 48 * (1 + KEYS)


def test_the_asset_is_made_once_and_is_part_of_every_cell(whole: Run) -> None:
    assert whole.trace.count("step begins") == whole.trace.count("step ends") == 1
    assert sum(line.startswith("step chunk") for line in whole.trace) == CHUNKS
    with Store.open(str(whole.db), read_only=True) as store:
        cells = store.cells()
        assets = [store.assets(cell.id) for cell in cells]
        rows = {str(row.cost.wall): row for linked in assets for row in linked.values()}
    assert len(cells) == ROWS * EVALUATIONS and all(set(linked) == {"reference"} for linked in assets)
    ((_, asset),) = rows.items()
    assert all(f"asset:reference={asset.key}" in cell.identity.protocol_version.split() for cell in cells)
    assert (whole.folder / "assets" / asset.key / "files" / "counts.npy").is_file()


def test_two_workers_make_one_asset_and_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, site: Path, whole: Run
) -> None:
    run = new(tmp_path_factory, site)
    run("run", run.suite, "--jobs", 2)
    assert run.trace.count("step begins") == run.trace.count("step ends") == 1
    assert same(run.stored(), whole.stored()) and run.arrays() == whole.arrays()


def killed(run: Run, line: str, pause: float) -> None:
    """Starts the command, and kills it as soon as the package has noted ``line``."""
    words = [*CLI, "run", str(run.suite), "--db", str(run.db)]
    how = environment(run.site, **{TRACE: str(run.folder / "trace"), PAUSE: str(pause)})
    process = subprocess.Popen(words, env=how, cwd=run.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None and line not in run.trace and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it should have been killed while it worked"


def test_kills_in_the_asset_and_in_the_blocks_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, site: Path, whole: Run
) -> None:
    run = new(tmp_path_factory, site)
    killed(run, "step chunk 3", 0.1)
    assert not any(len(records) for _, records in run.cells())
    assert [path.suffix for path in (run.folder / "assets").iterdir() if path.is_dir()] == [".partial"]
    killed(run, "block masked 16", 0.05)
    again = [line for line in run.trace if line.startswith("step goes on after")]
    assert again in ([f"step goes on after {chunks} chunks"] for chunks in (4, 5)), run.trace
    chunks = sum(line.startswith("step chunk") for line in run.trace)
    assert CHUNKS <= chunks <= CHUNKS + 1, "what was counted before the kill should not be counted again"
    committed = sum(len(records) for _, records in run.cells())
    assert 0 < committed < sum(len(records) for _, records in whole.cells())
    run("run", run.suite)
    assert run.trace.count("step begins") == run.trace.count("step ends") == 1
    assert same(run.stored(), whole.stored()) and run.arrays() == whole.arrays()
    assert run("db", "check").stdout.strip().endswith("no problems")


def test_too_few_others_are_a_caveat(preview: Run) -> None:
    row = preview.rows()["uniform-tokens"]
    assert row["completeness"] == "preview" and row["rank_low"] is None and row["n"] == 10
    assert row["caveat"] == "a false positive rate of 1/8 takes at least 8 sequences that are no members, got 5"


def test_an_edit_of_the_step_refuses_to_go_on(preview: Run, tmp_path: Path) -> None:
    site = shutil.copytree(preview.site, tmp_path / "site-packages")
    folder = shutil.copytree(preview.folder, tmp_path / "run")
    rewrite(site / "trustdm_sequences" / "steps.py", "CHUNK = 8", "CHUNK = 16")
    run = Run(folder, site)
    done = run("run", run.suite, "--method", "uniform-tokens", code=2)
    (line,) = complaints(done.stderr)
    assert line.startswith("trustdm: walks-membership / uniform-tokens: asset pair-counts ") and "other code" in line
    assert "raise the version of the step pair-counts" in line
    assert same(run.stored(), preview.stored())


def test_it_is_published(whole: Run) -> None:
    whole("publish", "--out", "site")
    board = (whole.folder / "site" / "suites" / "walks-membership.html").read_text(encoding="utf-8")
    assert "Memorised sequences" in board and "Members against others" in board and "Reference model" in board
    assert "gives back whole" in board and "at most 1/8 of the others" in board
    assert board.count("<svg") >= 2, "the chart should be drawn for wide and for narrow pages"
    method = (whole.folder / "site" / "methods" / "by-heart-tokens.html").read_text(encoding="utf-8")
    assert method.count("<h3>Token by token</h3>") == 2 and "learned them by heart" in method


def test_it_is_exported_imported_and_checked(whole: Run, tmp_path: Path) -> None:
    trustdm(whole.folder, "export", tmp_path / "runs", "--db", whole.db, site=whole.site)
    copy = Run(tmp_path, whole.site)
    copy("import", tmp_path / "runs")
    assert copy("db", "check").stdout.strip().endswith("no problems")
    assert same(copy.stored(), whole.stored()) and copy.arrays() == whole.arrays()
    copy("export", tmp_path / "again")
    files = sorted((tmp_path / "runs").rglob("*.json"))
    assert len(files) == ROWS
    for path in files:
        again = tmp_path / "again" / path.relative_to(tmp_path / "runs")
        assert path.read_bytes() == again.read_bytes(), path.name


def test_it_lives_with_others_and_is_left_out_where_it_is_not_installed(preview: Run, tmp_path: Path) -> None:
    run, tiny = Run(shutil.copytree(preview.folder, tmp_path / "run"), preview.site), only_clean(tmp_path)
    run("run", tiny, "--plugin", TEMPLATES, "--method", "templates", "--limit", 8)
    run("publish", "--out", "both", "--suite", tiny)
    boards = {path.stem for path in (run.folder / "both" / "suites").glob("*.html")}
    assert {"tiny", "walks-membership"} <= boards
    board = (run.folder / "both" / "suites" / "walks-membership.html").read_text(encoding="utf-8")
    assert "not ranked: a false positive rate of 1/8 takes at least 8 sequences" in board
    without = run("publish", "--out", "without", "--suite", tiny, site=None)
    assert "results of walks-membership left out" in without.stderr
    boards = {path.stem for path in (run.folder / "without" / "suites").glob("*.html")}
    assert "tiny" in boards and "walks-membership" not in boards
    assert len(json.loads(run("show", tiny, "--json", site=None).stdout)) == 1
    refused = run("show", "walks-membership", site=None, code=1).stderr
    assert len(refused.splitlines()) == 1 and "sequences" in refused
    left_out = run("show", "uniform-tokens", site=None)
    assert "suite left out" in left_out.stderr and "uniform-tokens" in left_out.stdout


def test_the_harness_knows_nothing_of_it() -> None:
    words = ("trustdm_sequences", "token_logprobs", "tpr-at-fpr", "walks-membership", "pair-counts")
    for top in ("bench", "leaderboard", "suites"):
        for path in (ROOT / top).rglob("*"):
            if path.suffix in (".py", ".html", ".toml"):
                text = path.read_text(encoding="utf-8")
                assert not [word for word in words if word in text], path
