"""What one hostile run file, or one damaged cell of a database, may do: be refused, or cost its own row; never a site.

A toy run is measured for real and exported; one thing of the file is changed, and whatever follows from it (digests,
keys, artefacts) with it. Everything goes through the command line.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TEMPLATES, TINY, command_line, toy_run
from numpy.typing import NDArray

from trustdm.bench import plugins
from trustdm.bench.errors import SuiteError
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.shipped import measured
from trustdm.bench.store import npyfile, runfiles
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import parse_stored

Value = dict[str, Any]
Change = Callable[[Value, Path], object]
CERTIFIED = "mnist16-certified"


@pytest.fixture
def trustdm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return command_line(capsys)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and what was exported from it: two blocks of each of three evaluations."""
    folder = tmp_path_factory.mktemp("toy")
    toy_run(folder)
    return folder


def exported(toy: Path) -> Path:
    (file,) = (toy / "runs" / "tiny").glob("templates*.json")
    return file


def certified() -> Path:
    return next((measured() / CERTIFIED).glob("denoised-smoothing-*.json"))


def forged(source: Path, folder: Path, change: Change) -> Path:
    """A copy of an exported file with a change, and with the keys that follow from it."""
    target = folder / "forged" / source.parent.name / source.name
    target.parent.mkdir(parents=True)
    for file in source.parent.glob(f"{source.stem}.*"):
        shutil.copy(file, target.parent / file.name)
    value = json.loads(target.read_text(encoding="utf-8"))
    change(value, target.parent)
    for cell in value["cells"]:
        cell["key"] = sha256_of(cell["identity"])
    target.write_text(json.dumps(value), encoding="utf-8")
    return target


def block(value: Value, evaluation: str, at: int = 0) -> Value:
    found: Value = next(c for c in value["cells"] if c["identity"]["evaluation"] == evaluation)["blocks"][at]
    return found


def keep(folder: Path, array: NDArray[Any]) -> Value:
    """What a run file says of an array that is put beside it."""
    content = npyfile.data(array)
    digest = npyfile.digest(content)
    (folder / "artefacts").mkdir(exist_ok=True)
    (folder / "artefacts" / f"{digest}.npy").write_bytes(content)
    return {"sha256": digest, "dtype": array.dtype.str, "shape": list(array.shape)}


def array(name: str, content: NDArray[Any], at: int = 0, without: tuple[str, ...] = ()) -> Change:
    """Puts an array in the place of another one of the attacked evaluation."""

    def change(value: Value, folder: Path) -> None:
        kept = block(value, "pgd", at)["artefacts"]
        for gone in without:
            kept.pop(gone)
        kept[name] = keep(folder, content)

    return change


def truth(content: NDArray[Any], evaluation: str, name: str = "truth") -> Change:
    def change(value: Value, folder: Path) -> None:
        block(value, evaluation)["artefacts"][name] = keep(folder, content)

    return change


def negative(value: Value, folder: Path) -> None:
    """Counts that still add up."""
    counts = np.zeros((22, 10), dtype=np.int64)
    counts[:, 0], counts[:, 1] = 1000, -900
    block(value, "sigma-1-2")["artefacts"]["counts"] = keep(folder, counts)


def identity(origin: str = "measured", **changes: Any) -> Change:
    def change(value: Value, _: Path) -> None:
        for cell in value["cells"]:
            cell["identity"].update(changes)
            cell["origin"] = origin

    return change


def parameters(*pairs: Any) -> Change:
    def change(value: Value, _: Path) -> None:
        value["params"] = list(pairs)
        for cell in value["cells"]:
            cell["identity"]["method_params"] = list(pairs)

    return change


def cost(**changes: Any) -> Change:
    def change(value: Value, _: Path) -> None:
        for cell in value["cells"]:
            for each in cell["blocks"]:
                each["cost"].update(changes)

    return change


def counted(value: Value, _: Path) -> None:
    for each in (each for cell in value["cells"] for each in cell["blocks"]):
        each["diagnostics"]["odd"] = 1.7e308


