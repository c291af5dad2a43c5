"""Suite files: the shipped ones, one clear line for each mistake, and suites of one's own."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers import TINY, rewrite
from pydantic import BaseModel

from trustdm.bench.cli.main import main
from trustdm.bench.data.arrays import file_hash
from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.plugins import installed_tasks, load_suite, stored_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite import models as suite_models
from trustdm.bench.suite.data import open_data
from trustdm.bench.suite.load import Suite, parse_stored, read_suite
from trustdm.bench.types import blocks_of

ROOT = Path(__file__).parents[3]
NAMES = ["cifar10-linf", "digits-linf", "mnist16-linf"]

# what a suite is


def test_importing_needs_no_torch() -> None:
    code = "import sys; from trustdm.bench import plugins as p; p.load_suite('digits-linf'); print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    for heavy in ("'torch'", "'scipy'", "'sklearn'", "'pandas'", "'PIL'"):
        assert heavy not in modules


def test_fields_of_a_suite_of_ones_own(own: Path) -> None:
    suite = load_suite(own)
    assert (suite.name, suite.version, suite.seeds, suite.draws) == ("own", 3, (0,), 10)
    assert (suite.precision, suite.failures) == ("float32", "wrong")
    assert suite.task.name == "robustness" and suite.table.model_dump()["eps"] == "1/20"
    assert suite.ranking_metric is suite.metrics[0]
    assert [suite.train.tolist(), suite.validation.tolist(), suite.test.tolist()] == [
        [*range(6)],
        [6, 7],
        [11, 8, 9, 10],
    ]
    assert suite.test.dtype == np.int64
    assert not suite.test.flags.writeable
    assert suite.evaluations["attacked"].params == {"attacks": [{"name": "pgd", "steps": 5}]}
    assert suite.block_rule == "ramp-8-64"
    assert (suite.source, suite.root) == (own, own.parent)


def test_a_relative_path_and_a_path_as_text(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)
    assert load_suite("own.toml").root == own.parent
    assert load_suite(str(own)) == load_suite(Path("own.toml"))


def test_content_reads_back(own: Path) -> None:
    for suite in (load_suite(own), *map(load_suite, NAMES)):
        again = stored_suite(suite.content, "the database")
        assert again == suite
        assert hash(again) == hash(suite)
        assert (again.digest, again.content_digest) == (suite.digest, suite.content_digest)
        assert suite.content_digest == hashlib.sha256(suite.content.encode()).hexdigest()
    assert load_suite(own) != load_suite("digits-linf")
    with pytest.raises(SuiteError, match="the database: the stored text: expected JSON, got"):
        stored_suite("{", "the database")


@pytest.mark.parametrize("depth", [40, 900, 200_000])
def test_a_stored_text_that_is_too_deep_is_one_line(depth: int) -> None:
    for start, stop in (("", ""), ('{"data": {"options": {"a": ', "}}}")):
        text = start + "[" * depth + "]" * depth + stop
        with pytest.raises(SuiteError, match="the database: the stored text: expected ") as caught:
            stored_suite(text, "the database")
        assert "\n" not in str(caught.value)


def test_survives_being_sent_to_a_worker(own: Path) -> None:
    suite = load_suite(own)
    assert len(suite.test) == 4  # fills the cache first
    for again in (pickle.loads(pickle.dumps(suite)), copy.deepcopy(suite)):  # noqa: S301 - our own bytes
        assert again == suite
        assert again.root == suite.root
        assert again.test.tolist() == suite.test.tolist()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "My images"', 'title = "Our images"\nseeds = [0, 1]\nfailures = "excluded"\ndescription = "x"'),
        ("Everything.", "All."),
        ("The label changes.", "It is wrong."),
        ("demo = 2", "demo = 3"),
        ('path = "images.npz"', 'path = "./images.npz"'),
        ('statistic = "survival"', 'statistic = "accuracy"\nlabel = "x"\ndirection = "lower"\nprobe = "pgd"'),
        ('metric = "robust"', 'metric = "robust"\nlevel = 0.01'),
        ('eps = "2/40"', 'eps = "5/100"'),
        ('"0-5"', '["0-2", 3, "4,5"]'),
    ],
)
def test_what_moves_no_number_keeps_the_digest(own: Path, old: str, new: str) -> None:
    before = load_suite(own)
    after = load_suite(rewrite(own, old, new))
    assert after.digest == before.digest
    same_content = old in ('eps = "2/40"', '"0-5"')
    assert (after.content_digest == before.content_digest) == same_content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "own"', 'name = "my-own"'),
        ("version = 3", "version = 4"),
        ('norm = "linf"', 'norm = "l2"'),
        ('eps = "2/40"', 'eps = "3/40"'),
        ('dataset = "npz"', 'dataset = "other"'),
        ('digest = "', 'digest = "' + "0" * 64 + '" #'),
        ("[3, 4, 5]", "[3, 5, 4]"),
        ("classes = 2", "classes = 3"),
        ('"0-5"', '"0-4"'),
        ('[6, "7"]', "[6]"),
        ('"11,8-10"', '"8-11"'),
        ("full = 4", "full = 4\nfirst_block = 2"),
        ("full = 4", "full = 4\nblock = 32"),
        ('title = "My images"', 'title = "My images"\ndraws = 3'),
        ("steps = 5", "steps = 6"),
        ('protocol = "clean"', 'protocol = "other"'),
    ],
)
def test_what_may_move_a_number_changes_the_digest(own: Path, old: str, new: str) -> None:
    before = load_suite(own)
    assert load_suite(rewrite(own, old, new)).digest != before.digest


def test_lists_in_a_file_and_in_the_suite_are_the_same_suite(own: Path) -> None:
    inline = load_suite(own)
    lists = {"test": ["11", "8-10"], "train": [0, 1, 2, 3, 4, 5], "validation": "6-7"}
    (own.parent / "own.splits.json").write_text(json.dumps(lists), encoding="utf-8")
    use_file(own)
    filed = load_suite(own)
    assert filed == inline
    assert filed.digest == inline.digest


def use_file(own: Path, sha256: str = "", file: str = "own.splits.json") -> None:
    text = own.read_text(encoding="utf-8")
    start, stop = text.index("[data.splits]"), text.index("[size]")
    if not sha256:
        sha256 = file_hash(own.parent / file)
    table = f'[data.splits]\nfile = "{file}"\nsha256 = "{sha256}"\n\n'
    own.write_text(text[:start] + table + text[stop:], encoding="utf-8")


# split files and files that cannot be read


@pytest.mark.parametrize(
    ("content", "key", "message"),
    [
        (None, "file", "expected a file .*own.splits.json, got No such file"),
        (b"{", "file", "expected JSON in own.splits.json, got"),
        (b'\xff"', "file", "expected JSON in own.splits.json, got"),
        (b"[1]", "", "expected a valid dictionary"),
        (b'{"train": "0", "test": "8-11"}', "validation", "expected a value, got nothing"),
        (
            b'{"train": "0", "validation": "1", "test": "2", "extra": "3"}',
            "extra",
            "expected train here, got an unknown key",
        ),
        (b'{"train": {"a": 1}, "validation": "1", "test": "2"}', "train", "expected indices as"),
    ],
)
def test_a_bad_split_file_is_one_line(own: Path, content: bytes | None, key: str, message: str) -> None:
    if content is not None:
        (own.parent / "own.splits.json").write_bytes(content)
    use_file(own, "0" * 64 if content is None else "")
    with pytest.raises(SuiteError, match=rf"own\.toml: data\.splits\.?{key}: {message}") as caught:
        load_suite(own)
    assert "\n" not in str(caught.value)


def test_a_split_file_that_was_changed(own: Path) -> None:
    (own.parent / "own.splits.json").write_text("{}")
    use_file(own, "0" * 64)
    digest = hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(SuiteError, match=rf"splits\.sha256: expected 0{{64}} of own\.splits\.json, got {digest}"):
        load_suite(own)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x = " + "[" * 900 + "]" * 900, "tables and lists at most 32 deep"),
        ("x = " + "9" * 5000, "whole numbers of at most 64 bits"),
        (".".join("a" * 300) + " = 1", "tables and lists at most 32 deep"),
        ('x = "1e-999999999"', "got the number 1e-999999999"),
        (f"seeds = [{2**70}]", "whole numbers of at most 64 bits and texts without NUL, got one of 71 bits"),
        (f"draws = {'9' * 400}", "whole numbers of at most 64 bits"),
        (r'x = "a\u0000b"', r"texts without NUL, got 'a\\x00b'"),
    ],
)
def test_values_without_end_are_one_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(f"{line}\n{TINY.read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(SuiteError, match=rf"^{path}: the file: expected .*{message}"):
        load_suite(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "[" * 100_000, "data.splits.file: expected JSON"),
        ("x.json", '{"test": ' + "[" * 900 + "]" * 900 + "}", "tables and lists at most 32 deep"),
        ("x.json", r'{"test": "\u0000"}', "texts without NUL"),
        ("x.json", '{"test": ' + "9" * 5000 + "}", "expected JSON"),
        ("x.json", f'{{"test": [{2**70}]}}', "got one of 71 bits"),
        (r"a\u0000b", "", "texts without NUL"),
        ("n" * 300, "", "File name too long"),
        ("~nosuchuser/x", "", "No such file"),
        ("../../../../../../../../../../../../dev/zero", "", "a device, and no regular file"),
    ],
)
def test_split_files_without_end_are_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    digest = hashlib.sha256(content.encode()).hexdigest()
    head, _, rest = TINY.read_text(encoding="utf-8").partition("[data.splits]")
    tail = rest[rest.index("\n[") :]
    path = tmp_path / "x.toml"
    path.write_text(f'{head}[data.splits]\nfile = "{name}"\nsha256 = "{digest}"\n{tail}', encoding="utf-8")
    with pytest.raises(SuiteError, match=message):
        load_suite(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    for path, what in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SuiteError, match=rf"the file: expected a suite file that can be read, got {what}"):
            load_suite(path)
    with pytest.raises(SuiteError, match=r"latin.toml: the file: expected text in UTF-8, got"):
        load_suite(tmp_path / "latin.toml")


def test_a_suite_has_the_table_of_one_installed_task(own: Path) -> None:
    tasks = installed_tasks()
    assert read_suite(own, tasks) == load_suite(own) == parse_stored(load_suite(own).content, "here", tasks)
    with pytest.raises(SuiteError, match=r"own\.toml: adversary: expected only the keys .*generation.*, got an unk"):
        read_suite(own, {"generation": tasks["generation"]})
    text = own.read_text(encoding="utf-8")
    start, stop = text.index("[adversary]"), text.index("[data]")
    own.write_text(text[:start] + text[stop:], encoding="utf-8")
    with pytest.raises(SuiteError, match="expected one of the tables certification, generation, adversary, got none"):
        read_suite(own, tasks)


def test_positions_are_the_test_list_or_what_the_task_says(own: Path) -> None:
    suite = load_suite(own)
    assert suite.positions("clean").ids.tolist() == [11, 8, 9, 10] and suite.positions("clean").per_example == 1
    certified = load_suite("mnist16-certified")
    chunks = certified.positions("sigma-1-2").per_example
    assert chunks == 11 and len(certified.positions("sigma-1-2").ids) == chunks * certified.size.full
    assert load_suite("digits-generation").positions("steps-5").ids.tolist() == [*range(500)]


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="unknown suite 'mnist16-l2'; did you mean 'mnist16-linf'"):
        load_suite("mnist16-l2")


# the guide


def models() -> list[type[BaseModel]]:
    found = [v for v in vars(suite_models).values() if isinstance(v, type) and issubclass(v, suite_models.Table)]
    tasks = installed_tasks().values()
    params = [metric.params for task in tasks for metric in task.metrics if metric.params]
    return [*found, Suite, *(task.table for task in tasks), *params]


def test_the_guide_explains_every_key() -> None:
    text = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
    keys = {name for model in models() for name in model.model_fields} | {"file", "sha256", "root"}
    assert {"norm", "eps", "digest", "probe", "first_block", "level"} < keys
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_the_example_of_the_guide_works(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Types the commands of docs/suites.md, and writes its TOML block with the digests that they print."""
    text = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = text.split("```")[1::2]
    commands = next(b.removeprefix("bash\n") for b in blocks if b.startswith("bash\n")).splitlines()
    toml = next(b.removeprefix("toml\n") for b in blocks if b.startswith("toml\n"))
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (300, 12, 12, 3), dtype=np.uint8), rng.integers(0, 4, 300)
    np.savez("cells.npz", images=images, labels=labels)
    assert [main(command.split()[1:]) for command in commands] == [0, 0]
    written = load_suite(tmp_path / "cells.toml").data
    for key, value in (("digest", written.digest), ("sha256", written.options["sha256"])):
        toml = toml.replace(f'"<{key}>"', f'"{value}"')
    (tmp_path / "by-hand.toml").write_text(toml, encoding="utf-8")
    assert tomllib.loads(toml)["name"] == "cells-linf"
    suite = load_suite(tmp_path / "by-hand.toml")
    read, _ = open_data(suite, registry).read(suite.test)
    assert read.shape == (suite.size.full, *suite.data.shape)
    assert blocks_of(suite.size.full, suite.size.first_block, suite.size.block)[-1].stop == suite.size.full
