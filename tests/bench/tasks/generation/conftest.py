"""The small generation suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from toygenerator import generation_suite


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """96 seeds in sets of 48, at two and three steps."""
    return generation_suite(tmp_path)
