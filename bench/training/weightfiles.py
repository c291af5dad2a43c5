"""Checkpoint files, found and hash-checked before a byte of them is interpreted; torch-free."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from trustdm.bench.contracts import WeightFile
from trustdm.bench.errors import WeightsError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.plainfiles import open_plain

ENVIRONMENT = "TRUSTDM_WEIGHTS"


def find(card_file: WeightFile, folder: Path) -> Path:
    """Where the checkpoint is.

    Raises:
        WeightsError: it is nowhere, or its name leaves the folder.
    """
    name = PurePosixPath(card_file.file)
    if name.is_absolute() or ".." in name.parts or "\\" in card_file.file or ":" in name.parts[0]:
        raise WeightsError(
            f"weights file {card_file.file!r}: expected a relative path inside the plugin's folder, without '..'"
        )
    places = [folder / name]
    if root := os.environ.get(ENVIRONMENT):
        places += [Path(root) / name, Path(root) / name.name]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in dict.fromkeys(places))
    hint = "" if root else f", or set ${ENVIRONMENT} to the folder that has it"
    raise WeightsError(f"weights file {card_file.file!r}: not found; looked at {looked}; put it there{hint}")


VERIFIED: set[str] = set()
"""SHA-256 of every checkpoint whose bytes were checked in this process."""


def verify(card_file: WeightFile, folder: Path) -> Path:
    """The checkpoint of a card, beside its plugin or in ``$TRUSTDM_WEIGHTS``, after its hash was compared.

    Raises:
        WeightsError: it is missing, or has another hash.
    """
    path = find(card_file, folder)
    try:
        got = sha256_file(path)
    except OSError as error:
        raise WeightsError(f"{path}: expected a checkpoint, got {error.strerror or error}") from error
    if got != card_file.sha256:
        raise WeightsError(
            f"{path}: expected SHA-256 {card_file.sha256}, got {got}{_guise_note(path)}; put the right file there, or "
            "correct the card"
        )
    VERIFIED.add(got)
    return path


def _guise(path: Path) -> str:
    """What a file is that was downloaded in place of a checkpoint; empty where it is none of the usual."""
    with open_plain(path) as file:
        head = file.read(512)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "an empty file"
    if text.startswith((b"<!doctype html", b"<html", b"<?xml", b"<head", b"<script")):
        return "a web page"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    return "a JSON text" if text.startswith((b'{"', b"[{")) else ""


def _guise_note(path: Path) -> str:
    guise = _guise(path)
    return f" ({guise}, not a checkpoint)" if guise else ""
