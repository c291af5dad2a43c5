"""clean-fid's path with a small network in the place of Inception; the real one where its weights are there."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.errors import ContractError, UsageError, WeightsError
from trustdm.bench.extractors import inception
from trustdm.bench.registry import entries_of
from trustdm.bench.training.weights import verify

needs_cleanfid = pytest.mark.skipif(find_spec("cleanfid") is None, reason="clean-fid is not installed")


class Layers(nn.Module):
    """2048 numbers of a normalised image: means over stretches of its rows, turned by fixed weights."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3 * 4 * 4, 2048)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))


class Network(nn.Module):
    """What clean-fid expects of the file: ``layers``, and a call that resizes and normalises itself."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers()

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        return self.layers((x - 128) / 128)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TorchScript file that the cards name, in a folder that ``$TRUSTDM_WEIGHTS`` names."""
    path = tmp_path / "inception-2015-12-05.pt"
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Network().eval()).save(str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setenv("TRUSTDM_WEIGHTS", str(tmp_path))
    for name in ("CLEAN", "TENSORFLOW"):
        card: ExtractorCard = getattr(inception, name)
        file = card.weights[0].model_copy(update={"sha256": digest})
        monkeypatch.setattr(inception, name, card.model_copy(update={"weights": (file,)}))
    return path


def pictures(n: int, channels: int = 3, side: int = 32) -> Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (n, channels, side, side), dtype=np.uint8))


def by_clean_fid(images: Tensor, folder: Path, mode: str) -> Tensor:
    """Features of the images as PNG files, by clean-fid's own loop over files, with its own wrapper."""
    from cleanfid.fid import get_files_features
    from cleanfid.inception_torchscript import InceptionV3W

    paths = []
    for i, image in enumerate(images):
        paths.append(str(folder / f"{i:03}.png"))
        Image.fromarray(image.permute(1, 2, 0).numpy().squeeze()).save(paths[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = InceptionV3W(str(folder), download=False, resize_inside=mode != "clean").eval()
        found = get_files_features(
            paths, model=network, num_workers=0, batch_size=4, device="cpu", mode=mode, verbose=False
        )
    return torch.from_numpy(found)


def test_both_are_registered_under_their_names() -> None:
    cards = {entry.name: entry.card for entry in entries_of(inception)}
    assert cards == {"inception-clean": inception.CLEAN, "inception-tensorflow": inception.TENSORFLOW}
    assert all(entry.kind == "extractor" for entry in entries_of(inception))


@needs_cleanfid
@pytest.mark.parametrize(("load", "mode"), [("load_clean", "clean"), ("load_tensorflow", "legacy_tensorflow")])
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_clean_fid_from_png_files(weights: Path, load: str, mode: str, channels: int) -> None:
    images = pictures(6, channels)
    found = getattr(inception, load)().to("cpu").features(images)
    assert found.shape == (6, 2048)
    torch.testing.assert_close(found, by_clean_fid(images, weights.parent, mode), rtol=0, atol=1e-6)


@needs_cleanfid
def test_the_two_resizings_differ_and_rows_do_not_mix(weights: Path) -> None:
    images = pictures(4)
    clean = inception.load_clean()
    torch.testing.assert_close(clean.features(images)[2:3], clean.features(images[2:3]), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(clean.features(images), inception.load_tensorflow().features(images), atol=1e-4)
    with pytest.raises(ContractError, match="inception: expected images of 1 or 3 channels, got 2"):
        clean.features(pictures(1, 2))


@needs_cleanfid
def test_missing_wrong_and_damaged_weights_are_one_clear_line(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights.write_bytes(b"something else")
    with pytest.raises(
        WeightsError, match=r"extractor inception-clean: .*expected SHA-256 .* got .*published at https"
    ):
        inception.load_clean()
    file = inception.CLEAN.weights[0].model_copy(update={"sha256": hashlib.sha256(b"something else").hexdigest()})
    monkeypatch.setattr(inception, "CLEAN", inception.CLEAN.model_copy(update={"weights": (file,)}))
    with pytest.raises(WeightsError, match="expected a TorchScript Inception network, got one that cannot be read"):
        inception.load_clean()
    weights.unlink()
    with pytest.raises(WeightsError, match=r"extractor inception-tensorflow: .*not found; looked at .*published at"):
        inception.load_tensorflow()


def test_without_clean_fid_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: dict[str, ModuleType | None] = {"cleanfid": None, "cleanfid.inception_torchscript": None}
    for name, value in missing.items():
        monkeypatch.setitem(sys.modules, name, value)
    with pytest.raises(UsageError, match=r"inception-clean: needs clean-fid: pip install 'trustdm\[generation\]'"):
        inception.load_clean()


@needs_cleanfid
def test_the_published_network_gives_clean_fids_features(tmp_path: Path) -> None:
    if not os.environ.get("TRUSTDM_WEIGHTS"):
        pytest.skip("TRUSTDM_WEIGHTS is not set: Inception's weights are not on this machine")
    try:
        path = verify(inception.WEIGHTS, tmp_path)
    except WeightsError as error:
        pytest.skip(f"Inception's weights are not on this machine: {error}")
    (tmp_path / path.name).symlink_to(path)
    images = pictures(3)
    found = inception.load_clean().features(images)
    torch.testing.assert_close(found, by_clean_fid(images, tmp_path, "clean"), rtol=1e-4, atol=1e-4)
