"""The 1,797 handwritten digits (8x8) that scikit-learn ships."""

from __future__ import annotations

import numpy as np

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data.arrays import Images, packaged, table

CARD = DatasetCard(
    name="digits",
    summary="1,797 real handwritten digits, 8x8, 17 grey levels; value 16 is 1.0.",
    shape=(1, 8, 8),
    classes=10,
    class_names=tuple("0123456789"),
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    source="E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits; the UCI test set",
    needs="scikit-learn",
)


@dataset(CARD)
def load() -> Images:
    """The digits, in the order of the file; scikit-learn itself is not imported (that takes seconds).

    Raises:
        DataError: the file is not there, or holds something else.
    """
    rows = table("digits", packaged("digits", "sklearn", "datasets/data/digits.csv.gz"), (1797, 65))
    return Images("digits", rows[:, :64].astype(np.uint8).reshape(-1, 1, 8, 8), rows[:, 64], scale=16)
