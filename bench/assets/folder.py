"""The folder of prepared assets: each made once, by whichever worker is first, found by its key, checked by content.

``KEY/`` holds a finished asset: ``files/`` and ``asset.json``. ``KEY.partial/`` is one that is being made, or was when
its maker was killed: ``files/``, and ``state/``, which the step may go on from. What was in ``files/`` stays there if
the step kept anything (``Workplace.keep``), and is removed otherwise. ``KEY.lock`` is locked while somebody makes it;
the lock ends with its process.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trustdm.bench.assets.spec import PlannedAsset
from trustdm.bench.errors import DataError, SetupError
from trustdm.bench.hashing import canonical_json, sha256_file, sha256_of
from trustdm.bench.types import Cost

MANIFEST = "asset.json"
SPENT = "cost.json"
FORMAT = "trustdm asset 1"


@dataclass(frozen=True)
class Asset:
    """A finished asset: ``content`` is the SHA-256 of its list of files with their hashes, ``files`` their folder."""

    key: str
    identity: str
    code: str
    content: str
    bytes: int
    cost: Cost
    files: Path


@dataclass
class Workplace:
    """Where a step works: ``files`` become the asset; ``state`` is its own, and outlives a kill, but not the end.

    ``cost`` is what attempts that were cut off had taken before they last called ``keep``.
    """

    files: Path
    state: Path
    cost: Cost

    def keep(self, cost: Cost) -> None:
        """Notes what was spent so far, beside the state that is kept."""
        _write(self.state.parent / SPENT, canonical_json(asdict(cost)))


class AssetFolder:
    """Assets under ``root``; workers of one machine, or of several on one file system, may share it."""

    def __init__(self, root: Path):
        self.root = root
        self._checked: dict[str, Asset] = {}

    def get(self, asset: PlannedAsset) -> Asset | None:
        """The finished asset, with its files checked once in a process; None if nobody has made it yet.

        Raises:
            SetupError: it was made by other code, or its files were damaged.
        """
        if asset.key not in self._checked:
            folder = self.root / asset.key
            if not (folder / MANIFEST).is_file():
                return None
            self._checked[asset.key] = _read(folder, asset.key)
        finished = self._checked[asset.key]
        if finished.code != asset.code:
            raise SetupError(
                f"asset {asset}: prepared by other code (expected digest {asset.code}, got {finished.code}); raise the "
                f"version of the step {asset.identity.step}{_or_what_it_builds_on(asset)}, restore the code, or remove "
                f"{self.root / asset.key}"
            )
        return finished

    def ensure(self, asset: PlannedAsset, make: Callable[[Workplace], Cost]) -> Asset:
        """The asset, made by ``make`` if nobody has; ``make`` returns what it took in all.

        Whoever else wants it waits meanwhile. A maker that was killed is followed by another one, in the same place.

        Raises:
            SetupError: as ``get``, or the folder cannot be written. What ``make`` raises is passed on.
        """
        finished = self.get(asset)
        if finished is not None:
            return finished
        with _writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with _locked(self.root / f"{asset.key}.lock"):
            return self.get(asset) or self._made(asset, make)

    def _made(self, asset: PlannedAsset, make: Callable[[Workplace], Cost]) -> Asset:
        folder = self.root / asset.key
        if folder.exists():
            raise SetupError(f"{folder}: expected a finished asset or nothing, got one without {MANIFEST}; remove it")
        with _writing(self.root):
            place = _opened(self.root / f"{asset.key}.partial", asset.code)
        cost = make(place)
        with _writing(self.root):
            return self._finished(asset, place, cost)

    def _finished(self, asset: PlannedAsset, place: Workplace, cost: Cost) -> Asset:
        """Lists what the step left, and puts it in place at once."""
        partial, files = place.files.parent, _files(place.files)
        if not files:
            raise SetupError(f"asset {asset}: expected the step to leave files, got none")
        manifest = {
            "format": FORMAT,
            "identity": asset.identity.text,
            "code": asset.code,
            "cost": asdict(cost),
            "files": files,
        }
        shutil.rmtree(place.state)
        _write(partial / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        partial.rename(self.root / asset.key)
        _sync(self.root)
        self._checked[asset.key] = _read(self.root / asset.key, asset.key)
        return self._checked[asset.key]


def _or_what_it_builds_on(asset: PlannedAsset) -> str:
    names = [parent.identity.step for parent in asset.parents.values()]
    names += [f"method {asset.identity.method.name}"] if asset.identity.method else []
    return f" (or of {' or '.join(names)}, where that was edited)" if names else ""


def _opened(partial: Path, code: str) -> Workplace:
    """The place of an unfinished asset: what was left there, unless other code left it, or nothing was kept."""
    stamp, spent = partial / "code", partial / SPENT
    if not stamp.is_file() or stamp.read_bytes() != code.encode():
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(stamp, code)
    if not spent.is_file() and (partial / "files").exists():
        shutil.rmtree(partial / "files")
    for name in ("files", "state"):
        (partial / name).mkdir(exist_ok=True)
    return Workplace(partial / "files", partial / "state", _spent(spent))


def _spent(path: Path) -> Cost:
    """What was noted by ``Workplace.keep``; nothing if the note cannot be read, which loses seconds and no work."""
    try:
        noted = Cost(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Cost()
    return noted if all(isinstance(value, int | float) for value in asdict(noted).values()) else Cost()


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    """Hash and size of every file under ``folder``, each flushed to disk; links and other odd things are refused."""
    listed: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise SetupError(f"{path}: expected plain files in an asset, got a link or a device")
        if path.is_file():
            _sync(path)
            listed[path.relative_to(folder).as_posix()] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    return listed


def _read(folder: Path, key: str) -> Asset:
    """A finished asset whose files are those that its manifest lists, and whose identity has this key.

    Raises:
        SetupError: they are not, or it is another asset.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files, listed = folder / "files", manifest["files"]
        if manifest["format"] != FORMAT or _hashes(files) != {name: one["sha256"] for name, one in listed.items()}:
            raise DataError(f"{folder}: expected the files that {MANIFEST} lists, got others")
        identity = str(manifest["identity"])
        if (got := sha256_of(json.loads(identity))) != key:
            raise DataError(f"{folder}: expected the asset {key}, got {got}")
        return Asset(
            key=key,
            identity=identity,
            code=str(manifest["code"]),
            content=sha256_of({name: one["sha256"] for name, one in listed.items()}),
            bytes=sum(int(one["bytes"]) for one in listed.values()),
            cost=Cost(**manifest["cost"]),
            files=files,
        )
    except (DataError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"{folder}: a damaged asset: {error}; remove the folder to have it made again") from error


def _hashes(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def _write(path: Path, text: str) -> None:
    """Replaces a small file at once, flushed to disk."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    _sync(unfinished)
    unfinished.replace(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock; the operating system ends it with the process."""
    import fcntl

    with _writing(path.parent):
        handle = path.open("a")
    with handle:
        with _writing(path.parent):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """Our own work in the folder; what a step does there is not covered.

    Raises:
        SetupError: the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise SetupError(f"{root}: expected a folder for assets, got {error.strerror or error}") from error
