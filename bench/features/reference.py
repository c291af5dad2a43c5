"""The reference of a generation suite: what a frozen extractor sees in real images, in one file named by its hash.

A file (npz, never pickled) holds the moments and, where it is small, the features of the reference images themselves
and of real images held out from them. Files with ``mu`` and ``sigma`` that EDM and clean-fid publish are read as they
are. torch is needed by ``build_reference`` alone.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.arrayfiles import Unreadable, read_npz, reason
from trustdm.bench.errors import DataError
from trustdm.bench.features.frechet import Distance, Features, Moments, as_features, frechet_estimate, moments
from trustdm.bench.hashing import canonical_json, sha256_file, sha256_of

if TYPE_CHECKING:
    from trustdm.bench.contracts import ExtractorCard

FORMAT = "trustdm reference 1"
MOST_BYTES = 4 << 30
TEXTS = ("extractor", "extractor_hash", "split", "quantisation")
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Reference:
    """Moments of real images' features, and where they came from.

    ``features`` (n, d) and ``held_out`` (m, d) are None where they are not stored; ``held_out_labels`` (m,) where the
    held-out images have a fixed number of each class. ``split`` is the digest of the data and the two lists;
    ``quantisation`` how images were brought to 8 bits; ``extractor_hash`` the SHA-256 of the extractor's weights (of
    their list, where there are several). Texts are empty where a published file does not say.
    """

    moments: Moments
    extractor: str = ""
    extractor_hash: str = ""
    split: str = ""
    quantisation: str = ""
    features: Features | None = None
    held_out: Features | None = None
    held_out_labels: NDArray[np.int64] | None = None

    @property
    def dimension(self) -> int:
        return self.moments.dimension


def floor(reference: Reference, n: int) -> Distance | None:
    """The Frechet distance of the first ``n`` held-out real images: what no generator can be expected to stay below.

    None where there are fewer.
    """
    if reference.held_out is None or not 2 <= n <= len(reference.held_out):
        return None
    labels = None if reference.held_out_labels is None else reference.held_out_labels[:n]
    if labels is not None and np.unique(labels, return_counts=True)[1].min() < 2:
        labels = None
    return frechet_estimate(reference.held_out[:n], reference.moments, strata=labels)


def check_extractor(reference: Reference, card: ExtractorCard, quantisation: str = "") -> None:
    """Raises DataError where the reference was made by another extractor or rounding, as far as its file says."""
    if reference.dimension != card.dimension:
        raise DataError(f"reference: expected features of dimension {card.dimension}, got {reference.dimension}")
    for what, want, got in (
        ("features of the extractor", card.name, reference.extractor),
        (f"weights of {card.name} with SHA-256", weights_hash(card), reference.extractor_hash),
        ("images that were quantised by", quantisation or reference.quantisation, reference.quantisation),
    ):
        if got and got != want:
            raise DataError(f"reference: expected {what} {want}, got {got}; make the reference again")


def build_reference(
    extractor: Any,
    card: ExtractorCard,
    images: NDArray[np.float32],
    *,
    held_out: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None,
    split: str = "",
    quantisation: str = "round",
    keep: bool = True,
) -> Reference:
    """The reference of ``images`` (n, C, H, W) in [0, 1], which pass through what generated ones pass through.

    ``extractor`` is what the plugin of ``card`` loads. ``held_out`` are other real images and their labels. Without
    ``keep`` only the moments stay (big suites).

    Raises:
        DataError: images of another shape or range.
        ContractError: the extractor breaks its card.
        UsageError: an unknown quantisation.
    """
    from trustdm.bench.features.extract import extract

    seen = extract(extractor, card, images, quantisation)
    others = extract(extractor, card, held_out[0], quantisation) if held_out is not None and keep else None
    return Reference(
        moments=moments(seen),
        extractor=card.name,
        extractor_hash=weights_hash(card),
        split=split,
        quantisation=quantisation,
        features=seen if keep else None,
        held_out=others,
        held_out_labels=None if others is None or held_out is None else held_out[1].astype(np.int64),
    )


def weights_hash(card: ExtractorCard) -> str:
    """The SHA-256 of the extractor's checkpoint; of the list of them where there are several, empty for none."""
    hashes = [file.sha256 for file in card.weights]
    return hashes[0] if len(hashes) == 1 else sha256_of(hashes) if hashes else ""


