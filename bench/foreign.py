"""What strangers' code says and does, made harmless: texts that can be stored and printed, processes that it forks."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from trustdm.bench.printable import printable, printable_lines

LONGEST = 2_000
"""Characters of a stranger's text that are kept."""
LONGEST_TRACEBACK = 20_000


def line(text: str, longest: int = LONGEST) -> str:
    """``text`` as one line of printable characters that any file, database or terminal takes, cut to ``longest``."""
    text = str.__getitem__(text, slice(2 * longest + 1))  # exactly a str, whatever its class was
    words = " ".join(printable(text).split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def said(value: object) -> str:
    """What ``value`` says of itself, as a line; a note where it cannot."""
    try:
        return line(str(value)) or "no message"
    except BaseException as error:
        if interrupts(error):
            raise
        return "a message that cannot be read"


def described(error: BaseException) -> str:
    """The type and the text of an exception, as a line."""
    try:
        kind = line(type(error).__name__, 100)
    except BaseException as odd:
        if interrupts(odd):
            raise
        kind = "an exception"
    return f"{kind}: {said(error)}"


def told(error: BaseException) -> str:
    """The traceback of an exception, its last part where it is long; printable."""
    try:
        text = "".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:]
    except BaseException as odd:
        if interrupts(odd):
            raise
        return described(error)
    return printable_lines(text)


def interrupts(error: BaseException) -> bool:
    """Whether an exception is the user's Ctrl-C. Where the signal is ignored, as in a worker, only code raises it."""
    return issubclass(type(error), KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


@contextmanager
def one_process() -> Iterator[None]:
    """A process that is forked off meanwhile ends where it would come back, or it would go on as a second harness."""
    own = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != own:
            os._exit(1)
