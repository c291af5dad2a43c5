"""Errors reach another process as they are: their class, their one line, their notes."""

from __future__ import annotations

import inspect
import pickle

import pytest

from trustdm.bench import errors
from trustdm.bench.errors import SuiteError, TrustdmError, UnknownName

OF_THEIR_OWN: dict[type[TrustdmError], TrustdmError] = {
    SuiteError: SuiteError("a.toml", "data.n", "a number", "x"),
    UnknownName: UnknownName("attack", "pdg", ["pgd"]),
}
CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, TrustdmError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_goes_through_pickle(kind: type[TrustdmError]) -> None:
    error = OF_THEIR_OWN.get(kind) or kind("where: expected this, got that")
    error.add_note("seen in a worker")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is kind and str(again) == str(error) and again.args == error.args
    assert again.__notes__ == ["seen in a worker"]


def test_a_message_names_what_was_expected_or_is_near() -> None:
    assert str(OF_THEIR_OWN[SuiteError]) == "a.toml: data.n: expected a number, got x"
    assert str(OF_THEIR_OWN[UnknownName]) == "unknown attack 'pdg'; did you mean 'pgd'?"
