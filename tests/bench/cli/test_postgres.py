"""From the command line to pages on a real PostgreSQL, artefacts included."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy
from helpers import TEMPLATES, TINY

REQUIRED = bool(os.environ.get("TRUSTDM_REQUIRE_POSTGRES"))
pytestmark = pytest.mark.skipif(bool(postgres.lacking()) and not REQUIRED, reason=postgres.lacking() or "required")


@pytest.fixture
def url() -> Iterator[str]:
    assert not postgres.lacking()
    with postgres.server() as url:
        yield url


def exported(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_run_is_measured_checked_exported_published_and_imported(
    url: str, tiny: Any, trustdm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTDM_DB", url)
    assert tiny().code == 0
    assert list((tmp_path / "results/artefacts").glob("??/*.bin")), "beside the working folder where nothing is said"
    assert trustdm("db", "check").code == 0
    assert "templates" in trustdm("show", TINY, "--plugin", TEMPLATES).out
    assert trustdm("export", "runs").code == 0
    assert trustdm("publish", "--out", "site").code == 0
    assert (tmp_path / "site/suites/tiny.html").is_file()
    assert any(name.endswith(".npz") for name in exported(tmp_path / "runs"))
    assert exported(tmp_path / "site/data/runs") == exported(tmp_path / "runs")
    assert trustdm("import", "runs", "--db", "copy.db").code == 0
    assert trustdm("db", "check", "--db", "copy.db").code == 0
    assert trustdm("export", "again", "--db", "copy.db").code == 0
    for name in exported(tmp_path / "runs"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "runs" / name).read_bytes()
    again = tiny()
    assert again.code == 0 and "0 blocks" not in again.err


def test_artefacts_lie_where_the_url_says_and_an_edit_is_found(
    url: str, tiny: Any, trustdm: Any, tmp_path: Path
) -> None:
    there = f"{url}&artefacts={tmp_path / 'kept'}"
    assert tiny("--db", there).code == 0
    assert list((tmp_path / "kept").glob("??/*.bin")) and not (tmp_path / "results/artefacts").exists()
    assert trustdm("db", "check", "--db", there).code == 0
    elsewhere = trustdm("db", "check", "--db", url)
    assert elsewhere.code == 1 and "got none at results/artefacts; say where they are" in elsewhere.err
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE record SET value = value + 1 WHERE value IS NOT NULL")
    engine.dispose()
    said = trustdm("db", "check", "--db", there)
    assert said.code == 1 and "cell 1, block 0..8: expected the digest " in said.err
