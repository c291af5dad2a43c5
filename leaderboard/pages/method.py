"""The page of a method as a page model: its card, and every result with all that is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trustdm.bench.records import Records
from trustdm.bench.store.rows import RunRow
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary import rows as summary
from trustdm.bench.tasks.robustness.verdicts import CLEAN
from trustdm.bench.types import Origin, Status
from trustdm.leaderboard import chips as marks
from trustdm.leaderboard import columns, names, provenance, text
from trustdm.leaderboard import table as tables
from trustdm.leaderboard import words as tasks
from trustdm.leaderboard.boards import Board, Entry, Part, Site
from trustdm.leaderboard.models import Fact
from trustdm.leaderboard.pages.common import fact, facts, page, suite_path
from trustdm.leaderboard.result_models import Album, Attack, Examples, Ladder, MethodPage, ResultView, RunView
from trustdm.leaderboard.tasks.certification import sections as certviews
from trustdm.leaderboard.tasks.generation import sections as samples
from trustdm.leaderboard.tasks.robustness import examples, gallery

DATA = {
    "external_data": "outside the suite",
    "generated_data": "generated",
    "selection_data": "further data for choosing settings",
}
INPUT = {"classify", "classify_noisy"}
GRADIENTS = {
    "exact": "exact",
    "surrogate": "a surrogate",
    "bpda": "replaced in the backward pass (BPDA)",
    "none": "none",
}


def method_page(site: Site, name: str, entries: Sequence[tuple[Board, Entry]]) -> tuple[MethodPage, dict[str, bytes]]:
    """The page of a method and the files it needs, by path."""
    card = entries[0][1].row.card
    files: dict[str, bytes] = {}
    results = []
    for at, (board, entry) in enumerate(entries):
        result, needed = _result(site, board, entry, f"{text.slug(name)}-{at + 1}")
        results.append(result)
        files |= needed
    title = names.title(entries[0][1].row)
    words = str(card.get("summary") or "")
    return (
        MethodPage(
            page=page(title, words or f"Results of {name} on every board", site, root="../"),
            name=name,
            summary=words,
            claim=str(card.get("claim") or ""),
            tags=tables.texts(card.get("tags")),
            facts=_card(name, card, attacked=any(board.suite.adversary for board, _ in entries)),
            results=tuple(results),
        ),
        files,
    )


def _card(name: str, card: Mapping[str, object], *, attacked: bool) -> tuple[Fact, ...]:
    data = [words for key, words in DATA.items() if card.get(key)]
    shape = "×".join(tables.texts(card.get("input_shape")))
    able = tables.texts(card.get("capabilities")) or ("classify",)
    classes = f"{card.get('classes')} classes" if card.get("classes") else "no classes"
    gradient = GRADIENTS.get(str(card.get("gradient")), card.get("gradient"))
    return facts(
        fact("Name", name, code=True),
        fact("Version", card.get("version")),
        fact("Authors", ", ".join(tables.texts(card.get("authors"))) or "not stated"),
        fact("Paper", card.get("paper")),
        fact("Licence", card.get("licence") or "not stated"),
        fact("Made for", ", ".join(tables.texts(card.get("data")))),
        fact("Input" if INPUT & set(able) else "Makes", f"{shape}, {classes}" if shape else ""),
        fact("Training data", ", ".join(data) if data else "nothing beyond the suite declared"),
        fact("Randomness", card.get("randomness")),
        fact("Gradient for an attacker", gradient if attacked else ""),
        *_weights(card.get("weights")),
    )


def _weights(files: object) -> list[Fact | None]:
    listed = files if isinstance(files, list | tuple) else []
    return [
        fact(f"Weights, {w.get('file')}", f"sha256 {w.get('sha256')}", code=True) for w in listed if isinstance(w, dict)
    ]


def _result(site: Site, board: Board, entry: Entry, anchor: str) -> tuple[ResultView, dict[str, bytes]]:
    suite, row = board.suite, entry.row
    albums, pictures = _albums(entry.parts)
    grids, sheets = samples.grids(suite, entry.parts, "../")
    heads, cells = columns.columns(suite), columns.cells(suite, row, board.scales)
    kept = [at for at, head in enumerate(heads) if head.group != "more"]
    generator = suite.generation is not None
    attacked = suite.adversary is not None
    table, records = _examples(suite, entry, anchor)
    return (
        ResultView(
            anchor=anchor,
            suite=suite.title,
            name=entry.name if entry.suffix else "",
            href=f"../{suite_path(suite)}",
            rank=_rank(entry),
            variant=tables.variant(row),
            columns=tuple(heads[at] for at in kept),
            cells=tuple(columns.without_note(cells[at]) for at in kept),
            marks=marks.marks(row, entry.imported),
            flags=marks.flags(row, tasks.kind(suite)),
            errors=row.errors,
            ladders=tuple(found for part in entry.parts if attacked and (found := _ladder(suite, part)) is not None),
            albums=albums,
            budget=tasks.budget(suite),
            grids=grids,
            steps=samples.steps(board, entry) if generator else None,
            certified=certviews.certified(suite, entry) if suite.certification else None,
            records=f"../{next(iter(records))}" if records and table is None else "",
            examples=table,
            cell_columns=(f"{tasks.unit(suite).capitalize()}s", *provenance.COLUMNS[1:]),
            cell_facts=tuple(provenance.cell(part, _chunks(suite, part)) for part in entry.parts),
            runs=_runs(site.runs, entry.parts),
        ),
        pictures | sheets | records,
    )


def _examples(suite: Suite, entry: Entry, anchor: str) -> tuple[Examples | None, dict[str, bytes]]:
    """The table of single examples, where these say something, and the file of all."""
    if suite.adversary is not None:
        return examples.table(suite, entry, anchor)
    if suite.certification is not None:
        table, records = certviews.images(suite, entry, anchor)
        return (table, records) if table else examples.records_only(suite, entry, anchor)
    return examples.records_only(suite, entry, anchor)


def _chunks(suite: Suite, part: Part) -> int:
    """How many positions of an evaluation are one example."""
    return 1 if part.result.origin is Origin.REPORTED else suite.chunks(part.evaluation)


def _rank(entry: Entry) -> str:
    row = entry.row
    if row.rank_low is None or row.rank_high is None:
        return "not ranked"
    plural = "s" if row.rank_high > row.rank_low else ""
    return f"rank{plural} {text.ranks(row.rank_low, row.rank_high)}, {row.rank_group}"


def _ladder(suite: Suite, part: Part) -> Ladder | None:
    """An evaluation attack by attack; None where it has one probe only."""
    table = summary.verdicts(suite, part.result)
    if len(table.probes) < 2:
        return None
    values = dict(summary.curve(suite, part.result))
    seen = [status for status in Status if np.any(table.status == status)]
    attacks = [
        Attack(probe, columns.share(values.get(probe)), tuple(int((column == s).sum()) for s in seen))
        for probe, column in zip(table.probes, table.status.T, strict=True)
    ]
    return Ladder(part.evaluation, tuple(examples.WORDS[s] for s in seen), tuple(attacks))


def _albums(parts: Sequence[Part]) -> tuple[tuple[Album, ...], dict[str, bytes]]:
    albums: list[Album] = []
    files: dict[str, bytes] = {}
    for part in parts:
        if part.gallery is not None:
            found, needed = gallery.pictures(part.gallery, "../", wrong_before(part.result.records))
            albums.append(Album(part.evaluation, found))
            files |= needed
    return tuple(albums), files


def wrong_before(records: Records) -> frozenset[int]:
    """The examples that were right in no draw of the clean image: attacks leave those alone."""
    clean = records.where(records.probe == CLEAN)
    right = clean.example[clean.status == Status.CORRECT]
    return frozenset(np.setdiff1d(clean.example, right).tolist())


def _runs(runs: Mapping[str, RunRow], parts: Sequence[Part]) -> tuple[RunView, ...]:
    used = dict.fromkeys(block.run_id for part in parts for block in part.blocks)
    return tuple(provenance.run(runs[name]) for name in used if name in runs)
