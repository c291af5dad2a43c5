"""Shared set-up: one torch thread a process, and a header that says what the tests ran on."""

from __future__ import annotations

import os
import platform
import signal
import sqlite3

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so; then no Ctrl-C is the user's, which tests here are about.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"python {platform.python_version()}, sqlite {sqlite3.sqlite_version}, {os.cpu_count()} cores"
