"""Makes the pieces of a site: the page of a board, all about one method; in the process that builds, or in others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from trustdm.bench import reported
from trustdm.bench.store import runfiles
from trustdm.bench.store.rows import RunRow
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary import broken
from trustdm.bench.summary.cache import FactsCache
from trustdm.leaderboard import downloads, render, text
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.loading import board_of, boards_of_method, studies_of
from trustdm.leaderboard.models import Link, SuiteCard
from trustdm.leaderboard.pages import common as paths
from trustdm.leaderboard.pages import ranks
from trustdm.leaderboard.pages.board import suite_page
from trustdm.leaderboard.pages.index import card
from trustdm.leaderboard.pages.method import method_page
from trustdm.leaderboard.swap import Stage

RUNS = "data/runs"
CARD = TypeAdapter(SuiteCard)


@dataclass
class Made:
    """What a piece wrote: the size of every file, whether each had to be written, and what others need of it."""

    files: dict[str, int] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, other: Made) -> None:
        """Adds the files of another part of the piece."""
        self.files |= other.files
        self.written |= other.written


class Workshop:
    """An open store, the suites of a site, and the stage that it is written to."""

    def __init__(self, store: Store, suites: Sequence[Suite], stage: Stage, cache: FactsCache):
        self.store, self.stage, self.cache = store, stage, cache
        self.published = {name: reported.reported(name) for name in reported.suites()}
        empty = tuple(Board(suite, (), reported=self.published.get(suite.name, ())) for suite in suites)
        self.site = Site(empty, {}, self.published, studies_of(suites))
        self._boards: dict[str, Board] = {}

    @cached_property
    def runs(self) -> list[RunRow]:
        """The runs of the store, read when a page needs them: after what the page is stamped with, never before."""
        return self.store.runs()

    def board(self, name: str) -> Board:
        """The board of a suite, loaded once."""
        if name not in self._boards:
            suite = self._suite(name)
            self._boards[name] = board_of(self.store, suite, self.published.get(name, ()), self.cache)
        return self._boards[name]

    def make_board(self, name: str) -> Made:
        """The page of a board, its downloads and its ranks; the card that the front page shows of it."""
        board = self.board(name)
        lost: list[str] = broken.named(entry.row for entry in board.entries)
        made = write(self.stage, board_files(self.site, board, run_links(board), lost))
        made.facts = {"card": CARD.dump_python(card(board), mode="json"), "filled": bool(board.entries)}
        made.facts |= {"broken": lost} if lost else {}
        self.cache.flush()
        return made

    def make_method(self, name: str) -> Made:
        """The page of a method with all that belongs to it, and its run files."""
        suites = [board.suite for board in self.site.boards]
        boards = boards_of_method(self.store, suites, self.cache, name)
        wanted = [board.suite for board in boards]
        used = {block.run_id for b in boards for e in b.entries for part in e.parts for block in part.blocks}
        runs = {run.id: run for run in self.runs if run.id in used}
        site = Site(self.site.boards, runs, self.published, self.site.studies)
        entries = [(board, entry) for board in boards for entry in board.entries]
        lost: list[str] = []
        made = write(self.stage, method_files(site, name, entries, lost)) if entries else Made()
        made.add(write(self.stage, self._run_files(name, [suite.name for suite in wanted], lost)))
        made.facts |= {"broken": lost} if lost else {}
        return made

    def _run_files(self, method: str, suites: Sequence[str], lost: list[str]) -> Iterator[tuple[str, bytes]]:
        """The run files of a method and the files with their arrays, path and content."""
        for files in runfiles.rendered(self.store, method=method, suites=suites, lost=lost):
            yield from ((f"{RUNS}/{path.as_posix()}", data) for path, data in files.items())

    def _suite(self, name: str) -> Suite:
        return next(board.suite for board in self.site.boards if board.suite.name == name)


def run_links(board: Board) -> list[Link]:
    """The run files of a board's rows, as its page links them."""
    files = runfiles.file_names(part.cell.identity for entry in board.entries for part in entry.parts)
    return [Link(Path(name).name, f"../{RUNS}/{name}") for name in sorted(files.values())]


def board_files(
    site: Site, board: Board, links: Sequence[Link], lost: list[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every file of a board, path and content; ``lost`` takes a line for each row that its charts cannot show."""
    suite, rows = board.suite, [entry.row for entry in board.entries]
    yield f"data/{text.slug(suite.name)}.csv", downloads.rows_csv(suite, rows)
    yield f"data/{text.slug(suite.name)}.json", downloads.rows_json(rows)
    yield paths.ranks_path(suite), ranks.script(board)
    yield paths.suite_path(suite), render.html(suite_page(site, board, links, lost))


def method_files(
    site: Site, name: str, entries: Sequence[tuple[Board, Entry]], lost: list[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every file of a method, path and content; ``lost`` takes a line for each result that is not shown in full."""
    view, needed = method_page(site, name, entries, lost)
    yield from needed.items()
    yield paths.method_path(name), render.html(view)


def write(stage: Stage, files: Iterable[tuple[str, bytes]]) -> Made:
    """Writes files whose content is new."""
    made = Made()
    for path, content in files:
        if path not in made.files:
            made.files[path] = len(content)
            if stage.write(path, content):
                made.written.add(path)
    return made


_SHOP: dict[str, Workshop] = {}


def start(url: str, suites: Sequence[Suite], stage: Stage) -> None:
    """Opens the workshop of a worker process."""
    _SHOP["here"] = Workshop(Store.open(url, read_only=True), suites, stage, FactsCache.beside(url))


def make(kind: str, name: str) -> tuple[str, str, Made]:
    """Makes one piece in a worker process."""
    shop = _SHOP["here"]
    return kind, name, shop.make_board(name) if kind == "board" else shop.make_method(name)


def cards(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, SuiteCard]:
    """The cards of boards from what was noted of them, by suite."""
    return {name: CARD.validate_python(known["card"]) for name, known in facts.items()}
