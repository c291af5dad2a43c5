"""The front page as a page model: the boards by family, the measured ones first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import chips, columns, text
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.boardview import view_of
from trustdm.leaderboard.models import Bar, Cell, Family, IndexPage, Link, Standing, SuiteCard
from trustdm.leaderboard.pages.common import REPORTED, method_path, page, study_path, suite_path

EXAMPLE = Cell("61.2%", "[58.1, 64.2]", 0.612, Bar(58.1, 61.2, 64.2))


def index_page(site: Site) -> IndexPage:
    """The front page of a site whose boards are loaded."""
    cards = {board.suite.name: card(board) for board in site.boards}
    filled = {board.suite.name for board in site.boards if board.entries}
    results = [part.result for board in site.boards for entry in board.entries for part in entry.parts]
    records = sum(len(r.records) if r.count is None else r.count for r in results)
    return site_page(site, cards, filled, len(site.methods()), records)


def site_page(
    site: Site, cards: Mapping[str, SuiteCard], filled: Collection[str], methods: int, records: int
) -> IndexPage:
    """The front page from the ``cards`` of its boards by suite; those in ``filled`` have rows."""
    counted = {"boards": len(site.boards), "methods": methods, "records stored": records}
    return IndexPage(
        page=page("trustdm", "Leaderboards for trustworthy diffusion models: measured, resumable, traceable", site),
        stats=tuple((f"{number:,}", label) for label, number in counted.items()),
        families=tuple(_family(title, boards, cards, filled) for title, boards in site.families().items()),
        example=EXAMPLE,
        legend=chips.legend(),
        studies=tuple(Link(study.title, study_path(study), study.question) for study in site.studies),
        reported=REPORTED if site.reported else "",
    )


def _family(title: str, boards: Sequence[Board], cards: Mapping[str, SuiteCard], filled: Collection[str]) -> Family:
    measured = [board for board in boards if board.suite.name in filled]
    folded = [board for board in boards if board.suite.name not in filled]
    summary = boards[0].suite.task.summary
    return Family(
        id=text.slug(title),
        title=title,
        summary=f"{summary[:1].upper()}{summary[1:]}." if summary else "",
        cards=tuple(cards[board.suite.name] for board in measured),
        folded=tuple(cards[board.suite.name] for board in folded),
    )


def card(board: Board) -> SuiteCard:
    """What the front page shows of a board."""
    suite, rows = board.suite, board.counted("completeness")
    stamps = [block.finished for e in board.entries for part in e.parts for block in part.blocks]
    return SuiteCard(
        title=suite.title,
        href=suite_path(suite),
        version=f"version {suite.version}",
        about=view_of(suite).line(suite),
        tested=None if board.tested else chips.UNTESTED,
        metric=columns.label(suite, suite.ranking_metric),
        full=rows.get("full", 0),
        preview=rows.get("preview", 0),
        best=_best(board),
        when=text.day(max(stamps, default="")),
        reported=len(board.reported),
        outdated=len(board.entries) - board.counted("currency").get("current", 0),
    )


def _best(board: Board) -> Standing | None:
    """The full, current row with the best value that was ranked."""
    metric = board.suite.ranking_metric
    for group in board.groups:
        row = group[0].row
        if row.completeness == "full" and row.rank_low is not None and metric.name in row.metrics:
            cell = formats.without_note(formats.value(columns.unit(board.suite, metric), row.metrics[metric.name]))
            return Standing(group[0].name, method_path(row.method), cell, _baselines(board, group))
    return None


def _baselines(board: Board, group: Sequence[Entry]) -> tuple[str, ...]:
    """What the best value is to be compared with, in words."""
    metric = board.suite.ranking_metric
    unit = columns.unit(board.suite, metric)
    return tuple(
        f"{line.name[:1].lower()}{line.name[1:]}: {formats.line(line.values[metric.name], unit)} "
        f"at n = {line.values[metric.name].n:,}"
        for line in view_of(board.suite).baselines(board, group)
        if metric.name in line.values
    )
