"""Where the numbers of a row came from: its cells and its runs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from trustdm.bench.conforms import Conformance
from trustdm.bench.printable import printable
from trustdm.bench.scrub import scrubbed
from trustdm.bench.store.rows import RunRow
from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Part
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.pages.common import fact, facts
from trustdm.leaderboard.result_models import CellFacts, RunView

COLUMNS = (
    "Examples",
    "Blocks",
    "Batch size",
    "Device",
    "Wall time",
    "Device time",
    "Forward",
    "Gradient",
    "Peak memory",
    "Protocol",
    "Seed",
    "Code",
    "Conformance",
    "Cell",
)
SHORT = 12
GROUPS = {"machine": "Machine", "setting": "Setting", "version": "Version of"}


def cell(part: Part) -> CellFacts:
    """One evaluation as it was run, the values of ``COLUMNS``."""
    chunks = part.view.per_example
    it, cost, checked = part.result.identity, part.result.cost, part.result.conformance
    done = sum(len(block.block) for block in part.blocks if block.status == "done")
    tries = sum(block.attempts for block in part.blocks) - len(part.blocks)
    values = [
        f"{done // chunks:,} of {part.result.planned // chunks:,}",
        f"{len(part.blocks)}" + (f", {tries} tried again" if tries > 0 else ""),
        _range(block.batch_size for block in part.blocks),
        ", ".join(sorted({block.device for block in part.blocks})) or text.DASH,
        text.duration(cost.wall),
        text.duration(cost.device),
        text.count(cost.forwards),
        text.count(cost.gradients),
        text.size(cost.memory) if cost.memory else "not known",
        it.protocol,
        str(it.seed),
        part.cell.code_digest[:SHORT],
        "not run" if checked is None else checked.status,
        part.cell.key[:SHORT],
    ]
    details = {"Protocol": f"versions: {it.protocol_version.replace(' ', ', ').replace('=', ' ')}"}
    if checked is not None:
        details["Conformance"] = _checks(checked)
    cells = (Cell(value, details.get(column, "")) for column, value in zip(COLUMNS, values, strict=True))
    return CellFacts(part.evaluation, tuple(cells))


def _checks(found: Conformance) -> str:
    """The conformance checks that a method failed, how many there were, where and when."""
    count = f"{len(found.checks)} check{'s' * (len(found.checks) != 1)}"
    said = f"{count} on {printable(found.device)}, {text.day(found.created)}"
    return f"{', '.join(printable(name) for name in found.failed)}; {said}" if found.failed else said


def run(row: RunRow) -> RunView:
    """One run with all that is known about its machine, versions and settings, but for paths, users and hosts."""
    state = {True: ", with local changes", False: "", None: ""}[row.dirty]
    commit = f"{row.commit}{state}" if row.commit else "not from a checkout"
    return RunView(
        text.day(row.started),
        facts(
            fact("Run", row.id, code=True),
            fact("Commit of trustdm", commit, code=True),
            fact("Command", scrubbed(row.command), code=True),
            fact("Started", text.moment(row.started)),
            fact("Finished", text.moment(row.finished) if row.finished else "did not finish"),
            fact("Exit code", row.exit_code),
            *(fact(_term(name), scrubbed(value)) for name, value in sorted(row.facts.items())),
        ),
    )


def _term(name: str) -> str:
    group, _, rest = name.partition(".")
    if not rest:
        return name
    return f"{GROUPS.get(group, group)} {rest}" if group == "version" else f"{GROUPS.get(group, group)}: {rest}"


def _range(values: Iterable[int]) -> str:
    sizes = sorted(set(values))
    if not sizes:
        return text.DASH
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]}{text.DASH}{sizes[-1]}"
