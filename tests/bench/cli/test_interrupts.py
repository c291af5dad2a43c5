"""Ctrl-C: what is said, how soon a run ends, and that nothing is left behind or lost. Real signals, real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import only_clean, plugin

from trustdm.bench.cli.interrupts import Interrupts
from trustdm.bench.store.store import Store

SLOW = """
import os, time
if len(x) == 16 and "FAST" not in os.environ:
    open(f"{os.environ['HERE']}/{os.getpid()}.computing", "w").close()
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            time.sleep(300)
        except (BaseException if "STUBBORN" in os.environ else ()):
            pass
return x.flatten(1)[:, :10] * 1.0
"""
SOON = 20.0
"""Seconds within which a run must have ended that would take five minutes; it takes two or three on an idle machine."""


class Running:
    """A run in a session of its own, whose blocks of 16 examples take five minutes."""

    def __init__(self, folder: Path, jobs: int):
        self.folder, self.jobs, self.db = folder, jobs, folder / "a.db"
        if not (folder / "slow.py").exists():
            plugin(folder, SLOW, "slow")
            only_clean(folder)

    def start(self, **environment: str) -> None:
        for file in self.folder.glob("*.computing"):
            file.unlink()
        words = [sys.executable, "-m", "trustdm.bench.cli.main", "run", self.folder / "clean.toml"]
        words += ["--plugin", self.folder / "slow.py", "--method", "slow", "--db", self.db, "--jobs", self.jobs]
        self.process = subprocess.Popen(
            [str(word) for word in words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "HERE": str(self.folder), **environment},
        )

    def computing(self) -> None:
        """Waits until every worker is in a slow block."""
        deadline = time.monotonic() + 120
        while len(list(self.folder.glob("*.computing"))) < self.jobs:
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)

    def interrupt(self) -> None:
        """What a terminal does: every process of the group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, timeout: float = 120) -> tuple[int, str]:
        """Exit code and standard error."""
        _, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, errors

    def left(self) -> list[str]:
        """The processes of the session that are still there, a little later."""
        deadline = time.monotonic() + SOON
        while (there := list(_members(self.process.pid))) and time.monotonic() < deadline:
            time.sleep(0.05)
        return there


def _members(session: int) -> Iterator[str]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(its_session) == session and state != "Z":
            yield stat.parent.name


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[int], Running]]:
    """Starts runs, and leaves none behind."""
    started: list[Running] = []

    def make(jobs: int) -> Running:
        started.append(Running(tmp_path, jobs))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.communicate()


def committed(db: Path) -> dict[int, str]:
    """The blocks that are stored, by start; the database is sound."""
    with Store.open(str(db), read_only=True) as store:
        assert store.check() == []
        return {start: row.finished for cell in store.cells() for start, row in store.blocks(cell.id).items()}


def exit_codes(db: Path) -> list[int | None]:
    """Those of the runs of a database, in the order they started."""
    with Store.open(str(db), read_only=True) as store:
        return [run.exit_code for run in store.runs()]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_second_one_stops_at_once_and_the_same_command_goes_on(
    running: Callable[[int], Running], jobs: int
) -> None:
    run = running(jobs)
    run.start()
    run.computing()
    run.interrupt()
    time.sleep(1)
    assert run.process.poll() is None
    begun = time.monotonic()
    run.interrupt()
    code, errors = run.ended()
    assert code == 3 and time.monotonic() - begun < SOON
    assert run.left() == []
    lines = errors.splitlines()
    blocks = [line for line in lines if line.startswith("  ")]
    assert len(blocks) == jobs and "Traceback" not in errors
    assert blocks[0].startswith("  tiny / slow / clean: examples 16..32, running for ")
    assert "the last block of this evaluation took " in blocks[0] and "for 8 examples, so about " in blocks[0]
    told = "the block" if jobs == 1 else "the 2 blocks"
    again = "this block is" if jobs == 1 else "these blocks are"
    assert f"trustdm: finishing {told} in flight, then stopping:" in lines
    assert f"trustdm: Ctrl-C again stops at once; nothing committed is lost, {again} run again" in lines
    assert lines[-2:] == [
        "trustdm: stopping at once; nothing committed is lost",
        "trustdm: stopped before the end; the same command goes on",
    ]
    before = committed(run.db)
    assert before.keys() == {0, 8} and exit_codes(run.db) == [3]
    run.start(FAST="1")
    assert run.ended()[0] == 0
    after = committed(run.db)
    assert after.keys() == {0, 8, 16, 32} and before.items() <= after.items() and exit_codes(run.db) == [3, 0]


def test_code_that_swallows_everything_does_not_keep_a_run(running: Callable[[int], Running]) -> None:
    run = running(1)
    run.start(STUBBORN="1")
    run.computing()
    run.interrupt()
    time.sleep(1)
    run.interrupt()
    assert run.ended()[0] == 3 and run.left() == []
    assert committed(run.db).keys() == {0, 8} and exit_codes(run.db) == [3]


def test_a_killed_run_takes_its_workers_along(running: Callable[[int], Running]) -> None:
    run = running(2)
    run.start()
    run.computing()
    run.process.kill()
    assert run.ended()[0] == -signal.SIGKILL and run.left() == []
    assert committed(run.db).keys() == {0, 8} and exit_codes(run.db) == [None]


class Fake:
    """A run that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def interrupt(self) -> None:
        self.asked.append("interrupt")

    def in_flight(self) -> list[object]:
        return []


def test_the_first_one_asks_the_run_to_stop_and_handlers_are_put_back() -> None:
    before, said, run = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)], [], Fake()
    with Interrupts(said.append) as interrupts:
        interrupts.watch(run)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGTERM)
        assert not interrupts.at_once
    assert run.asked == ["interrupt"] and said == ["trustdm: stopping: no block is being computed"]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_is_done_after_the_run_is_cut_off() -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), Interrupts(said.append) as interrupts:
        interrupts.over()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    assert said == []
