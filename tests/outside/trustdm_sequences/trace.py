"""For tests of kills: says what is going on, and takes its time over it."""

from __future__ import annotations

import os
import time
from pathlib import Path

TRACE, PAUSE = "TRUSTDM_SEQUENCES_TRACE", "TRUSTDM_SEQUENCES_PAUSE"


def trace(what: str) -> None:
    """Adds a line to the file ``$TRUSTDM_SEQUENCES_TRACE``, and waits ``$TRUSTDM_SEQUENCES_PAUSE`` seconds."""
    if path := os.environ.get(TRACE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")
    time.sleep(float(os.environ.get(PAUSE, "0")))
