"""The page of a method as a page model: its card, and every result with all that is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trustdm.bench.printable import printable
from trustdm.bench.scrub import reason, scrubbed
from trustdm.bench.store.rows import RunRow
from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import chips, columns, names, provenance, table, text
from trustdm.leaderboard.boards import Board, Entry, Part, Site
from trustdm.leaderboard.boardview import listed, view_of
from trustdm.leaderboard.models import Fact
from trustdm.leaderboard.pages.common import fact, facts, page, row_key, suite_path, worded
from trustdm.leaderboard.result_models import MethodPage, ResultView, RunView
from trustdm.leaderboard.sections import OnPage, Sections, TableSection

DATA = {
    "external_data": "outside the suite",
    "generated_data": "generated",
    "selection_data": "further data for choosing settings",
}


def method_page(
    site: Site, name: str, entries: Sequence[tuple[Board, Entry]], lost: list[str] | None = None
) -> tuple[MethodPage, dict[str, bytes]]:
    """The page of a method and the files it needs, by path.

    ``lost`` takes a line for each result whose sections cannot be made; the page says so in their place.
    """
    card = entries[0][1].row.card
    files: dict[str, bytes] = {}
    results = []
    for at, (board, entry) in enumerate(entries):
        result, needed = _result(site, board, entry, f"{text.slug(name)}-{at + 1}", [] if lost is None else lost)
        results.append(result)
        files |= needed
    titles = {names.title(entry.row) for _, entry in entries}
    title = titles.pop() if len(titles) == 1 else printable(name)  # one of several would be that of a variant
    words = str(card.get("summary") or "")
    return (
        MethodPage(
            page=page(title, words or f"Results of {name} on every board", site, root="../"),
            name=name,
            summary=words,
            claim=str(card.get("claim") or ""),
            tags=listed(card.get("tags")),
            facts=_card(name, card, [board for board, _ in entries]),
            results=tuple(results),
        ),
        files,
    )


def _card(name: str, card: Mapping[str, object], boards: Sequence[Board]) -> tuple[Fact, ...]:
    data = [words for key, words in DATA.items() if card.get(key)]
    views = dict.fromkeys(view_of(board.suite) for board in boards)
    return facts(
        fact("Name", name, code=True),
        fact("Version", card.get("version")),
        fact("Authors", ", ".join(listed(card.get("authors"))) or "not stated"),
        fact("Paper", card.get("paper")),
        fact("Licence", card.get("licence") or "not stated"),
        fact("Made for", ", ".join(listed(card.get("data")))),
        *worded(line for view in views for line in view.card(card)),
        fact("Training data", ", ".join(data) if data else "nothing beyond the suite declared"),
        fact("Randomness", card.get("randomness")),
        *_weights(card.get("weights")),
    )


def _weights(files: object) -> list[Fact | None]:
    rows = files if isinstance(files, list | tuple) else []
    return [
        fact(f"Weights, {w.get('file')}", f"sha256 {w.get('sha256')}", code=True) for w in rows if isinstance(w, dict)
    ]


def _sections(board: Board, entry: Entry, path: str) -> tuple[Sections, dict[str, bytes], str]:
    """What a task shows of a result, the file at ``path`` with its records, and why both are missing (else empty)."""
    view, files = view_of(board.suite), dict[str, bytes]()
    try:
        if any(len(part.result.records) for part in entry.parts):
            files[path] = view.records(board, entry)
        return view.sections(board, entry, OnPage("../", f"../{path}" if files else "")), files, ""
    except Exception as error:  # whatever is stored may be a stranger's: it costs these sections, not the site
        return Sections(), {}, reason(error)


def _result(
    site: Site, board: Board, entry: Entry, anchor: str, lost: list[str]
) -> tuple[ResultView, dict[str, bytes]]:
    suite, row = board.suite, entry.row
    board = replace(board, scales={})  # the page is the method's own: nothing on it depends on other rows
    sections, files, problem = _sections(board, entry, f"data/examples/{anchor}.csv")
    records = f"../{next(iter(files))}" if files else ""
    if problem:
        lost.append(f"{suite.name}: {row.method} (cell {row.cells[-1]}): {problem}")
    linked = any(isinstance(section, TableSection) and section.href == records for section in sections.shown)
    heads, cells = columns.columns(suite, board), columns.cells(board, entry)
    kept = [at for at, head in enumerate(heads) if head.group != "more"]
    result = ResultView(
        anchor=anchor,
        suite=suite.title,
        name=entry.name if entry.suffix else "",
        href=f"../{suite_path(suite)}",
        board=text.slug(suite.name),
        row=row_key(entry),
        caveat=row.caveat,
        variant=table.variant(row),
        columns=tuple(heads[at] for at in kept),
        cells=tuple(formats.without_note(cells[at]) for at in kept),
        marks=chips.marks(row),
        flags=chips.flags(row, suite.task),
        errors=(
            *(scrubbed(error) for error in row.errors),
            *([f"examples and charts cannot be shown: {problem}"] if problem else []),
        ),
        sections=sections.shown,
        records="" if linked else records,
        cell_columns=(f"{suite.task.unit.capitalize()}s", *provenance.COLUMNS[1:]),
        cell_facts=tuple(provenance.cell(part) for part in entry.parts),
        runs=_runs(site.runs, entry.parts),
    )
    return result, files | dict(sections.files)


def _runs(runs: Mapping[str, RunRow], parts: Sequence[Part]) -> tuple[RunView, ...]:
    used = dict.fromkeys(block.run_id for part in parts for block in part.blocks)
    return tuple(provenance.run(runs[name]) for name in used if name in runs)