def suite(edit: Callable[[Value], object], origin: str = "measured", name: str = "") -> Change:
    """Changes the suite in the file, and its digest and the parameters of cells with it, where it can be read."""

    def change(value: Value, _: Path) -> None:
        content = json.loads("\n".join(value["suites"][0]["content"]))
        edit(content)
        text = json.dumps(content)
        try:
            digest = parse_stored(text, "suite", plugins.load(installed=False).tasks).digest
        except SuiteError:
            digest = "0" * 64
        value["suites"][0].update(content=[text], digest=digest)
        value["suite"] = name or value["suite"]
        for cell in value["cells"]:
            told = content["evaluations"][cell["identity"]["evaluation"]]
            params = canonical_json({key: item for key, item in told.items() if key != "protocol"})
            cell["identity"].update(suite=value["suite"], suite_digest=digest, params=params)
            cell["origin"] = origin

    return change


def text(content: str) -> Change:
    return lambda value, _: value["suites"][0].update(content=[content])


def nameless(content: Value) -> None:
    for attack in content["evaluations"]["ensemble"]["attacks"]:
        attack.pop("name")


def three(content: Value) -> None:
    content["evaluations"]["ensemble"]["attacks"] = 3


def noise(sigma: object) -> Callable[[Value], object]:
    def edit(content: Value) -> None:
        for told in content["evaluations"].values():
            told.pop("sigma")
            if sigma is not None:
                told["sigma"] = sigma

    return edit


