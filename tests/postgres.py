"""A PostgreSQL server of its own for tests: on a socket in a temporary folder, without the rights of root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USERS = ("postgres", "nobody")
"""Whose rights the server gets where root starts it: it refuses those of root."""


def lacking() -> str:
    """Why no server can be started here; empty if one can."""
    if importlib.util.find_spec("psycopg") is None:
        return "no psycopg: pip install 'psycopg[binary]'"
    if _folder() is None:
        return "no PostgreSQL: apt-get install postgresql"
    if os.geteuid() == 0 and _user() is None:
        return f"root, and none of the users {', '.join(USERS)} to run PostgreSQL as"
    return ""


def _folder() -> Path | None:
    """Where initdb and pg_ctl are; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "pg_ctl").is_file()), None)


def _user() -> str | None:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in USERS if name in known), None)


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database; the server ends with the block. Call it where ``lacking`` says nothing."""
    folder, user = _folder(), _user() if os.geteuid() == 0 else None
    assert folder is not None
    root = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: that of a socket has at most 107 letters
    if user:
        shutil.chown(root, user)

    def call(*words: str) -> None:
        subprocess.run(
            [str(folder / words[0]), *words[1:]],
            check=True,
            user=user,
            extra_groups=[] if user else None,
            cwd=root,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )

    data = str(root / "data")
    try:
        call("initdb", "-D", data, "-U", "trustdm", "-A", "trust", "-E", "UTF8", "--no-sync")
        call("pg_ctl", "-D", data, "-w", "-l", str(root / "log"), "-o", f"-c listen_addresses= -k {root} -F", "start")
        try:
            call("createdb", "-h", str(root), "-U", "trustdm", "bench")
            yield f"postgresql+psycopg://trustdm@/bench?host={root}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)
