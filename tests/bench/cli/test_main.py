"""The command line as a whole: help, one line for each mistake, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

LONG = "n" * 300
ERRORS = [
    (["run", f"{LONG}.toml"], "File name too long"),
    (["run", "digits-linf", "--plugin", f"{LONG}.py"], "expected a name that a file can have"),
    (["data", "digest", LONG], "expected a data file or folder"),
    (["data", "digest", "~nosuchuser/x.npz"], "~nosuchuser/x.npz: expected a data file or folder, got no such file"),
    (["db", "check", "--db", f"{LONG}.db"], "File name too long; give --db another place"),
    (["show", LONG], "unknown name"),
    (["show", "\udcff"], r"arguments: expected texts in UTF-8, got b'\xff'"),
    (["run", "digits-linf", "--db", "a\udcff.db"], r"arguments: expected texts in UTF-8, got b'a\xff.db'"),
    (["run", "mnist-linf"], "unknown suite 'mnist-linf'; did you mean 'mnist16-linf'"),
    (["run", "digits-linf", "--method", "digit-standard"], "did you mean 'digits-standard'"),
    (["run", "absent.toml"], "absent.toml: the file: expected a suite file that can be read"),
    (["run", "digits-linf", "--device", "tpu"], "--device: expected auto, cpu or cuda, got 'tpu'"),
    (["run", "digits-linf", "--limit", "0"], "--limit: expected at least 1, got 0"),
    (["run", "digits-linf", "--method", "digits-standard:deep"], "expected NAME:key=value"),
    (["run"], "Missing argument 'SUITE...'"),
    (["run", "digits-linf", "--no-such-option"], "No such option: --no-such-option"),
    (["run", "digits-linf", "--plugin", "absent.py"], "--plugin: expected Python files, got absent.py"),
    (["run", "digits-linf", "--demo", "--limit", "8"], "--demo: expected no --limit beside it, got 8"),
    (["run", "cifar10-linf", "--demo"], "--demo: expected a suite that declares size.demo"),
    (["run", "digits-linf", "--max-hours", "nan"], "--max-hours"),
    (["run", "digits-linf", "--seed", "-1"], "--seed"),
    (["walk"], "No such command 'walk'"),
    (["show", "qqqqqqqqqq"], "unknown name 'qqqqqqqqqq'; known:"),
    (["show", "digits-linf", "--db", "absent.db"], "absent.db"),
    (["publish", "--db", "absent.db"], "absent.db"),
    (["export", "runs", "--db", "absent.db"], "absent.db"),
    (["import", "absent.json"], "absent.json"),
    (["weights", "convert", "absent.pt", "out.safetensors"], "absent.pt"),
    (["weights", "hash", "absent.pt"], "absent.pt"),
    (["train", "cifar10-resnet18"], "cifar10-resnet18"),
    (["db", "check", "--db", "absent.db"], "absent.db"),
]


@pytest.mark.parametrize(("words", "message"), ERRORS, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_is_one_line_and_exit_code_1(trustdm: Any, words: list[str], message: str) -> None:
    ran = trustdm(*words)
    assert ran.code == 1
    assert message in ran.err and ran.err.startswith("trustdm: ") and ran.err.count("\n") == 1, ran.err


def test_help_is_quick_and_needs_no_torch() -> None:
    """Half a second is the promise; the best of a few tries, since a busy machine is not the program's fault."""
    command = [sys.executable, "-m", "trustdm.bench.cli.main", "--help"]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert "Exit codes: 0 done, 1 error, 2 some units failed, 3 stopped" in done.stdout
    assert min(seconds) < 0.5


def test_without_a_command_there_is_help(trustdm: Any) -> None:
    ran = trustdm()
    assert ran.code == 0 and re.search(r"\brun +Run suites", ran.out)


def test_the_version_and_every_verb_are_there(trustdm: Any) -> None:
    assert trustdm("--version").out.startswith("trustdm ")
    words = trustdm("--help").out.split()
    verbs = {"list", "show", "run", "demo", "publish", "export", "import", "train", "doctor", "db", "weights"}
    assert verbs | {"reference", "import-log"} <= set(words)


def test_a_bug_of_ours_keeps_its_traceback(trustdm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("trustdm.bench.cli.show.print_all", broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        trustdm("list")


@pytest.mark.parametrize("words", [["list"], ["show", "mine"], ["run", "digits-linf", "--method", "mine"]])
def test_an_interrupt_while_a_plugin_is_imported_is_exit_code_3(trustdm: Any, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt")
    assert trustdm(*words, "--plugin", "mine.py").code == 3


@pytest.mark.parametrize(("text", "said"), [("import sys; sys.exit('bye')", "bye"), ("raise SystemExit(0)", "0")])
def test_a_plugin_that_exits_when_it_is_imported_is_one_line(
    trustdm: Any, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    line = f"mine.py: cannot be imported: SystemExit: {said}"
    ran = trustdm("list", "--plugin", "mine.py")
    assert (ran.code, ran.err) == (2, f"trustdm: plugin left out: {line}\n")
    for words in (["show", "mine"], ["run", "digits-linf", "--method", "mine"]):
        ran = trustdm(*words, "--plugin", "mine.py")
        assert ran.code == 1 and ran.err.startswith(f"trustdm: {line}; without it: ") and ran.err.count("\n") == 1


CARD = "from trustdm import MethodCard, method\n@method(MethodCard(name={!r}, input_shape=(1, 8, 8), classes=10))\n"
BROKEN = {
    "imports": ("import no_such_package", "cannot be imported: ModuleNotFoundError"),
    "unmarked": ("def load(): return 1", "expected something marked with @method"),
    "taken": (CARD.format("digits-standard") + "def load(): return 1", "is taken by trustdm.bench.methods"),
}
UNKNOWN = ["run digits-linf --method purenet", "show purenet", "train purenet"]


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("verb", UNKNOWN)
def test_a_broken_plugin_is_named_before_the_name_that_it_lacks(
    trustdm: Any, tmp_path: Path, fault: str, verb: str
) -> None:
    (tmp_path / "mine.py").write_text(BROKEN[fault][0])
    ran = trustdm(*verb.split(), "--plugin", "mine.py")
    assert ran.code == 1 and ran.err.count("\n") == 1
    assert ran.err.startswith("trustdm: mine.py: ") and BROKEN[fault][1] in ran.err.partition("; without it")[0]


@pytest.mark.parametrize("verb", ["show digits-standard", "list", "run digits-linf --method digits-standard --dry-run"])
def test_a_broken_plugin_never_passes_silently(trustdm: Any, tmp_path: Path, verb: str) -> None:
    (tmp_path / "mine.py").write_text(BROKEN["imports"][0])
    ran = trustdm(*verb.split(), "--plugin", "mine.py")
    assert ran.code == 2 and "digits-standard" in ran.out
    assert "trustdm: plugin left out: mine.py: cannot be imported: ModuleNotFoundError" in ran.err


def test_training_and_references_do_not_begin_with_a_broken_plugin(trustdm: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BROKEN["imports"][0])
    for verb in (["train", "digits-standard"], ["reference", "digits-generation", "--out", "r.npz"]):
        ran = trustdm(*verb, "--plugin", "mine.py")
        assert ran.code == 1 and ran.err.startswith("trustdm: mine.py: cannot be imported: ")
    assert not (tmp_path / "r.npz").exists()