ATTACKS = "attacks: expected a list of tables, each with a name of its own, got"
PLAIN = "expected a text, a number, true, false, null or a list of these, got"
HOSTILE: dict[str, tuple[Change, str]] = {
    "examples 0-d": (array("gallery_examples", np.array(3)), "gallery_examples: expected those of the first 8"),
    "labels 2-d": (array("gallery_labels", np.zeros((2, 3), int)), "gallery_labels: expected those of the first 8"),
    "predictions 0-d": (
        array("gallery_predictions", np.array(3)),
        "artefacts: gallery_predictions: expected whole numbers (8,), got int64 ()",
    ),
    "predictions none": (array("gallery_predictions", np.zeros(0, int)), "gallery_predictions: expected whole numbers"),
    "predictions huge": (
        array("gallery_predictions", np.full(8, 2**62)),
        "gallery_predictions: expected values from -1 to 9, got others",
    ),
    "predictions real": (array("gallery_predictions", np.zeros(8)), "expected whole numbers (8,), got float64 (8,)"),
    "images 0-d": (array("x", np.array(0.5)), "x: expected images (1, 8, 8) in floats, got float64 ()"),
    "without images": (
        array("gallery_examples", np.array(3), without=("x", "x_adv")),
        "gallery_examples: expected whole numbers (shown,), got int64 ()",
    ),
    "images later": (array("x", np.zeros((9, 7)), at=1), "blocks[1].artefacts: x: expected floats (shown, 1, 8, 8)"),
    "undeclared": (array("more", np.zeros(9)), "x, x_adv and nothing else, got 'more'"),
    "params": (identity(params="{{{"), "identity.params: expected {}, as the suite says, got {{{"),
    "params 3": (identity(params='{"attacks":3}'), "identity.params: expected {}, as the suite says"),
    "claimed params": (identity("claimed", params="{{{"), "identity.params: expected an object in JSON, got {{{"),
    "a dict": (parameters(["a", {"b": 1}]), f"identity.method_params[0][1]: {PLAIN} {{'b': 1}}"),
    "a dict in a list": (parameters(["a", [{"b": 1}]]), f"identity.method_params[0][1][0]: {PLAIN} {{'b': 1}}"),
    "deep": (parameters(["a", [[[[[[1]]]]]]]), PLAIN),
    "twice": (parameters(["a", 1], ["a", 2]), "method_params: expected each parameter once, got a, a"),
    "wall": (cost(wall=1.7e308), "cost.wall: expected a number of at most 1e+10, got 1.7e+308"),
    "device": (cost(device=1.7e308), "cost.device: expected a number of at most 1e+10"),
    "forwards": (cost(forwards=2**63 - 1), "cost.forwards: expected an integer from 0 to 1000000000000000"),
    "counts": (counted, "diagnostics.odd: expected a number of at most 1e+100"),
    "brackets": (text("[" * 100_000 + "]" * 100_000), "the stored text: expected JSON"),
    "size": (suite(lambda s: s["size"].update(full=int(5e11))), "size.full: expected less than or equal to 10000000"),
    "nameless": (suite(nameless), f"evaluations.ensemble.{ATTACKS}"),
    "claimed nameless": (suite(nameless, "claimed"), f"evaluations.ensemble.{ATTACKS}"),
    "attacks 3": (suite(three), f"evaluations.ensemble.{ATTACKS} 3"),
    "evil": (suite(lambda s: s.update(name="../evil"), name="../evil"), "name: expected match pattern"),
}
OF_CERTIFICATES: dict[str, tuple[Change, str]] = {
    "truth 0-d": (truth(np.array(3), "sigma-1-2"), "truth: expected whole numbers in 1 dimensions"),
    "truth huge": (truth(np.full(22, 2**40), "sigma-1-2"), "as the data set has it, got"),
    "counts": (negative, "counts: expected counts of 10 classes, got others"),
    "trials": (truth(np.array(1), "sequential-1-2", "trials"), "trials: expected whole numbers in 2 dimensions"),
    "trials negative": (truth(np.full((22, 32), -1), "sequential-1-2", "trials"), "expected whole numbers from 0"),
    "sigma": (suite(noise("1/0")), "expected a positive fraction in text, such as \"1/4\", got '1/0'"),
    "no sigma": (suite(noise(None)), "sigma: expected a value, got none"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(toy: Path, trustdm: Any, tmp_path: Path, name: str) -> None:
    change, message = HOSTILE[name]
    said = trustdm("import", forged(exported(toy), tmp_path, change), "--db", "new.db")
    assert said.code == 1 and message in said.err, said
    assert said.err.startswith("trustdm: ") and said.err.count("\n") == 1


@pytest.mark.parametrize("name", OF_CERTIFICATES)
def test_a_hostile_file_of_certificates_is_refused_in_one_line(trustdm: Any, tmp_path: Path, name: str) -> None:
    change, message = OF_CERTIFICATES[name]
    said = trustdm("import", forged(certified(), tmp_path, change), "--db", "new.db")
    assert said.code == 1 and message in said.err, said
    assert said.err.startswith("trustdm: ") and said.err.count("\n") == 1


# What is in the database already


PGD = 'identity LIKE \'%"evaluation":"pgd"%\''
FIRST = f"(SELECT min(id) FROM block WHERE cell_id = (SELECT id FROM cell WHERE {PGD}))"
STALE = f"UPDATE cell SET identity = json_set(identity, '$.suite_version', 7, '$.params', '{{{{{{') WHERE {PGD}"
DAMAGE: dict[str, tuple[str, str]] = {
    "cost": ("UPDATE block SET wall = 1.7e308", "ValueError: Out of range float values"),
    "parameters": (
        'UPDATE cell SET identity = replace(identity, \'"method_params":[]\', \'"method_params":[["a",{"b":1}]]\')'
        " WHERE identity LIKE '%\"method_params\":[]%'",
        "TypeError: unhashable type: 'dict'",
    ),
    "stale parameters": (STALE, "JSONDecodeError: "),
    "card": ("UPDATE method SET card = '[]'", "AttributeError: 'list' object has no attribute 'get'"),
    "identity": (f"UPDATE cell SET identity = '{{{{{{' WHERE {PGD}", "JSONDecodeError: "),
    "fields": (f"UPDATE cell SET identity = '{{}}' WHERE {PGD}", "StoreError: identity of a cell: expected today's"),
    "method": (
        f"UPDATE cell SET identity = json_set(identity, '$.method', json('{{}}')) WHERE {PGD}",
        "StoreError: identity of a cell: method: expected str, got {}",
    ),
    "record": (
        f"UPDATE record SET value = 'x' WHERE cell_id = (SELECT id FROM cell WHERE {PGD})",
        "ValueError: could not convert string to float: 'x'",
    ),
    "origin": (f"UPDATE cell SET origin = 'odd' WHERE {PGD}", "ValueError: 'odd' is not a valid Origin"),
    "dtype": (f"UPDATE artefact SET dtype = 'odd' WHERE block_id = {FIRST}", "TypeError: data type 'odd'"),
    "shape": (f"UPDATE artefact SET shape = '{{' WHERE block_id = {FIRST}", "JSONDecodeError: "),
    "offset": (f"UPDATE artefact SET byte_offset = 99999 WHERE block_id = {FIRST}", "StoreError: "),
}


def damaged(toy: Path, folder: Path, *statements: str) -> Path:
    """A copy of the database with an edit."""
    shutil.copytree(toy / "artefacts", folder / "artefacts", dirs_exist_ok=True)
    shutil.copy(toy / "bench.db", folder / "bench.db")
    with closing(sqlite3.connect(folder / "bench.db")) as connection, connection:
        for sql in statements:
            assert connection.execute(sql).rowcount > 0, sql
    return folder / "bench.db"


@pytest.mark.parametrize("name", [name for name in DAMAGE if name != "parameters"])
def test_a_damaged_cell_costs_its_row_and_not_the_site(toy: Path, trustdm: Any, tmp_path: Path, name: str) -> None:
    sql, message = DAMAGE[name]
    db = damaged(toy, tmp_path, sql)
    assert trustdm("import", measured() / "digits-linf" / "digits-standard.json", "--db", db).code == 0
    assert trustdm("show", TINY, "--db", db).code == 0
    said = trustdm("publish", "--out", "site", "--suite", TINY, "--db", db)
    assert said.code == 0 and "pages written" in said.out, said
    assert said.err.startswith("trustdm: ") and "could not be shown in full" in said.err and message in said.err, said
    assert "digits-standard" in (tmp_path / "site" / "suites" / "digits-linf.html").read_text(encoding="utf-8")
    again = trustdm("publish", "--out", "site", "--suite", TINY, "--db", db)
    assert again.code == 0 and again.err == said.err  # what is wrong is said each time


def test_a_row_that_cannot_be_summed_up_is_unranked_with_its_reason(toy: Path, trustdm: Any, tmp_path: Path) -> None:
    db = damaged(toy, tmp_path, DAMAGE["cost"][0])
    said = trustdm("show", TINY, "--db", db)
    reason = "cannot be summed up: ValueError: Out of range float values are not JSON compliant"
    assert said.code == 0 and f"not ranked: {reason}" in said.out and said.err.count("\n") == 1, said
    assert "1 row could not be shown in full: tiny: templates (cell " in said.err
    (row,) = json.loads(trustdm("show", TINY, "--json", "--db", db).out)
    assert row["rank_low"] is None and row["caveat"].startswith(reason) and row["metrics"] == {}
    assert trustdm("publish", "--out", "site", "--suite", TINY, "--db", db).code == 0
    assert reason in (tmp_path / "site" / "suites" / "tiny.html").read_text(encoding="utf-8")
    assert reason in (tmp_path / "site" / "methods" / "templates.html").read_text(encoding="utf-8")


def test_parameters_that_cannot_be_compared_cost_one_row(trustdm: Any, tmp_path: Path) -> None:
    files = sorted((measured() / "digits-linf").glob("*.json"))
    assert trustdm("import", *files, "--db", "bench.db").code == 0
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection, connection:
        assert connection.execute(DAMAGE["parameters"][0]).rowcount > 0
    said = trustdm("show", "digits-linf", "--db", "bench.db")
    assert said.code == 0 and DAMAGE["parameters"][1] in said.err, said


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE artefact SET shape = '[]', nbytes = 8 WHERE name = 'truth' AND block_id = "
        "(SELECT min(block_id) FROM artefact WHERE name = 'truth')",
        "UPDATE artefact SET shape = '[220]' WHERE name = 'counts' AND block_id = "
        "(SELECT min(block_id) FROM artefact WHERE name = 'counts')",
    ],
)
def test_arrays_of_an_odd_shape_cost_the_charts_and_sections_of_one_row(trustdm: Any, tmp_path: Path, sql: str) -> None:
    files = [certified(), measured() / CERTIFIED / "mnist16-noise-trained.json"]
    assert trustdm("import", *files, "--db", "bench.db").code == 0
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection, connection:
        assert connection.execute(sql).rowcount > 0
    assert trustdm("show", CERTIFIED, "--db", "bench.db").code == 0
    said = trustdm("publish", "--out", "site", "--db", "bench.db")
    assert said.code == 0 and "ValueError: " in said.err and f"{CERTIFIED}: charts, cell " in said.err, said
    page = (tmp_path / "site" / "suites" / f"{CERTIFIED}.html").read_text(encoding="utf-8")
    assert "<svg" in page and "noise" in page
    method = (tmp_path / "site" / "methods" / "denoised-smoothing.html").read_text(encoding="utf-8")
    assert "examples and charts cannot be shown: ValueError" in method


