"""docs/adding-a-task.md does what it says: its files are written, the package is installed, its commands are run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from outsiders import installed, trustdm

from trustdm.bench.store.store import Store

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "adding-a-task.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder in which every block was followed, and where the package was installed."""
    home = tmp_path_factory.mktemp("page")
    here, site = home / "here", Path()
    for language, how, text in BLOCK.findall(PAGE):
        if how.startswith("file="):
            path = here / how.removeprefix("file=")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            continue
        assert language == "sh"
        for line in text.splitlines():
            program, *words = line.split()
            if program == "trustdm":
                trustdm(here, *words, site=site)
            else:
                assert line == "pip install ."
                site = installed(here, home / "installed")
    return here, site


def test_the_numbers_are_those_of_the_records(used: tuple[Path, Path]) -> None:
    here, site = used
    rows = json.loads(trustdm(here, "show", "digits-sure.toml", "--json", site=site).stdout)
    assert {row["method"] for row in rows} == {"digits-standard", "digits-pgd-at"}
    with Store.open(str(here / "results" / "bench.db"), read_only=True) as store:
        for cell in store.cells():
            records = store.records(cell.id)
            assert len(records) == 128 and (records.value >= 0.1).all() and (records.value <= 1).all()
            wrong = sum(s == 1 and v >= 0.5 for s, v in zip(records.status, records.value, strict=True)) / 128
            (row,) = (row for row in rows if row["method"] == cell.identity.method)
            assert row["completeness"] == "full" and row["rank_low"] is not None
            assert np.isclose(row["metrics"]["wrong_at_half"]["value"], wrong)


def test_the_pages_say_what_the_metric_is(used: tuple[Path, Path]) -> None:
    here, _ = used
    page = (here / "site" / "suites" / "digits-sure.html").read_text(encoding="utf-8")
    assert "Sure and wrong" in page and "with a probability of at least 0.5" in page
    assert len(list((here / "runs").rglob("*.json"))) == 2


def test_a_file_with_the_task_needs_no_installation(used: tuple[Path, Path]) -> None:
    """As the page says of ``--plugin``: its neighbours are found beside it."""
    here, _ = used
    shown = trustdm(here, "show", "digits-sure.toml", "--plugin", "trustdm_sure/task.py", "--json", site=None)
    assert shown.stderr == "" and len(json.loads(shown.stdout)) == 2
