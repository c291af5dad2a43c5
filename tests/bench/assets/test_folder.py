"""Assets are made once, survive a kill, and are what their manifest says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trustdm.bench.assets.folder import AssetFolder, Workplace
from trustdm.bench.assets.spec import AssetIdentity, PlannedAsset
from trustdm.bench.errors import SetupError
from trustdm.bench.types import Cost


def planned(params: str = "{}", code: str = "c" * 64) -> PlannedAsset:
    identity = AssetIdentity("step", "1", params, None, "", 0, ())
    return PlannedAsset(identity, {}, {}, code)


def write(text: str):
    def make(place: Workplace) -> Cost:
        (place.files / "a.txt").write_text(text)
        return Cost(wall=1.5, forwards=3)

    return make


def never(_: Workplace) -> Cost:
    raise AssertionError("made again")


def test_it_is_made_once_and_found_again_by_another_process(tmp_path: Path) -> None:
    first = AssetFolder(tmp_path).ensure(planned(), write("hello"))
    again = AssetFolder(tmp_path).ensure(planned(), never)
    assert first == again
    assert (again.files / "a.txt").read_text() == "hello"
    assert again.cost == Cost(wall=1.5, forwards=3)
    assert again.bytes == 5
    assert again.key == planned().key


def test_other_parameters_are_another_asset(tmp_path: Path) -> None:
    folder = AssetFolder(tmp_path)
    one, two = folder.ensure(planned(), write("1")), folder.ensure(planned('{"n":2}'), write("2"))
    assert one.files != two.files
    assert one.content != two.content


def test_content_is_that_of_the_files_alone(tmp_path: Path) -> None:
    one = AssetFolder(tmp_path / "a").ensure(planned(), write("same"))
    two = AssetFolder(tmp_path / "b").ensure(planned('{"n":2}'), write("same"))
    assert one.content == two.content


def test_other_code_is_refused_with_the_remedy(tmp_path: Path) -> None:
    AssetFolder(tmp_path).ensure(planned(), write("x"))
    with pytest.raises(SetupError, match=r"prepared by other code.*raise the version of the step step.*or remove"):
        AssetFolder(tmp_path).ensure(planned(code="d" * 64), never)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    asset = AssetFolder(tmp_path).ensure(planned(), write("good"))
    (asset.files / "a.txt").write_text("evil")
    with pytest.raises(SetupError, match=r"damaged asset.*have it made again"):
        AssetFolder(tmp_path).get(planned())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": "other"}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    asset = AssetFolder(tmp_path).ensure(planned(), write("good"))
    (asset.files.parent / "asset.json").write_text(text)
    with pytest.raises(SetupError, match="damaged asset"):
        AssetFolder(tmp_path).get(planned())


def test_a_step_that_leaves_nothing_or_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="expected the step to leave files"):
        AssetFolder(tmp_path).ensure(planned(), lambda place: Cost())

    def link(place: Workplace) -> Cost:
        (place.files / "b").symlink_to("/etc/hostname")
        return Cost()

    with pytest.raises(SetupError, match="expected plain files"):
        AssetFolder(tmp_path).ensure(planned('{"n":3}'), link)


def test_what_was_kept_before_a_failure_is_gone_on_from_unless_the_code_changed(tmp_path: Path) -> None:
    def half(place: Workplace) -> Cost:
        (place.state / "half").write_text("done")
        place.keep(Cost(wall=2.0))
        raise RuntimeError

    def rest(place: Workplace) -> Cost:
        assert (place.state / "half").read_text() == "done"
        assert place.cost == Cost(wall=2.0)
        (place.files / "a.txt").write_text("whole")
        return Cost(wall=place.cost.wall + 1)

    with pytest.raises(RuntimeError):
        AssetFolder(tmp_path).ensure(planned(), half)
    assert AssetFolder(tmp_path).ensure(planned(), rest).cost.wall == 3.0

    def fresh(place: Workplace) -> Cost:
        assert not list(place.state.iterdir())
        return write("new")(place)

    with pytest.raises(RuntimeError):
        AssetFolder(tmp_path).ensure(planned('{"n":4}'), half)
    AssetFolder(tmp_path).ensure(planned('{"n":4}', "e" * 64), fresh)


def interrupted(place: Workplace) -> Cost:
    (place.files / "left-over").write_text("of another attempt")
    raise RuntimeError


def kept(place: Workplace) -> Cost:
    place.keep(Cost(wall=2.0))
    return interrupted(place)


def partial_of(tmp_path: Path, make: Callable[[Workplace], Cost]) -> Path:
    with pytest.raises(RuntimeError):
        AssetFolder(tmp_path).ensure(planned(), make)
    return tmp_path / f"{planned().key}.partial"


@pytest.mark.parametrize(("attempt", "left"), [(interrupted, ["a.txt"]), (kept, ["a.txt", "left-over"])])
def test_files_of_a_killed_attempt_are_part_of_the_asset_only_if_it_kept_something(
    tmp_path: Path, attempt: Callable[[Workplace], Cost], left: list[str]
) -> None:
    partial_of(tmp_path, attempt)
    files = AssetFolder(tmp_path).ensure(planned(), write("new")).files
    assert sorted(path.name for path in files.iterdir()) == left


@pytest.mark.parametrize("text", ["{", "[1]", '{"wall": "long"}', '{"other": 1}'])
def test_a_damaged_note_of_the_cost_loses_no_work(tmp_path: Path, text: str) -> None:
    (partial_of(tmp_path, kept) / "cost.json").write_text(text)

    def rest(place: Workplace) -> Cost:
        assert place.cost == Cost() and (place.files / "left-over").exists()
        return place.cost

    AssetFolder(tmp_path).ensure(planned(), rest)


def test_another_asset_in_its_place_is_refused(tmp_path: Path) -> None:
    other = AssetFolder(tmp_path).ensure(planned('{"n":2}'), write("other"))
    other.files.parent.rename(tmp_path / planned().key)
    with pytest.raises(SetupError, match=f"expected the asset {planned().key}, got {other.key}; remove"):
        AssetFolder(tmp_path).get(planned())


def test_a_folder_without_a_manifest_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / planned().key / "files").mkdir(parents=True)
    with pytest.raises(SetupError, match=r"expected a finished asset or nothing, got one without asset.json; remove"):
        AssetFolder(tmp_path).ensure(planned(), never)


def test_an_error_of_the_step_is_not_taken_for_one_of_the_folder(tmp_path: Path) -> None:
    def fails(_: Workplace) -> Cost:
        raise FileNotFoundError("an input of the step")

    with pytest.raises(FileNotFoundError, match="an input of the step"):
        AssetFolder(tmp_path).ensure(planned(), fails)
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="expected a folder for assets, got File exists"):
        AssetFolder(tmp_path / "file").ensure(planned(), never)


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from test_folder import planned
from trustdm.bench.assets.folder import AssetFolder
from trustdm.bench.types import Cost

def make(place):
    for i in range(20):
        path = place.files / f"{{i:02d}}"
        if not path.exists():
            with (Path({root!r}) / "made").open("a") as log:
                log.write(f"{{i}}\\n")
            path.write_text(str(i))
            place.keep(Cost(wall=i))
            time.sleep(0.02)
    return Cost(wall=20)

AssetFolder(Path({root!r})).ensure(planned(), make)
"""


def start(root: Path) -> subprocess.Popen[bytes]:
    program = PROGRAM.format(here=str(Path(__file__).parent), root=str(root))
    return subprocess.Popen([sys.executable, "-c", program])


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    one, two = start(tmp_path), start(tmp_path)
    assert (one.wait(60), two.wait(60)) == (0, 0)
    assert sorted(map(int, (tmp_path / "made").read_text().split())) == list(range(20))


def test_kill_9_leaves_its_state_and_its_lock_ends_with_it(tmp_path: Path) -> None:
    process = start(tmp_path)
    while not (tmp_path / "made").exists() or len((tmp_path / "made").read_text().split()) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = len((tmp_path / "made").read_text().split())
    assert not (tmp_path / planned().key).exists()
    assert start(tmp_path).wait(60) == 0
    done = list(map(int, (tmp_path / "made").read_text().split()))
    assert len(done) - before <= 16
    assert set(done) == set(range(20))
    manifest = json.loads((tmp_path / planned().key / "asset.json").read_text())
    assert len(manifest["files"]) == 20
    assert not (tmp_path / f"{planned().key}.partial").exists()
