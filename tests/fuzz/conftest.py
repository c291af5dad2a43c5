"""No case may fill the memory of the machine: beyond a limit it fails by itself."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import psutil
import pytest

MORE = 8 << 30
"""Bytes of address space that a case may take beyond what the process has: libraries that other tests loaded map tens
of GiB without using them, so an absolute limit would fail every case that comes after these."""


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = psutil.Process().memory_info().vms + MORE
    if before[1] != resource.RLIM_INFINITY:
        most = min(most, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
