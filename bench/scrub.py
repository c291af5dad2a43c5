"""Texts without what belongs to a machine or to somebody: folders, credentials, hosts, names of users.

Of a path the last part stays, of a database its kind and its name; addresses of web pages stay, but for credentials
and queries. Numbers such as 8/255 and paths within a folder are left alone.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from functools import cache

from trustdm.bench.foreign import LONGEST, line, said

_WEB = {"http", "https"}
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,40}):(//+)([^\s'\"<>]+)")

_DATABASE = re.compile(r"\b((?:postgres|mysql|mariadb|oracle|mssql)[A-Za-z0-9+]*)://[^\s/@:]*:[^\n]*@", re.IGNORECASE)
"""The login of a database up to the last @ of the line: a password may hold anything, spaces and quotes too."""

_PART = r"[^\s/'\"<>|;,:()\[\]]"
_START = r"(?:(?<![\w/.~-])|(?<=[\s'\"=]-[A-Za-z])(?=/[^\s/]+/))"
"""Where a path may begin: not within a word, but for an option of one letter (``-I/usr/include``)."""
_UNIX = re.compile(rf"{_START}(?:~[\w.-]*|(?:[\w.-]+/+)*\.\.)?(?:(?<!:)/+|/)(?:{_PART}+/+)*({_PART}*)")
_DRIVE = r"(?:(?<![\w/])[A-Za-z]:[\\/]+|(?<![\w\\])\\\\+(?=[^\s\\/'\"]+[\\/]))"
"""A drive, or the two backslashes before the server of a share."""
_WINDOWS = re.compile(rf"{_DRIVE}(?:[^\s\\/'\"<>|;,:]+[\\/]+)*([^\s\\/'\"<>|;,:]*)")
_WORDS = r"[^\s\\/'\"<>|;:](?:[^\\/'\"<>|;:\n]*[^\s\\/'\"<>|;:])?"
_QUOTED = re.compile(rf"(?P<q>['\"])(?:~[\w.-]*/+|/+|[A-Za-z]:[\\/]+|\\\\+)(?:{_WORDS}[\\/]+)*({_WORDS})[\\/]*(?P=q)")
"""A whole path in quotes, whose parts may be several words."""

_KEYS = r"(?:token|password|passwd|passphrase|secret|api[_-]?key|access[_-]?key)"
_SECRET = re.compile(
    rf"(?i)(?<![\w-])([\w-]*{_KEYS}=|--[\w-]*{_KEYS}\s+|authorization:\s*\w+\s+)(?:'[^'\n]+'|\"[^\"\n]+\"|[^\s'\"]+)"
)
_KNOWN = re.compile(r"(?<![\w-])(?:hf_|gh[opsu]_|github_pat_|glpat-|sk-)[A-Za-z0-9_-]{16,}")
"""Tokens that say themselves what they are."""
_LOGIN = re.compile(
    r"(?<![\w.@/+-])[A-Za-z_][\w.-]*@(?!(?:main|master|latest|head)\b)[A-Za-z][\w-]{2,}(?:\.[\w-]+)*(?![\w@])", re.I
)
"""Somebody on a machine, or an address of electronic mail; a revision (``model@main``, ``hit@10``) is neither."""

_COMMON = {"root", "user", "admin", "ubuntu", "runner", "localhost", "main", "test", "host", "secret", "docker"}
_OURS = {
    "trustdm",
    "bench",
    "data",
    "diffusion",
    "export",
    "import",
    "leaderboard",
    "python",
    "pytest",
    "torch",
    "cuda",
}
"""Names that say nothing about anybody: those of many machines, and words of the texts that are written here."""
SHORTEST = 4
SHORT = 200
"""Letters of an exception's words in a reason."""
LEAST = 8
"""Letters of a value in the environment, whatever its variable is called, that is no ordinary word."""
_SECRET_NAME = re.compile(r"(?i)key|token|secret|pass|pwd|credential|auth|cookie|session")
_PUBLIC = re.compile(
    r"(?i)PATH|PWD|OLDPWD|HOME|SHELL|SHLVL|USER|LOGNAME|HOSTNAME|LANG|LANGUAGE|LC_\w+|TERM\w*|TZ|EDITOR|PAGER|DISPLAY|_|"
    r"(OMP|MKL|OPENBLAS|CUDA|NVIDIA|PYTORCH|PYTEST|TOX|UV|PIP|VIRTUAL|CONDA|XDG|LS)_\w+|PYTHON\w*|TRUSTDM_(?!DB)\w+|\w+_(VERSION|PATH|HOME|DIR)"
)
"""Variables whose values are words of every log, or places, which lose their folders anyway."""