# Blocks that somebody appended


def longer(tmp_path: Path, trustdm: Any) -> tuple[Path, Path]:
    """An own database of eight examples, and the run file of a copy of it that goes on to sixteen."""
    command = ("run", TINY, "--plugin", TEMPLATES, "--method", "templates")
    assert trustdm(*command, "--limit", 8, "--db", "own.db").code == 0
    (tmp_path / "copy").mkdir()
    shutil.copy("own.db", "copy/own.db")
    if Path("artefacts").is_dir():
        shutil.copytree("artefacts", "copy/artefacts")
    assert trustdm("export", "before", "--db", "own.db").code == 0
    assert trustdm(*command, "--limit", 16, "--db", "copy/own.db").code == 0
    assert trustdm("export", "after", "--db", "copy/own.db").code == 0
    (file,) = Path("after/tiny").glob("*.json")
    return Path("own.db"), file


def test_no_file_extends_what_this_database_measured(trustdm: Any, tmp_path: Path) -> None:
    db, file = longer(tmp_path, trustdm)
    before = json.loads(trustdm("show", TINY, "--json", "--db", db).out)
    said = trustdm("import", file, "--db", db)
    assert said.code == 1 and said.err.count("\n") == 1, said
    assert "as this database measured the cell itself, got one that it has not" in said.err
    assert json.loads(trustdm("show", TINY, "--json", "--db", db).out) == before
    said = trustdm("import", "before", "--db", db)  # what it exported itself changes nothing
    assert said.code == 0 and "0 blocks added" in said.out


