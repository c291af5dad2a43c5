"""The pages of the index and of the suites as page models."""

from __future__ import annotations

from collections.abc import Sequence

from trustdm.bench import summary
from trustdm.bench.suite import Suite
from trustdm.leaderboard import charts, marks, tables, text
from trustdm.leaderboard.pages import adversary, budget, fact, facts, method_path, page, suite_path
from trustdm.leaderboard.queries import Board, Entry, Site
from trustdm.leaderboard.views import (
    Bar,
    Cell,
    Chip,
    IndexPage,
    Link,
    Standing,
    SuiteCard,
    SuitePage,
)

EXAMPLE = Cell("61.2%", "[58.1, 64.2]", 0.612, Bar(58.1, 61.2, 64.2))


def index_page(site: Site) -> IndexPage:
    """The front page."""
    head = page("trustdm", "Leaderboards for trustworthy diffusion models: measured, resumable, traceable", site.boards)
    return IndexPage(head, _stats(site), tuple(_card(board) for board in site.boards), EXAMPLE, marks.legend())


def _stats(site: Site) -> tuple[tuple[str, str], ...]:
    """The size of what is stored."""
    parts = [part for board in site.boards for entry in board.entries for part in entry.parts]
    counted = {"boards": len(site.boards), "methods": len(site.methods())}
    counted["verdicts on record"] = sum(len(part.result.records) for part in parts)
    return tuple((f"{number:,}", label) for label, number in counted.items())


def _card(board: Board) -> SuiteCard:
    suite, rows = board.suite, [entry.row for entry in board.entries]
    current = [row for row in rows if row.currency == "current"]
    full = {row.method for row in current if row.completeness == "full"}
    preview = {row.method for row in current if row.completeness == "preview"}
    stamps = [block.finished for e in board.entries for part in e.parts for block in part.blocks]
    return SuiteCard(
        title=suite.title,
        href=suite_path(suite),
        version=f"version {suite.version}",
        adversary=adversary(suite),
        tested=None if board.tested else marks.UNTESTED,
        metric=tables.label(suite, suite.ranking.metric),
        full=len(full),
        preview=len(preview),
        best=_best(board),
        when=text.day(max(stamps, default="")),
    )


def _best(board: Board) -> Standing | None:
    """The full, current row with the best value that was ranked."""
    metric = board.suite.ranking.metric
    for entry in board.entries:
        row = entry.row
        if row.completeness == "full" and row.rank_low is not None and metric in row.metrics:
            cell = tables.estimate(row.metrics[metric])
            return Standing(entry.name, method_path(row.method), cell)
    return None


def suite_page(site: Site, board: Board, run_files: Sequence[Link]) -> SuitePage:
    """The page of one board."""
    suite = board.suite
    rows = [entry.row for entry in board.entries]
    tests = [f"{row.rank_group}: {row.rank_test}" for row in rows if row.rank_test]
    name = text.slug(suite.name)
    return SuitePage(
        page=page(suite.title, suite.description or adversary(suite), site.boards, root="../", here=suite),
        name=suite.name,
        version=f"{suite.name}, version {suite.version}",
        lead=suite.description or adversary(suite),
        tested=None if board.tested else marks.UNTESTED,
        facts=facts(
            fact("What may change", budget(suite)),
            fact("The adversary knows", suite.adversary.knows),
            fact("It wins when", suite.adversary.wins),
            fact("Images", _images(suite)),
            fact("Sizes", f"{suite.size.full:,} test images at full size, the first {suite.size.demo:,} in the demo"),
            fact("If a method fails", _failures(suite)),
        ),
        metrics=tuple((tables.label(suite, m.name), tables.describe(suite, m) + ".") for m in suite.metrics),
        table=tables.table(suite, board.entries, tuple(dict.fromkeys(tests))),
        charts=charts.board_charts(name, _lines(suite, board.entries)),
        legend=_legend(board.entries),
        downloads=(
            Link("Table as CSV", f"../data/{name}.csv"),
            Link("Table as JSON", f"../data/{name}.json"),
        ),
        run_files=tuple(run_files),
    )


def _images(suite: Suite) -> str:
    channels, height, width = suite.data.shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{suite.data.dataset}: {height}×{width} {colour} images of {suite.data.classes} classes"


def _failures(suite: Suite) -> str:
    return "the example counts as wrong" if suite.failures == "wrong" else "the example is left out, and n says so"


def _legend(entries: Sequence[Entry]) -> tuple[Chip, ...]:
    """The chips that the table shows, each once, the flags last."""
    shown = [chip for entry in entries for chip in marks.marks(entry.row, entry.imported)]
    shown += [chip for entry in entries for chip in marks.flags(entry.row)]
    return tuple({chip.label: chip for chip in shown}.values())


def _lines(suite: Suite, entries: Sequence[Entry]) -> list[charts.Line]:
    """The survival curves of the current rows under the evaluation that ranks them."""
    evaluation = next(m.evaluation for m in suite.metrics if m.name == suite.ranking.metric)
    lines = []
    for entry in entries:
        found = [part.result for part in entry.parts if part.evaluation == evaluation]
        if entry.row.currency == "current" and found:
            points = tuple(summary.curve(suite, found[0]))
            lines.append(charts.Line(entry.name, entry.row.completeness == "preview", points))
    return lines
