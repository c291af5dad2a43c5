"""The front page as a page model: the boards by family, the measured ones first."""

from __future__ import annotations

from collections.abc import Sequence

from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import chips, columns, text
from trustdm.leaderboard.boards import Board, Entry, Site
from trustdm.leaderboard.boardview import view_of
from trustdm.leaderboard.models import Bar, Cell, Family, IndexPage, Link, Standing, SuiteCard
from trustdm.leaderboard.pages.common import REPORTED, method_path, page, study_path, suite_path

EXAMPLE = Cell("61.2%", "[58.1, 64.2]", 0.612, Bar(58.1, 61.2, 64.2))


def index_page(site: Site) -> IndexPage:
    """The front page."""
    return IndexPage(
        page=page("trustdm", "Leaderboards for trustworthy diffusion models: measured, resumable, traceable", site),
        stats=_stats(site),
        families=tuple(_family(title, boards) for title, boards in site.families().items()),
        example=EXAMPLE,
        legend=chips.legend(),
        studies=tuple(Link(study.title, study_path(study), study.question) for study in site.studies),
        reported=REPORTED if site.reported else "",
    )


def _stats(site: Site) -> tuple[tuple[str, str], ...]:
    """The size of what is stored."""
    results = [part.result for board in site.boards for entry in board.entries for part in entry.parts]
    counted = {"boards": len(site.boards), "methods": len(site.methods())}
    counted["records stored"] = sum(len(r.records) if r.count is None else r.count for r in results)
    return tuple((f"{number:,}", label) for label, number in counted.items())


def _family(title: str, boards: Sequence[Board]) -> Family:
    measured = [board for board in boards if board.entries]
    folded = [board for board in boards if not board.entries]
    summary = boards[0].suite.task.summary
    return Family(
        id=text.slug(title),
        title=title,
        summary=f"{summary[:1].upper()}{summary[1:]}." if summary else "",
        cards=tuple(_card(board) for board in measured),
        folded=tuple(_card(board) for board in folded),
    )


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
        about=view_of(suite).line(suite),
        tested=None if board.tested else chips.UNTESTED,
        metric=columns.label(suite, suite.ranking_metric),
        full=len(full),
        preview=len(preview),
        best=_best(board),
        when=text.day(max(stamps, default="")),
        reported=len(board.reported),
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