def test_another_labs_cell_may_grow_and_stays_imported(trustdm: Any, tmp_path: Path) -> None:
    _, file = longer(tmp_path, trustdm)
    assert trustdm("import", "before", "--db", "other.db").code == 0
    said = trustdm("import", file, "--db", "other.db")
    assert said.code == 0 and "3 blocks added" in said.out, said
    (row,) = json.loads(trustdm("show", TINY, "--json", "--db", "other.db").out)
    assert row["imported"] and row["n"] == 16


# Names of run files


def renamed(source: Path, folder: Path, name: str, pairs: list[Any], origin: str) -> Path:
    """An exported file as that of another method, measured by another lab."""

    def change(value: Value, _: Path) -> None:
        value.update(method=name, params=pairs)
        for key in ("checked", "conformance"):  # of the method that it was
            value.pop(key, None)
        for card in value["cards"]:
            card["card"]["name"] = name
            card["digest"] = sha256_of(card["card"])
        for at, cell in enumerate(value["cells"]):
            cell["identity"].update(method=name, method_params=pairs)
            cell.update(card=value["cards"][0]["digest"], uid=sha256_of([origin, at])[:32], lab=sha256_of(origin)[:32])

    return forged(source, folder, change)


def test_two_methods_never_share_a_run_file_and_what_is_exported_is_read_back(
    toy: Path, trustdm: Any, tmp_path: Path
) -> None:
    pairs: list[Any] = [["width", 4]]
    short = sha256_of(pairs)[:8]
    for name, given in (("foo", pairs), (f"foo-{short}", [])):
        file = renamed(exported(toy), tmp_path / name, name, given, name)
        assert trustdm("import", file, "--db", "bench.db").code == 0
    said = trustdm("export", "out", "--db", "bench.db")
    assert said.code == 0 and len(set(said.out.split())) == 2, said
    said = trustdm("import", "out", "--db", "back.db")
    assert said.code == 0 and "6 cells, 12 blocks added" in said.out, said
    assert trustdm("export", "again", "--db", "back.db").code == 0
    files = {path.name: path.read_bytes() for path in Path("out/tiny").iterdir()}
    assert files == {path.name: path.read_bytes() for path in Path("again/tiny").iterdir()}
    assert f"foo-{short}.json" in files
    assert trustdm("publish", "--out", "site", "--suite", TINY, "--db", "bench.db").code == 0
    page = (tmp_path / "site" / "suites" / "tiny.html").read_text(encoding="utf-8")
    published = {path.name for path in (tmp_path / "site" / "data" / "runs" / "tiny").glob("*.json")}
    assert published == {name for name in files if name.endswith(".json")}
    assert all(f"data/runs/tiny/{name}" in page for name in published)