def database_words(url: str) -> str:
    """Kind and name of the database at a URL; only its kind where a password may hide in the rest."""
    kind, _, rest = url.partition("://")
    if kind.lower() in _WEB:
        return url
    if rest.count("@") > 1 or "@" in rest.partition("?")[2]:
        return f"{kind}:SECRET"
    place = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    return f"{kind}:{place.rstrip('/').rpartition('/')[2]}"


def masked(text: str) -> str:
    """``text`` with ``$NAME`` for each value of an environment variable: somebody's keys may be in an error message.

    Short values, and those of variables that say nothing secret, stay.
    """
    for name, value in sorted(os.environ.items(), key=lambda item: -len(item[1])):
        least = SHORTEST if _SECRET_NAME.search(name) else LEAST
        if len(value) >= least and not _PUBLIC.fullmatch(name):
            for spelling in {value, repr(value)[1:-1]}:
                text = text.replace(spelling, f"${name}")
    return text


def kept(text: str) -> str:
    """What is stored of a stranger's error message: no values of the environment, at most ``LONGEST`` letters."""
    text = masked(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def scrubbed(text: str) -> str:
    """``text`` without folders, credentials, hosts, user names; scrubbing once more changes nothing."""
    before, text = "", masked(text)
    while text != before:  # what is left of one path may look like another
        before, text = text, _named(_paths(_secrets(text)))
    return text


def _secrets(text: str) -> str:
    text = _DATABASE.sub(r"\1://", text)
    return _URL.sub(_address, _KNOWN.sub("SECRET", _SECRET.sub(r"\1SECRET", text)))


def _paths(text: str) -> str:
    text = _QUOTED.sub(r"\g<q>\2\g<q>", text)
    return _UNIX.sub(_last, _WINDOWS.sub(r"\1", text))


def _named(text: str) -> str:
    text = _LOGIN.sub("USER@HOST", text)
    for name, mask in _names().items():
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", mask, text)
    return text


def _address(match: re.Match[str]) -> str:
    scheme, slashes, rest = match.groups()
    if scheme.lower() in _WEB:
        page = rest.partition("?")[0]
        return f"{scheme}:{slashes}{_without_login(re.sub(r'#.*=.*', '', page))}"
    name = re.split(r"[?#]", rest)[0].rstrip("/").rpartition("/")[2]
    return f"{scheme}:{name.rpartition('@')[2]}"


def _without_login(rest: str) -> str:
    """Host and path of an address; a password may hold a slash, so that it looks like the start of the path."""
    host, slash, path = rest.partition("/")
    if "@" in host:
        return f"{host.rpartition('@')[2]}{slash}{path}"
    name, colon, port = host.rpartition(":")
    plain = port.isdigit() and ("." in name or name == "localhost" or name.startswith("["))
    return rest.rpartition("@")[2] if colon and not plain else rest


def _last(match: re.Match[str]) -> str:
    """The last part of a path; slashes alone are none."""
    whole = match.group(0)
    return whole if not whole.strip("/") else match.group(1) or whole.rstrip("/").rpartition("/")[2]


@cache
def _names() -> dict[str, str]:
    """The names of this user and this host, unless they are words that say nothing, with what stands for them."""
    names = {}
    for read, mask in ((getpass.getuser, "USER"), (socket.gethostname, "HOST")):
        try:
            name = read()
        except (OSError, KeyError, ImportError):
            continue
        if len(name) >= SHORTEST and name.lower() not in _COMMON | _OURS:
            names[name] = mask
    return names


def reason(error: Exception) -> str:
    """What went wrong in one line, with the type of the exception first."""
    return f"{type(error).__name__}: {line(scrubbed(said(error)), SHORT)}"
