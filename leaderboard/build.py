"""Writes the site: what has changed since the last build, nothing else; removes what an earlier one left behind."""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from trustdm.bench.errors import UsageError
from trustdm.bench.store.rows import Held
from trustdm.bench.store.store import Store
from trustdm.bench.studies import Study
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.cache import FactsCache
from trustdm.leaderboard import downloads, pieces, render, state, text
from trustdm.leaderboard.boards import Site
from trustdm.leaderboard.loading import stored
from trustdm.leaderboard.pages import common as pages
from trustdm.leaderboard.pages.index import index_page, site_page
from trustdm.leaderboard.pages.reported import reported_page
from trustdm.leaderboard.pages.study import study_page
from trustdm.leaderboard.pieces import Made, Workshop
from trustdm.leaderboard.state import Piece
from trustdm.leaderboard.swap import staged

WORTHWHILE = 2000
"""From so many cells on pieces are shared by several processes: starting one takes as long as showing some hundred."""


@dataclass(frozen=True)
class SiteReport:
    """What a build did: pages ``written`` and ``unchanged``, files ``removed``, ``bytes`` of the whole site.

    ``left_out`` names the suites that the store has results of and that got no page; ``broken`` says of each row that
    could not be shown in full why.
    """

    written: int
    unchanged: int
    removed: int
    bytes: int
    left_out: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def build_site(
    store: Store,
    out: Path,
    suites: Sequence[Suite],
    cache: FactsCache | None = None,
    jobs: int = 1,
    *,
    force: bool = False,
) -> SiteReport:
    """The static site of ``suites`` in the folder ``out``; what has not changed is not made again, nor touched.

    Suites that are not shipped get a page without being given, if the store has results of them. What is summed up is
    looked up in ``cache`` first. Where there is much to make, ``jobs`` processes share it. Files of others in ``out``
    are replaced with ``force`` only, and never removed. Everything is put in place at the end, at once.

    Raises:
        UsageError: the folder cannot be written, another process publishes there, or it has files of others where the
            pages go.
        StoreError: the store cannot be read.
        PluginError: the view of a task cannot be used.
    """
    if not force:
        refuse_foreign(out)
    further, left_out = stored(store, suites)
    try:
        with staged(out) as stage:
            build = _Build(Workshop(store, [*suites, *further], stage, cache or FactsCache(None)), jobs)
            build.run()
            return build.finished(left_out)
    except OSError as error:
        raise UsageError(f"{out}: expected a folder that can be written, got {error.strerror or error}") from error


def refuse_foreign(out: Path) -> None:
    """Refuses a folder that is not ours to fill.

    Raises:
        UsageError: it has a file that no build wrote, where the pages go.
    """
    if found := state.foreign(out):
        raise UsageError(
            f"{out}: expected a new folder, or one that an earlier publish filled, got {found}, which none wrote; "
            "give another folder, or let `publish --force` replace what is in the way"
        )


