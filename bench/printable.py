"""Strangers' texts made safe to show: nothing that a terminal obeys, and nothing that hides what a text says.

Cards, error messages and databases come from anybody. A control character may clear a screen or send what was typed;
a formatting one may turn the order of letters around. Each of them is shown as a space.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` in one line, with a space for every control, formatting, separating or surrogate character."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def printable_lines(text: str) -> str:
    """The same line by line: line ends, as ``\\n``, stay what they are."""
    return "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))
