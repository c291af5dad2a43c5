"""Stores to test with: SQLite always, PostgreSQL too where TRUSTDM_TEST_POSTGRES is the URL of an empty database."""

from __future__ import annotations

import importlib.util
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy

from trustdm.bench.store import runfiles
from trustdm.bench.store.store import Store

SERVER = os.environ.get("TRUSTDM_TEST_POSTGRES", "")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"store_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    return _load(Path(__file__).with_name("sample.py"))


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVER else [])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be created; nothing is there yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "results" / "bench.db")
        return
    schema = f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(SERVER)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    address = sqlalchemy.make_url(SERVER).update_query_dict({"options": f"-csearch_path={schema}"})
    yield address.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    with Store.open(url, artefacts=tmp_path / "results" / "artefacts") as opened:
        yield opened


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """Another store, which has nothing yet."""
    with Store.open(tmp_path / "other" / "bench.db") as opened:
        yield opened


@pytest.fixture
def exported(store: Store, tmp_path: Path, sample: ModuleType) -> Path:
    """The run files of the sample."""
    sample.fill(store)
    runfiles.export(store, tmp_path / "out")
    return tmp_path / "out"
