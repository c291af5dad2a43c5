"""What a card without a list of capabilities says."""

from __future__ import annotations

DEFAULT = ("classify",)
