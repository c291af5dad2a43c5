"""Files of strangers, opened without surprises: regular files only, and no more of them than a limit says.

A named pipe would be waited for, a device read without end, a folder or socket is none. Whatever is refused is an
``OSError`` whose ``strerror`` says what was found: whoever reports an unreadable file reports these as well.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

MOST_TEXT = 256 << 20
"""Bytes of the largest text that is read (a suite, a split file, a log)."""
KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def expanded(text: str | Path) -> Path:
    """The path that ``text`` is, with a home folder in the place of its ``~``; as it is where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def there(path: Path) -> bool:
    """Whether something is at ``path``; nothing is where no name can be."""
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def open_plain(path: Path, *, links: bool = True) -> BufferedReader:
    """The regular file at ``path``, opened for reading; without ``links`` the last part may not be a link either.

    Raises:
        OSError: it cannot be read, or is something else than a regular file.
    """
    try:
        _check(path, path.stat(follow_symlinks=links))
        # not blocking, and looked at again: what lies there may be another thing by now
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags | (0 if links else getattr(os, "O_NOFOLLOW", 0)))
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, "a name that no file can have", str(path)) from error
    try:
        _check(path, os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _check(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        kind = next((words for test, words in KINDS if test(found.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"{kind}, and no regular file", str(path))


def read_plain(path: Path, most: int = MOST_TEXT, *, links: bool = True) -> bytes:
    """The bytes of a regular file of at most ``most`` bytes.

    Raises:
        OSError: it cannot be read, is something else, or is larger.
    """
    with open_plain(path, links=links) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"a file of more than {most:,} bytes", str(path))
    return content
