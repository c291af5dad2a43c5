"""The text of a suite file from its tables; what it says is read back as it was."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 100


def toml(tables: Mapping[str, Any]) -> str:
    """TOML of plain values, lists and tables; a list of tables in a table of the first two levels is one a head each.

    Raises:
        TypeError: a value that TOML has not.
    """
    return "\n".join(_table(tables, ())).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {k: v for k, v in table.items() if isinstance(v, Mapping)}
    lists = {k: v for k, v in table.items() if _of_tables(v)}
    for key, value in table.items():
        if key not in inner and key not in lists:
            yield f"{_key(key)} = {value_text(value)}"
    for key, value in inner.items():
        if any(not isinstance(v, Mapping) for v in value.values()) or not value:
            yield f"\n[{_dotted(*path, key)}]"
        yield from _table(value, (*path, key))
    for key, several in lists.items():
        for value in several:
            yield f"\n[[{_dotted(*path, key)}]]"
            yield from _table(value, (*path, key))


def _of_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, Mapping) for v in value)


def value_text(value: object) -> str:
    """One value as TOML writes it; a long list has a line for each few of its members.

    Raises:
        TypeError: a value that TOML has not.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        members = [value_text(v) for v in value]
        line = f"[{', '.join(members)}]"
        return line if len(line) <= WIDTH else "[\n" + "".join(f"    {m},\n" for m in members) + "]"
    raise TypeError(f"expected a text, number, list or table, got {type(value).__name__}")


def in_lines(ranges: str) -> list[str]:
    """A long text of indices, "0-9,12,14", as several that fit a line each."""
    pieces = textwrap.wrap(ranges.replace(",", ", "), WIDTH, break_long_words=False, break_on_hyphens=False)
    return [piece.replace(", ", ",").rstrip(",") for piece in pieces]


def _key(key: str) -> str:
    return key if key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key) else value_text(key)


def _dotted(*keys: str) -> str:
    return ".".join(_key(key) for key in keys)
