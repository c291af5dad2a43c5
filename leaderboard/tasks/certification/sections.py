"""What the page of a method shows of its certificates: a table by radius, one by image, and a file of all images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.certification.task import certification
from trustdm.bench.types import Estimate
from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import downloads, text
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.cells import NOTHING
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.sections import Head, Line, OnPage, Sections, TableSection
from trustdm.leaderboard.tasks.certification import noise
from trustdm.leaderboard.tasks.certification.tracks import Track, reach, tracks

FIRST = 200
NOTE = (
    "Certified accuracy at each radius, with its 95% interval; a dash where the radius was "
    "not declared. Small below it: what the share of these images with a right label and a radius that truly holds is "
    "at least, with probability 0.999, since each certificate may be wrong with probability alpha."
)
IMAGES = "Whether the label is right, the certified radius, and the draws it took."
HEAD = ("evaluation", "sigma", "procedure", "alpha", "image", "label_right", "abstained", "radius", "declared_radius")


NOT_RUN = Cell("", state="not-run")


def sections(board: Board, entry: Entry, page: OnPage) -> Sections:
    """All of it, for one row; nothing without a certificate."""
    known = tracks(board.suite, entry)
    if not known:
        return Sections()
    return Sections((by_radius(board.suite, known), by_image(board.suite, known, page.records)))


def by_radius(suite: Suite, known: Sequence[Track]) -> TableSection:
    """The certificates of a row by radius, an evaluation in each column."""
    radii = sorted({radius for track in known for radius in track.radii})
    lines = [Line(f"Radius {radius}", tuple(_at(track, radius) for track in known)) for radius in radii]
    lines.append(Line("Average radius (ACR)", tuple(_average(track) for track in known)))
    lines.append(Line("Abstained", tuple(_abstained(track) for track in known)))
    lines.append(Line("Draws of an image", tuple(drawn(suite, track.draws) for track in known)))
    lines.append(Line("Images", tuple(Cell(f"{track.n:,}") for track in known)))
    heads = tuple(Head(f"σ {track.sigma}", detail=_procedure(suite, track)) for track in known)
    return TableSection("Certificates", heads, tuple(lines), NOTE)


def by_image(suite: Suite, known: Sequence[Track], href: str) -> TableSection:
    """The first images of a row, with the address of the file with all of them."""
    order = {example: at for at, example in enumerate(suite.test.tolist())}
    everyone = {example for track in known for example in track.table.example.tolist()}
    listed = sorted(everyone, key=lambda example: (order.get(example, len(order)), example))
    columns = [_column(track) for track in known]
    lines = [
        Line(str(example), tuple(column.get(example, NOT_RUN) for column in columns)) for example in listed[:FIRST]
    ]
    heads = tuple(Head(f"σ {track.sigma}{', sequential' if track.sequential else ''}") for track in known)
    return TableSection("Image by image", heads, tuple(lines), IMAGES, "Image", True, len(listed), href)


def records_csv(suite: Suite, entry: Entry) -> bytes:
    """Every image of every evaluation with its certificate; all records where there are no certificates."""
    known = tracks(suite, entry)
    return downloads.table_csv((*HEAD, "draws"), _lines(known)) if known else downloads.records_csv(entry.parts)


def drawn(suite: Suite, value: Estimate | None) -> Cell:
    """The mean number of draws for an image with its interval, and how many times fewer that is than a fixed number."""
    if value is None:
        return NOTHING
    number, interval = text.measure(value.value, value.low, value.high)
    return Cell(number, interval, value.value, None, noise.reduction(suite, value))


def _procedure(suite: Suite, track: Track) -> str:
    if track.sequential or track.reported:
        return track.procedure
    return f"{track.procedure}, n = {certification(suite).estimation:,}, alpha {track.alpha}"


def _at(track: Track, radius: Fraction) -> Cell:
    if track.sequential and radius not in track.radii:
        return NOTHING
    value, least = track.certified(float(radius)), track.likely(float(radius))
    cell = formats.share(value)
    note = f"at least {text.percent(least)}" if least is not None and value.value else ""
    return Cell(cell.text, cell.detail, cell.sort, cell.bar, note)


def _average(track: Track) -> Cell:
    average: Estimate | None = track.average
    return formats.measure(average) if average is not None else NOTHING


def _abstained(track: Track) -> Cell:
    """Sequential ones that did not declare radius 0 cannot tell an abstention from a radius below their least."""
    return NOTHING if track.sequential and track.radii[0] else formats.share(track.abstention)


def _column(track: Track) -> dict[int, Cell]:
    """The cells of one evaluation by image."""
    return {int(example): _cell(track, at) for at, example in enumerate(track.table.example)}


def _cell(track: Track, at: int) -> Cell:
    it = track.table
    draws = f", {int(it.draws[at]):,} draws" if it.draws[at] else ""
    known, radius = reach(track, at)
    if track.sequential and known is None:
        return Cell(f"not certified{draws}", state="abstained")
    if it.abstained[at]:
        return Cell(f"abstained{draws}", state="abstained")
    held = f"radius {radius}" if track.sequential else f"r = {radius}"
    if it.right[at]:
        return Cell(f"right, {held}{draws}", state="correct")
    return Cell(f"wrong, {held}{draws}", state="wrong")


def _lines(shown: Sequence[Track]) -> Iterable[Sequence[object]]:
    for track in shown:
        it = track.table
        whose = (track.evaluation, str(track.sigma), track.procedure, str(track.alpha) if track.alpha else "")
        for at, example in enumerate(it.example.tolist()):
            radius, _ = reach(track, at)
            radii = (None, radius) if track.sequential else (radius, None)
            said = ("yes" if it.right[at] else "no", "yes" if it.abstained[at] else "no")
            yield (*whose, example, *said, *radii, int(it.draws[at]) or None)