@dataclass
class _Build:
    """One build: the pieces there were, those there are now, and what was written."""

    shop: Workshop
    jobs: int
    now: dict[str, Piece] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.before, self.earlier_paths = state.read(self.shop.stage.out)
        suites = [board.suite for board in self.shop.site.boards]
        self.suites = {suite.name: suite for suite in suites}
        self.held: dict[str, list[Held]] = defaultdict(list)
        self.of_method: dict[str, list[Held]] = defaultdict(list)
        for held in self.shop.store.contents():
            if held.suite in self.suites:
                self.held[held.suite].append(held)
                self.of_method[held.method].append(held)
        studies = [study.model_dump(mode="json") for study in self.shop.site.studies]
        self.head = state.stamp(
            state.code({suite.task for suite in suites}),
            [(lab.id, lab.name) for lab in self.shop.store.labs()],
            [(s.name, s.title, s.task.title) for s in suites],
            studies,
            sorted(self.shop.published),
        )
        self.asked = {s.name: state.stamp(s.content, s.task.reference_stamp(s)) for s in suites}

    def run(self) -> None:
        """Boards, then what looks at boards, then methods."""
        boards = {f"board:{name}": (self._board_stamp(name), "board", name) for name in self.suites}
        self._make(boards)
        self._fronts()
        methods = {f"method:{name}": (self._method_stamp(name), "method", name) for name in sorted(self.of_method)}
        self._make(methods)

    def _board_stamp(self, name: str) -> str:
        held = [(h.id, h.revision) for h in self.held[name]]
        return state.stamp(self.head, self.asked[name], self._published(name), held)

    def _published(self, name: str) -> list[str]:
        """Everything that a file of published numbers says; what is exported of a row (``as_json``) is not all."""
        return [repr(row) for row in self.shop.published.get(name, ())]

    def _method_stamp(self, name: str) -> str:
        return state.stamp(self.head, [(self.asked[h.suite], h.id, h.revision) for h in self.of_method[name]])

    def _make(self, wanted: Mapping[str, tuple[str, str, str]]) -> None:
        """Makes those pieces whose stamp is another than before: here or, if there are many, in several processes."""
        todo = []
        for key, (stamp, kind, name) in wanted.items():
            if not self._keep(key, stamp):
                todo.append((key, stamp, kind, name))
        stamps = {(kind, name): (key, stamp) for key, stamp, kind, name in todo}
        for kind, name, made in self._results([(kind, name) for _, _, kind, name in todo]):
            self._took(*stamps[kind, name], made)

    def _results(self, todo: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, Made]]:
        url = self.shop.store.database.name
        cells = sum(len((self.held if kind == "board" else self.of_method)[name]) for kind, name in todo)
        if cells < WORTHWHILE or len(todo) < 2 or self.jobs < 2 or "://" in url:
            for kind, name in todo:
                yield kind, name, self.shop.make_board(name) if kind == "board" else self.shop.make_method(name)
            return
        self.shop.cache.flush()
        suites = [board.suite for board in self.shop.site.boards]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, context, pieces.start, (url, suites, self.shop.stage)) as pool:
            yield from pool.map(
                pieces.make, *zip(*todo, strict=True), chunksize=max(1, min(8, len(todo) // (4 * self.jobs)))
            )

    def _fronts(self) -> None:
        """The pages that look at several boards, and the files that all share."""
        site, shop = self.shop.site, self.shop
        stamps = {name: self.now[f"board:{name}"].stamp for name in self.suites}
        told = [name for name in self.suites if shop.published.get(name)]

        def stamps_of(names: Sequence[str]) -> list[str]:
            return [stamps[name] for name in names]

        self._files("static", state.stamp(self.head), render.static().items)
        self._files("index", state.stamp(self.head, stamps), lambda: [("index.html", render.html(self._index()))])
        for study in site.studies:
            both = [study.x.suite, study.y.suite]
            self._files(f"study:{study.name}", state.stamp(self.head, stamps_of(both)), partial(self._study, study))
        self._files(
            "reported",
            state.stamp(self.head, [self._published(name) for name in shop.published], stamps_of(told)),
            lambda: self._reported(told),
        )

    def _files(self, key: str, stamp: str, files: Callable[[], Any]) -> None:
        if not self._keep(key, stamp):
            self._took(key, stamp, pieces.write(self.shop.stage, files()))

    def _index(self) -> Any:
        facts = {name: self.now[f"board:{name}"].facts for name in self.suites}
        filled = {name for name, known in facts.items() if known["filled"]}
        counts = self.shop.store.record_counts()
        records = sum(counts.get(h.id, 0) for held in self.held.values() for h in held)
        return site_page(self.shop.site, pieces.cards(facts), filled, len(self.of_method), records)

    def _with(self, names: Sequence[str]) -> Site:
        """The site with these boards loaded."""
        site = self.shop.site
        boards = tuple(self.shop.board(b.suite.name) if b.suite.name in names else b for b in site.boards)
        return Site(boards, site.runs, site.reported, site.studies)

    def _study(self, study: Study) -> list[tuple[str, bytes]]:
        return [(pages.study_path(study), render.html(study_page(self._with([study.x.suite, study.y.suite]), study)))]

    def _reported(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        if self.shop.published:
            yield pages.REPORTED, render.html(reported_page(self._with(names)))
        for name, rows in self.shop.published.items():
            yield f"data/reported/{text.slug(name)}.json", downloads.reported_json(rows)

    def _keep(self, key: str, stamp: str) -> bool:
        """Whether a piece is as it was."""
        old = self.before.get(key)
        if old is None or old.stamp != stamp or not old.there(self.shop.stage.out):
            return False
        if old.facts.get("broken"):  # what was wrong may have been of that moment: a file that was not there
            return False
        self.now[key] = old
        return True

    def _took(self, key: str, stamp: str, made: Made) -> None:
        self.now[key] = Piece(stamp, made.files, made.facts)
        self.written |= made.written

    def finished(self, left_out: tuple[str, ...]) -> SiteReport:
        """Removes what no piece has any more, and notes what there is."""
        files = {path: size for piece in self.now.values() for path, size in piece.files.items()}
        stage = self.shop.stage
        gone = _ours(stage.out, self.earlier_paths - set(files))
        stage.write(state.MANIFEST, state.text(self.now))
        stage.put(gone, state.MANIFEST)
        html = [path for path in files if path.endswith(".html")]
        written = sum(path in self.written for path in html)
        lost = [line for piece in self.now.values() for line in piece.facts.get("broken", ())]
        lost += self.shop.store.unreadable()
        return SiteReport(written, len(html) - written, len(gone), sum(files.values()), left_out, tuple(lost))


def publish(site: Site, out: Path) -> SiteReport:
    """Writes all pages of ``site`` and all they need into ``out``, without a store."""
    with staged(out) as stage:
        made = pieces.write(stage, _files(site))
        stage.put([], "index.html")
    html = [path for path in made.files if path.endswith(".html")]
    written = sum(path in made.written for path in html)
    return SiteReport(written, len(html) - written, 0, sum(made.files.values()))


def _files(site: Site) -> Iterator[tuple[str, bytes]]:
    """Every file of a site in memory, path and content, made one after the other."""
    yield from render.static().items()
    yield "index.html", render.html(index_page(site))
    if site.reported:
        yield pages.REPORTED, render.html(reported_page(site))
    for name, published in site.reported.items():
        yield f"data/reported/{text.slug(name)}.json", downloads.reported_json(published)
    for board in site.boards:
        yield from pieces.board_files(site, board, pieces.run_links(board))
    for study in site.studies:
        yield pages.study_path(study), render.html(study_page(site, study))
    for name, entries in site.methods().items():
        yield from pieces.method_files(site, name, entries)


def _ours(out: Path, paths: set[str]) -> list[str]:
    """Those paths that lie inside the site: one that leads outside is not ours to remove."""
    inside = (p for p in sorted(paths) if ".." not in Path(p).parts and not Path(p).is_absolute())
    return [path for path in inside if (out / path).is_file()]
