from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

import pytest
import torch

from trustdm.bench.errors import WeightsError
from trustdm.bench.training.checkpoints import Checkpoints, StateFile, deferred_interrupt


def test_what_was_saved_is_loaded_and_nothing_else_is_left(tmp_path: Path) -> None:
    kept_in = StateFile(tmp_path / "new" / "a.training.pt")
    assert kept_in.load("me") is None
    kept_in.save("me", {"step": 1, "network": {"w": torch.ones(2)}})
    kept_in.save("me", {"step": 2, "network": {"w": torch.zeros(2)}})
    state = kept_in.load("me")
    assert state is not None and state["step"] == 2 and not state["network"]["w"].any()
    assert [path.name for path in kept_in.path.parent.iterdir()] == ["a.training.pt"]


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_in = StateFile(tmp_path / "a.training.pt")
    kept_in.save("me", {"step": 1})

    def full(content: object, file: BinaryIO) -> None:
        file.write(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(WeightsError, match="the state of the training cannot be written: No space left"):
        kept_in.save("me", {"step": 2})
    assert kept_in.load("me") == {"identity": "me", "step": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot be written"):
        StateFile(tmp_path / "file" / "a.training.pt").save("me", {})


@pytest.mark.parametrize("content", [b"", b"half a zip file", b"<html>"])
def test_a_damaged_state_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.training.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"expected a .*checkpoint"):
        StateFile(path).load("me")


def test_another_identity_is_refused(tmp_path: Path) -> None:
    kept_in = StateFile(tmp_path / "a.training.pt")
    kept_in.save("me", {})
    with pytest.raises(WeightsError, match="remove the file, or train into another folder"):
        kept_in.load("you")


def test_a_method_has_one_state_for_each_network_and_removes_its_own(tmp_path: Path) -> None:
    mine, other = Checkpoints(tmp_path, "mine", 7), Checkpoints(tmp_path, "other")
    for kept_in in (mine.of("a"), mine.of("b"), other.of("a")):
        kept_in.save("me", {})
    assert mine.of("a").every == 7
    mine.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["other.a.training.pt"]


def test_a_state_is_due_after_so_many_steps() -> None:
    assert [step for step in range(1, 13) if StateFile(Path("x"), 5).due(step)] == [5, 10]
    assert not any(StateFile(Path("x"), 0).due(step) for step in range(1, 10))


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen: list[bool] = []

    def work() -> None:
        with deferred_interrupt() as asked:
            seen.append(asked.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
