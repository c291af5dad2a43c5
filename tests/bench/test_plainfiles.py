"""Regular files are read, up to a limit; nothing else is opened, waited for or read without end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from trustdm.bench.hashing import sha256_file
from trustdm.bench.plainfiles import expanded, open_plain, read_plain, there


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert read_plain(tmp_path / "a", 3) == b"abc"
    with pytest.raises(OSError, match="a file of more than 2 bytes"):
        read_plain(tmp_path / "a", 2)


def test_a_link_is_followed_where_links_are_welcome(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    assert read_plain(tmp_path / "b") == b"abc"
    with pytest.raises(OSError, match="a symbolic link, and no regular file"):
        open_plain(tmp_path / "b", links=False)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipes").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        wrong = {"pipe": "a named pipe", "pipes": "a named pipe", "s": "a socket"}
        for name, kind in wrong.items():
            with pytest.raises(OSError, match=f"{kind}, and no regular file"):
                open_plain(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        open_plain(tmp_path)
    with pytest.raises(OSError, match="a device"):
        sha256_file(Path("/dev/zero"))


@pytest.mark.parametrize("name", ["a\0b", "n" * 300, "no/such/file"])
def test_a_name_that_cannot_be_is_no_file(name: str) -> None:
    with pytest.raises(OSError):
        read_plain(Path(name))
    assert not there(Path(name))


def test_no_such_user_is_no_home() -> None:
    assert expanded("~nosuchuser/x") == Path("~nosuchuser/x")
    assert expanded("~/x").is_absolute()
