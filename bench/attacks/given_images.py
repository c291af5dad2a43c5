"""The attack "given-images": images that somebody made elsewhere, out of a file (``trustdm judge``)."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from trustdm.bench.arrayfiles import Unreadable, read_npz
from trustdm.bench.contracts import AttackCard, attack
from trustdm.bench.errors import SetupError, UsageError
from trustdm.bench.hashing import sha256_file
from trustdm.bench.perturb.budget import require_norm
from trustdm.bench.types import Budget, Counts

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from trustdm.bench.contracts import AttackTarget
    from trustdm.bench.rng import Noise

VARIABLE: Final = "TRUSTDM_IMAGES"
"""The file of images; where it lies is no part of a result, what it holds is."""
Given = tuple[dict[int, int], "NDArray[np.float32]"]


@attack(
    AttackCard(
        name="given-images",
        version="1",
        access="scores",
        summary="Images that were made elsewhere, judged here; an image that is not given stays as it is.",
    )
)
class GivenImages:
    """Images out of the npz file ``$TRUSTDM_IMAGES``: ``x_adv`` (n, C, H, W) of ``examples`` (n,) of the data set.

    Args:
        sha256: of the file, in lower case hex.
    """

    def __init__(self, *, sha256: str = "") -> None:
        self._sha256 = sha256

    def check(self, budget: Budget, classes: int) -> None:
        """The file is needed.

        Raises:
            UsageError: no hash says which one, or the norm is neither linf nor l2.
        """
        require_norm("given-images", budget, ("linf", "l2"))
        if not self._sha256:
            raise UsageError(
                "given-images.sha256: expected the SHA-256 of a file of images, got none: trustdm judge FILE"
            )

    def passes(self, classes: int) -> Counts:
        """None: it searches for nothing."""
        return Counts()

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """The given images of the examples that ``noise`` belongs to.

        Raises:
            SetupError: the file is not here, or is another one.
        """
        import torch

        places, images = given(os.environ.get(VARIABLE, ""), self._sha256)
        out = x.clone()
        for row, example in enumerate(noise.examples.tolist()):
            if example in places:
                out[row] = torch.from_numpy(images[places[example]]).to(x.device)
        return out


@lru_cache(maxsize=1)
def given(path: str, sha256: str) -> Given:
    """Where each example is among the images of a file, and these.

    Raises:
        SetupError: it is not here, or is another one.
    """
    wanted = f"the file of images with the SHA-256 {sha256}"
    try:
        got = sha256_file(Path(path)) if path else ""
        if got != sha256:
            raise SetupError(f"${VARIABLE}: expected {wanted}, got {path or 'nothing'}; run trustdm judge FILE")
        arrays = read_npz(Path(path), ("x_adv", "examples"))
        examples, images = arrays["examples"], arrays["x_adv"]
    except (OSError, Unreadable, KeyError) as error:
        raise SetupError(f"${VARIABLE}: expected {wanted}, got {error}") from error
    return {int(example): at for at, example in enumerate(examples)}, images
