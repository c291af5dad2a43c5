"""Ctrl-C and SIGTERM while a run works: the first finishes blocks, the second stops at once, the third ends here.

The interpreter notes each signal in a pipe the moment it comes, whatever the main thread is doing; a thread reads it,
acts, and speaks. The handler itself runs in the main thread, which may be busy in foreign code for a while.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from trustdm.bench.cli.progress import finishing

if TYPE_CHECKING:
    from trustdm.bench.runner.run import Runner

NUMBERS = (signal.SIGINT, signal.SIGTERM)
GRACE = 4.0
"""Seconds that a run has to end by itself after the second signal."""
STOPPED = 3
"""The exit code of a process that could not end by itself."""
WAKE, END = b"\0", b"\xff"


class Interrupts:
    """Answers signals while it is entered; ``watch`` says for which run, ``say`` is where it speaks.

    After the second signal (``at_once``) the process ends within ``GRACE`` seconds, by itself or not; that is as safe
    as kill -9, and the run is closed in the store if nobody is writing there.
    """

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._runner: Runner | None = None
        self._count = 0
        self._lock = threading.RLock()
        self._orders: SimpleQueue[int] = SimpleQueue()
        self._before: dict[int, Any] = {}
        self._over = False

    @property
    def at_once(self) -> bool:
        """Whether a second signal came."""
        return self._count > 1

    def watch(self, runner: Runner) -> None:
        """The run that is to be stopped."""
        self._runner = runner

    def over(self) -> None:
        """The run has ended: what is still done may be cut off anywhere."""
        self._over = True

    def __enter__(self) -> Interrupts:
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._handle) for number in NUMBERS}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.at_once:  # a third one must still be heard
            return
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._write.send(END)
        self._thread.join(1.0)
        self._read.close()
        self._write.close()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Runs in the main thread, between two of its steps."""
        self._take()
        with suppress(OSError):
            self._write.send(WAKE)  # the thread speaks, for this one may be in the middle of a line
        if self._over:
            raise KeyboardInterrupt
        if self.at_once and self._runner is not None:
            self._runner.give_way()

    def _listen(self) -> None:
        ended = False
        while not ended:
            select.select([self._read], [], [])
            ended = self._take()
            while not self._orders.empty():
                self._speak(self._orders.get())

    def _take(self) -> bool:
        """Acts on the signals that came, whichever thread is first; True at the end."""
        with self._lock:
            try:
                came = self._read.recv(256)
            except BlockingIOError:
                came = b""
            for byte in came:
                if byte in NUMBERS:
                    self._act()
            return END[0] in came

    def _act(self) -> None:
        self._count += 1
        if self._runner is not None and self._count == 1:
            self._runner.interrupt()
        if self._count == 2:
            if self._runner is not None:
                self._runner.abandon()
            threading.Thread(target=self._insist, daemon=True).start()
        if self._count > 2:
            os._exit(STOPPED)
        self._orders.put(self._count)

    def _speak(self, order: int) -> None:
        if order == 1 and not self._over:
            flights = [] if self._runner is None else self._runner.in_flight()
            for line in finishing(flights):
                self._say(line)
        elif order == 2:
            self._say("trustdm: stopping at once; nothing committed is lost")

    def _insist(self) -> None:
        """Ends the process where the main thread does not: busy in foreign code, or kept by a plugin's threads."""
        threading.Event().wait(GRACE)
        if self._runner is not None:
            closing = threading.Thread(target=self._close, daemon=True)
            closing.start()
            closing.join(2.0)
        if sys.stderr.isatty():
            sys.stderr.write("\x1b[?25h")  # the cursor, which bars hide
        os._exit(STOPPED)

    def _close(self) -> None:
        with suppress(Exception):
            if self._runner is not None:
                self._runner.close()
