"""The results that come with the package: brought in once, named, counted, and told from suites without any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trustdm.bench import shipped
from trustdm.bench.plugins import load_suite
from trustdm.bench.store.store import Store


def test_they_are_brought_in_once_and_their_labs_are_named(tmp_path: Path) -> None:
    files = list(shipped.measured().glob("*/*.json"))
    cells = [cell for file in files for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]
    with Store.open(tmp_path / "bench.db") as store:
        added = shipped.import_shipped(store)
        assert added == sum(len(cell["blocks"]) for cell in cells) > 0
        assert shipped.import_shipped(store) == 0
        labs = {lab.id: lab.name for lab in store.labs() if not lab.own}
        assert labs == {cell["lab"]: shipped.SHIPPED for cell in cells}


def test_a_name_that_was_given_stays(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bench.db") as store:
        shipped.import_shipped(store)
        lab = next(lab.id for lab in store.labs() if not lab.own)
        store.name_lab(lab, "Delft")
        shipped.import_shipped(store)
        assert next(known.name for known in store.labs() if known.id == lab) == "Delft"


def test_nothing_to_bring_in_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "measured", lambda: tmp_path)
    with Store.open(tmp_path / "bench.db") as store:
        assert shipped.import_shipped(store) == 0 and len(store.labs()) == 1


def test_rows_of_a_suite_are_its_files() -> None:
    assert shipped.shipped_rows(load_suite("digits-linf")) == 2
    assert shipped.shipped_rows(load_suite("imagenet-certified")) == 0


def test_a_suite_is_tested_by_a_whole_result_of_its_content_here_or_shipped() -> None:
    suite = load_suite("digits-linf")
    assert not shipped.untested(suite)
    assert shipped.untested(load_suite("imagenet-certified"))
    assert not shipped.untested(load_suite("imagenet-certified"), full_rows=1)


@pytest.mark.parametrize("change", ["content", "part"])
def test_results_of_other_content_or_of_a_part_do_not_count(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shipped.measured() / "digits-linf" / "digits-standard.json"
    value = json.loads(source.read_text(encoding="utf-8"))
    if change == "content":
        value["cells"][0]["identity"]["suite_digest"] = "0" * 64
    else:
        del value["cells"][0]["blocks"][-1]
    (tmp_path / "digits-linf").mkdir()
    (tmp_path / "digits-linf" / source.name).write_text(json.dumps(value), encoding="utf-8")
    monkeypatch.setattr(shipped, "measured", lambda: tmp_path)
    assert shipped.untested(load_suite("digits-linf"))


def test_the_demo_takes_the_suites_that_declare_a_size_for_it() -> None:
    chosen = shipped.demo_suites()
    assert "mnist16-linf" in chosen and "imagenet-certified" not in chosen
    assert all(load_suite(name).size.demo > 0 for name in chosen)
