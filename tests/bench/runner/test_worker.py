"""The command line with plugins that do to their process what they like: run as a stranger's would be, in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from helpers import only_clean, plugin

from trustdm.bench.foreign import LONGEST
from trustdm.bench.runner.run import Exit
from trustdm.bench.store.store import Store

METHODS = {
    "surrogate": "raise ValueError('a\\ud800b')",
    "unreadable": "class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E()",
    "base": "class E(BaseException):\n    pass\nraise E('x')",
    "cancelled": "import asyncio\nraise asyncio.CancelledError('x')",
    "interrupt": "raise KeyboardInterrupt('x')",
    "huge": "raise ValueError('z' * 5_000_000)",
    "ours": "from trustdm.bench.errors import ContractError\nraise ContractError('z' * 5_000_000)",
    "control": "raise ValueError('a\\x1b[31m\\x00b')",
    "overflow": "return x.flatten(1)[:, :10].double() * 1e300",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nGOOD",
    "fork": "import os\nos.fork()\nGOOD",
    "children": "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=int).start()\nGOOD",
}
SAID = {
    "surrogate": "surrogate: classify raised ValueError: a b",
    "unreadable": "unreadable: classify raised E: a message that cannot be read",
    "base": "base: classify raised E: x",
    "cancelled": "cancelled: classify raised CancelledError: x",
    "interrupt": "interrupt: classify raised KeyboardInterrupt: x",
    "huge": "huge: classify raised ValueError: zzz",
    "ours": "zzz",
    "control": "control: classify raised ValueError: a [31m b",
    "overflow": "overflow: classify: expected finite logits, got NaN or infinity for 8 of 8, as float32",
    "thread": "",
    "fork": "",
    "children": "",
}


def command(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """What ``trustdm WORDS`` says, in a process of its own."""
    line = [sys.executable, "-m", "trustdm.bench.cli.main", *(str(w) for w in words)]
    environment = {**os.environ, "TRUSTDM_DB": str(folder / "a.db")}
    return subprocess.run(line, capture_output=True, text=True, timeout=240, cwd=folder, env=environment, check=False)


def trustdm_run(folder: Path, methods: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """``trustdm run`` of the first eight digits with these methods, each a file."""
    chosen: list[object] = []
    for name, body in methods.items():
        path = plugin(folder, body.replace("GOOD", "return x.flatten(1)[:, :10] * 1.0"), name)
        chosen += ["--plugin", path, "--method", name]
    return command(folder, "run", only_clean(folder), *chosen, "--limit", 8, *words)


def blocks(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Status and error of every block that is stored, by method."""
    with Store.open(str(folder / "a.db"), read_only=True) as store:
        return {c.identity.method: [(b.status, b.error) for b in store.blocks(c.id).values()] for c in store.cells()}


def test_one_job_outlives_what_methods_do(tmp_path: Path) -> None:
    ran = trustdm_run(tmp_path, METHODS)
    assert ran.returncode == Exit.SOME_FAILED and "3 blocks measured, 0 already there, 9 failed" in ran.stdout
    assert "Traceback" not in ran.stderr and len(ran.stderr) < 20_000
    stored = blocks(tmp_path)
    assert {name: len(found) for name, found in stored.items()} == dict.fromkeys(METHODS, 1)
    for name, [(status, error)] in stored.items():
        assert status == ("failed" if SAID[name] else "done"), name
        assert error.startswith(SAID[name]) and len(error) <= LONGEST + 100 and error.isprintable()
    assert command(tmp_path, "export", "out").returncode == 0
    again = command(tmp_path, "import", "out", "--db", tmp_path / "b.db")
    assert again.returncode == 0 and "12 blocks" in again.stdout, again.stderr


def test_a_worker_that_ends_itself_is_no_success(tmp_path: Path) -> None:
    ran = trustdm_run(tmp_path, {"ends": "import os\nos._exit(0)", "good": "GOOD"})
    assert ran.returncode == Exit.SOME_FAILED and "1 blocks measured" in ran.stdout
    assert "its worker process died (exit code 0), 3 times; not recorded" in ran.stderr
    assert not blocks(tmp_path)["ends"] and blocks(tmp_path)["good"] == [("done", "")]


LOOPS = "while True:\n    pass"


def test_a_block_that_never_ends_is_given_up(tmp_path: Path) -> None:
    child = "import subprocess\nsubprocess.Popen(['sleep', '600'])\n"
    ran = trustdm_run(tmp_path, {"good": "GOOD", "loops": child + LOOPS}, "--block-minutes", 0.05)
    assert ran.returncode == Exit.STOPPED and "the same command goes on" in ran.stderr
    assert "block 0-7 was given up: --block-minutes allows 0.05 minutes; not recorded" in ran.stderr
    assert blocks(tmp_path) == {"good": [("done", "")], "loops": []}


def test_hours_end_a_block_that_never_ends(tmp_path: Path) -> None:
    begun = time.monotonic()
    ran = trustdm_run(tmp_path, {"loops": LOOPS}, "--block-minutes", 0.05, "--max-hours", 0.001)
    assert ran.returncode == Exit.STOPPED and " given up: " in ran.stderr
    assert time.monotonic() - begun < 200


def test_a_thread_of_an_import_does_not_keep_the_command(tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x", "keeps")
    path.write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
        + path.read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    ran = command(tmp_path, "list", "--plugin", path)
    assert ran.returncode == 0 and "keeps" in ran.stdout
