"""Writes the site: every file whose content is new, nothing else; removes what an earlier build left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trustdm.bench.errors import UsageError
from trustdm.bench.store import runfiles
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.cache import FactsCache
from trustdm.leaderboard import downloads, render, text
from trustdm.leaderboard.boards import Board, Site
from trustdm.leaderboard.loading import load, stored
from trustdm.leaderboard.models import Link
from trustdm.leaderboard.pages import common as pages
from trustdm.leaderboard.pages.board import suite_page
from trustdm.leaderboard.pages.index import index_page
from trustdm.leaderboard.pages.method import method_page
from trustdm.leaderboard.pages.reported import reported_page
from trustdm.leaderboard.pages.study import study_page

MANIFEST = "data/manifest.json"
RUNS = "data/runs"


@dataclass(frozen=True)
class SiteReport:
    """What a build did: pages ``written`` and ``unchanged``, files ``removed``, ``bytes`` of the whole site.

    ``left_out`` names the suites that the store has results of and that got no page.
    """

    written: int
    unchanged: int
    removed: int
    bytes: int
    left_out: tuple[str, ...] = ()


def build_site(store: Store, out: Path, suites: Sequence[Suite], cache: FactsCache | None = None) -> SiteReport:
    """The static site of ``suites`` in the folder ``out``; a page whose content has not changed is not touched.

    Suites that are not shipped get a page without being given, if the store has results of them. What is summed up is
    looked up in ``cache`` first.

    Raises:
        UsageError: the folder cannot be written.
        StoreError: the store cannot be read.
        PluginError: the view of a task cannot be used.
    """
    further, left_out = stored(store, suites)
    site = load(store, [*suites, *further], cache)
    try:
        run_files = {board.suite.name: _run_files(store, out / RUNS, board) for board in site.boards}
        return replace(publish(site, out, run_files), left_out=left_out)
    except OSError as error:
        raise UsageError(f"{out}: expected a folder that can be written, got {error.strerror or error}") from error


def _run_files(store: Store, folder: Path, board: Board) -> list[Path]:
    """The run files of a board's rows; of cells that hold nothing yet none is kept."""
    rows = {folder / runfiles.file_name(part.cell.identity) for entry in board.entries for part in entry.parts}
    paths = runfiles.export(store, folder, suite=board.suite.name)
    for path in set(paths) - rows:
        path.unlink()
    return [path for path in paths if path in rows]


def publish(site: Site, out: Path, run_files: dict[str, list[Path]] | None = None) -> SiteReport:
    """Writes the pages of ``site`` and all they need into ``out``."""
    listed = {name: [p.relative_to(out).as_posix() for p in paths] for name, paths in (run_files or {}).items()}
    written = unchanged = total = 0
    paths = set()
    for path, content in _files(site, listed):
        if path in paths:
            continue
        paths.add(path)
        changed = _write(out / path, content)
        total += len(content)
        if path.endswith(".html"):
            written, unchanged = written + changed, unchanged + (not changed)
    paths |= {path for listing in listed.values() for path in listing}
    removed = _clear(out, paths)
    _write(out / MANIFEST, (json.dumps(sorted(paths), indent=0) + "\n").encode())
    return SiteReport(written, unchanged, removed, total)


def _files(site: Site, run_files: dict[str, list[str]]) -> Iterator[tuple[str, bytes]]:
    """Every file of the site, path and content, made one after the other."""
    yield from render.static().items()
    yield "index.html", render.html(index_page(site))
    if site.reported:
        yield pages.REPORTED, render.html(reported_page(site))
    for name, published in site.reported.items():
        yield f"data/reported/{text.slug(name)}.json", downloads.reported_json(published)
    for board in site.boards:
        suite, rows = board.suite, [entry.row for entry in board.entries]
        links = [Link(Path(path).name, f"../{path}") for path in run_files.get(suite.name, [])]
        yield f"data/{text.slug(suite.name)}.csv", downloads.rows_csv(suite, rows)
        yield f"data/{text.slug(suite.name)}.json", downloads.rows_json(rows)
        yield pages.suite_path(suite), render.html(suite_page(site, board, links))
    for study in site.studies:
        yield pages.study_path(study), render.html(study_page(site, study))
    for name, entries in site.methods().items():
        view, needed = method_page(site, name, entries)
        yield from needed.items()
        yield pages.method_path(name), render.html(view)


def _write(path: Path, content: bytes) -> bool:
    """Whether the file had to be written; by a rename, so that a reader never sees half of it."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
    return True


def _clear(out: Path, paths: set[str]) -> int:
    """Removes the files that an earlier build wrote and this one does not need."""
    manifest = out / MANIFEST
    if not manifest.is_file():
        return 0
    try:
        old = [str(path) for path in json.loads(manifest.read_bytes())]
    except (ValueError, TypeError):
        return 0
    gone = [out / p for p in old if p not in paths and ".." not in Path(p).parts and not Path(p).is_absolute()]
    found = [path for path in gone if path.is_file()]
    for path in found:
        path.unlink()
    return len(found)
