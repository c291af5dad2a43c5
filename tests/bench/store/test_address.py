"""A database is named without whatever lets one in, in messages, in what is stored and in what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from trustdm.bench.errors import StoreError
from trustdm.bench.store.address import shown, without
from trustdm.bench.store.store import Store


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("results/bench.db", "results/bench.db"),
        ("sqlite:////tmp/x.db?mode=ro", "sqlite:////tmp/x.db"),
        ("postgresql+psycopg://ann:s3cret@h:5432/x?password=s3cret&user=ann", "postgresql+psycopg://h:5432/x"),
        ("postgresql://ann:s3c/ret@h/x", "postgresql://h/x"),
        ("postgresql://ann:s3c@ret@h/x", "postgresql://***"),
        ("postgresql://ann:s3c@r/et@h/x", "postgresql://***"),
        ("postgresql://ann:s3cret@h:port/x", "postgresql://***"),
        ("://ann:s3cret", "://***"),
    ],
)
def test_no_credentials_are_shown(where: str, said: str) -> None:
    assert shown(where) == said


def test_what_a_server_repeats_is_left_out() -> None:
    url = make_url("postgresql://ann:s3cret@h/x?sslpassword=other")
    said = 'password authentication failed for user "ann" (s3cret, other)'
    assert without(url, said) == "password authentication failed for that user (***, ***)"


WRONG = [
    "sqlite:///a.db?bogus=1",
    "sqlite:///a.db?timeout=x",
    "sqlite:///a.db?timeout=5&timeout=6",
    "sqlite:///a.db?check_same_thread=maybe",
    "sqlite:///a.db?cached_statements=zz",
    "sqlite:///a.db?uri=maybe",
    "sqlite:///file:a.db?uri=true&mode=bogus",
    "sqlite+aiosqlite:///a.db",
    "sqlite+pysqlcipher://:s3cret@/a.db",
    "sqlite://u:s3cret@host/a.db",
    "postgresql+asyncpg://u:s3cret@h/x",
    "postgresql://u:s3cret@h:port/x",
    "postgresql+psycopg://u:s3cret@127.0.0.1:1/x?bogus=s3cret",
    "mysql://u:s3cret@h/x",
    "sqlite:////dev/zero",
    "://u:s3cret@h",
]


@pytest.mark.parametrize("where", WRONG)
def test_a_url_that_cannot_be_used_is_one_line(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as caught:
        Store.open(where)
    assert "s3cret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_pipe_is_no_database(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.db")
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"a.db: (expected a SQLite file, got something else|no such database)"):
            Store.open(tmp_path / "a.db", read_only=read_only)
