"""What to run and how; and the keywords of ``evaluate``, checked before anything is measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral
from pathlib import Path
from typing import Any

from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.runner.run import Options
from trustdm.bench.suite.further import Further


@dataclass(frozen=True)
class Request:
    """What to run and how; see ``trustdm run --help`` for each option. ``command`` is stored with what is measured.

    ``further`` are evaluations that no suite lists, to be run instead of the suites' own.
    """

    suites: tuple[str | Path, ...]
    methods: tuple[str, ...] = ()
    plugins: tuple[Path, ...] = ()
    device: str = "auto"
    batch_size: int = 0
    jobs: int = 1
    limit: int | None = None
    demo: bool = False
    seeds: tuple[int, ...] = ()
    evaluations: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    command: str = ""
    further: tuple[Further, ...] = ()


KEYWORDS = tuple(f.name for f in fields(Request) if f.name not in ("suites", "methods", "limit", "command", "further"))
"""The fields of a request that ``evaluate`` takes by their names; the others are its own arguments."""
LEAST = {"batch_size": 0, "jobs": 1, "limit": 1}


def requested(suite: str | Path, limit: int | None, how: Mapping[str, Any]) -> Request:
    """The request of a call of ``evaluate``, with every value of the type that it has to be.

    A single plugin file, as text or Path, is a list of one.

    Raises:
        UnknownName: a keyword that there is not; with near names.
        UsageError: a value of another type, or below the least.
    """
    for name in how:
        if name not in KEYWORDS:
            raise UnknownName("keyword of evaluate", name, (*KEYWORDS, "limit", "name", "db"))
    if not isinstance(suite, str | os.PathLike):
        raise _wrong("suite", "a name, or the path of a suite file", suite)
    return Request(
        suites=(suite,),
        plugins=_paths(how.get("plugins", ())),
        device=checked_text("device", how.get("device", "auto")),
        batch_size=_number("batch_size", how.get("batch_size", 0)),
        jobs=_number("jobs", how.get("jobs", 1)),
        limit=None if limit is None else _number("limit", limit),
        demo=_as("demo", bool, "True or False", how.get("demo", False)),
        seeds=_seeds(how.get("seeds", ())),
        evaluations=_names(how.get("evaluations", ())),
        options=_as("options", Options, "an object of Options", how.get("options", Options())),
    )


def checked_text(name: str, value: object) -> str:
    """``value``, which is a text; a path is one, too.

    Raises:
        UsageError: it is none.
    """
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise _wrong(name, "a text", value)


def _as(name: str, kind: type, words: str, value: Any) -> Any:
    if not isinstance(value, kind):
        raise _wrong(name, words, value)
    return value


def _number(name: str, value: object, least: int | None = None) -> int:
    least = LEAST[name] if least is None else least
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise _wrong(name, f"a whole number of at least {least}", value)
    return int(value)


def _seeds(value: object) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _wrong("seeds", "a list of whole numbers", value)
    return tuple(_number("seeds", seed, 0) for seed in value)


def _names(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Iterable):
        raise _wrong("evaluations", "a name, or a list of names", value)
    return tuple(checked_text("evaluations", name) for name in names)


def _paths(value: object) -> tuple[Path, ...]:
    words = "the path of a Python file, or a list of paths"
    files = [value] if isinstance(value, str | os.PathLike) else value
    if not isinstance(files, Iterable):
        raise _wrong("plugins", words, value)
    files = list(files)
    if not all(isinstance(file, str | os.PathLike) for file in files):
        raise _wrong("plugins", words, value)
    return tuple(Path(file) for file in files)


def _wrong(name: str, expected: str, got: object) -> UsageError:
    shown = repr(got)
    return UsageError(f"evaluate: {name}: expected {expected}, got {shown if len(shown) < 80 else type(got).__name__}")
