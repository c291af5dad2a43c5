"""list and show: tables, JSON, what strangers wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers import TEMPLATES, TINY, plugin


def test_listing_as_json(trustdm: Any) -> None:
    listed = json.loads(trustdm("list", "--json").out)
    assert {s["name"] for s in listed["suite"]} >= {"digits-linf", "mnist16-linf", "cifar10-linf"}
    assert {m["name"] for m in listed["method"]} >= {"digits-standard", "mnist16-pgd-at"}
    shown = json.loads(trustdm("show", "mnist16-standard", "--json").out)
    assert shown["kind"] == "method" and shown["card"]["classes"] == 10


def test_a_card_is_never_read_as_markup(trustdm: Any, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x.flatten(1)[:, :10] * 1.0", card=", summary='[/red] [bold]loud[/bold]'")
    ran = trustdm("list", "--plugin", path)
    assert ran.code == 0 and "[/red] [bold]loud[/bold]" in ran.out


def test_what_only_the_database_knows_can_be_shown(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    assert json.loads(trustdm("show", "tiny", "--json").out)[0]["method"] == "templates"
    shown = json.loads(trustdm("show", "templates", "--json").out)
    assert shown["kind"] == "method" and len(shown["rows"]) == 1


def test_a_row_as_json(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    (row,) = json.loads(trustdm("show", TINY, "--json").out)
    assert row["method"] == "templates" and row["completeness"] == "preview" and row["origin"] == "measured"
    assert (row["currency"], row["verification"], row["rank_low"], row["rank_high"]) == ("current", "unverified", 1, 1)
    assert set(row["metrics"]["clean_accuracy"]) == {"value", "low", "high", "n"}
    assert row["metrics"]["clean_accuracy"]["n"] == 8 and row["cost"]["forwards"] > 0


def test_tasks_and_capabilities_are_listed(trustdm: Any) -> None:
    listed = json.loads(trustdm("list", "--json").out)
    assert [t["name"] for t in listed["task"]] == ["certification", "generation", "robustness"]
    assert {c["name"] for c in listed["capability"]} >= {"classify", "sample", "classify_noisy", "denoise"}
    asks = {s["name"]: (s["task"], s["asks"]) for s in listed["suite"]}
    assert asks["mnist16-linf"] == ("robustness", "L∞ robustness, ε = 3/20")
    assert asks["mnist16-certified"] == ("certification", "certified L2 radius")
    assert asks["digits-generation"] == ("generation", "class-conditional generation")
    assert trustdm("show", "robustness").out.startswith("task robustness\n")


def test_a_suite_is_explained(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    shown = trustdm("show", TINY).out
    assert "adversary: L∞ robustness, ε = " in shown and "wins when: " in shown and "none: alone in its group" in shown


def test_published_numbers_come_with_their_source(trustdm: Any) -> None:
    assert trustdm("show", "no-such-suite", "--reported").code == 1
    shown = trustdm("show", "cifar10-generation", "--reported")
    assert shown.code == 0 and "reported, not measured here" in shown.out
    assert json.loads(trustdm("show", "cifar10-generation", "--reported", "--json").out)


def test_the_rows_of_a_method_are_one_table_for_each_suite(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    assert trustdm("run", TINY, "--plugin", TEMPLATES, "--method", "templates:scale=2.0", "--limit", 8).code == 0
    shown = trustdm("show", "templates").out
    assert shown.count("tiny v1, ranked by ") == 1
    assert "│ templates " in shown and "│ templates:scale=2.0 " in shown


def test_wide_shows_every_metric(trustdm: Any, tiny: Any) -> None:
    assert tiny().code == 0
    metrics = json.loads(trustdm("show", TINY, "--json").out)[0]["metrics"]
    heading = next(line for line in trustdm("show", TINY, "--wide").out.splitlines() if "rank " in line)
    assert heading.count("┃") - 1 == len(metrics) + len(("rank", "method", "n", "marks", "flags"))


def test_an_empty_board_says_how_to_fill_it(trustdm: Any, tiny: Any) -> None:
    ran = trustdm("show", TINY)
    assert ran.code == 0 and f"no rows yet; measure some: trustdm run {TINY} --limit 8" in " ".join(ran.out.split())
    assert "rank" not in ran.out and "baselines" not in ran.out
    ran = trustdm("show", "digits-linf")
    assert "no rows yet; measure some: trustdm run digits-linf --limit 8" in ran.out
    assert "2 full-size rows come with trustdm; bring them in: trustdm baselines" in ran.out
    assert trustdm("show", "digits-linf", "--json").out == "[]\n"
    brought = trustdm("baselines")
    assert brought.code == 0 and "blocks of the shipped results added; suites: digits-linf, " in brought.out
    assert "baselines" not in trustdm("show", "digits-linf").out and "0 blocks" in trustdm("baselines").out
