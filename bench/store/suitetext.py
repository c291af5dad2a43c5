"""What the suite in a run file says, read without its task: whoever imports results need not have that installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trustdm.bench.suite.fields import indices


def read(content: str) -> Mapping[str, Any]:
    """The tables of a suite's stored text; none where it is no such text."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_table(content: str) -> bool:
    """Whether a stored text is an object in JSON."""
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def protocol_of(suite: Mapping[str, Any], evaluation: str) -> str | None:
    """The name of the protocol of an evaluation; None where the suite does not say."""
    name = _at(suite, "evaluations", evaluation, "protocol")
    return name if isinstance(name, str) else None


def end_of_examples(suite: Mapping[str, Any]) -> int | None:
    """One more than the last example of the test list; None where there is none that can be read."""
    listed = _at(suite, "data", "splits", "test")
    try:
        return None if listed is None else max(indices(listed)) + 1
    except (ValueError, TypeError):
        return None


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
