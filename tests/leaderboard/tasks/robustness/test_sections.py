"""What the page of a method shows of its attacks, in turn and each by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from defences import PURIFIERS, small_suite


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trustdm.bench.cli.main import main

    folder = tmp_path_factory.mktemp("site")
    suite, database = small_suite(folder), folder / "bench.db"
    chosen = [
        "--plugin",
        str(PURIFIERS),
        "--method",
        "honest",
        "--method",
        "whole",
        "--limit",
        "8",
        "--db",
        str(database),
    ]
    assert main(["run", str(suite), *chosen]) == 0
    assert main(["publish", "--suite", str(suite), "--db", str(database), "--out", str(folder / "site")]) == 0
    return folder / "site"


def table(page: Path) -> dict[str, list[str]]:
    """The table of the attacks by the first cell of each line."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    (heading,) = [
        h
        for h in soup.find_all(["h2", "h3", "h4", "summary"])
        if h.get_text(strip=True).startswith("Under each attack")
    ]
    lines = heading.find_next("table").find_all("tr")
    cells = [[c.get_text(" ", strip=True) for c in line.find_all(["th", "td"])] for line in lines]
    return {first: rest for first, *rest in cells}


def test_each_attack_run_and_end_has_a_line(site: Path) -> None:
    lines = table(site / "methods" / "honest.html")
    assert lines["Attack"] == ["Mean over draws", "Majority of draws", "Worst draw", "Largest perturbation"]
    assert {"clean", "pgd-eot", "pgd-eot-last", "pgd-eot.2", "fixed-noise"} <= set(lines)
    assert lines["pgd-eot"][3] == "0.1" and lines["clean"][3] == ""
    assert all("%" in value for value in lines["apgd-eot"][:3])


def test_an_attack_that_could_not_be_mounted_has_no_number(site: Path) -> None:
    lines = table(site / "methods" / "whole.html")
    assert not any("%" in value for value in lines["transfer"]) and "%" in lines["pgd-eot"][0]


def test_attacked_images_are_shown(site: Path) -> None:
    text = (site / "methods" / "honest.html").read_text(encoding="utf-8")
    assert "Attacked images, adaptive" in text
