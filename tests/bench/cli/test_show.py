"""list and show: tables, JSON, what strangers wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import TEMPLATES, TINY, plugin

from trustdm.bench.summary import cache


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


def test_what_a_card_says_is_no_order_to_the_terminal(trustdm: Any, tmp_path: Path) -> None:
    evil = r"\x1b[31mred\x1b]0;x\x07 \u202egnp.\u2066x"
    card = f', summary="{evil}", title="{evil}", paper="{evil}", tags=("{evil}",)'
    path = plugin(tmp_path, "return x.flatten(1)[:, :10] * 1.0", card=card)
    for words in (("show", "broken"), ("show", "broken", "--json"), ("list", "--wide"), ("show", "bro\x1b[31m")):
        ran = trustdm(*words, "--plugin", path)
        assert {c for c in ran.out + ran.err if not c.isprintable()} <= {"\n"}, words
    card = json.loads(trustdm("show", "broken", "--json", "--plugin", path).out)["card"]
    assert card["title"] == evil.encode().decode("unicode_escape")


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


def test_a_method_says_what_may_be_given_to_it(trustdm: Any) -> None:
    """Sampler names and options, defaults, and the text to type for each variant."""
    shown = trustdm("show", "mnist16-edm")
    assert shown.code == 0 and "predictor-corrector" in shown.out and "guidance" in shown.out and "rho" in shown.out
    assert "  --method mnist16-edm:sampler=heun,guidance=1.2\n" in shown.out
    told = json.loads(trustdm("show", "mnist16-edm:sampler=ddim", "--json").out)
    eta = next(p for p in told["parameters"] if p["name"] == "eta")
    assert eta["default"] == 0.0 and not eta["required"] and "stochastic-heun" in told["parameters"][0]["choices"]


def test_an_attack_says_what_may_be_given_to_it(trustdm: Any) -> None:
    shown = trustdm("show", "apgd-ce").out
    assert "eot" in shown and "restarts" in shown and "[[evaluations.autoattack.attacks]]" in shown


def test_parameters_that_do_not_exist_are_one_line(trustdm: Any) -> None:
    for text, said in [
        ("mnist16-edm:sampler=hein", "expected one of euler, heun"),
        ("mnist16-edm:rh=7", "expected one of sampler, guidance"),
        ("mnist16-edm:all", "expected NAME:key=value"),
        ("denoised-smoothing:classifier=mnist16-standard", "denoiser: expected a value, got none"),
        ("nobody:x=1", "unknown name 'nobody:x=1'"),
    ]:
        shown = trustdm("show", text)
        assert shown.code == 1 and said in shown.err and shown.err.count("\n") == 1, shown.err


def test_showing_what_is_built_in_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from trustdm.bench.cli import main\n"
        "from trustdm.bench.plugins import load\n"
        "registry = load(installed=False).registry\n"
        "for kind in ('method', 'attack', 'weight_attack', 'dataset', 'protocol'):\n"
        "    for name in registry.names(kind):\n"
        "        assert main.main(['show', name]) == 0, name\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("\nFalse\n"), done.stderr


def test_a_plugin_may_import_torch(trustdm: Any, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x.flatten(1)[:, :10]", card=", variants=('[red]x=1',)")
    shown = trustdm("show", "broken", "--plugin", path)
    assert shown.code == 0 and "  --method broken:[red]x=1\n" in shown.out


def test_what_was_summed_up_once_is_not_summed_up_again(
    trustdm: Any, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tiny().code == 0
    first = trustdm("show", "templates").out

    def again(*_: object) -> None:
        raise AssertionError("facts were computed again")

    monkeypatch.setattr(cache, "facts", again)
    ran = trustdm("show", "templates")
    assert ran.code == 0 and ran.out == first and "templates" in trustdm("show", TINY).out


def test_a_suite_without_published_numbers_is_not_unknown(trustdm: Any) -> None:
    ran = trustdm("show", "digits-generation", "--reported")
    assert ran.code == 1 and ran.err.startswith(
        "trustdm: digits-generation: no published numbers are known of this suite;"
    )
