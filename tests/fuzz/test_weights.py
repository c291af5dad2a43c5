"""Checkpoints of strangers: safetensors, torch's archives, and its old format, which is one pickle after another."""

from __future__ import annotations

import io
import random
from pathlib import Path

import safetensors.torch
import torch
from fuzz.harness import Survivors, budget, chances, damaged

from trustdm.bench.training.convert import convert

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}
OPCODES = [
    b"s.",
    b"t.",
    b".",
    b"b.",
    b"}Q.",
    b"R.",
    b"(d.",
    b"\x81.",
    b"u.",
    b"cos\nsystem\n.",
    b"j\x00\x00\x00\x01.",
    b"h\x09.",
]


def saved(old: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": STATE, "epoch": 3}, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


WHOLE = {".safetensors": safetensors.torch.save(STATE), ".pt": saved(False), ".pth": saved(True)}


def checkpoint(ending: str, chance: random.Random) -> bytes:
    content = WHOLE[ending]
    if ending == ".pth" and chance.random() < 0.5:
        at = chance.randrange(len(content))
        return content[:at] + chance.choice(OPCODES) + content[at + chance.choice((0, 1, 2)) :]
    return damaged(content, chance)


@budget(60, 1500)
def test_checkpoints(cases: int, tmp_path: Path) -> None:
    found = Survivors()
    for chance in chances("checkpoints", cases):
        ending = chance.choice(list(WHOLE))
        path = tmp_path / f"w{ending}"
        path.write_bytes(content := checkpoint(ending, chance))
        found.runs((ending, content), lambda path=path: convert(path, tmp_path / "out.safetensors"))
    found.check()
