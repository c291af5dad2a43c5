"""From seeds to a distance: the harness, store and all, against the usual practice with the same network and seeds.

The usual practice: sample in batches of 64, write a PNG file for each image, read them back one by one, resize each to
what the extractor takes (clean-fid's bicubic resizer, a no-op in size here, as at 299x299 it is not), extract, numpy's
covariance, clean-fid's distance with scipy's matrix root.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from trustdm.bench import api
from trustdm.bench.features.reference import read_reference
from trustdm.bench.plan import MethodSpec
from trustdm.bench.plugins import load_suite
from trustdm.bench.runner.session import Session, one_thread
from trustdm.bench.runner.units import Settings
from trustdm.bench.store.store import Store
from trustdm.bench.summary import rows as summary
from trustdm.bench.targets.seeds import labels_of
from trustdm.bench.tasks.generation.extractor import suite_extractor
from trustdm.bench.tasks.generation.task import generation, reference_file

PAIRS = 3
IMAGES = 500
BATCH = 64
SUITE = "digits-generation"
METHOD = "digits-edm:sampler=heun"


def only_ten_steps(folder: Path) -> Path:
    """The suite with its evaluation of ten steps alone."""
    suite = load_suite(SUITE)
    text = suite.source.read_text(encoding="utf-8")
    head, _, tail = text.partition("[evaluations.steps-5]")
    parts = [part for part in tail.split("[[metrics]]")[1:] if '"steps-10"' in part]
    metrics = "".join(f"[[metrics]]{part.partition('[ranking]')[0]}" for part in parts)
    for name in (generation(suite).reference, "digits-linf.splits.json"):
        (folder / name).write_bytes((suite.source.parent / name).read_bytes())
    path = folder / "ten.toml"
    ten = '[evaluations.steps-10]\nprotocol = "generation"\nsteps = 10\n\n'
    path.write_text(f'{head}{ten}{metrics}[ranking]\nmetric = "frechet_10"\n', encoding="utf-8")
    return path


def harness(suite: Path, path: Path) -> tuple[float, int]:
    """The distance of a run through runner and store into a new database, and the network evaluations it took."""
    request = api.Request(suites=(suite,), methods=(METHOD,), batch_size=BATCH)
    with Store.open(str(path)) as store:
        assert api.execute(request, api.prepare(request), store).exit_code == 0
        loaded = load_suite(suite)
        (row,) = summary.rows(loaded, store.results(loaded.name))
    return row.metrics["frechet_10"].value, row.cost.forwards


def usual(suite: Path, folder: Path) -> float:
    """The same by files, with clean-fid's parts."""
    from cleanfid.fid import frechet_distance
    from cleanfid.resize import make_resizer

    loaded = load_suite(suite)
    request = api.Request(suites=(suite,), methods=(METHOD,))
    prepared = api.prepare(request, [MethodSpec.parse(METHOD)])
    session = Session(Settings(), prepared.catalogue.registry)
    sample = session.method(prepared.cells[0]).call
    extractor = suite_extractor(loaded, prepared.catalogue.registry, "cpu")
    seeds = list(range(IMAGES))
    labels = labels_of(seeds, "balanced", 10)
    folder.mkdir(parents=True)
    with one_thread(), torch.no_grad():
        for start in range(0, IMAGES, BATCH):
            part = seeds[start : start + BATCH]
            images = sample(part, torch.from_numpy(labels[start : start + BATCH]), 10)
            pixels = (images * 255 + 0.5).clip(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
            for seed, image in zip(part, pixels, strict=True):
                Image.fromarray(image[..., 0]).save(folder / f"{seed:06d}.png")
        resize = make_resizer("PIL", quantize_after=False, filter="bicubic", output_size=(8, 8))
        features = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for start in range(0, IMAGES, BATCH):
                found = [
                    np.asarray(Image.open(folder / f"{s:06d}.png").convert("RGB")) for s in seeds[start : start + BATCH]
                ]
                small = np.stack([resize(image)[..., :1] for image in found]).transpose(0, 3, 1, 2)
                features.append(extractor(torch.from_numpy(small.round().clip(0, 255).astype(np.uint8))))
            all_features = np.concatenate(features).astype(np.float64)
            reference = read_reference(reference_file(loaded)).moments
            mean, covariance = all_features.mean(axis=0), np.cov(all_features, rowvar=False)
            return float(frechet_distance(mean, covariance, reference.mean, reference.covariance))


def seconds(act: Callable[[], Any]) -> tuple[float, Any]:
    before = time.perf_counter()
    value = act()
    return time.perf_counter() - before, value


@pytest.mark.benchmark(group="generation")
def test_seeds_to_distance_against_the_usual_practice(benchmark: Any, tmp_path: Path) -> None:
    """Ratio of seconds in pairs run in the order ABBA; both distances are of the same images."""
    pytest.importorskip("cleanfid", reason="clean-fid is not installed")
    suite, ratios, found = only_ten_steps(tmp_path), [], {}
    for pair in range(PAIRS):
        took = {}
        for name in ("usual", "harness") if pair % 2 == 0 else ("harness", "usual"):
            ways = {
                "usual": lambda at=pair: (usual(suite, tmp_path / f"png{at}"), 0),
                "harness": lambda at=pair: harness(suite, tmp_path / f"{at}.db"),
            }
            took[name], found[name] = seconds(ways[name])
        ratios.append(took["usual"] / took["harness"])
    benchmark.pedantic(lambda: harness(suite, tmp_path / "timed.db"), rounds=1)
    assert found["harness"][0] == pytest.approx(found["usual"][0], rel=1e-4)
    benchmark.extra_info |= {
        "ratio_to_usual_practice": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "images": IMAGES,
        "network_evaluations_an_image": found["harness"][1] / IMAGES,
    }
