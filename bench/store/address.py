"""Where a database is: a path or a URL, which is shown and stored without whatever lets one in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SAWarning

from trustdm.bench.arrayfiles import reason
from trustdm.bench.errors import StoreError

DRIVERS: Final = {"sqlite": ("pysqlite",), "postgresql": ("psycopg", "psycopg2")}
"""The databases there are, and what reaches them; others (asynchronous ones) do not do what is asked of them here."""
HIDDEN: Final = "***"


def parse(where: str) -> URL:
    """The URL that ``where`` is, or the SQLite URL of the path that it is.

    Raises:
        StoreError: not a URL, or of a database or a driver that is not supported.
    """
    if "://" not in where:
        return URL.create("sqlite", database=where)
    try:
        url = make_url(where)
        name = url.get_backend_name()
        if name not in DRIVERS:
            raise StoreError(f"{shown(where)}: expected a database of {' or '.join(DRIVERS)}, got {name}")
        url.get_dialect()
        driver = url.get_driver_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        problem = without(where, reason(error).replace(where, shown(where)))
        raise StoreError(f"{shown(where)}: expected a path or a database URL, got {problem}") from error
    if driver not in DRIVERS[name]:
        raise StoreError(f"{shown(where)}: expected the driver {' or '.join(DRIVERS[name])}, got {driver}")
    return url


def shown(where: str | URL) -> str:
    """A path as it is; of a URL kind, host, port and database, without user, password and options.

    Of one that cannot be taken apart only what it is of: the rest may be anything.
    """
    if isinstance(where, str) and "://" not in where:
        return where
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        return f"{str(where).partition('://')[0][:40]}://{HIDDEN}"
    parts = (url.host or "", url.database or "")
    if url.get_backend_name() != "sqlite" and any("@" in part for part in parts):  # a password with such letters
        return f"{url.drivername}://{HIDDEN}"
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def without(where: str | URL, text: str) -> str:
    """``text`` without the user and the password of a URL, as a server or a driver may repeat them."""
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        return HIDDEN
    for key, value in (("password", url.password), *url.query.items()):
        if value and isinstance(value, str) and (key == "password" or "pass" in key.lower()):
            text = text.replace(value, HIDDEN)
    return text.replace(f'user "{url.username}"', "that user") if url.username else text


@contextmanager
def usable(url: URL) -> Iterator[None]:
    """What is done for the first time with a URL: its options go to the driver as they are, which may not know them.

    Raises:
        StoreError: the driver is missing, or raised whatever it raises for options that it does not take.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)  # an option that would be passed over
            yield
    except StoreError:
        raise
    except ModuleNotFoundError as error:
        raise StoreError(f"{shown(url)}: the driver is missing; `pip install psycopg[binary]`, {error}") from error
    except Exception as error:
        problem = without(url, reason(getattr(error, "orig", None) or error))
        expected = "a database URL with options that its driver takes"
        raise StoreError(f"{shown(url)}: expected {expected}, got {problem}") from error
