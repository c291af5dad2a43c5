"""A run file is not trusted: whatever is wrong with it is one line with the file, the place, expected and got."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trustdm.bench.errors import RunFileError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.store import examining, runfiles, runparse
from trustdm.bench.store.runparse import RunFile
from trustdm.bench.store.store import Store

Edit = Callable[[dict[str, Any]], object]


Parse = Callable[[Path], RunFile]


@pytest.fixture(scope="module")
def parse(sample: ModuleType) -> Parse:
    """Reads a run file, and looks at its records as the protocols of attacks do."""

    def parsed(path: Path) -> RunFile:
        file = runparse.parse(path)
        assert examining.require(file, sample.Margins()) == []
        return file

    return parsed


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, sample: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    with Store.open(folder / "bench.db") as store:
        sample.fill(store)
        runfiles.export(store, folder / "out", method="plain")
    return folder / "out"


@pytest.fixture
def good(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path / "out")
    return tmp_path / "out" / "digits-linf" / "plain.json"


def spoil(path: Path, change: Edit) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def put(*place: Any) -> Edit:
    """An edit that sets the value at a place; the last argument is the value, ``...`` removes it."""
    *where, last, new = place

    def change(value: Any) -> None:
        for step in where:
            value = value[step]
        if new is ...:
            del value[last]
        else:
            value[last] = new

    return change


CELL = ("cells", 0)
BLOCK = (*CELL, "blocks", 0)
LINE = (*BLOCK, "records", 0)


def forge_card(value: dict[str, Any]) -> None:
    """A card of another method under a digest that is right."""
    change_card(name="else")(value)


def change_card(**changes: object) -> Edit:
    """An edit of the card, under a digest that is right."""

    def change(value: dict[str, Any]) -> None:
        card = value["cards"][0]["card"] | changes
        value["cards"][0] = {"digest": sha256_of(card), "card": card}
        value["cells"][0]["card"] = sha256_of(card)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("schema", 2), ": schema: expected 1, got 2; it was written by another version"),
        (put("schema", ...), ": schema: expected 1, got none"),
        (put("cells", ...), ": expected 'cells' in it"),
        (put("extra", 1), "and nothing else, got 'extra'"),
        (put("cells", {}), ": cells: expected a list, got {}".replace(": cells", ".cells")),
        (put(*CELL, "uid", "../x"), ".cells[0].uid: expected 32 digits in lower case hex, got '../x'"),
        (put(*CELL, "key", "0" * 64), "(the SHA-256 of the identity), got '000"),
        (put(*CELL, "key", 5), ".cells[0].key: expected a SHA-256 in lower case hex, got 5"),
        (put(*CELL, "identity", "seed", 1), "(the SHA-256 of the identity)"),
        (put(*CELL, "identity", "seed", "1"), ".cells[0].identity.seed: expected an integer"),
        (put(*CELL, "identity", "weights", [1]), ".cells[0].identity.weights[0]: expected a text, got 1"),
        (put(*CELL, "identity", "method_params", [["a"]]), ".method_params[0]: expected 2 values, got 1 values"),
        (put(*CELL, "identity", "suite", ...), ".cells[0].identity: expected 'suite' in it"),
        (put("suite", "other"), ".cells[0].identity: expected suite, method and params of the file (other, plain)"),
        (put("params", [["a", 1]]), ".cells[0].identity: expected suite, method and params of the file"),
        (put("suites", []), ".cells[0].identity: expected a version and digest of one of the file's suites"),
        (put("suites", 0, "content", [1]), ".suites[0].content[0]: expected a text, got 1"),
        (put("cards", []), ".cells[0].card: expected the digest of one of the file's cards"),
        (put("cards", 0, "card", "version", "3"), ".cards[0].digest: expected "),
        (forge_card, ".cells[0].card: expected the card of plain 2, got the card of else 2"),
        (change_card(classes="10"), ".cards[0].card: expected the card of a method with a good 'classes', got Input "),
        (
            change_card(input_shape=[0, 1, 1]),
            "with a good 'input_shape', got Value error, expected positive sizes",
        ),
        (change_card(**{"a\nb": 1}), "with a good 'a\\nb', got Extra inputs are not permitted: 1"),
        (put("method", "a/b"), ".method: expected a name of at most 80 letters, digits, '.', '_' and '-', got 'a/b'"),
        (put("method", "a\n"), ".method: expected a name of at most 80 letters"),
        (put(*LINE, "value", 1, None), ".records: probe 'clean', draw 0, example "),
        (lambda v: v["runs"].append(v["runs"][0]), ".runs: expected each of them once, got run-1 twice"),
        (lambda v: v["cells"].append(v["cells"][0]), ".cells: expected cells with a uid of their own, got a uid twice"),
        (put("runs", []), ".blocks[0].run: expected the id of one of the file's runs, got 'run-"),
        (put("runs", 0, "started", "yesterday"), ".runs[0].started: expected a time in ISO 8601, got 'yesterday'"),
        (put("runs", 0, "dirty", "no"), ".runs[0].dirty: expected true or false, got 'no'"),
        (put("runs", 0, "exit_code", 0.5), ".runs[0].exit_code: expected an integer"),
        (put("runs", 0, "facts", {"a": 1}), ".runs[0].facts.a: expected a text, got 1"),
        (put(*CELL, "planned", 0), ".cells[0].planned: expected an integer from 1 to 2147483647, got 0"),
        (put(*CELL, "planned", True), ".cells[0].planned: expected an integer"),
        (put(*CELL, "planned", 4), ".blocks[0]: expected an extent within 0..4, got 0..8"),
        (put(*CELL, "origin", "made up"), ".origin: expected one of 'measured', 'reported', 'claimed', got 'made up'"),
        (put(*CELL, "verification", []), ".verification: expected one of 'unverified', "),
        (put(*CELL, "supersedes", "x"), ".supersedes: expected the uid of a cell, got 'x'"),
        (put(*BLOCK, "start", -1), ".blocks[0].start: expected an integer from 0"),
        (put(*BLOCK, "stop", 0), ".blocks[0].stop: expected an integer from 1"),
        (put(*BLOCK, "stop", 9), ".blocks[0].examples: expected 9 values, got 8 values"),
        (put(*BLOCK, "examples", 1, 5), ".blocks[0].examples: expected rising numbers, each once"),
        (put(*BLOCK, "examples", 0, -1), ".blocks[0].examples[0]: expected an integer from 0"),
        (put(*BLOCK, "examples", 7, 2**63), ".blocks[0].examples[7]: expected an integer"),
        (put(*BLOCK, "status", "running"), ".blocks[0].status: expected one of 'done', 'failed', got 'running'"),
        (put(*BLOCK, "finished", ""), ".blocks[0].finished: expected a time in ISO 8601, got ''"),
        (put(*BLOCK, "cost", "wall", -1), ".blocks[0].cost.wall: expected a number of at least 0, got -1"),
        (put(*BLOCK, "cost", "wall", True), ".blocks[0].cost.wall: expected a number, got True"),
        (put(*BLOCK, "cost", "wall", 10**400), ".cost.wall: expected a number that a float64 can hold"),
        (put(*BLOCK, "cost", "forwards", 1.5), ".blocks[0].cost.forwards: expected an integer"),
        (put(*BLOCK, "diagnostics", "odd", "1"), ".blocks[0].diagnostics.odd: expected a number, got '1'"),
        (put(*BLOCK, "diagnostics", []), ".blocks[0].diagnostics: expected an object, got []"),
        (put(*BLOCK, "records", []), ".blocks[0].records: expected at least one probe"),
        (
            lambda v: v["cells"][0]["blocks"][0]["records"].append(v["cells"][0]["blocks"][0]["records"][0]),
            "each probe",
        ),
        (put(*LINE, "status", "c" * 7), ".records[0].status: expected 8 letters of 'cw-fam', got 'ccccccc'"),
        (put(*LINE, "status", "cccccccC"), ".records[0].status: expected 8 letters"),
        (put(*LINE, "status", "ccccccc\n"), ".records[0].status: expected 8 letters"),
        (put(*LINE, "label", 0, -1), ".records[0].label[0]: expected an integer from 0"),
        (put(*LINE, "label", [1]), ".records[0].label: expected 8 values, got 1 values"),
        (put(*LINE, "value", 0, "NaN"), ".records[0].value[0]: expected a number, got 'NaN'"),
        (put(*LINE, "norm", [-0.1] * 8), ".records[0].norm[0]: expected a number of at least 0, got -0.1"),
        (put(*LINE, "norm", ["-inf"] * 8), ".records[0].norm[0]: expected a number of at least 0, got -inf"),
        (put(*LINE, "draw", -1), ".records[0].draw: expected an integer from 0"),
        (put(*LINE, "probe", None), ".records[0].probe: expected a text, got None"),
        (put(*LINE, "probe", "a\0b"), ": expected text, got a NUL character"),
        (put(*LINE, "probe", "\ud800"), ": expected JSON, got 'utf-8' codec can't encode"),
        (put(*LINE, "value", 0, float("nan")), ": expected JSON, got NaN; write null"),
        (put(*LINE, "value", 0, float("inf")), ": expected JSON, got Infinity; write null"),
    ],
)
def test_whatever_is_wrong_is_one_clear_line(parse: Parse, good: Path, change: Edit, message: str) -> None:
    spoil(good, change)
    with pytest.raises(RunFileError) as error:
        parse(good)
    assert message in str(error.value)
    assert str(error.value).startswith(str(good))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected JSON, got Expecting value"),
        ("{", "expected JSON, got"),
        ("[1]", "expected an object, got [1]"),
        ('{"schema":1,"schema":1}', "expected JSON, got a repeated name in schema, schema"),
        ('{"schema":1e999}', "expected JSON, got Out of range float values"),
        ("[" * 10**5, "expected JSON, got maximum recursion depth"),
        ("9" * 5000, "expected JSON, got Exceeds the limit"),
        ("\ufeff{}", "expected JSON, got"),
    ],
)
def test_what_is_no_json_object(parse: Parse, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RunFileError) as error:
        parse(path)
    assert f"{path}: {message}" in str(error.value)


def test_a_long_name_on_a_card_is_short_in_the_message(parse: Parse, good: Path) -> None:
    def change(value: Any) -> None:
        card = value["cards"][0]
        card["card"]["weights"] = [{"file": "x", "sha256": "0" * 64, "n" * 6000: 1}]
        card["digest"] = sha256_of(card["card"])

    spoil(good, change)
    with pytest.raises(RunFileError, match="expected the card of a method with a good 'weights") as error:
        parse(good)
    assert len(str(error.value)) < 600


def test_bytes_that_are_no_text(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RunFileError, match=r"x\.json: expected JSON, got 'utf-8' codec can't decode"):
        parse(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"x\.json: expected a run file, got No such file or directory"):
        runparse.parse(tmp_path / "x.json")


@pytest.mark.parametrize("place", range(8))
def test_a_margin_that_does_not_fit_its_status(parse: Parse, good: Path, place: int) -> None:
    def change(value: dict[str, Any]) -> None:
        line = value["cells"][0]["blocks"][0]["records"][0]
        line["status"] = "c" * 8
        line["value"] = [1.0] * place + [-1.0] + [1.0] * (7 - place)
        for other in value["cells"][0]["blocks"][0]["records"][1:]:
            other.update(status="aaaaaaaa")

    spoil(good, change)
    example = json.loads(good.read_text())["cells"][0]["blocks"][0]["examples"][place]
    message = (
        rf"cells\[0\]\.blocks\[0\]\.records: probe 'clean', draw 0, example {example}: status correct: "
        r"expected a value of at least 0, got -1\.0$"
    )
    with pytest.raises(RunFileError, match=message):
        parse(good)


def test_a_text_that_only_looks_like_an_escape_is_kept(parse: Parse, good: Path) -> None:
    spoil(good, put("suites", 0, "content", ["a \\u0000 b"]))
    assert parse(good).cells[0].new.suite_content == "a \\u0000 b"


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for name, item in inside for p in places(item, (*at, name)))]


def test_random_damage_is_refused_or_harmless_but_never_a_traceback(parse: Parse, good: Path) -> None:
    """Puts values of every type at random places; a fixed seed, so that a failure is repeatable."""
    value, rng = json.loads(good.read_text()), random.Random(0)
    everywhere = [p for p in places(value) if p]
    odd: list[Any] = [None, True, -1, 2**70, 0.5, "", "é\n", [], [[]], {}, {"a": 1}, ...]
    refused = 0
    for _ in range(400):
        changed = copy.deepcopy(value)
        put(*rng.choice(everywhere), rng.choice(odd))(changed)
        good.write_text(json.dumps(changed))
        try:
            parse(good)
        except RunFileError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 300


def told(**changes: Any) -> Edit:
    """An edit after which the file's suite is one that can be read."""
    suite = {"evaluations": {"pgd40": {"protocol": "adversarial"}}, "data": {"splits": {"test": "0-99"}}} | changes
    return put("suites", 0, "content", [json.dumps(suite)])


def test_the_protocol_is_the_one_that_the_suite_names(parse: Parse, good: Path) -> None:
    spoil(good, told(evaluations={"pgd40": {"protocol": "clean"}}, data={}))
    with pytest.raises(RunFileError, match="expected the protocol clean of the suite's pgd40, got adversarial"):
        parse(good)
    spoil(good, told(data={}))
    assert parse(good).cells


def test_examples_are_those_that_the_suite_has(parse: Parse, good: Path) -> None:
    spoil(good, told())
    with pytest.raises(RunFileError, match=r"blocks\[0\].examples\[0\]: expected an integer from 0 to 99, got"):
        parse(good)
    spoil(good, told(data={"splits": {"test": [2**70]}}))
    assert parse(good).cells
