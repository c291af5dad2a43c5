"""Where a number came from: commit, versions, machine and settings, without what belongs to somebody."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustdm.bench import provenance


def test_a_run_knows_its_versions_machine_and_settings() -> None:
    info = provenance.collect("trustdm run tiny", {"jobs": 2, "device": "cpu"})
    assert info.command == "trustdm run tiny" and info.facts["setting.jobs"] == "2"
    assert {f"version.{name}" for name in (*provenance.PACKAGES, "python")} <= set(info.facts)
    assert info.facts["version.torch"] != "absent" and int(info.facts["machine.cores"]) > 0
    assert info.id != provenance.collect("", {}).id


def test_settings_say_no_folder_of_this_machine(tmp_path: Path) -> None:
    facts = provenance.collect("", {"db": tmp_path / "bench.db"}).facts
    assert facts["setting.db"] == "bench.db"


def test_the_time_is_that_of_greenwich() -> None:
    said = datetime.fromisoformat(provenance.now())
    assert said.utcoffset() is not None and abs((datetime.now(UTC) - said).total_seconds()) < 60


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_checkout_has_a_commit_and_may_have_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "bench" / "provenance.py"
    module.parent.mkdir()
    module.write_text("")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    monkeypatch.setattr(provenance, "__file__", str(module))
    assert provenance.git_state(module.parent) == (git(tmp_path, "rev-parse", "HEAD"), False)
    module.write_text("changed")
    assert provenance.git_state(module.parent)[1] is True


def test_what_lies_in_no_checkout_of_ours_has_no_commit(tmp_path: Path) -> None:
    assert provenance.git_state(tmp_path) == ("", None)
    git(tmp_path, "init")  # somebody else's repository around an installed package
    assert provenance.git_state(tmp_path) == ("", None)
    assert provenance.git_state(tmp_path / "none") == ("", None)


def test_a_package_that_is_not_there_is_absent() -> None:
    assert provenance._version("no-such-package-here") == "absent"


def test_the_command_is_that_which_was_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/trustdm", "run", "tiny", "--db", str(tmp_path / "bench.db")])
    assert provenance.command_line() == "trustdm run tiny --db bench.db"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("/mnt/my results/bench.db", "bench.db"),
        ("--db=/mnt/my results/bench.db", "--db=bench.db"),
        ("--db=../../ann/bench.db", "--db=bench.db"),
        ("../ann/my.py", "my.py"),
        ("~ann/my plugins/my.py", "my.py"),
        ("net:path=/mnt/nets/a,eta=1", "net:path=a,eta=1"),
        ("postgresql://ann:secret@host:5432/bench", "postgresql:bench"),
        ("mnist16-edm:sampler=heun,guidance=1.2", None),
        ("results/bench.db", None),
        ("--limit=8", None),
        (".", None),
    ],
)
def test_of_an_argument_that_leads_out_of_here_the_last_part_is_kept(
    monkeypatch: pytest.MonkeyPatch, typed: str, kept: str | None
) -> None:
    monkeypatch.setattr("sys.argv", ["trustdm", "run", typed])
    assert provenance.command_line() == f"trustdm run {typed if kept is None else kept}"
