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


def test_a_program_of_ones_own_is_named_without_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/home/ann/measure.py", "--key", "s3cret"])
    assert provenance.program() == "measure.py"


def test_a_command_is_told_as_it_was_understood(tmp_path: Path) -> None:
    options = [("--db", tmp_path / "bench.db"), ("--fresh", True), ("--limit", 8)]
    assert (
        provenance.command_line(["trustdm", "run", "tiny"], options)
        == "trustdm run tiny --db bench.db --fresh --limit 8"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann:s3c ret's@db.example.org:5432/bench",
        "postgresql://ann:s3c/ret?@h/bench",
        "postgresql://ann:s3c@ret@h/bench",
        "postgresql://h/bench?user=ann&password=s3c@ret",
    ],
)
def test_no_password_is_told(url: str) -> None:
    said = provenance.command_line(["trustdm", "run", "tiny"], [("--db", url)])
    assert "s3c" not in said and "ret" not in said and "ann" not in said and "postgresql" in said


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("/mnt/my results/bench.db", "bench.db"),
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
def test_of_an_argument_that_leads_out_of_here_the_last_part_is_kept(typed: str, kept: str | None) -> None:
    said = provenance.command_line(["trustdm", "run"], [("--x", typed)])
    assert said == f"trustdm run --x {typed if kept is None else kept}"
