"""The state of a training that may be interrupted: written whole or not at all, and read by its own training only."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trustdm.bench.errors import WeightsError
from trustdm.bench.training.weights import read_checkpoint

SUFFIX = ".training.pt"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where the networks of one method keep their training states, and after how many steps each time."""

    folder: Path
    method: str
    every: int = 500

    def of(self, network: str) -> StateFile:
        """The state of one of the networks."""
        return StateFile(self.folder / f"{self.method}.{network}{SUFFIX}", self.every)

    def clear(self) -> None:
        """Removes every state: the training is over and its weights are written."""
        for path in self.folder.glob(f"{self.method}.*{SUFFIX}"):
            path.unlink()


@dataclass(frozen=True, slots=True)
class StateFile:
    """The state of one training in the file ``path``, to be written every ``every`` steps."""

    path: Path
    every: int = 500

    def due(self, step: int) -> bool:
        """Whether the state is to be written after ``step`` steps."""
        return self.every > 0 and step % self.every == 0

    def save(self, identity: str, state: dict[str, Any]) -> None:
        """Replaces the file; whoever is killed here leaves the old one.

        Raises:
            WeightsError: it cannot be written.
        """
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                torch.save({"identity": identity, **state}, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except (OSError, RuntimeError) as error:
            if part.is_file():
                part.unlink()
            raise WeightsError(f"{self.path}: the state of the training cannot be written: {error}") from error

    def load(self, identity: str) -> dict[str, Any] | None:
        """The last state, or None where there is none yet.

        Raises:
            WeightsError: the file is damaged, or belongs to another training.
        """
        if not self.path.is_file():
            return None
        state = read_checkpoint(self.path)
        if not isinstance(state, dict) or state.get("identity") != identity:
            raise WeightsError(
                f"{self.path}: expected the state of this training, got that of another recipe, other data or other "
                "options; remove the file, or train into another folder"
            )
        return state


@contextmanager
def deferred_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C sets the event that this yields, instead of stopping in the middle of a step; a second one stops at once.

    Outside the main thread signals are not ours to take, and the event stays unset.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
