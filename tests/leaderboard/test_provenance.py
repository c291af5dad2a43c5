from __future__ import annotations

import getpass
from dataclasses import replace

import pytest

from trustdm.bench import scrub
from trustdm.bench.conforms import CheckOutcome, Conformance
from trustdm.bench.store.rows import RunRow
from trustdm.bench.summary.cell import CellView
from trustdm.leaderboard import provenance
from trustdm.leaderboard.boards import Board

RUN = RunRow(
    id="5f0c",
    started="2026-11-20T09:14:03.120000+00:00",
    finished=None,
    exit_code=None,
    command="trustdm run rope --db /home/someone/secret/b.db --plugin ~/mine/net.py",
    commit="",
    dirty=None,
    facts={"version.torch": "2.12.1", "machine.cores": "4", "setting.db": "/srv/data/b.db", "other": "x"},
)


def words(run: RunRow) -> dict[str, str]:
    return {fact.term: "".join(text for text, _ in fact.pieces) for fact in provenance.run(run).facts}


def test_a_run_says_how_it_was_made_and_no_folder() -> None:
    shown = words(RUN)
    assert shown["Command"] == "trustdm run rope --db b.db --plugin net.py" and shown["Setting: db"] == "b.db"
    assert shown["Version of torch"] == "2.12.1" and shown["Machine: cores"] == "4" and shown["other"] == "x"
    assert shown["Commit of trustdm"] == "not from a checkout" and shown["Finished"] == "did not finish"
    assert shown["Started"] == "2026-11-20 09:14:03 UTC" and "Exit code" not in shown
    assert words(replace(RUN, exit_code=0, commit="ab", dirty=True))["Commit of trustdm"] == "ab, with local changes"


def test_the_name_of_the_user_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    scrub._names.cache_clear()
    assert "grace" not in words(replace(RUN, command="trustdm run --by grace"))["Command"]
    monkeypatch.undo()
    scrub._names.cache_clear()


def test_a_cell_says_what_was_run_of_what_was_planned(dives: Board) -> None:
    (part, _) = next(e for e in dives.entries if e.row.method == "tired").parts
    facts = provenance.cell(part)
    shown = {column: cell.text for column, cell in zip(provenance.COLUMNS, facts.values, strict=True)}
    assert facts.name == "pool" and shown["Examples"] == "2 of 12" and shown["Blocks"] == "1"
    assert (shown["Batch size"], shown["Device"], shown["Peak memory"]) == ("4", "cpu", "not known")
    assert shown["Code"] == "0" * 12 and len(shown["Cell"]) == provenance.SHORT
    again = replace(part, blocks=(replace(part.blocks[0], attempts=3, batch_size=2), part.blocks[0]))
    shown = {c: cell.text for c, cell in zip(provenance.COLUMNS, provenance.cell(again).values, strict=True)}
    assert shown["Blocks"] == "2, 2 tried again" and shown["Batch size"] == "2–4"


def test_examples_are_counted_not_positions(dives: Board) -> None:
    """A cell of twelve positions, of which four belong to one example, planned three."""
    (part, _) = next(e for e in dives.entries if e.row.method == "deep").parts

    class Four(type(part.view)):  # type: ignore[misc]
        per_example = 4

    view = Four(part.view.suite, part.view.result)
    assert provenance.cell(replace(part, view=view)).values[0].text == "3 of 3"


def test_a_cell_says_how_its_method_did_in_conformance_checks(dives: Board) -> None:
    (part, _) = next(e for e in dives.entries if e.row.method == "deep").parts
    at = provenance.COLUMNS.index("Conformance")
    assert provenance.cell(part).values[at].text == "not run"
    checks = (CheckOutcome("check_a", "passed"), CheckOutcome("check_b", "failed", "no"))
    found = Conformance("a" * 32, "b" * 32, "c" * 64, "{}", "2026-01-02T03:04:05+00:00", "cpu", 0.1, checks)

    def told(outcome: Conformance) -> tuple[str, str]:
        view = CellView(part.view.suite, replace(part.view.result, conformance=outcome))
        cell = provenance.cell(replace(part, view=view)).values[at]
        return cell.text, cell.detail

    assert told(found) == ("failed", "check_b; 2 checks on cpu, 2026-01-02")
    assert told(replace(found, checks=checks[:1])) == ("passed", "1 check on cpu, 2026-01-02")
