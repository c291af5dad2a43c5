"""What strangers' code says is made fit for a line, a file and a database; what it forks off ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trustdm.bench.errors import ContractError, TrustdmError
from trustdm.bench.foreign import LONGEST, LONGEST_TRACEBACK, described, interrupts, line, one_process, said, told
from trustdm.bench.method import contract_errors


class Raising(Exception):
    def __str__(self) -> str:
        raise SystemExit(0)

    __repr__ = __str__


class Odd(str):
    __slots__ = ()

    def __getitem__(self, *_: object) -> str:  # type: ignore[override]
        raise KeyError

    split = join = __len__ = __iter__ = __getitem__  # type: ignore[assignment]


class Saying(Exception):
    def __str__(self) -> str:
        return Odd("odd text")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\ud800b", "a b"),
        (" a\n\tb\x1b[31m\x00c\u202e d ", "a b [31m c d"),
        ("§ größer 8/255", "§ größer 8/255"),
        ("", ""),
    ],
)
def test_a_line_is_printable(text: str, expected: str) -> None:
    assert line(text) == expected
    assert str(TrustdmError(text)) == expected


def test_a_line_is_cut() -> None:
    assert line("x" * 5_000_000) == "x" * (LONGEST - 1) + "…" and line("x" * LONGEST) == "x" * LONGEST
    assert len(str(TrustdmError("x" * 5_000_000))) < 21_000


def test_what_cannot_say_what_it_is_gets_a_note() -> None:
    assert described(Raising()) == "Raising: a message that cannot be read"
    assert described(Saying()) == "Saying: odd text" and described(ValueError()) == "ValueError: no message"
    assert said(ValueError(" a\nb ")) == "a b"


def test_a_traceback_is_cut_and_printable() -> None:
    try:
        raise ValueError("\ud800\x00" + "x" * 5_000_000 + "end")
    except ValueError as error:
        text = told(error)
    assert len(text) <= LONGEST_TRACEBACK and text.endswith("xend\n") and text.isascii()
    assert "Raising" in told(Raising())


@contextmanager
def ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_is_the_users_unless_nobody_can_send_one() -> None:
    assert interrupts(KeyboardInterrupt()) and not interrupts(SystemExit())
    with ignored():
        assert not interrupts(KeyboardInterrupt())


class Of(BaseException):
    pass


@pytest.mark.parametrize("error", [Of("x"), GeneratorExit("x"), SystemExit("x"), StopIteration("x"), RuntimeError("x")])
def test_whatever_is_raised_becomes_one_error(error: BaseException) -> None:
    with pytest.raises(ContractError, match=f"^it raised {type(error).__name__}: x$"), contract_errors("it"):
        raise error
    with (
        pytest.raises(ContractError, match=r"^it raised Raising: a message that cannot be read$"),
        contract_errors("it"),
    ):
        raise Raising


def test_ctrl_c_passes() -> None:
    with pytest.raises(KeyboardInterrupt), contract_errors("it"):
        raise KeyboardInterrupt
    with ignored(), pytest.raises(ContractError, match="KeyboardInterrupt"), contract_errors("it"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("guard", [one_process, lambda: contract_errors("it")])
def test_a_process_that_is_forked_off_ends_where_it_would_come_back(guard: object) -> None:
    own = os.getpid()
    child = 0
    with guard():  # type: ignore[operator]
        child = os.fork()
    if os.getpid() != own:  # pragma: no cover - the defect itself: two test runs from here on
        os._exit(77)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
