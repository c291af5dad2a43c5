"""What a terminal would obey, or what hides a text, is never shown."""

from __future__ import annotations

import sys

from trustdm.bench.printable import printable, printable_lines

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_every_character_that_is_not_printable_is_a_space() -> None:
    assert printable("a\x00b\u202ec\ud800β") == "a b c β" and printable("a\nb\tc") == "a b c"
    assert printable(f"x{BIDI}y\x1b[31m\x9b31m\x7f") == f"x{' ' * len(BIDI)}y [31m 31m "
    assert all(printable(chr(n)).isprintable() for n in range(sys.maxunicode + 1))


def test_lines_stay_lines() -> None:
    assert printable_lines("a\x1b\r\nb\u2028c\rd\n") == "a \nb c d\n"
