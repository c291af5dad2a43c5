"""The ranks of a board as a script that the pages of methods load.

A new row moves the ranks of many others, and none of their pages has to be written again.
"""

from __future__ import annotations

import json

from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.pages.common import row_key


def script(board: Board) -> bytes:
    """The rank of every row in words, by its key."""
    ranks = {row_key(entry): words(entry) for entry in board.entries}
    name = json.dumps(text.slug(board.suite.name))
    # Texts of strangers are data here: "<" is written so that nothing in them can end a script.
    said = json.dumps(ranks, ensure_ascii=True, sort_keys=True).replace("<", "\\u003c")
    return f"(window.trustdmRanks=window.trustdmRanks||{{}})[{name}]={said};\n".encode()


def words(entry: Entry) -> str:
    """A row's rank interval and the group that it is ranked in."""
    row = entry.row
    if row.rank_low is None or row.rank_high is None:
        return "not ranked"
    plural = "s" if row.rank_high > row.rank_low else ""
    return f"rank{plural} {text.ranks(row.rank_low, row.rank_high)}, {row.rank_group}"
