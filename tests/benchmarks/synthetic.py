"""A store of many methods on many suites with records of no meaning: what its size costs, and nothing else."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.plugins import load_suite, stored_suite
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.types import CellIdentity, RunInfo, Status

EXAMPLES = 333
BATCH = 300
STAMP = "2026-11-20T09:00:00+00:00"
RUN = "00000000-0000-4000-8000-000000000000"


def suite_of(number: int) -> Suite:
    """Suite ``number``: clean accuracy of 333 digits, told from the others by its name."""
    raw = json.loads(load_suite("digits-linf").content)
    raw |= {"name": f"synthetic-{number:02d}", "title": f"Synthetic {number}"}
    raw["evaluations"] = {"clean": raw["evaluations"]["clean"]}
    raw["metrics"] = [m for m in raw["metrics"] if m["evaluation"] == "clean"]
    raw["ranking"] = {"metric": raw["metrics"][0]["name"]}
    raw["size"] |= {"full": EXAMPLES, "demo": 0, "block": 512}
    raw["data"]["splits"] = {"train": "1000-1100", "validation": "1101-1110", "test": f"0-{EXAMPLES - 1}"}
    return stored_suite(canonical_json(raw), f"synthetic {number}")


def fill(path: Path, methods: int, suites: int) -> list[Suite]:
    """Makes the store at ``path`` and returns its suites: methods x suites cells of one block of 333 records."""
    with Store.open(path) as store:
        store.begin_run(RunInfo(RUN, STAMP, "synthetic", "0" * 40, False, {}))
        store.finish_run(RUN, 0)
        lab = store.lab
    listed = [suite_of(number) for number in range(suites)]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        connection.execute("INSERT INTO probe (id, name) VALUES (1, 'clean')")
        connection.executemany(
            "INSERT INTO suite (id, name, version, digest, content) VALUES (?, ?, ?, ?, ?)",
            [(at, s.name, s.version, s.digest, s.content) for at, s in enumerate(listed, 1)],
        )
        connection.executemany(
            "INSERT INTO method (id, digest, name, version, params, card) VALUES (?, ?, ?, '1', '[]', ?)",
            [(m + 1, sha256_of(m), name(m), canonical_json(card(m))) for m in range(methods)],
        )
    for start in range(0, methods, BATCH):
        with connection:
            for m in range(start, min(start + BATCH, methods)):
                add(connection, listed, m, lab)
    connection.close()
    return listed


def add_run(path: Path, suites: list[Suite], method: int) -> None:
    """One new method on the first suite."""
    with Store.open(path) as store:
        lab = store.lab
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "INSERT INTO method (id, digest, name, version, params, card) VALUES (?, ?, ?, '1', '[]', ?)",
            (method + 1, sha256_of(method), name(method), canonical_json(card(method))),
        )
        add(connection, suites[:1], method, lab)
    connection.close()


def name(method: int) -> str:
    return f"method-{method:04d}"


def card(method: int) -> dict[str, object]:
    shape = {"input_shape": [1, 8, 8], "classes": 10, "capabilities": ["classify"]}
    return {"name": name(method), "version": "1", "title": f"Method {method}", "authors": ["A. Author"], **shape}


def add(connection: sqlite3.Connection, suites: list[Suite], method: int, lab: str) -> None:
    """One method on every suite."""
    for at, suite in enumerate(suites):
        cell = method * 30 + at + 1
        identity = identity_of(suite, method)
        uid = hashlib.sha256(f"{cell}".encode()).hexdigest()[:32]
        connection.execute(
            "INSERT INTO cell (id, uid, lab, key, attempt, suite_id, method_id, identity, planned, code_digest, origin,"
            " verification, created) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, 'c', 'measured', 'unverified', ?)",
            (cell, uid, lab, identity.key, at + 1, method + 1, canonical_json(asdict(identity)), EXAMPLES, STAMP),
        )
        connection.execute(
            "INSERT INTO block (id, cell_id, start, stop, status, run_id, finished, batch_size, device, attempts, wall,"
            " device_time, forwards, gradients, memory, error, records)"
            " VALUES (?, ?, 0, ?, 'done', ?, ?, 64, 'cpu', 1, 1.0, 1.0, 333, 0, 0, '', ?)",
            (cell, cell, EXAMPLES, RUN, STAMP, EXAMPLES),
        )
        connection.executemany(
            "INSERT INTO record (cell_id, example, draw, probe_id, block_id, status, label, value)"
            " VALUES (?, ?, 0, 1, ?, ?, 1, ?)",
            records(cell),
        )


def records(cell: int) -> Iterator[tuple[int, int, int, int, float]]:
    """The records of a cell: each method has a share of its own."""
    rng = np.random.default_rng(cell)
    right = rng.random(EXAMPLES) < rng.uniform(0.3, 0.9)
    for example, fine in enumerate(right.tolist()):
        yield cell, example, cell, int(Status.CORRECT if fine else Status.WRONG), 1.0 if fine else -1.0


def identity_of(suite: Suite, method: int) -> CellIdentity:
    return CellIdentity(
        method=name(method),
        method_version="1",
        method_params=(),
        weights=(),
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        data_digest=suite.data.digest or "",
        evaluation="clean",
        protocol="clean",
        protocol_version="clean=1",
        params="{}",
        block_rule=suite.block_rule,
        precision=suite.precision,
        seed=0,
    )
