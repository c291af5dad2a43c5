"""The keywords of ``evaluate``: near names, types, one line for each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.request import Request, checked_text, requested
from trustdm.bench.runner.run import Options


def test_what_is_right_comes_through() -> None:
    how = {"device": "cpu", "batch_size": np.int64(4), "jobs": 2, "demo": False, "seeds": range(2)}
    request = requested("digits-linf", None, how | {"options": Options(fresh=True)})
    assert request == Request(("digits-linf",), (), (), "cpu", 4, 2, None, False, (0, 1), options=Options(fresh=True))
    assert requested(Path("a.toml"), 8, {}) == Request((Path("a.toml"),), limit=8)


@pytest.mark.parametrize("given", ["x.py", Path("x.py"), ["x.py"], (Path("x.py"),), iter(["x.py"])])
def test_plugins_are_one_path_or_several(given: Any) -> None:
    assert requested("s", None, {"plugins": given}).plugins == (Path("x.py"),)


@pytest.mark.parametrize(
    ("name", "near"),
    [("foo", "unknown keyword of evaluate 'foo'"), ("seed", "'seeds'"), ("plugin", "'plugins'"), ("bd", "known|mean")],
)
def test_an_unknown_keyword_names_near_ones(name: str, near: str) -> None:
    with pytest.raises(UnknownName, match=near):
        requested("s", None, {name: 1})
    for taken in ("suites", "methods"):  # said by the first two arguments
        with pytest.raises(UnknownName, match=f"unknown keyword of evaluate '{taken}'"):
            requested("s", None, {taken: ("x",)})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"limit": "3"}, "limit: expected a whole number of at least 1, got '3'"),
    ({"limit": 2.5}, "limit: expected a whole number"),
    ({"limit": True}, "limit: expected a whole number"),
    ({"limit": 0}, "limit: expected a whole number of at least 1, got 0"),
    ({"seeds": 1}, "seeds: expected a list of whole numbers, got 1"),
    ({"seeds": "12"}, "seeds: expected a list of whole numbers, got '12'"),
    ({"seeds": [-1]}, "seeds: expected a whole number of at least 0, got -1"),
    ({"seeds": [0.5]}, "seeds: expected a whole number of at least 0, got 0.5"),
    ({"batch_size": "x"}, "batch_size: expected a whole number of at least 0, got 'x'"),
    ({"jobs": 0}, "jobs: expected a whole number of at least 1, got 0"),
    ({"device": 3}, "device: expected a text, got 3"),
    ({"demo": "yes"}, "demo: expected True or False, got 'yes'"),
    ({"options": 1}, "options: expected an object of Options, got 1"),
    ({"plugins": 3}, "plugins: expected the path of a Python file, or a list of paths, got 3"),
    ({"plugins": [3]}, "plugins: expected the path of a Python file"),
    ({"plugins": None}, "plugins: expected the path of a Python file"),
    ({"suite": ["digits-linf"]}, "suite: expected a name, or the path of a suite file"),
    ({"limit": "x" * 200}, "got str"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=lambda v: str(v)[:30])
def test_a_value_of_another_type_is_one_line(given: dict[str, Any], message: str) -> None:
    how = dict(given)
    with pytest.raises(UsageError) as caught:
        requested(how.pop("suite", "s"), how.pop("limit", None), how)
    assert message in str(caught.value) and str(caught.value).startswith("evaluate: ")
    assert "\n" not in str(caught.value)


def test_texts_may_be_paths() -> None:
    assert checked_text("db", Path("a.db")) == "a.db" == checked_text("db", "a.db")
    with pytest.raises(UsageError, match="evaluate: db: expected a text, got 3"):
        checked_text("db", 3)
