"""What cannot be is refused on import, and named by a check of the database; what is unlikely is a flag of the row.

A toy run is measured for real and exported; one thing of it is changed, and whatever follows from it (keys) with it.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import TINY, Said, command_line, toy_run

from trustdm.bench import plugins
from trustdm.bench.errors import RunFileError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.shipped import measured
from trustdm.bench.store import runimport, seals
from trustdm.bench.store.examiner import Examiner
from trustdm.bench.store.store import Store

Value = dict[str, Any]
LATER = "2099-01-01T00:00:00+00:00"


class Run(NamedTuple):
    """A database and what was exported from it."""

    db: Path
    file: Path


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first sixteen examples of the tiny suite: two blocks of each of three evaluations."""
    return Run(*toy_run(tmp_path_factory.mktemp("toy")))


@pytest.fixture
def trustdm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return command_line(capsys)


def forged(toy: Run, folder: Path, change: Callable[[Value], object]) -> Path:
    """The exported files with a change, and with the keys that follow from it."""
    shutil.copytree(toy.file.parents[1], folder / "forged")
    path = folder / "forged" / "tiny" / toy.file.name
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    for cell in value["cells"]:
        cell["key"] = sha256_of(cell["identity"])
    path.write_text(json.dumps(value), encoding="utf-8")
    return folder / "forged"


def cell(value: Value, evaluation: str) -> Value:
    found: Value = next(c for c in value["cells"] if c["identity"]["evaluation"] == evaluation)
    return found


def line(value: Value, evaluation: str, probe: str) -> Value:
    """The records of a probe in the first block."""
    found: Value = next(r for r in cell(value, evaluation)["blocks"][0]["records"] if r["probe"] == probe)
    return found


def examples(value: Value) -> None:
    cell(value, "clean")["blocks"][0]["examples"] = list(range(8))


def foreign_label(value: Value) -> None:
    found = line(value, "clean", "clean")
    at = found["status"].index("c")
    found["label"][at] = (found["label"][at] + 1) % 10


def called_wrong(value: Value) -> None:
    """The right label, called wrong; the margin is made to fit."""
    found = line(value, "clean", "clean")
    at = found["status"].index("c")
    found["status"] = found["status"][:at] + "w" + found["status"][at + 1 :]
    found["value"][at] = -1.0


def norm(value: Value) -> None:
    found = line(value, "pgd", "pgd")
    found["norm"] = [None if size is None else 0.1001 for size in found["norm"]]


def no_norm(value: Value) -> None:
    line(value, "pgd", "pgd")["norm"] = None


def excluded(value: Value) -> None:
    """Failures in a block that is done: where a suite leaves these out, the share of the others would rise."""
    found = line(value, "clean", "clean")
    found["status"] = "f" * 8
    found.update(label=None, value=None)


def planned(value: Value) -> None:
    for each in value["cells"]:
        each["planned"] = 16


def suite(value: Value) -> None:
    value["suites"][0]["content"] = [text.replace('"1/10"', '"3/10"') for text in value["suites"][0]["content"]]


def suite_name(value: Value) -> None:
    value["suites"][0]["content"] = [
        text.replace('"name":"tiny"', '"name":"other"') for text in value["suites"][0]["content"]
    ]


def garbled(value: Value) -> None:
    value["suites"][0]["content"] = ["name = tiny"]


def no_task(value: Value) -> None:
    value["suites"][0]["content"] = [
        text.replace('"adversary"', '"opponent"') for text in value["suites"][0]["content"]
    ]


def cut(value: Value) -> None:
    block = cell(value, "clean")["blocks"][1]
    block.update(stop=12, examples=block["examples"][:4])
    for found in block["records"]:
        found["status"] = found["status"][:4]
        found.update({name: found[name] and found[name][:4] for name in ("label", "value", "norm")})


def no_probe(value: Value) -> None:
    block = cell(value, "ensemble")["blocks"][0]
    block["records"] = [found for found in block["records"] if found["probe"] != "square"]


