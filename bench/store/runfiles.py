"""Export: one JSON file for each suite and method, the format in which results are exchanged and reviewed.

``<folder>/<suite>/<method>.json``, its arrays beside it in ``<method>.npz`` (``bench.store.packed``).
``bench.store.runimport`` reads them back.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from trustdm.bench.errors import StoreError
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.scrub import reason
from trustdm.bench.store import (
    packed,
    reading,
    runformat,
    schema,
)
from trustdm.bench.store.rows import CellRow
from trustdm.bench.store.shards import Shards
from trustdm.bench.store.store import Store
from trustdm.bench.types import CellIdentity

if TYPE_CHECKING:
    pass

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ENDING = re.compile(r"-(?:[0-9a-f]{8}|[0-9a-f]{64})$")
"""How a name with a hash ends."""
LONGEST = 120
"""Letters of a name that are part of a path."""


def export(
    store: Store,
    folder: Path,
    *,
    suite: str | None = None,
    method: str | None = None,
    suites: Collection[str] | None = None,
) -> list[Path]:
    """Writes the run files of all cells (of one suite, of one method, of some ``suites``) with a block, and returns
    their paths. The same store gives the same bytes.

    Raises:
        StoreError: an artefact is missing from the store, or the folder cannot be written.
    """
    return list(export_files(store, folder, suite=suite, method=method, suites=suites))


def export_files(
    store: Store,
    folder: Path,
    *,
    suite: str | None = None,
    method: str | None = None,
    suites: Collection[str] | None = None,
    lost: list[str] | None = None,
) -> dict[Path, list[Path]]:
    """Does what ``export`` does, and returns the run files, each with the files that hold its arrays.

    With a list ``lost`` a file that cannot be made is left out, and the list takes a line that says why.

    Raises:
        StoreError: an artefact is missing from the store, or the folder cannot be written.
    """
    written: dict[Path, list[Path]] = {}
    for files in rendered(store, suite=suite, method=method, suites=suites, lost=lost):
        *beside, name = files
        for path, data in files.items():
            _write(folder / path, data)
        written[folder / name] = [folder / path for path in beside]
    return written


def rendered(
    store: Store,
    *,
    suite: str | None = None,
    method: str | None = None,
    suites: Collection[str] | None = None,
    lost: list[str] | None = None,
) -> Iterator[dict[Path, bytes]]:
    """For each run file that ``export`` would write what it holds, by path: the files with its arrays, itself last.

    With a list ``lost`` a file that cannot be made is left out, and the list takes a line that says why.

    Raises:
        StoreError: an artefact is missing from the store.
    """
    with store.database.reading() as connection:
        groups = _groups(_measured(connection, reading.cells(connection, suite=suite, method=method)), suites)
        for name, cells in groups.items():
            try:
                files = _file(connection, store.shards, Path(name), cells)
            except (StoreError, ValueError, TypeError, KeyError) as error:  # one damaged cell costs its file
                if lost is None and isinstance(error, StoreError):
                    raise
                words = f"run file {name}: {reason(error)}"
                if lost is None:
                    raise StoreError(f"{words}; `trustdm db check` says more, `db hide` leaves a cell out") from error
                lost.append(words)
                continue
            yield files


def _file(connection: Connection, shards: Shards | None, name: Path, cells: list[CellRow]) -> dict[Path, bytes]:
    text, arrays = runformat.document(connection, cells, shards)
    return dict(sorted(packed.files(name, arrays).items())) | {name: text.encode()}


def _groups(cells: list[CellRow], suites: Collection[str] | None) -> dict[str, list[CellRow]]:
    """The cells (of some suites) of each run file, by its name."""
    wanted = [cell for cell in cells if suites is None or cell.identity.suite in suites]
    names = file_names(cell.identity for cell in wanted)
    groups: dict[str, list[CellRow]] = {}
    for cell in wanted:
        groups.setdefault(names[_variant(cell.identity)], []).append(cell)
    return dict(sorted(groups.items()))


def _measured(connection: Connection, cells: list[CellRow]) -> list[CellRow]:
    """The cells that have a block; what they correct is the nearest attempt that has one too."""
    filled = set(connection.execute(select(schema.block.c.cell_id).distinct()).scalars())
    links = {c.id: c.supersedes for c in cells}
    return [
        replace(c, supersedes=next((i for i in chain(links, c.supersedes) if i in filled), None))
        for c in cells
        if c.id in filled
    ]


def chain(links: Mapping[int, int | None], first: int | None) -> list[int]:
    """A cell, the one that it supersedes, and so on."""
    found: list[int] = []
    while first is not None and first not in found:
        found.append(first)
        first = links.get(first)
    return found


Variant = tuple[str, str, str]


def _variant(identity: CellIdentity) -> Variant:
    """What the cells of one run file have in common: suite, method, parameters (as canonical JSON)."""
    return identity.suite, identity.method, canonical_json(identity.method_params)


def file_names(identities: Iterable[CellIdentity]) -> dict[Variant, str]:
    """The name of the run file of each suite, method and parameters: no two have one name.

    Two variants whose short hashes are equal, which somebody may have looked for, are told apart by the whole hash.
    """
    known = {_variant(identity): identity for identity in identities}
    names: dict[Variant, str] = {}
    for variant, identity in sorted(known.items()):
        name = file_name(identity)
        names[variant] = name if name not in names.values() else file_name(identity, digits=None)
    return names


def file_name(identity: CellIdentity, digits: int | None = 8) -> str:
    """Where the run file of a cell belongs; parameters of a method are told apart by a short hash.

    A method without parameters whose own name ends like such a hash has one, too, so that it is not taken for another
    one's variant. What is no name of a file (a database may hold any text) is replaced, and marked with "~".
    """
    method = _part(identity.method)
    marked = bool(identity.method_params) or ENDING.search(method) is not None
    mark = f"-{sha256_of(identity.method_params)[:digits]}" if marked else ""
    return f"{_part(identity.suite)}/{method}{mark}.json"


def _part(name: str) -> str:
    """A name as part of a path."""
    if NAME.fullmatch(name) and len(name) <= LONGEST:
        return name
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:LONGEST]
    return f"{kept}~{sha256_of(name)[:16]}"


def _write(path: Path, data: bytes) -> None:
    """Replaces the file at once, so that nobody ever reads half of it.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        _replace(path, data)
    except OSError as error:
        message = error.strerror or error
        raise StoreError(f"{path}: cannot be written: {message}; expected a folder that can be written") from error


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() == data:
        return
    unfinished = path.with_name(f".unfinished-{uuid.uuid4().hex}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
