"""What a stranger's suite says, read without its task: nothing where it cannot be read."""

from __future__ import annotations

import pytest

from trustdm.bench.plugins import load_suite
from trustdm.bench.store.suitetext import end_of_examples, protocol_of, read
from trustdm.bench.suite.load import shipped


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_suite_is_told_as_it_is(name: str) -> None:
    suite = load_suite(name)
    told = read(suite.content)
    assert {e: protocol_of(told, e) for e in suite.evaluations} == {e: s.protocol for e, s in suite.evaluations.items()}
    assert end_of_examples(told) == (int(suite.test.max()) + 1 if len(suite.test) else None)


@pytest.mark.parametrize("text", ["", "name = 1", "[" * 100_000, "[1]", "null", '{"evaluations": [], "data": 3}'])
def test_what_cannot_be_read_says_nothing(text: str) -> None:
    told = read(text)
    assert protocol_of(told, "clean") is None and end_of_examples(told) is None


@pytest.mark.parametrize("listed", ["", "a", [], [-1], {}, 7.5, ["0-1", "1-2"]])
def test_a_list_that_is_none_has_no_end(listed: object) -> None:
    assert end_of_examples({"data": {"splits": {"test": listed}}}) is None
