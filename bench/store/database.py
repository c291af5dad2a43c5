"""Connections: how a URL is opened, how a transaction begins, and the one line that a database error becomes.

Writers take turns: ``BEGIN IMMEDIATE`` on SQLite, an advisory lock on PostgreSQL; so two processes never race to
create the same row. SQLite runs with WAL and synchronous=FULL: a committed block survives kill -9 and, where the disk
keeps its promises, loss of power (one fsync a block is nothing beside the block's own cost).
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from trustdm.bench.errors import StoreError
from trustdm.bench.store import migrations, sealing
from trustdm.bench.store.address import parse, shown, usable, without

LOCK = 0x7472_7573
"""The number of the advisory lock that writers hold on PostgreSQL."""

LONGEST = 1000
"""Characters of a name in a message."""

LITTLE = 2**16
"""Bytes that SQLite needs to begin a transaction, and more."""

ADVICE = {
    "locked": "another process held it for too long; wait for that one, then run the same command again",
    "lock timeout": "another process held it for too long; wait for that one, then run the same command again",
    "readonly": "it cannot be written here; give --db another place, or make this one writable",
    "read-only": "it cannot be written here; give --db another place, or make this one writable",
    "full": "free some space, then run the same command again: what was committed is kept",
    "disk i/o": "the disk refused; check its space and health, then run the same command again",
    "too long": "give --db another place",
    "no space": "free some space, then run the same command again: what was committed is kept",
    "not a database": "expected a SQLite file; give --db another path",
    "malformed": "the file is damaged; restore it from a copy, or import the exported run files into a new one",
    "unable to open": "expected a file in a folder that can be written; give --db another place",
}


@dataclass(frozen=True)
class Database:
    """An open database; ``name`` is its path, or its URL without user, password and options."""

    engine: Engine
    name: str
    read_only: bool

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout.

        Raises:
            StoreError: the database cannot be read.
        """
        options: dict[str, Any] = {}
        if self.engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        with (
            explained(self.name, self.engine.url),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer runs beside; committed as a whole at the end, or not at all.

        Raises:
            StoreError: the database cannot be written, is locked, or its disk is full.
        """
        if self.read_only:
            raise StoreError(f"{self.name}: opened for reading only")
        with (
            explained(self.name, self.engine.url),
            self.engine.connect().execution_options(trustdm_write=True) as connection,
            connection.begin(),
        ):
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            yield connection

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


@contextmanager
def explained(name: str, url: URL | None = None) -> Iterator[None]:
    """Turns what a user can put right (lock, disk, permission, damage) into a StoreError of one line.

    A broken constraint and wrong SQL are bugs, and stay what they are.
    """
    try:
        yield
    except (DataError, IntegrityError, ProgrammingError):
        raise
    except UnicodeDecodeError as error:  # where sqlite3 quotes a damaged name in its own message
        raise StoreError(f"{name}: {_line(f'malformed text: {error}')}") from error
    except (DatabaseError, OSError, sqlite3.DatabaseError) as error:
        message = str(getattr(error, "strerror", None) or getattr(error, "orig", error))
        message = message if url is None else without(url, message)
        told = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
        raise StoreError(f"{told}: {_line(message + _space(name, message))}") from error


def _space(name: str, message: str) -> str:
    """What SQLite keeps to itself: that its "disk I/O error" was for want of space."""
    folder = Path(name).parent
    if "disk I/O" not in message or not folder.is_dir() or shutil.disk_usage(folder).free > LITTLE:
        return ""
    return " (the disk is full)"


def _line(message: str) -> str:
    advice = next((a for sign, a in ADVICE.items() if sign in message.lower()), "")
    return f"{message.strip().splitlines()[0]}{'; ' + advice if advice else ''}"


def open_database(where: str, *, read_only: bool, must_exist: bool = False, timeout: float) -> Database:
    """The database of a URL, or of a path (SQLite); created and brought to today's schema where it may be written.

    ``must_exist`` refuses a SQLite path where nothing is, even for writing.

    Raises:
        StoreError: no database, not ours, newer than this code, or not writable.
    """
    url = parse(where)
    if url.get_backend_name() == "sqlite":
        database = _open_sqlite(url, read_only, must_exist, timeout)
    else:
        database = Database(_postgresql(url, read_only, timeout), shown(url), read_only)
    try:
        with _named(database.name):
            with usable(url), explained(database.name, url), database.engine.connect():
                pass
            _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        if str(error).startswith(name):
            raise
        raise StoreError(f"{name}: {error}") from error


def _prepare(database: Database) -> None:
    if database.read_only:
        with database.reading() as connection:
            _readable(migrations.version(connection))
        return
    _prefer_wal(database)
    while True:
        with database.writing() as connection:
            if not migrations.step(connection):
                sealing.complete(connection)
                connection.execute(text("UPDATE schema_version SET version = version"))
                return


def _readable(found: int) -> None:
    migrations.check_version(found)
    if found < migrations.READABLE:
        raise StoreError(
            f"expected schema {len(migrations.STEPS)}, got {found}; open it for writing once to bring it up"
        )


def _open_sqlite(url: URL, read_only: bool, must_exist: bool, timeout: float) -> Database:
    name = url.database or ":memory:"
    if name != ":memory:" and not name.startswith("file:"):
        with explained(name):
            url = _of_file(url, Path(name), read_only, must_exist)
    with usable(url):
        engine = create_engine(url, connect_args={"timeout": timeout})
    event.listen(engine, "connect", _set_up(timeout, read_only))
    event.listen(engine, "begin", _begin)
    return Database(engine, name, read_only)


def _of_file(url: URL, path: Path, read_only: bool, must_exist: bool) -> URL:
    """The URL that a file is opened by, in the way that it can be; the folder of one to be written is made.

    Raises:
        StoreError: nothing is there that is to be read, or something that is no file.
        OSError: no file can be there.
    """
    if (read_only or must_exist) and not path.is_file():
        raise StoreError(f"{path}: no such database; `trustdm run` creates one")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise StoreError(f"{path}: expected a SQLite file, got something else; give --db another path")
    if read_only:
        return URL.create("sqlite", database=f"file:{quote(str(path))}", query={"uri": "true"} | _mode(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return url


def _mode(path: Path) -> dict[str, str]:
    """Plain read-only; "immutable" where the folder is read-only too, for WAL needs a file beside the database."""
    with (
        closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as probe,
        suppress(sqlite3.DatabaseError, UnicodeDecodeError),
    ):
        try:
            probe.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            log = path.with_name(path.name + "-wal")
            if not log.exists() or log.stat().st_size == 0:
                return {"immutable": "1"}
    return {"mode": "ro"}


def _set_up(timeout: float, read_only: bool) -> Any:
    def listener(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "foreign_keys = ON",
            f"busy_timeout = {int(timeout * 1000)}",
            "synchronous = FULL",
            f"query_only = {'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    return listener


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("trustdm_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _prefer_wal(database: Database) -> None:
    """Turns WAL on; a file system that cannot have it keeps SQLite's rollback journal, which is as safe.

    SQLite does not wait for others when it changes this mode, so the waiting is done here.
    """
    if database.engine.dialect.name != "sqlite":
        return
    with explained(database.name), database.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        deadline = time.monotonic() + raw.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
        while raw.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
            try:
                raw.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    return
                if time.monotonic() > deadline:
                    raise StoreError(f"{database.name}: {_line(str(error))}") from error
            time.sleep(0.02)


def _postgresql(url: URL, read_only: bool, timeout: float) -> Engine:
    with usable(url):
        engine = create_engine(url)
    settings = [f"SET lock_timeout = {int(timeout * 1000)}"]
    settings += ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"] if read_only else []

    def listener(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(setting)
        connection.commit()

    event.listen(engine, "connect", listener)
    return engine
