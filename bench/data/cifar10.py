"""The official CIFAR-10 archive: its hashes, a reader that cannot run code, and the download."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.data.arrays import Bytes, Ids, file_hash
from trustdm.bench.errors import DataError

FOLDER: Final = "cifar-10-batches-py"
URL: Final = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_MD5: Final = "c58f30108f718f92721af3b95e74349a"
BATCHES: Final = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
ROWS: Final = 10000


def _dtype(code: str, align: int = 0, copy: int = 0) -> np.dtype[Any]:
    """What these files mean by numpy.dtype; newer releases of numpy warn at the integers they pass as flags."""
    return np.dtype(code, align=bool(align), copy=bool(copy))


class ArraysOnly(pickle.Unpickler):
    """Rebuilds texts, numbers, lists, dictionaries and numpy arrays, and refuses to name anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]  # under the name it has in this release
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return _dtype
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def read_batch(path: Path) -> tuple[Bytes, Ids]:
    """Images uint8 (10000, 3, 32, 32) and labels int64 (10000,) of one official batch file.

    Raises:
        DataError: it cannot be read, or is not, byte for byte, the official file.
    """
    expected = BATCHES[path.name]
    if (got := file_hash(path, "md5")) != expected:
        raise DataError(f"cifar10: {path}: expected md5 {expected}, got {got}; the file is damaged: delete it")
    try:
        content = ArraysOnly(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        images, labels = np.asarray(content["data"]), np.asarray(content["labels"])
    except (pickle.UnpicklingError, OSError, EOFError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"cifar10: {path}: expected arrays only, but {error}") from error
    return _checked(path, images, labels)


def _checked(path: Path, images: NDArray[Any], labels: NDArray[Any]) -> tuple[Bytes, Ids]:
    if images.dtype != np.uint8 or images.shape != (ROWS, 3072) or labels.shape != (ROWS,):
        raise DataError(f"cifar10: {path}: expected uint8 ({ROWS}, 3072), got {images.dtype} {images.shape}")
    return images.reshape(ROWS, 3, 32, 32), labels.astype(np.int64)


def complete(folder: Path) -> bool:
    """Whether all six batch files are in ``folder``."""
    return all((folder / name).is_file() for name in BATCHES)


def fetch(root: Path, url: str = URL, md5: str = ARCHIVE_MD5) -> Path:
    """Downloads the official archive (170 MB) and returns the folder under ``root`` that holds its batch files.

    Each file is checked before it gets its name there, so an interrupted download leaves nothing that looks finished.

    Raises:
        DataError: the host does not answer, the archive is another one, or the disk refuses.
    """
    target = root / FOLDER
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix="cifar10-") as folder:
            archive = Path(folder) / "archive.tar.gz"
            with urllib.request.urlopen(url, timeout=60) as source, archive.open("wb") as file:
                shutil.copyfileobj(source, file)
            if (got := file_hash(archive, "md5")) != md5:
                raise DataError(f"cifar10: {url}: expected md5 {md5}, got {got}; nothing was kept, try again")
            extract(archive, target)
    except (OSError, HTTPException, tarfile.TarError, EOFError) as error:
        raise DataError(
            f"cifar10: cannot download {url} to {root}: {error}; put the folder {FOLDER} there yourself"
        ) from error
    return target


def extract(archive: Path, target: Path) -> None:
    """Takes the six batch files out of ``archive``.

    They are asked for by name and written under names of ours: no path or link in the archive is ever followed.

    Raises:
        DataError: one is missing, or is not the official file.
    """
    with tarfile.open(archive, "r:gz") as tar, tempfile.TemporaryDirectory(dir=target, prefix="new-") as folder:
        members = {m.name: m for m in tar.getmembers() if m.isreg()}
        for name, expected in BATCHES.items():
            member = members.get(f"{FOLDER}/{name}")
            source = tar.extractfile(member) if member else None
            if source is None:
                raise DataError(f"cifar10: {archive.name}: expected the file {FOLDER}/{name} in it, got none")
            fresh = Path(folder) / name
            with fresh.open("wb") as file:
                shutil.copyfileobj(source, file)
            if (got := file_hash(fresh, "md5")) != expected:
                raise DataError(f"cifar10: {archive.name}: {name}: expected md5 {expected}, got {got}")
            fresh.replace(target / name)