def more_draws(value: Value) -> None:
    records = cell(value, "clean")["blocks"][0]["records"]
    records.append({**records[0], "draw": 1})


def identity(**changes: Any) -> Callable[[Value], object]:
    return lambda value: [each["identity"].update(changes) for each in value["cells"][:1]]


def run(**changes: Any) -> Callable[[Value], object]:
    return lambda value: value["runs"][0].update(changes)


def created(value: Value) -> None:
    cell(value, "clean")["created"] = LATER


def created_after(value: Value) -> None:
    finished = datetime.fromisoformat(cell(value, "clean")["blocks"][0]["finished"])
    cell(value, "clean")["created"] = (finished + timedelta(hours=1)).isoformat()


def finished(value: Value) -> None:
    cell(value, "clean")["blocks"][0]["finished"] = LATER


def gallery(value: Value) -> None:
    """The images of the first block in the place of the attacked ones, of another size than there should be."""
    kept = cell(value, "pgd")["blocks"][0]["artefacts"]
    kept["x"] = kept["gallery_labels"]


def uncounted(value: Value) -> None:
    del cell(value, "pgd")["blocks"][0]["diagnostics"]["zero_gradient_rows"]


def error(value: Value) -> None:
    cell(value, "clean")["blocks"][0]["error"] = "none of it"


