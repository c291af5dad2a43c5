"""No exported or shipped file names a folder, a user or a host of a machine."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import socket
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench import scrub, shipped
from trustdm.bench.records import failed
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, RunInfo

RESULTS = shipped.measured().parent
FOLDERS = ["/tmp", "/home", "/root", "/Users", str(Path.cwd()), str(Path.home())]
TEXTS = (".json", ".toml", ".py", ".csv", ".md")
TRACE = 'OSError: File "/home/grace/models/net.py", line 3: cannot read /root/data/x.npz on gpubox7'


def names() -> list[str]:
    """The names of this user and this host, unless they are too short to tell from other words."""
    return [name for name in (getpass.getuser(), socket.gethostname()) if len(name) > 3 and name != "root"]


def leaks(text: str, words: list[str]) -> list[str]:
    """Which of ``words`` a text contains: folders as the start of a path, names as whole words."""
    folders = [f for f in FOLDERS if f != "/" and re.search(rf"(?<![\w.-]){re.escape(f)}(?![\w-])", text)]
    return folders + [word for word in words if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]


def test_leaks_are_seen() -> None:
    assert leaks('"--db /tmp/x.db"', []) == ["/tmp"]
    assert leaks("by grace, /home/grace", ["grace", "host"]) == ["/home", "grace"]
    assert leaks("gracefully, a/tmp, /tmpl", ["grace"]) == []


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(RESULTS.rglob("*")) if p.suffix in TEXTS],
    ids=lambda path: path.relative_to(RESULTS).as_posix(),
)
def test_shipped_files_name_no_machine(path: Path) -> None:
    assert leaks(path.read_text(encoding="utf-8"), names()) == []


def test_shipped_archives_hold_nothing_but_arrays() -> None:
    archives = sorted(shipped.measured().glob("*/*.npz"))
    assert archives and not list(shipped.measured().rglob("*.npy"))
    for path in archives:
        with zipfile.ZipFile(path) as file:
            assert file.comment == b""
            for entry in file.infolist():
                assert re.fullmatch(r"[0-9a-f]{64}\.npy", entry.filename) and not entry.extra and not entry.comment


@pytest.fixture
def nasty(store: Store, tmp_path: Path, sample: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store as an older version wrote it: the command, a setting and an error name everything."""
    monkeypatch.setattr(scrub, "_names", lambda: {"grace": "USER", "gpubox7": "HOST"})
    command = f"trustdm run --db {tmp_path}/bench.db --plugin ~/my.py --plugin {Path.cwd()}/a.py for grace@gpubox7"
    store.begin_run(RunInfo("run-1", sample.FINISHED, command, "", None, {"setting.db": f"{Path.home()}/b.db"}))
    cell = sample.cell(store)
    lost = sample.row(Block(0, 8), status="failed", error=TRACE)
    store.commit(cell.id, lost, failed(sample.examples_of(Block(0, 8))))
    return store


def test_exported_files_name_no_machine(nasty: Store, tmp_path: Path) -> None:
    (path,) = runfiles.export(nasty, tmp_path / "out")
    text = path.read_text()
    assert leaks(text, ["grace", "gpubox7", *names()]) == []
    (run,) = json.loads(text)["runs"]
    assert run["command"] == "trustdm run --db bench.db --plugin my.py --plugin a.py for USER@HOST"
    assert run["facts"] == {"setting.db": "b.db"}
    assert 'File \\"net.py\\", line 3: cannot read x.npz on HOST' in text


def test_an_export_goes_back_into_the_store_that_it_came_from(nasty: Store, tmp_path: Path) -> None:
    """What is stored there as it was typed is the same as its scrubbed form."""
    (path,) = runfiles.export(nasty, tmp_path / "out")
    before = nasty.runs(), nasty.blocks(1)
    assert runimport.import_file(nasty, path) == 0
    assert (nasty.runs(), nasty.blocks(1)) == before
    with Store.open(tmp_path / "new" / "bench.db") as other:
        assert runimport.import_file(other, path) == 1
        (again,) = runfiles.export(other, tmp_path / "again")
        assert again.read_bytes() == path.read_bytes()


def test_an_export_of_an_older_version_goes_in_too(nasty: Store, tmp_path: Path, sample: ModuleType) -> None:
    """Its texts were exported as they were typed, and its arrays as files of their own."""
    block = Block(8, 16)
    nasty.commit(1, sample.row(block), sample.records(block), {}, sample.arrays(block))
    (path,) = runfiles.export(nasty, tmp_path / "out")
    value = json.loads(path.read_text())
    value["runs"][0]["command"] = nasty.runs()[0].command
    value["runs"][0]["facts"] = nasty.runs()[0].facts
    value["cells"][0]["blocks"][0]["error"] = TRACE
    path.write_text(json.dumps(value))
    with zipfile.ZipFile(path.with_suffix(".npz")) as file:
        file.extractall(path.parent / "artefacts")
    path.with_suffix(".npz").unlink()
    assert runimport.import_file(nasty, path) == 0
    with Store.open(tmp_path / "new" / "bench.db") as other:
        assert runimport.import_file(other, path) == 2
        assert other.check() == []
        assert other.artefact_names(1) == nasty.artefact_names(1)
        (again,) = runfiles.export(other, tmp_path / "again")
        assert leaks(again.read_text(), ["grace", "gpubox7"]) == []
    shutil.rmtree(tmp_path / "out")
