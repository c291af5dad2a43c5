"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from trustdm.bench.suite.fields import indices, ranges
from trustdm.bench.suite.written import in_lines, toml

TABLES: dict[str, Any] = {
    "name": 'a "quoted" \\ name\n\x7f\x00 ü',
    "numbers": [1, 2.5, True],
    "data": {"shape": [1, 2, 3], "options": {"a b": "x", "empty": {}}, "long": [f"{i} and so on" for i in range(20)]},
    "evaluations": {
        "one": {"protocol": "x"},
        "two": {"protocol": "y", "attacks": [{"name": "a", "steps": 3}, {"name": "b"}]},
    },
    "metrics": [{"name": "m", "radius": "1/2"}, {"name": "n"}],
    "ranking": {"level": 0.05},
}


def test_tables_survive() -> None:
    assert tomllib.loads(toml(TABLES)) == TABLES
    assert max(len(line) for line in toml(TABLES).splitlines()) < 110


def test_long_lists_survive() -> None:
    ids = [*range(50, 90), *range(100, 4000, 3)]
    lines = in_lines(ranges(ids))
    assert len(lines) > 2 and max(map(len, lines)) <= 100 and indices(lines) == tuple(ids)
    assert in_lines("0-9") == ["0-9"]


def test_what_toml_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml({"x": None})
