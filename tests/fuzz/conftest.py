"""No case may fill the memory of the machine: beyond a limit it fails by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fuzz.harness import bounded


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    with bounded():
        yield