FIRST = "(SELECT id FROM block WHERE cell_id = (SELECT id FROM cell WHERE identity LIKE '%\"clean\"%') AND start = 0)"
SQUARE = "(SELECT id FROM probe WHERE name = 'square')"
CLEAN = 'identity LIKE \'%"evaluation":"clean"%\''
FAULTS: dict[str, tuple[Callable[[Value], object], str, str]] = {
    "examples": (
        examples,
        f"UPDATE record SET example = example - 1200 WHERE block_id = {FIRST}",
        "examples: expected the 8 positions of the suite from 0 on, 1200 to 1207, got 0 and 7 others",
    ),
    "label": (
        foreign_label,
        f"UPDATE record SET label = (label + 1) % 10 WHERE block_id = {FIRST} AND status = 0",
        "status correct: expected the label that the data set has, got",
    ),
    "wrong": (
        called_wrong,
        f"UPDATE record SET status = 1, value = -1.0 WHERE block_id = {FIRST} AND status = 0",
        "status wrong: expected another label than the data set has, got",
    ),
    "norm": (
        norm,
        "UPDATE record SET norm = 0.1001 WHERE norm IS NOT NULL",
        "expected a norm of at most eps, 1/10, got 0.1001",
    ),
    "no norm": (no_norm, "UPDATE record SET norm = NULL", "expected a norm, got nan"),
    "excluded": (
        excluded,
        f"UPDATE record SET status = 3, label = NULL, value = NULL WHERE block_id = {FIRST}",
        "status failed: expected a verdict, as the block is done",
    ),
    "planned": (
        planned,
        "UPDATE cell SET planned = 16",
        "planned: expected 48, the positions of clean in the suite, got 16",
    ),
    "suite": (
        suite,
        "UPDATE suite SET content = replace(content, '\"1/10\"', '\"3/10\"')",
        "identity.suite_digest: expected 3ea15e5f",
    ),
    "name": (
        suite_name,
        'UPDATE suite SET content = replace(content, \'"name":"tiny"\', \'"name":"other"\')',
        "identity.suite: expected other, as the content of the suite has it, got tiny",
    ),
    "garbled": (
        garbled,
        "UPDATE suite SET content = '{\"adversary\": 1}'",
        "identity.suite_digest: the content of suite tiny: ",
    ),
    "cut": (
        cut,
        f"UPDATE block SET stop = 6 WHERE id = {FIRST}",
        "expected a block of the cut ramp-8-16, such as ",
    ),
    "no probe": (
        no_probe,
        f"DELETE FROM record WHERE probe_id = {SQUARE}",
        "records: expected the probes apgd-ce, apgd-t, clean, fab-t, square, got apgd-ce, apgd-t, clean, fab-t",
    ),
    "draws": (
        more_draws,
        "INSERT INTO record SELECT cell_id, example, 1, probe_id, block_id, status, label, value, norm "
        f"FROM record WHERE block_id = {FIRST}",
        "records: expected at most 1 draws, as the suite and the card ask, got 2",
    ),
    "commit": (
        run(commit="deadbeef"),
        "UPDATE run SET commit_hash = 'deadbeef'",
        "commit: expected a commit as 40 hex digits in lower case, or nothing, got 'deadbeef'",
    ),
    "future": (
        run(started=LATER, finished=None, exit_code=None),
        f"UPDATE run SET started = '{LATER}', finished = NULL",
        "started: expected a time that has been",
    ),
    "backwards": (
        run(finished="2020-01-01T00:00:00+00:00"),
        "UPDATE run SET finished = '2020-01-01T00:00:00+00:00'",
        "finished: expected a time after the run started, ",
    ),
    "created": (created, f"UPDATE cell SET created = '{LATER}'", "created: expected a time that has been"),
    "created after": (
        created_after,
        "UPDATE cell SET created = strftime('%Y-%m-%dT%H:%M:%S', created, '+3 hours')",
        "finished: expected a time after the cell was created, ",
    ),
    "finished": (finished, f"UPDATE block SET finished = '{LATER}'", "finished: expected a time that has been"),
    "gallery": (
        gallery,
        "UPDATE artefact SET shape = '[8, 64]' WHERE name = 'x'",
        "artefacts: x: expected images (1, 8, 8) in floats, got",
    ),
    "uncounted": (
        uncounted,
        "DELETE FROM diagnostic WHERE name = 'zero_gradient_rows'",
        "diagnostics: zero_gradient_rows: expected 0 to 8, got None",
    ),
    "error": (error, "UPDATE block SET error = 'none of it'", "error: expected none, as the block is done"),
}
IDENTITIES = {
    "block_rule": ("ramp-1-1", "expected ramp-8-16, as the suite says, got ramp-1-1"),
    "precision": ("float16", "expected float32, as the suite says, got float16"),
    "params": ("[]", "expected {}, as the suite says, got []"),
    "data_digest": ("a" * 64, "expected fce87298"),
    "evaluation": ("dirty", "expected one of clean, ensemble, pgd, got dirty"),
    "seed": (401, "expected at most 400, got 401"),
    "randomness": ("keyed", "expected none, as the card says, got keyed"),
    "gradient": ("none", "expected exact, as the card says, got none"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_is_not_imported(toy: Run, trustdm: Any, tmp_path: Path, name: str) -> None:
    change, _, message = FAULTS[name]
    said = trustdm("import", forged(toy, tmp_path, change), "--db", "new.db")
    assert said.code == 1 and message in said.err, said
    assert said.err.startswith("trustdm: ") and said.err.count("\n") == 1 and f"{toy.file.name}." in said.err
    with Store.open(tmp_path / "new.db") as store:
        assert store.cells() == [] and store.runs() == []


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_is_seen_in_a_database(toy: Run, trustdm: Any, tmp_path: Path, name: str) -> None:
    _, sql, message = FAULTS[name]
    shutil.copytree(toy.db.parent / "artefacts", tmp_path / "artefacts", dirs_exist_ok=True)
    shutil.copy(toy.db, tmp_path / "bench.db")
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection, connection:
        assert connection.execute(sql).rowcount > 0
    said = trustdm("db", "check", "--db", "bench.db")
    assert said.code == 1 and message in said.err, said
    assert all(each.startswith("trustdm: ") for each in said.err.splitlines())
    assert "problems" in said.out


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_is_that_of_the_suite_and_the_card(toy: Run, trustdm: Any, tmp_path: Path, name: str) -> None:
    value, message = IDENTITIES[name]
    said = trustdm("import", forged(toy, tmp_path, identity(**{name: value})), "--db", "new.db")
    assert said.code == 1 and f"cells[0].identity.{name}: " in said.err and message in said.err, said


@pytest.mark.parametrize("origin", ["reported", "claimed"])
def test_what_somebody_else_published_is_of_the_same_suite(toy: Run, trustdm: Any, tmp_path: Path, origin: str) -> None:
    """It has no blocks of ours; but to say so is no way around its images, labels and norms."""

    def other(more: Callable[[Value], object]) -> Callable[[Value], object]:
        def change(value: Value) -> None:
            more(value)
            for each in value["cells"]:
                each["origin"] = origin

        return change

    said = trustdm("import", forged(toy, tmp_path / "a", other(planned)), "--db", "new.db")
    assert said.code == 1 and "planned: expected 48, the examples of clean in the suite, got 16" in said.err
    for number, (change, message) in enumerate(
        (
            (examples, "expected examples that the suite tests"),
            (foreign_label, "expected the label"),
            (norm, "a norm of"),
        )
    ):
        said = trustdm("import", forged(toy, tmp_path / str(number), other(change)), "--db", "new.db")
        assert said.code == 1 and message in said.err, said


def test_a_card_is_that_of_a_method_which_the_suite_takes(toy: Run, trustdm: Any, tmp_path: Path) -> None:
    def change(value: Value) -> None:
        card = value["cards"][0]["card"]
        card["classes"] = 7
        value["cards"][0]["digest"] = sha256_of(card)
        for each in value["cells"]:
            each["card"] = sha256_of(card)

    said = trustdm("import", forged(toy, tmp_path, change), "--db", "new.db")
    assert said.code == 1 and ".cells[0].card: templates: expected" in said.err, said


def test_nothing_is_wrong_with_what_was_measured(toy: Run, trustdm: Any) -> None:
    said = trustdm("import", toy.file, "--db", "new.db")
    assert (said.code, said.err) == (0, "") and said.out == f"{toy.file}: 3 cells, 6 blocks added, no doubts\n"
    for db in ("new.db", toy.db):
        assert trustdm("db", "check", "--db", db) == Said(0, f"{db}: no problems\n", "")


def free(value: Value) -> None:
    for block in (block for each in value["cells"] for block in each["blocks"]):
        block["cost"] = dict.fromkeys(block["cost"], 0)


def cheap(value: Value) -> None:
    for block in (block for each in value["cells"] for block in each["blocks"]):
        block["cost"]["forwards"] = 7


@pytest.mark.parametrize(("change", "flags"), [(free, ["cost-missing", "passes-missing"]), (cheap, ["passes-missing"])])
def test_what_is_unlikely_is_a_flag_of_the_row(
    toy: Run, trustdm: Any, tmp_path: Path, change: Callable[[Value], object], flags: list[str]
) -> None:
    said = trustdm("import", forged(toy, tmp_path, change), "--db", "new.db")
    doubts = 3 * len(flags)
    assert said.code == 0 and said.out.endswith(f": 3 cells, 6 blocks added, {doubts} doubts\n"), said
    assert all(f"{toy.file.name}.cells[{i}]: {flag}: Says that " in said.err for i in range(3) for flag in flags)
    checked = trustdm("db", "check", "--db", "new.db")
    assert checked.code == 0 and checked.out == f"new.db: no problems, {doubts} doubts\n"
    assert checked.err.count("trustdm: unlikely: cell ") == doubts
    (row,) = json.loads(trustdm("show", TINY, "--json", "--db", "new.db").out)
    assert set(flags) <= set(row["flags"])
    assert trustdm("import", forged(toy, tmp_path / "again", change), "--db", "new.db").code == 0


def test_a_suite_of_a_task_that_is_not_here_is_refused_and_left_alone_where_it_is(
    toy: Run, trustdm: Any, tmp_path: Path
) -> None:
    said = trustdm("import", forged(toy, tmp_path, no_task), "--db", "new.db")
    assert said.code == 1 and "got the table [opponent], which none has; install the package of that task" in said.err
    shutil.copytree(toy.db.parent / "artefacts", tmp_path / "artefacts", dirs_exist_ok=True)
    shutil.copy(toy.db, tmp_path / "bench.db")
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection, connection:
        connection.execute("UPDATE suite SET content = replace(content, '\"adversary\"', '\"opponent\"')")
    with Store.open(tmp_path / "bench.db") as store, store.database.writing() as writer:
        seals.suite(writer, 1)
    said = trustdm("db", "check", "--db", "bench.db")
    assert (said.code, said.out) == (0, "bench.db: no problems\n")
    assert said.err.count("trustdm: not checked: cell ") == 3 and "[opponent]" in said.err


def test_labels_are_not_compared_where_the_data_set_is_not_here(
    toy: Run, trustdm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trustdm.bench.errors import DataError
    from trustdm.bench.store import truth

    def absent(*_: object) -> None:
        raise DataError("digits: nowhere")

    monkeypatch.setattr(truth, "open_data", absent)
    said = trustdm("import", forged(toy, tmp_path, foreign_label), "--db", "new.db")
    assert said.code == 0 and said.err == "trustdm: not checked: labels of tiny: not compared: digits: nowhere\n"


def test_a_clock_may_be_ahead_by_less_than_a_day(toy: Run, tmp_path: Path) -> None:
    measured_at = datetime.fromisoformat(json.loads(toy.file.read_text())["runs"][0]["started"])
    for ahead, fits in ((timedelta(hours=20), True), (timedelta(hours=30), False)):
        examiner = Examiner(plugins.load(), now=measured_at - ahead)
        with Store.open(tmp_path / f"{fits}.db") as store:
            if fits:
                assert runimport.import_file(store, toy.file, examiner) == 6
            else:
                with pytest.raises(RunFileError, match=r"runs\[0\]\.started: expected a time that has been"):
                    runimport.import_file(store, toy.file, examiner)


def test_shipped_results_raise_neither_a_fault_nor_a_doubt(tmp_path: Path) -> None:
    examiner = Examiner(plugins.load(installed=False))
    with Store.open(tmp_path / "bench.db") as store:
        found = runimport.read_folder(store, measured(), examiner)
        assert found.blocks > 0 and found.cells > 50 and found.doubts == () and examiner.unread() == []
        checked = store.examined(Examiner(plugins.load(installed=False), strangers=True))
    assert (checked.problems, checked.doubts, checked.unchecked) == ([], [], [])


def test_random_damage_is_refused_or_harmless_but_never_a_traceback(toy: Run, tmp_path: Path) -> None:
    """Puts values of every type at random places; a fixed seed, so that a failure is repeatable."""
    folder = forged(toy, tmp_path, lambda value: None)
    path = folder / "tiny" / toy.file.name
    value, rng = json.loads(path.read_text(encoding="utf-8")), random.Random(0)
    value["suites"][0]["content"] = [json.loads(value["suites"][0]["content"][0])]
    places = list(_places(value))
    odd: list[Any] = [None, True, -1, 2**40, 0.5, "", "é\n", [], [[]], {}, {"a": 1}, [1, 2], "1/3"]
    examiner, refused = Examiner(plugins.load(installed=False), now=datetime.now(UTC)), 0
    for number in range(150):
        changed = copy.deepcopy(value)
        *where, last = rng.choice(places)
        inside: Any = changed
        for step in where:
            inside = inside[step]
        inside[last] = rng.choice(odd)
        content = changed["suites"][0]["content"] if changed["suites"] and isinstance(changed["suites"], list) else None
        if isinstance(content, list):
            changed["suites"][0]["content"] = [each if isinstance(each, str) else json.dumps(each) for each in content]
        path.write_text(json.dumps(changed), encoding="utf-8")
        try:
            with Store.open(tmp_path / f"{number}.db") as store:
                runimport.import_file(store, path, examiner)
        except RunFileError as refusal:
            refused += 1
            assert "\n" not in str(refusal)
    assert refused > 100


def _places(value: Any, at: tuple[Any, ...] = ()) -> Any:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield (*at, name)
        yield from _places(item, (*at, name))
