"""Numbers, names and links as the pages show them: pure functions from values to text."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import datetime
from urllib.parse import urlsplit

from trustdm.bench.types import Estimate

_URL = re.compile(r"https?://[^\s<>\"'`\\]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}"
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
DASH = "–"
MINUS = "\N{MINUS SIGN}"
DECIMALS = 6


def percent(value: float) -> str:
    """A share in [0, 1] as "61.2%"."""
    return f"{100 * value:.1f}%"


def interval(low: float, high: float) -> str:
    """A 95% interval of a share as "[58.1, 64.2]", in percent."""
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def estimate(value: Estimate) -> str:
    """ "61.2% [58.1, 64.2]"."""
    return f"{percent(value.value)} {interval(value.low, value.high)}"


def measure(value: float, low: float, high: float) -> tuple[str, str]:
    """A value that is no share, and its interval as "[8.71, 9.53]", with the digits that the interval leaves certain.

    That is two digits of half the interval; without an interval four digits of the value, and no second text.
    """
    half = (high - low) / 2
    if not (math.isfinite(half) and half > 0):
        return number(value, 4), ""
    places = min(DECIMALS, max(0, 1 - math.floor(math.log10(half))))
    shown, least, most = (f"{round(v, places) + 0.0:,.{places}f}".replace("-", MINUS) for v in (value, low, high))
    return shown, f"[{least}, {most}]"


def number(value: float, digits: int = 3) -> str:
    """A plain number with so many digits: "7.852", "0.00012", "7,346"."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    shown = f"{value:,.{min(places, DECIMALS + digits)}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown).replace("-", MINUS)


def count(value: float) -> str:
    """A count of things, rounded for reading: "0.5", "812", "7,852", "12.3 k", "1.2 M"."""
    if abs(value) < 10_000:
        return f"{value:.1f}" if abs(value) < 100 and value != int(value) else f"{value:,.0f}"
    for scale, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e3:.3g} k"


def duration(seconds: float) -> str:
    """Seconds as "0.42 s", "38 s", "12 min" or "3.4 h"."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(number: float) -> str:
    """Bytes as "18 kB", "412 MB"."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:.0f} B"


def signed(value: float) -> str:
    """A margin as "+2.41", with a true minus sign."""
    return f"{value:+.2f}".replace("-", MINUS)


def ranks(low: int, high: int) -> str:
    """A rank interval as "1-3" (en dash), or "2" where it is one rank."""
    return str(low) if low == high else f"{low}{DASH}{high}"


def day(stamp: str) -> str:
    """The date of an ISO time stamp."""
    return stamp.partition("T")[0].partition(" ")[0]


def moment(stamp: str) -> str:
    """An ISO time stamp to the second, "2026-11-20 09:14:03 UTC"; any other text as it is."""
    try:
        when = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return f"{when:%Y-%m-%d %H:%M:%S} {when.tzname() or ''}".strip()


def slug(name: str) -> str:
    """A file name for ``name``: itself where that is safe on every file system, else a shortened one with a hash."""
    if _PLAIN.fullmatch(name):
        return name
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{cleaned or 'x'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def safe_url(text: str) -> str | None:
    """``text`` if it is one plain http or https address, else None."""
    text = text.strip()
    if not _URL.fullmatch(text):
        return None
    try:
        return text if urlsplit(text).hostname else None
    except ValueError:
        return None


def linked(text: str) -> tuple[tuple[str, str | None], ...]:
    """``text`` cut into (piece, address or None), so that only http and https addresses in it become links."""
    pieces: list[tuple[str, str | None]] = []
    at = 0
    for match in _URL.finditer(text):
        candidate = match.group().rstrip(_TRAILING)
        if (url := safe_url(candidate)) is None:
            continue
        pieces += [(text[at : match.start()], None), (candidate, url)]
        at = match.start() + len(candidate)
    return tuple(p for p in (*pieces, (text[at:], None)) if p[0])


def squeeze(text: str, most: int) -> str:
    """``text`` cut to ``most`` characters in its middle: what tells names apart often comes last."""
    last = most // 3
    return text if len(text) <= most else f"{text[: most - last - 1].rstrip()}…{text[-last:].lstrip()}"


def shorten(text: str, most: int) -> str:
    """``text`` cut to ``most`` characters with an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
