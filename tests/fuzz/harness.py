"""What all fuzzers share: seeded cases, damage, hostile values, and what counts as survival."""

from __future__ import annotations

import random
import resource
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from trustdm.bench.cli.main import main
from trustdm.bench.errors import TrustdmError
from trustdm.bench.foreign import interrupts

SEED = 20_26
CODES = (0, 1, 2, 3)
LONGEST = 6000
"""Characters of an error line; file names and lists of known names are part of them."""
SHOWN = 5
TEXTS = [
    "",
    " ",
    "~nosuchuser",
    "~nosuchuser/x",
    "n" * 300,
    "n" * 5000,
    "a/" * 3000,
    "../" * 40 + "dev/zero",
    "/dev/null",
    "/dev/zero",
    "/proc/self/mem",
    ".",
    "..",
    "-",
    "--",
    "nan",
    "-inf",
    "9" * 400,
    "9" * 5000,
    str(2**70),
    "-1",
    "0",
    "1e999",
    "[" * 900,
    "{}",
    "\x1b[31m",
    "\u202e",
    "[/red]",
    "%s%n{0}",
    "\r\n",
    "a\tb",
    "'",
    '"',
    "\\",
    "é" * 200,
    "\U0001f600",
    "\ufeff",
    "a=b",
    "a:b=c",
    "://",
    "*",
    "$HOME",
]


def budget(smoke: int, full: int) -> Any:
    """The number of cases: a smoke in the normal run, many in the slow one."""
    return pytest.mark.parametrize("cases", [smoke, pytest.param(full, marks=pytest.mark.slow)])


def chances(name: str, cases: int) -> Iterator[random.Random]:
    """For each case its own source of chance, the same in every run."""
    return (random.Random(f"{SEED}/{name}/{case}") for case in range(cases))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """``content`` with a few bytes changed, cut out, repeated or put in."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(out) + 1), chance.choice((1, 1, 2, 4, 64))
        piece = bytes(out[at : at + length])
        new = chance.choice((chance.randbytes(length), b"\xff" * length, bytes(length), b"", piece * 3))
        out[at : at + (0 if chance.random() < 0.2 else length)] = new
    return bytes(out[: chance.randrange(len(out) + 1)] if chance.random() < 0.1 else out)


MORE = 8 << 30
"""Bytes of address space that a case may take beyond what the process has: libraries that other tests loaded map tens
of GiB without using them, so an absolute limit would fail every case that comes after these."""


@contextmanager
def bounded() -> Iterator[None]:
    """A case that takes more memory than that fails by itself."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    _bound(before[1])
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def roomy() -> Iterator[None]:
    """Lifts that limit for a while: what draws charts maps tens of GiB, for good, and uses few of them."""
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        yield
    finally:
        _bound(most)


def _bound(most: int) -> None:
    wanted = psutil.Process().memory_info().vms + MORE
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


class Survivors:
    """Counts the cases of a fuzzer, and keeps what the first few that failed did."""

    def __init__(self) -> None:
        self.cases = 0
        self.refused = 0
        self.failures: list[str] = []

    def runs(self, case: object, act: Callable[[], object]) -> None:
        """``act`` may succeed, or raise an error of ours whose text is one line of a readable length."""
        self.cases += 1
        try:
            act()
        except TrustdmError as error:
            self.refused += 1
            if "\n" in str(error) or len(str(error)) > LONGEST:
                self.failures.append(f"{case!r:.300}: not one short line: {str(error)[:300]!r}")
        except (Exception, SystemExit):
            self.failures.append(f"{case!r:.300}: {_traceback()}")

    def commands(
        self,
        words: list[str],
        capsys: pytest.CaptureFixture[str],
        *,
        of: object = None,
        allowed: tuple[int, ...] = CODES,
        without: str = "\x00",
        lines_of_ours: bool = False,
    ) -> int | None:
        """A command ends with one of these codes; a 1 with one line on standard error; nothing printed is an order.

        ``of`` is named where it fails; ``without`` is nowhere on standard error; ``lines_of_ours``: all that is there
        are lines of the command. Returns the exit code; None where there was a traceback.
        """
        self.cases += 1
        case = f"{words!r:.300}{'' if of is None else f' of {of!r:.300}'}"
        capsys.readouterr()
        try:
            code = main(words)
        except BaseException as error:
            if interrupts(error):
                raise
            self.failures.append(f"{case}: {_traceback()}")
            return None
        said = capsys.readouterr()
        self.refused += code == 1
        lines = said.err.splitlines()
        if (
            code not in allowed
            or (code == 1 and not (lines and lines[-1].startswith("trustdm: ")))
            or without in said.err
        ):
            self.failures.append(f"{case}: exit code {code}, {said.err[:600]!r}")
        elif any(len(line) > LONGEST + 2 * sum(map(len, words)) for line in lines):  # what was typed may be said
            self.failures.append(f"{case}: not a short line: {said.err[:300]!r}")
        elif lines_of_ours and not all(line.startswith("trustdm: ") for line in lines):
            self.failures.append(f"{case}: not lines of ours: {said.err[:300]!r}")
        if odd := {c for c in said.out + said.err if not c.isprintable()} - {"\n"}:
            self.failures.append(f"{case}: printed {odd}")
        return code

    def check(self) -> None:
        """Fails with what the first few did that did not survive."""
        assert not self.failures, f"{len(self.failures)} of {self.cases}:\n" + "\n".join(self.failures[:SHOWN])
        assert self.refused, "nothing was refused: the cases are too tame"


def _traceback() -> str:
    """That of what is being handled; where its text cannot be had, where it was raised."""
    try:
        return traceback.format_exc(limit=-4)
    except BaseException:
        return "".join(traceback.format_tb(sys.exc_info()[2]))
