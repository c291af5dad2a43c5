"""The small certified suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from smoothed import certified_suite


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """60 digits, a fixed and a sequential evaluation."""
    return certified_suite(tmp_path)
