"""No case may fill the memory of the machine: beyond a limit it fails by itself."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

MOST = 12 << 30
"""Bytes of address space, which is more than what is used: libraries map a few of these."""


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = MOST if before[1] == resource.RLIM_INFINITY else min(MOST, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
