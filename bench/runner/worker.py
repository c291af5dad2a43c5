"""What a worker process does: it computes the blocks that come through its pipe, and ends with its parent.

It leads a process group of its own, so that whatever a plugin started can be ended with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from trustdm.bench.foreign import told
from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.units import Settings, Unit, UnitResult
from trustdm.bench.types import Block

OURS = (signal.SIGINT, signal.SIGTERM)
"""Signals that the parent answers; a terminal sends them to its workers, too."""
READY, BEGUN = "ready", "begun"
"""Said when the process has started, and before a block itself: its method is loaded, its assets are there."""
Message = tuple[PlannedCell | None, str, Block, int, bool]


def work(pipe: Connection, settings: Settings) -> None:
    """The loop of a worker; ends when the parent closes the pipe or is gone. Signals are the parent's to answer."""
    for number in OURS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)
    with suppress(OSError):
        os.setpgid(0, 0)
    multiprocessing.current_process().daemon = False  # a method may start processes (a loader's); the group ends them
    threading.Thread(target=_end_with_parent, args=(os.getpid(),), daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"
    own, code = os.getpid(), 1
    try:
        _loop(pipe, settings, own)
        code = 0
    except (EOFError, OSError):
        code = 0
    except BaseException as error:
        sys.stderr.write(told(error))
    finally:
        _flush()
        os._exit(code)  # a thread that a plugin left behind must not keep the process


def _loop(pipe: Connection, settings: Settings, own: int) -> None:
    from trustdm.bench.runner.session import Session

    session, cells = Session(settings), dict[str, PlannedCell]()
    _say(pipe, own, READY)
    while True:
        message: Message = pipe.recv()
        cell, key, block, attempt, checks = message
        if cell is not None:
            cells[key] = cell
        unit = Unit(cells[key], block, attempt, checks)
        result = session.execute(unit, lambda: _say(pipe, own, BEGUN))
        if os.getpid() != own:  # a plugin forked: the copy must not report as if it were this process
            os._exit(1)
        _send(pipe, unit, result)


def _say(pipe: Connection, own: int, word: str) -> None:
    if os.getpid() != own:
        os._exit(1)
    with suppress(OSError):
        pipe.send(word)


def _send(pipe: Connection, unit: Unit, result: UnitResult) -> None:
    try:
        pipe.send(result)
    except (EOFError, OSError):
        raise
    except Exception as error:  # what cannot be pickled is sent as the bug that it is
        pipe.send(UnitResult(unit, "bug", error=told(error)))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _end_with_parent(own: int) -> None:
    """Ends this process and its group when the parent does, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        with suppress(OSError):
            if os.getpgid(0) == own:
                os.killpg(own, signal.SIGKILL)
        os._exit(1)
