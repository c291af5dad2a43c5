"""One clear line for each mistake in a suite file; index lists and fractions."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import rewrite

from trustdm.bench.errors import SuiteError
from trustdm.bench.plugins import load_suite

OWN = (Path(__file__).parent / "own.toml").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(OWN.replace('"DIGEST"', f'"{"0" * 64}"'), encoding="utf-8")
    return tmp_path / "own.toml"


# mistakes: one line with path, key, expected, got

MISTAKES = [
    ("version = 3", "version = = 3", "line 3", "TOML", "Invalid value"),
    ("[size]", "[size", "line 27", "TOML", "Expected"),
    ('metric = "robust"\n', 'metric = "robust', "the end of the file|line \\d+", "TOML", "an error"),
    ("version = 3\n", "", "version", "a value", "nothing"),
    ("version = 3", "version = 0", "version", "greater than or equal to 1", "0"),
    ("version = 3", 'version = "3"', "version", "a valid integer", "'3'"),
    ("version = 3", "version = 3.0", "version", "a valid integer", "3.0"),
    ("version = 3", "version = true", "version", "a valid integer", "True"),
    ("version = 3", "version = 3\nversoin = 4", "versoin", "version here", "an unknown key"),
    ("version = 3", "version = 3\nzzz = 4", "zzz", "only the keys adversary, certification, data,.*", "an unknown key"),
    ("version = 3", "version = 3\nseeds = []", "seeds", ".*at least 1 item.*", r"\[\]"),
    ("version = 3", "version = 3\nseeds = [1, 1]", "seeds", "each seed once", r"\[1, 1\]"),
    ("version = 3", "version = 3\nseeds = [0, -1]", "seeds.1", "greater than or equal to 0", "-1"),
    ("version = 3", "version = 3\ndraws = 0", "draws", "greater than or equal to 1", "0"),
    ("version = 3", 'version = 3\nprecision = "float16"', "precision", "'float32'", "'float16'"),
    ("version = 3", 'version = 3\nfailures = "ignored"', "failures", "'wrong' or 'excluded'", "'ignored'"),
    ('name = "own"', 'name = "my own"', "name", "match pattern .*", "'my own'"),
    ('norm = "linf"', 'norm = "l1"', "adversary.norm", "'linf' or 'l2'", "'l1'"),
    ('eps = "2/40"', "eps = 0.05", "adversary.eps", 'a positive fraction in quotes, such as "8/255"', "0.05"),
    ('eps = "2/40"', 'eps = "0.05"', "adversary.eps", 'a positive fraction in quotes, such as "8/255"', "'0.05'"),
    ('eps = "2/40"', 'eps = "1/0"', "adversary.eps", 'a positive fraction in quotes, such as "8/255"', "'1/0'"),
    ('eps = "2/40"', 'eps = "0/9"', "adversary.eps", 'a positive fraction in quotes, such as "8/255"', "'0/9'"),
    ('eps = "2/40"', 'eps = "-1/9"', "adversary.eps", 'a positive fraction in quotes, such as "8/255"', "'-1/9'"),
    ('eps = "2/40"', 'eps = "9/8"', "adversary.eps", "at most 1, the range of a pixel", "9/8"),
    ('norm = "linf"\neps = "2/40"', 'norm = "l2"\neps = "8"', "adversary.eps", "at most the square root of 60", "8"),
    ('knows = "Everything."\n', "", "adversary.knows", "a value", "nothing"),
    ('wins = "The label changes."', 'wins = ""', "adversary.wins", "at least 1 character", "''"),
    ("[3, 4, 5]", "[3, 4]", "data.shape", "three sizes: channels, height, width", r"\[3, 4\]"),
    ("[3, 4, 5]", "[3, 4, 0]", "data.shape.2", "greater than or equal to 1", "0"),
    ("classes = 2", "classes = 1", "data.classes", "greater than or equal to 2", "1"),
    ('digest = "', 'digest = "abc" #', "data.digest", "match pattern .*", "'abc'"),
    ('"0-5"', '"0-5,3"', "data.splits.train", "indices as .*; 3 is there more than once", "'0-5,3'"),
    ('"0-5"', '"5-0"', "data.splits.train", "indices as .*; '5-0' is empty or longer than 10000000", "'5-0'"),
    ('"0-5"', '"0-999999999"', "data.splits.train", "indices as .* longer than 10000000", "'0-999999999'"),
    ('"0-5"', '""', "data.splits.train", "a value", "nothing"),
    ('"0-5"', "[]", "data.splits.train", "a value", "nothing"),
    ('"0-5"', "[0, -1]", "data.splits.train", "indices as .*", r"\[0, -1\]"),
    ('"0-5"', "[0, 1000000000]", "data.splits.train", "indices as .*", r"\[0, 1000000000\]"),
    ('"0-5"', "[true]", "data.splits.train", "indices as .*", r"\[True\]"),
    ('"0-5"', "1.5", "data.splits.train", "indices as .*", "1.5"),
    ('"0-5"', '"0-6"', "data.splits.validation", "no index that train has", "6 in both"),
    ('"0-5"', '"0-5,9"', "data.splits.test", "no index that train has", "9 in both"),
    ('train = "0-5"\n', "", "data.splits.train", "a value", "nothing"),
    ('train = "0-5"', 'file = "x.json"', "data.splits", "file and sha256, or train, .*", "file, test, validation"),
    ("full = 4", "full = 5", "size.full", "4, the length of data.splits.test", "5"),
    ("demo = 2", "demo = 5", "size.demo", "at most 4, the full size", "5"),
    ("full = 4", "full = 4\nfirst_block = 9\nblock = 8", "size.first_block", "at most 8, as size.block", "9"),
    ("full = 4", "full = 4\nblok = 8", "size.blok", "block here", "an unknown key"),
    ('protocol = "clean"', 'protokol = "clean"', "evaluations.clean.protocol", "a value", "nothing"),
    ("steps = 5", "steps = nan", "evaluations.attacked", "texts, finite numbers, .*", ".*"),
    ("steps = 5", "steps = 2020-02-02", "evaluations.attacked", "texts, finite numbers, .*", ".*"),
    ("[evaluations.clean]", "[evaluations.'a b']", "evaluations.a b", "match pattern .*", "'a b'"),
    ('evaluation = "attacked"', 'evaluation = "pgd"', "metrics.0.evaluation", "one of clean, attacked", "'pgd'"),
    (
        'statistic = "survival"',
        'statistic = "mean"',
        "metrics.0.statistic",
        "one of accuracy, survival, robust_accuracy, passes beside adversary",
        "mean",
    ),
    ('statistic = "survival"', 'statistik = "mean"', "metrics.0.statistic", "a value", "nothing"),
    ('statistic = "survival"', 'statistic = "survival"\nlabl = "x"', "metrics.0.labl", "label here", "an unknown key"),
    ('statistic = "survival"', 'statistic = "survival"\novr = "mean"', "metrics.0.ovr", "over here", "an unknown key"),
    (
        'statistic = "survival"',
        'statistic = "survival"\nradius = "1"',
        "metrics.0.radius",
        ".*, over, probe, .*",
        "an unk.*",
    ),
    (
        'statistic = "survival"',
        'statistic = "survival"\nparams = {}',
        "metrics.0.params",
        "only the keys.*",
        "an unk.*",
    ),
    (
        'statistic = "survival"',
        'statistic = "survival"\nover = "sum"',
        "metrics.0.over",
        "'mean', 'worst' or 'majority'",
        "'sum'",
    ),
    ('metric = "robust"', 'metric = "clean"', "ranking.metric", "one of robust", "'clean'"),
    ('metric = "robust"', 'metric = "robust"\nlevel = 1', "ranking.level", "less than 1", "1"),
    (
        "[ranking]",
        '[[metrics]]\nname = "robust"\nevaluation = "clean"\nstatistic = "accuracy"\n\n[ranking]',
        "metrics.1.name",
        "each name once",
        "'robust'",
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "expected", "got"), MISTAKES)
def test_a_mistake_is_one_line(own: Path, old: str, new: str, key: str, expected: str, got: str) -> None:
    rewrite(own, old, new)
    with pytest.raises(SuiteError, match=rf"own\.toml: ({key}): expected .*{expected}.*, got .*{got}") as caught:
        load_suite(own)
    assert str(caught.value).startswith(f"{own}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_all_mistakes_are_told_at_once(own: Path) -> None:
    rewrite(rewrite(own, "version = 3", "version = 0"), "classes = 2", 'classes = "two"')
    with pytest.raises(SuiteError) as caught:
        load_suite(own)
    assert str(caught.value) == (
        f"{own}: version: expected greater than or equal to 1, got 0; data.classes: expected a valid integer, got 'two'"
    )
