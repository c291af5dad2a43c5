"""Facts of cells, kept beside the store: a file that may be deleted at any time.

An entry is found by what it was computed from: the revision of the cell, the whole content of the suite, whatever the
task says scores depend on beside these (a reference), the versions of its metrics, and the code of this package. A
different one of these is another entry. Nothing but plain JSON is read from the file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib import metadata, util
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.hashing import canonical_json
from trustdm.bench.records import CellResult
from trustdm.bench.summary.facts import CellFacts, Facts, facts
from trustdm.bench.summary.score import Score
from trustdm.bench.types import Estimate

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.tasks.contract import Task

FORMAT = 3
APPLICATION = 0x74646D73
"""Marks a SQLite file as such a cache: nothing is written into any other file."""
STARTED = time.time_ns()
"""When this process read the code that computes; what is edited later is not what computed."""
PACKAGE = Path(__file__).resolve().parents[1]
AT_ONCE = 500
"""Entries that one query asks for."""
PATIENCE = 2.0
"""Seconds to wait for another writer; then nothing is kept this time."""


class FactsCache:
    """A cache in the file ``path``; None, or a file that cannot be used, keeps nothing and computes everything.

    Use it as a context manager: what is new is written when it is left.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self._new: dict[str, str] = {}
        self.hits = self.misses = 0
        self._connection: sqlite3.Connection | None = None

    @staticmethod
    def beside(database: str) -> FactsCache:
        """The cache of a SQLite database: ``bench.scores`` beside ``bench.db``; none for other databases."""
        path = Path(database.removeprefix("sqlite:///"))
        beside = path.with_suffix(".scores")
        return FactsCache(None if "://" in database or not path.is_file() or beside == path else beside)

    def __enter__(self) -> FactsCache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()
        if self._connection is not None:
            self._connection.close()

    def of(self, suite: Suite, results: Sequence[CellResult]) -> Facts:
        """Facts of the cells ``results`` of ``suite``: known ones read by few queries, others computed on demand."""
        stamp = _stamp(suite)
        keys = {result.id: _key(stamp, result) for result in results if result.revision}
        known = dict(self._read(list(keys.values())))

        def looked_up(suite: Suite, result: CellResult) -> CellFacts:
            key = keys.get(result.id, "")
            if key in known:
                with suppress(ValueError, KeyError, TypeError):
                    self.hits += 1
                    return decoded(known[key])
            self.misses += 1
            computed = facts(suite, result)
            if key:
                self._new[key] = encoded(computed)
            return computed

        return looked_up

    def flush(self) -> None:
        """Writes what is new; a file that cannot be written, or is no cache, is left as it is."""
        if self.path is None or not self._new:
            return
        with suppress(sqlite3.Error, OSError), closing(_opened(self.path)) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", self._new.items())
            self._new = {}

    def _read(self, keys: list[str]) -> Iterator[tuple[str, str]]:
        if self.path is None or not self.path.is_file():
            return
        with suppress(sqlite3.Error, OSError):
            connection = self._connection = self._connection or _opened(self.path)
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ",".join("?" * len(some))
                yield from connection.execute(f"SELECT key, value FROM facts WHERE key IN ({marks})", some)


def _opened(path: Path) -> sqlite3.Connection:
    """A cache, made if there is none yet.

    Raises:
        sqlite3.Error: the file is something else.
    """
    connection = sqlite3.connect(path, timeout=PATIENCE)
    try:
        _prepared(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepared(connection: sqlite3.Connection) -> None:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark != APPLICATION and tables:
        raise sqlite3.DatabaseError("not a cache of scores")
    if mark != APPLICATION:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")


def _key(stamp: str, result: CellResult) -> str:
    return hashlib.sha256(f"{stamp}/{result.id}/{result.identity.key}/{result.revision}".encode()).hexdigest()


def _stamp(suite: Suite) -> str:
    """What the facts of every cell of a suite depend on beside the cell."""
    task = suite.task
    versions = {metric.name: metric.version for metric in task.metrics}
    parts = [FORMAT, suite.content_digest, task.name, task.version, versions, task.reference_stamp(suite)]
    return canonical_json([*parts, code_stamp(task)])


@cache
def code_stamp(task: Task) -> str:
    """A hash of the source of this package, of what a task from outside lies in, and of the libraries that compute.

    Where a file was edited since this process began, the hash is one that no other process has: nobody can say which
    code computes here.
    """
    total = hashlib.sha256()
    for name in ("numpy", "scipy"):
        total.update(f"{name} {metadata.version(name)}\0".encode())
    for source in (PACKAGE, *_foreign(task)):
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            total.update(path.name.encode() + b"\0" + path.relative_to(source).as_posix().encode() + b"\0")
            total.update(path.read_bytes() + b"\0")
            if path.stat().st_mtime_ns > STARTED:
                total.update(uuid.uuid4().bytes)
    return total.hexdigest()


def _foreign(task: Task) -> list[Path]:
    """Folders of the packages, and files of the lone modules, from which a task from outside takes its parts."""
    texts = [task.view, *(metric.function for metric in task.metrics)]
    names = {type(task).__module__, *(text.partition(":")[0] for text in texts if text)}
    tops = {name.partition(".")[0] for name in names if not name.startswith("trustdm.")}
    return sorted({path for top in tops if (path := _source(top)) is not None})


def _source(top: str) -> Path | None:
    """The folder of a package, or the file of a module, of that name."""
    file = getattr(sys.modules.get(top), "__file__", None)
    with suppress(ImportError, ValueError):  # ValueError: a module that a plugin file was loaded as has no spec
        if (spec := util.find_spec(top)) is not None:
            folders = list(spec.submodule_search_locations or ())
            file = folders[0] if folders else file or spec.origin
    return None if file is None else Path(file)


def encoded(known: CellFacts) -> str:
    """Facts as JSON; arrays keep their bits."""
    return json.dumps(
        {
            "rows": known.rows,
            "examples": known.examples,
            "whole": known.whole,
            "failed": known.failed,
            "flags": known.flags,
            "problems": known.problems,
            "scores": {name: _plain(score) for name, score in known.scores.items()},
        },
        default=_number,
    )


def _number(value: object) -> object:
    """A number of numpy, as a metric may put it into a group, as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in a score: expected texts and numbers")


def decoded(text: str) -> CellFacts:
    """The facts again."""
    raw = json.loads(text)
    return CellFacts(
        rows=raw["rows"],
        examples=raw["examples"],
        whole=raw["whole"],
        failed=raw["failed"],
        flags=tuple(raw["flags"]),
        problems=tuple(raw["problems"]),
        scores={name: _score(value) for name, value in raw["scores"].items()},
    )


def _plain(score: Score) -> dict[str, Any]:
    e = score.estimate
    return {
        "estimate": [float(e.value), float(e.low), float(e.high), int(e.n), e.detail],
        "examples": _bytes(score.examples),
        "values": _bytes(score.values),
        "se": float(score.se),
        "group": score.group,
        "label": score.label,
        "caveat": score.caveat,
    }


def _score(raw: dict[str, Any]) -> Score:
    return Score(
        estimate=Estimate(*raw["estimate"]),
        examples=_array(raw["examples"], np.dtype(np.int64)),
        values=_array(raw["values"], np.dtype(np.float64)),
        se=raw["se"],
        group=_frozen(raw["group"]),
        label=raw["label"],
        caveat=raw["caveat"],
    )


def _bytes(array: NDArray[Any] | None) -> str | None:
    return None if array is None else base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _array(text: str | None, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    return None if text is None else np.frombuffer(base64.b64decode(text), dtype=dtype)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
