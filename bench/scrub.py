"""Texts without what belongs to a machine or to somebody: folders, credentials, hosts, names of users.

Of a path the last part stays, of a database its kind and its name; addresses of web pages stay, but for credentials.
Numbers such as 8/255 are no paths. Standard library only.
"""

from __future__ import annotations

import getpass
import re
import socket
from functools import cache

_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*):(//+)([^\s'\"<>]+)")
_WEB = {"http", "https"}
_UNIX = re.compile(r"(?<![\w/.~-])(?:~[\w.-]*)?/(?:[^\s/'\"<>|;,:()\[\]]+/)*([^\s/'\"<>|;,:()\[\]]*)")
_WINDOWS = re.compile(r"(?<![\w/])[A-Za-z]:[\\/](?:[^\s\\/'\"<>|;,:]+[\\/])*([^\s\\/'\"<>|;,:]*)")
_COMMON = {"root", "user", "admin", "ubuntu", "runner", "localhost", "main", "test"}
"""Names that say nothing about anybody, and are words of other texts."""
SHORTEST = 4


def scrubbed(text: str) -> str:
    """``text`` without folders, credentials, hosts, user names; scrubbing once more changes nothing."""
    before = ""
    while text != before:  # what is left of one path may look like another; every round makes the text shorter
        before, text = text, _UNIX.sub(_last, _WINDOWS.sub(r"\1", _URL.sub(_address, text)))
    for name, mask in _names().items():
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", mask, text)
    return text


def _address(match: re.Match[str]) -> str:
    scheme, slashes, rest = match.groups()
    if scheme.lower() in _WEB:
        host, slash, path = rest.partition("/")
        return f"{scheme}:{slashes}{host.rpartition('@')[2]}{slash}{path}"
    name = re.split(r"[?#]", rest)[0].rstrip("/").rpartition("/")[2]
    return f"{scheme}:{name.rpartition('@')[2]}"


def _last(match: re.Match[str]) -> str:
    """The last part of a path; a lone slash is none."""
    whole = match.group(0)
    return whole if whole == "/" else match.group(1) or whole.rstrip("/").rpartition("/")[2]


@cache
def _names() -> dict[str, str]:
    """The names of this user and this host, unless they are words that say nothing, with what stands for them."""
    names = {}
    for read, mask in ((getpass.getuser, "USER"), (socket.gethostname, "HOST")):
        try:
            name = read()
        except (OSError, KeyError, ImportError):
            continue
        if len(name) >= SHORTEST and name.lower() not in _COMMON:
            names[name] = mask
    return names