def write_reference(reference: Reference, path: Path) -> str:
    """Writes the file, whole or not at all, and returns its SHA-256; the same reference gives the same bytes.

    Raises:
        DataError: it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {"mean": reference.moments.mean, "covariance": reference.moments.covariance}
    for name in ("features", "held_out", "held_out_labels"):
        if (value := getattr(reference, name)) is not None:
            arrays[name] = value
    texts = {name: getattr(reference, name) for name in TEXTS}
    head = canonical_json({"format": FORMAT, "n": reference.moments.n, **texts})
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_archive({"about": np.frombuffer(head.encode(), dtype=np.uint8), **arrays}))
        part.replace(path)
    except OSError as error:
        if part.is_file():
            part.unlink()
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    return sha256_file(path)


def read_reference(path: Path, sha256: str | None = None) -> Reference:
    """The reference in a file that ``write_reference`` wrote, or one with ``mu`` and ``sigma`` as others publish it.

    Raises:
        DataError: it is not there, has another SHA-256 than ``sha256``, or holds something else.
    """
    try:
        got = sha256_file(path)
        if sha256 is not None and got != sha256:
            raise DataError(
                f"{path}: expected the reference with SHA-256 {sha256}, got {got}; put the right file there"
            )
        arrays = read_npz(path, most=MOST_BYTES)
    except (OSError, Unreadable) as error:
        raise DataError(f"{path}: expected an npz file with a reference, got {reason(error)}") from error
    try:
        return _own(arrays) if "about" in arrays else _published(arrays)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _own(arrays: Mapping[str, NDArray[Any]]) -> Reference:
    head = _head(arrays["about"])
    whole = all(isinstance(head.get(name), str) for name in TEXTS) and {"mean", "covariance"} <= arrays.keys()
    if head.get("format") != FORMAT or not whole:
        raise DataError(f"expected the format {FORMAT!r}, got {head.get('format')!r}; make it again")
    found = _moments_of(head.get("n"), arrays["mean"], arrays["covariance"])
    features, held_out = (_stored(arrays, name, found.dimension) for name in ("features", "held_out"))
    labels = arrays.get("held_out_labels")
    if labels is not None and (labels.dtype.kind not in "iu" or held_out is None or labels.shape != held_out.shape[:1]):
        raise DataError(f"held_out_labels: expected an integer for each held-out image, got shape {labels.shape}")
    extractor, weights, split, quantisation = (str(head[name]) for name in TEXTS)
    return Reference(found, extractor, weights, split, quantisation, features, held_out, labels)


def _published(arrays: Mapping[str, NDArray[Any]]) -> Reference:
    if not {"mu", "sigma"} <= arrays.keys():
        raise DataError(f"expected the arrays mu and sigma, or a reference of ours, got {', '.join(arrays) or 'none'}")
    return Reference(_moments_of(None, arrays["mu"], arrays["sigma"]))


def _head(about: NDArray[Any]) -> dict[str, Any]:
    try:
        head = json.loads(about.tobytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"about: expected JSON, got {error}") from error
    return head if isinstance(head, dict) else {}


def _moments_of(n: object, mean: NDArray[Any], covariance: NDArray[Any]) -> Moments:
    if not (n is None or (isinstance(n, int) and not isinstance(n, bool))):
        raise DataError(f"n: expected a whole number of images, got {n!r}")
    if mean.dtype.kind != "f" or covariance.dtype.kind != "f":
        raise DataError(f"moments: expected floating point numbers, got {mean.dtype} and {covariance.dtype}")
    return Moments(n, mean.astype(np.float64), covariance.astype(np.float64))


def _stored(arrays: Mapping[str, NDArray[Any]], name: str, dimension: int) -> Features | None:
    return as_features(arrays[name], name, dimension=dimension) if name in arrays else None


def _archive(arrays: dict[str, NDArray[Any]]) -> bytes:
    """An npz file without dates: numpy's own writer puts the time of day into it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, value in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(value), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content.getvalue())  # not compressed: zlib's output depends on its version
    return buffer.getvalue()