def test_short_hashes_that_are_equal_are_told_apart(monkeypatch: pytest.MonkeyPatch, toy: Path) -> None:
    with Store.open(toy / "bench.db", read_only=True) as store:
        one = store.cells()[0].identity
    real = runfiles.sha256_of
    monkeypatch.setattr(runfiles, "sha256_of", lambda value: "0" * 8 + real(value)[8:])
    names = runfiles.file_names([replace(one, method_params=(("a", at),)) for at in range(3)])
    assert len(set(names.values())) == 3 and f"{one.suite}/{one.method}-00000000.json" in names.values()


def test_a_database_with_an_odd_name_is_exported_whole(toy: Path, trustdm: Any, tmp_path: Path) -> None:
    db = damaged(
        toy,
        tmp_path,
        'UPDATE cell SET identity = replace(identity, \'"suite":"tiny"\', \'"suite":"../evil"\')',
        "UPDATE suite SET name = '../evil'",
    )
    said = trustdm("export", "out", "--db", db)
    assert said.code == 0, said
    (file,) = (tmp_path / "out").rglob("*.json")
    assert file.parent.parent == tmp_path / "out" and file.parent.name.startswith("evil~")


# Cells that are taken off the boards


def test_a_hidden_cell_is_nowhere_until_it_is_shown_again(toy: Path, trustdm: Any, tmp_path: Path) -> None:
    db = damaged(toy, tmp_path, DAMAGE["cost"][0])
    with Store.open(db) as store:
        cells = store.cells()
    for cell in cells:
        said = trustdm(
            "db", "hide", cell.id if cell is cells[0] else cell.uid[:12], "--why", "a forged cost", "--db", db
        )
        assert said.code == 0 and cell.uid in said.out and said.out.endswith(": a forged cost\n"), said
    assert [hidden["uid"] for hidden in json.loads(trustdm("db", "hidden", "--json", "--db", db).out)] == [
        cell.uid for cell in cells
    ]
    assert json.loads(trustdm("show", TINY, "--json", "--db", db).out) == []
    said = trustdm("publish", "--out", "site", "--suite", TINY, "--db", db)
    assert (said.code, said.err) == (0, "") and not (tmp_path / "site" / "methods" / "templates.html").exists()
    assert trustdm("export", "out", "--db", db).code == 1 and not Path("out").exists()  # nothing to export
    said = trustdm("db", "unhide", cells[0].uid, "--db", db)
    assert said.code == 0 and len(json.loads(trustdm("show", TINY, "--json", "--db", db).out)) == 1


def test_what_cannot_be_hidden_is_said_in_one_line(toy: Path, trustdm: Any, tmp_path: Path) -> None:
    db = damaged(toy, tmp_path, "UPDATE cell SET planned = planned")
    for words, message in (
        (("hide", 99, "--why", "odd"), "expected the id of a cell or the beginning of one uid"),
        (("hide", 1, "--why", " "), "--why: expected a reason"),
        (("unhide", 1), "expected one that is hidden"),
    ):
        said = trustdm("db", *words, "--db", db)
        assert said.code == 1 and message in said.err and said.err.count("\n") == 1, said
    assert trustdm("db", "hide", 1, "--why", "odd", "--db", db).code == 0
    assert "got one that is hidden already" in trustdm("db", "hide", 1, "--why", "odd", "--db", db).err
    assert trustdm("db", "check", "--db", db).code == 0


def test_a_hidden_cell_is_measured_anew(trustdm: Any, tmp_path: Path) -> None:
    command = ("run", TINY, "--plugin", TEMPLATES, "--method", "templates", "--limit", 8, "--db", "own.db")
    assert trustdm(*command).code == 0
    for at in (1, 2, 3):
        assert trustdm("db", "hide", at, "--why", "a wrong machine", "--db", "own.db").code == 0
    assert "3 blocks measured" in trustdm(*command).out
    (row,) = json.loads(trustdm("show", TINY, "--json", "--db", "own.db").out)
    assert row["currency"] == "current" and row["n"] == 8
