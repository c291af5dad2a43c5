"""What raises the flags of the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustdm.bench.summary.cell import CellView

CERTAIN = "certain sequences"
"""The count of sequences whose rest is more likely than not, given the first ``SEEN`` tokens."""
SEEN = 3


def gives_back_whole(cell: CellView) -> bool:
    """Whether the rest of any sequence is more likely than not."""
    return cell.count(CERTAIN) > 0
