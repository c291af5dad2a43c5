"""Values that know where they came from."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from trustdm.bench.errors import RunFileError
from trustdm.bench.store.fields import Field, load


def field(value: object) -> Field:
    return Field(value, "f.json: a")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (Field.text, "é"),
        (Field.hash, "0" * 64),
        (Field.time, "2025-01-02T03:04:05+00:00"),
        (Field.boolean, False),
        (Field.integer, 0),
        (Field.number, -1.5),
        (Field.number, 3),
        (lambda f: f.number(0.0), 0),
        (lambda f: f.integer(-5, -3), -4),
        (lambda f: f.one_of(["a", "b"]), "b"),
        (lambda f: f.text("a+"), "aaa"),
    ],
)
def test_good_values_are_returned(read: Callable[[Field], object], value: object) -> None:
    assert read(field(value)) == value


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (Field.text, 1, "expected a text, got 1"),
        (lambda f: f.text("a+", "only a"), "ab", "expected only a, got 'ab'"),
        (lambda f: f.text("a+", "only a"), "a\n", "expected only a"),
        (Field.hash, "0" * 63, "expected a SHA-256"),
        (Field.hash, "A" * 64, "expected a SHA-256"),
        (Field.time, "1 January", "expected a time in ISO 8601"),
        (Field.boolean, 1, "expected true or false, got 1"),
        (Field.integer, True, "expected an integer from 0"),
        (Field.integer, 1.0, "expected an integer from 0 to 2147483647, got 1.0"),
        (Field.number, True, "expected a number, got True"),
        (Field.number, math.nan, "expected a number, got nan"),
        (lambda f: f.one_of(["a"]), ["a"], "expected one of 'a'"),
        (Field.entries, [], "expected an object, got []"),
        (lambda f: list(f.items()), {}, "expected a list, got {}"),
        (lambda f: list(f.items(2)), [1], "expected 2 values, got 1 values"),
        (lambda f: f.of(["x"]), {}, "expected 'x' in it, got only nothing"),
        (lambda f: f.of(["x"]), {"x": 1, "y": 1}, "expected x and nothing else, got 'y'"),
        (Field.text, list(range(99)), "..."),
    ],
)
def test_bad_values_say_where_and_what(read: Callable[[Field], object], value: object, message: str) -> None:
    with pytest.raises(RunFileError) as error:
        read(field(value))
    assert str(error.value).startswith("f.json: a: expected ")
    assert message in str(error.value)
    assert len(str(error.value)) < 160


def test_places_are_told() -> None:
    inside = field({"b": [1, {"c": "x"}]}).of(["b"])["b"]
    assert [f.where for f in inside.items()] == ["f.json: a.b[0]", "f.json: a.b[1]"]
    assert list(inside.items())[1].entries()["c"].where == "f.json: a.b[1].c"


def test_long_names_of_a_file_are_short_in_a_message() -> None:
    inside = field({"n" * 6000: [1]}).entries()["n" * 6000]
    assert len(str(inside.error("a text"))) < 200
    assert len(str(inside.error(f"the protocol {'p' * 6000}"))) < 600


def test_null() -> None:
    assert field(None).or_none() is None
    assert field(0).or_none() is not None


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, null, "\\\\u0000"]}')
    assert load(path).value == {"a": [1, None, "\\u0000"]}


def test_a_device_is_no_run_file() -> None:
    """It would be read until the memory is full."""
    with pytest.raises(RunFileError, match="/dev/zero: expected a run file, got a device, and no regular file"):
        load(Path("/dev/zero"))
