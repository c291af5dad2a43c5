"""The text of a run file: what is exported, in which order, on which line. ``runparse`` reads it back.

One line for each run, cell, block and probe, so that a pull request shows what was added. A status is one letter, a
block's statuses are their letters in the order of ``examples``; labels, values and norms are lists beside them. A value
that is "none" (NaN, -1) is null, a column of nothing else is one null, an infinity is "inf" or "-inf". Floats have as
many digits as it takes to read back the same bits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from trustdm.bench.conforms import Conformance
from trustdm.bench.hashing import sha256_of
from trustdm.bench.records import Records
from trustdm.bench.scrub import scrubbed
from trustdm.bench.store import assets, npyfile, reading
from trustdm.bench.store.rows import AssetRow, BlockRow, CellRow, RunRow
from trustdm.bench.store.shards import Shards
from trustdm.bench.types import Status

SCHEMA = 1
LETTERS = {
    Status.CORRECT: "c",
    Status.WRONG: "w",
    Status.NOT_RUN: "-",
    Status.FAILED: "f",
    Status.ABSTAINED: "a",
    Status.MADE: "m",
}
BROKEN = ("content", "suites", "cards", "runs", "cells", "blocks", "records", "assets", "conformance")
"""Names whose lists are written one element to a line."""


def document(connection: Connection, cells: list[CellRow], shards: Shards | None) -> tuple[str, dict[str, bytes]]:
    """The text of a run file with these cells, all of one suite and method, and its artefacts by digest (npy bytes)."""
    first, arrays = cells[0].identity, dict[str, bytes]()
    runs = {run.id: run for cell in cells for run in reading.runs(connection, cell.id)}
    order = sorted(cells, key=lambda c: (c.identity.evaluation, c.key, c.attempt))
    uids = {c.id: c.uid for c in cells}
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "suite": first.suite,
        "method": first.method,
        "params": first.method_params,
        "suites": _suites(cells),
        "cards": _cards(cells),
        "runs": [_run(run) for run in sorted(runs.values(), key=lambda r: (r.started, r.id))],
        "cells": [_cell(c, uids) | {"blocks": _blocks(connection, c, shards, arrays)} for c in order],
    }
    used = {c.uid: assets.of_cell(connection, c.id) for c in order}
    if any(used.values()):
        content["assets"] = [asdict(row) for row in _once(used)]
        content["uses"] = {
            uid: {name: [row.key, row.content] for name, row in rows.items()} for uid, rows in used.items() if rows
        }
    checked = {c.uid: c.conformance for c in order if c.conformance is not None}
    if checked:
        found = {outcome.uid: outcome for outcome in checked.values()}
        content["conformance"] = [outcome_content(found[uid]) for uid in sorted(found)]
        content["checked"] = {uid: outcome.uid for uid, outcome in checked.items()}
    return render(content, 0) + "\n", arrays


def _once(used: Mapping[str, Mapping[str, AssetRow]]) -> list[AssetRow]:
    """Every asset once, by key and content."""
    rows = {(row.key, row.content): row for of_cell in used.values() for row in of_cell.values()}
    return [rows[at] for at in sorted(rows)]


def render(value: object, depth: int) -> str:
    """JSON on one line, but for the lists named in ``BROKEN``: those have one element to a line, indented."""
    if not isinstance(value, Mapping):
        return _compact(value)
    broken = {name: item for name, item in value.items() if name in BROKEN and isinstance(item, list)}
    if not broken:
        return _compact(value)
    pad = " " * (depth + 1)
    parts = [f"{_compact(name)}:{_compact(item)}" for name, item in value.items() if name not in broken]
    head = ",".join(parts)
    lists = [f"\n{pad}{_compact(name)}:{_lines(item, depth + 1)}" for name, item in broken.items()]
    return "{" + ",".join([*filter(None, [head]), *lists]) + "}"


def _lines(items: Iterable[object], depth: int) -> str:
    pad = " " * (depth + 1)
    lines = [f"\n{pad}{render(item, depth + 1)}" for item in items]
    return f"[{','.join(lines)}\n{pad[1:]}]" if lines else "[]"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _suites(cells: list[CellRow]) -> list[dict[str, object]]:
    found = {(c.identity.suite_version, c.identity.suite_digest): c.suite_content for c in cells}
    return [{"version": v, "digest": d, "content": text.split("\n")} for (v, d), text in sorted(found.items())]


def _cards(cells: list[CellRow]) -> list[dict[str, object]]:
    found = {sha256_of(c.card): c.card for c in cells}
    return [{"digest": digest, "card": card} for digest, card in sorted(found.items())]


def _run(run: RunRow) -> dict[str, object]:
    return asdict(public(run))


def public(run: RunRow) -> RunRow:
    """A run without folders, credentials and names of the machine it was made on."""
    return replace(run, command=scrubbed(run.command), facts={k: scrubbed(v) for k, v in run.facts.items()})


def _cell(cell: CellRow, uids: Mapping[int, str]) -> dict[str, object]:
    return {
        "uid": cell.uid,
        "lab": cell.lab,
        "key": cell.key,
        "supersedes": None if cell.supersedes is None else uids[cell.supersedes],
        "origin": cell.origin.value,
        "verification": cell.verification.value,
        "created": cell.created,
        "planned": cell.planned,
        "code_digest": cell.code_digest,
        "state_digest": cell.state_digest,
        "card": sha256_of(cell.card),
        "identity": asdict(cell.identity),
    }


def _blocks(
    connection: Connection, cell: CellRow, shards: Shards | None, arrays: dict[str, bytes]
) -> list[dict[str, object]]:
    records = reading.by_block(connection, cell.id)
    blocks = []
    for start, row in reading.blocks(connection, cell.id).items():
        kept = {p.name: shards.read(p) for _, p in reading.pieces(connection, cell.id, start) if shards}
        block = block_content(row, records[start], reading.diagnostics(connection, cell.id, start), kept)
        arrays |= {npyfile.digest(data): data for data in map(npyfile.data, kept.values())}
        blocks.append(block)
    return blocks


def block_content(
    row: BlockRow, records: Records, diagnostics: Mapping[str, float], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, object]:
    """A block as a run file holds it; two blocks are the same if these are equal."""
    return {
        "start": row.block.start,
        "stop": row.block.stop,
        "status": row.status,
        "error": scrubbed(row.error),
        "run": row.run_id,
        "finished": row.finished,
        "device": row.device,
        "batch_size": row.batch_size,
        "attempts": row.attempts,
        "cost": asdict(row.cost),
        "diagnostics": dict(sorted(diagnostics.items())),
        "artefacts": {name: _artefact(array) for name, array in sorted(arrays.items())},
        "examples": np.unique(records.example).tolist(),
        "records": _probes(records),
    }


def outcome_content(found: Conformance) -> dict[str, object]:
    """An outcome of conformance checks as a run file holds it; two are the same if these are equal."""
    checks = [[check.name, check.outcome, scrubbed(check.message)] for check in found.checks]
    return asdict(found) | {"checks": checks}


def _artefact(array: NDArray[Any]) -> dict[str, object]:
    return {"sha256": npyfile.digest(npyfile.data(array)), "dtype": array.dtype.str, "shape": list(array.shape)}


def _probes(records: Records) -> list[dict[str, object]]:
    names, codes = np.unique(records.probe, return_inverse=True)
    groups = sorted(set(zip(codes.tolist(), records.draw.tolist(), strict=True)))
    return [_probe(str(names[c]), d, records.where((codes == c) & (records.draw == d)).sorted()) for c, d in groups]


def _probe(name: str, draw: int, rows: Records) -> dict[str, object]:
    return {
        "probe": name,
        "draw": draw,
        "status": "".join(LETTERS[Status(s)] for s in rows.status.tolist()),
        "label": _column([None if v < 0 else v for v in rows.label.tolist()]),
        "value": _column([_number(v) for v in rows.value.tolist()]),
        "norm": _column([_number(v) for v in rows.norm.tolist()]),
    }


def _column(values: list[Any]) -> list[Any] | None:
    return values if any(v is not None for v in values) else None


def _number(value: float) -> float | str | None:
    if value != value:
        return None
    return value if np.isfinite(value) else str(value)
