"""Certified suites from end to end: noise of the harness, counts on record, certificates as a summary."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from trustdm.bench import api
from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plugins import load
from trustdm.bench.runner.run import Report
from trustdm.bench.smoothing import fixed
from trustdm.bench.store.store import Store
from trustdm.bench.suite.data import open_data
from trustdm.bench.plugins import load_suite
from trustdm.bench.summary.rows import Row, rows
from trustdm.bench.tasks.certification import metrics as certscores
from trustdm.bench.types import Status

SUITES = Path(__file__).parents[4] / "suites"
SIGMA = 0.25
LINEAR = '''
import torch
from trustdm import MethodCard, method

CARD = MethodCard(name="{name}", capabilities=("classify_noisy",), input_shape=(1, 8, 8), classes=10{card})


@method(CARD)
class Linear:
    """Two half spaces: the smoothed radius is the distance to the plane."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.w = torch.randn(64, generator=generator)
        self.w /= self.w.norm()
        self.kept = None

    def score(self, x):
        return x.flatten(1) @ self.w + 0.1

    def classify_noisy(self, x, sigma{extra}):
        {body}
'''
BODY = """s = self.score(x)
        return torch.cat([torch.stack([s, -s], dim=1), torch.full((len(x), 8), -1e9)], dim=1)"""


def plugin(folder: Path, name: str = "linear", body: str = BODY, card: str = "", extra: str = "") -> Path:
    path = folder / f"{name}.py"
    path.write_text(LINEAR.format(name=name, body=body, card=card, extra=extra), encoding="utf-8")
    return path


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """60 digits, 20 draws to select, 200 to estimate in chunks of 100; and a sequential evaluation."""
    text = (SUITES / "digits-linf.toml").read_text(encoding="utf-8")
    digest = next(line for line in text.splitlines() if line.startswith("digest"))
    path = tmp_path / "certified.toml"
    path.write_text(
        f"""
name = "certified"
version = 1
title = "Certified digits"

[certification]
alpha = "1/10"
selection = 20
estimation = 200
chunk = 100

[data]
dataset = "digits"
{digest}
shape = [1, 8, 8]
classes = 10

[data.splits]
test = "1200-1259"

[size]
demo = 4
full = 60
first_block = 6
block = 48

[evaluations.fixed]
protocol = "certified"
sigma = "1/4"

[evaluations.declared]
protocol = "certified-sequential"
sigma = "1/4"
radii = ["1/8"]
alpha = "1/10"
cap = 200

[[metrics]]
name = "radius"
evaluation = "fixed"
statistic = "certified-radius"

[[metrics]]
name = "at_zero"
evaluation = "fixed"
statistic = "certified"
radius = "0"

[[metrics]]
name = "at_eighth"
evaluation = "fixed"
statistic = "certified"
radius = "1/8"

[[metrics]]
name = "abstained"
evaluation = "fixed"
statistic = "abstention"
direction = "lower"

[[metrics]]
name = "declared"
evaluation = "declared"
statistic = "certified"
radius = "1/8"

[[metrics]]
name = "draws"
evaluation = "declared"
statistic = "draws"
direction = "lower"

[ranking]
metric = "radius"
""",
        encoding="utf-8",
    )
    return path


def measure(suite: Path, db: str, **how: Any) -> Report:
    plugins = how.pop("plugins", None) or (plugin(suite.parent),)
    names = how.pop("methods", None) or tuple(p.stem for p in plugins)
    request = api.Request(suites=(suite,), methods=names, plugins=tuple(plugins), **how)
    with Store.open(str(suite.parent / db)) as store:
        return api.execute(request, api.prepare(request), store)


def board(suite: Path, db: str) -> list[Row]:
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / db), read_only=True) as store:
        return rows(loaded, store.results(loaded.name))


def arrays(suite: Path, db: str, name: str) -> np.ndarray:
    with Store.open(str(suite.parent / db), read_only=True) as store:
        (found,) = [a for c in store.cells() if (a := store.arrays(c.id, name)) is not None and len(a) > 60] or [
            a for c in store.cells() if (a := store.arrays(c.id, name)) is not None
        ]
    return found


def truth(suite: Path) -> np.ndarray:
    """The exact radius of each image, by the distance to the plane."""
    import torch

    loaded = load_suite(suite)
    images, _ = open_data(loaded, load().registry).read(loaded.test)
    w = torch.randn(64, generator=torch.Generator().manual_seed(1))
    return (torch.from_numpy(images).flatten(1) @ (w / w.norm()) + 0.1).abs().numpy()


def test_radii_of_a_linear_classifier_are_sound_and_close(suite: Path) -> None:
    assert measure(suite, "a.db").exit_code == 0
    counts = arrays(suite, "a.db", "counts").reshape(60, 3, 10)
    assert counts.sum(axis=2).tolist() == [[20, 100, 100]] * 60
    exact = truth(suite)
    for alpha in (0.1, 0.01):  # from the same counts
        found = fixed.certify(counts[:, 0], counts[:, 1:].sum(axis=1), SIGMA, alpha)
        wrong = int((found.radius > exact).sum())
        assert binomtest(wrong, 60, alpha, alternative="greater").pvalue > 1e-3
    reach = np.minimum(exact, fixed.largest_radius(200, SIGMA, 0.1))
    certain = fixed.certify(counts[:, 0], counts[:, 1:].sum(axis=1), SIGMA, 0.1).radius
    assert 0 <= np.median((reach - certain)[reach > 0.1]) < 0.1


def test_a_row_is_a_summary_of_counts(suite: Path) -> None:
    measure(suite, "a.db")
    (row,) = board(suite, "a.db")
    assert (row.completeness, row.n, row.planned, row.rank_low) == ("full", 60, 60, 1)
    counts, labels = arrays(suite, "a.db", "counts").reshape(60, 3, 10), arrays(suite, "a.db", "truth")[::3]
    found = fixed.certify(counts[:, 0], counts[:, 1:].sum(axis=1), SIGMA, 0.1)
    right = found.label == labels
    assert row.metrics["radius"].value == pytest.approx(float(np.where(right, found.radius, 0).mean()))
    assert row.metrics["at_zero"].value == pytest.approx(float(right.mean()))
    assert row.metrics["at_eighth"].value == pytest.approx(float((right & (found.radius >= 0.125)).mean()))
    assert row.metrics["abstained"].value == pytest.approx(float((found.label < 0).mean()))
    assert 0 < row.metrics["draws"].value < 220
    assert abs(row.metrics["declared"].value - row.metrics["at_eighth"].value) < 0.2
    with Store.open(str(suite.parent / "a.db")) as store:
        records = store.records(store.cells()[0].id)
        assert store.check() == []
    assert records.value.tolist() == [20.0, 100.0, 100.0] * 60 and set(records.status.tolist()) == {Status.MADE}


def test_another_alpha_needs_no_new_draws(suite: Path) -> None:
    measure(suite, "a.db")
    before = board(suite, "a.db")[0].metrics
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace('alpha = "1/10"\nselection', 'alpha = "1/1000"\nselection'), encoding="utf-8")
    (row,) = board(suite, "a.db")
    assert row.currency == "current" and row.metrics["radius"].value < before["radius"].value
    assert row.metrics["declared"] == before["declared"]
    assert measure(suite, "a.db").done == 0


def test_noise_belongs_to_the_position_alone(suite: Path) -> None:
    measure(suite, "one.db", jobs=1)
    measure(suite, "two.db", jobs=2)
    measure(suite, "small.db", batch_size=1)
    measure(suite, "parts.db", limit=3)
    measure(suite, "parts.db")
    for name in ("counts", "trials"):
        one = arrays(suite, "one.db", name)
        for other in ("two.db", "parts.db"):
            np.testing.assert_array_equal(arrays(suite, other, name), one)
        moved = np.abs(arrays(suite, "small.db", name).astype(int) - one).sum() / one.sum()
        assert moved < 1e-3  # a borderline draw may fall on the other side in a batch of another size


def test_a_limit_counts_images_and_resumes_within_one(suite: Path) -> None:
    report = measure(suite, "a.db", limit=4)
    assert report.exit_code == 0
    (row,) = board(suite, "a.db")
    assert row.completeness == "preview" and row.rank_group == "preview n=4"
    with Store.open(str(suite.parent / "a.db")) as store:
        starts = {c.identity.evaluation: list(store.blocks(c.id)) for c in store.cells()}
    assert starts == {"fixed": [0, 6], "declared": [0]}  # blocks of 6 chunks: two images


@pytest.mark.parametrize(
    ("body", "card", "extra", "message"),
    [
        ("return self.score(x + torch.randn_like(x)) .sign().long().clamp(0)", "", "", "draws random numbers without"),
        (
            "self.kept = torch.randn(1) if self.kept is None else self.kept\n"
            "        return self.score(x + self.kept).sign().long().clamp(0)",
            ', randomness="keyed"',
            ", noise",
            "it keeps its noise, which voids the certificate",
        ),
        ("return torch.full((len(x),), 10)", "", "", "expected labels from 0 to 9, got 10 to 10"),
        ("return torch.full((len(x),), -1)", "", "", "expected labels from 0 to 9, got -1 to -1"),
        ("return torch.zeros(len(x), 3)", "", "", r"expected logits \(\d+, 10\), got torch.float32 of shape"),
        ("return x.mul_(2).flatten(1)[:, :10]", "", "", "expected its input unchanged"),
        ("return torch.full((len(x), 10), float('nan'))", "", "", "expected finite logits"),
    ],
)
def test_a_base_classifier_that_would_void_the_bound_is_refused(
    suite: Path, body: str, card: str, extra: str, message: str
) -> None:
    import re

    report = measure(suite, "a.db", plugins=[plugin(suite.parent, "bad", body, card, extra)], limit=2)
    assert report.failed == 2 and not report.done
    assert re.search(message, report.lines[0]) and "\n" not in report.lines[0]
    assert board(suite, "a.db")[0].metrics == {}


def test_keyed_noise_is_new_for_every_draw(suite: Path) -> None:
    body = 'return (self.score(x) + 0.5 * noise.normal("own", (1,))[:, 0] < 0).long()'
    path = plugin(suite.parent, "keyed", body, ', randomness="keyed"', ", noise")
    assert measure(suite, "a.db", plugins=[path], limit=2).exit_code == 0
    measure(suite, "b.db", plugins=[path], limit=2, batch_size=1)
    np.testing.assert_array_equal(arrays(suite, "a.db", "counts"), arrays(suite, "b.db", "counts"))


def test_what_a_sequential_certificate_does_not_say_is_refused(suite: Path) -> None:
    text = suite.read_text(encoding="utf-8")
    at = text.index('name = "declared"')
    suite.write_text(text[:at] + text[at:].replace('radius = "1/8"', 'radius = "1/4"', 1), encoding="utf-8")
    with pytest.raises(SuiteError, match=r"one of the declared radii 0[.]125: a sequential certificate stops"):
        measure(suite, "a.db")
    table = certscores.Table(*[np.zeros(1, dtype=int)] * 4, None, (0.125,), np.ones(1, dtype=int))
    with pytest.raises(UsageError, match=r"radius 0[.]25: expected one of the declared radii 0[.]125"):
        table.reaches(0.25)


def test_a_pair_is_known_by_its_parts() -> None:
    request = api.Request(suites=("mnist16-certified",), methods=())
    cells = {str(c.spec): c.identity for c in api.prepare(request).cells if c.identity.evaluation == "sigma-1-2"}
    pair = cells["denoised-smoothing:classifier=mnist16-standard,denoiser=mnist16-edm"]
    alone = cells["denoised-smoothing:classifier=mnist16-standard,denoiser=none"]
    assert len(pair.weights) == 2 and pair.weights[:1] == alone.weights
    assert "mnist16-noise-trained" in cells
    with pytest.raises(UsageError, match="expected a method that can denoise, got mnist16-standard"):
        bad = "denoised-smoothing:classifier=mnist16-standard,denoiser=mnist16-standard"
        api.prepare(api.Request(suites=("mnist16-certified",), methods=(bad,)))


def test_the_denoiser_is_told_the_noise_of_the_boundary() -> None:
    import torch

    from trustdm.bench.methods.denoised_smoothing import DenoisedClassifier

    seen: list[Any] = []

    class Spy:
        def denoise(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            seen.append((x.clone(), sigma))
            return x - 5

    x = torch.randn(3, 1, 4, 4)
    answer = DenoisedClassifier(lambda clean: clean.flatten(1), Spy(), 1).classify_noisy(x, 0.5)
    ((given, sigma),) = seen
    assert torch.equal(given, x) and sigma.tolist() == [0.5] * 3
    assert float(answer.max()) == 0.0  # clipped to where images are


def test_a_published_log_becomes_a_reported_row(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trustdm.bench.tasks.certification import import_log as log_command

    lines = ["idx\tlabel\tpredict\tradius\tcorrect\ttime"]
    for i in range(60):
        predict, radius = (-1, 0.0) if i % 6 == 0 else (3, 0.1 + i / 100)
        lines.append(
            f"{i}\t{3 if i % 5 else 4}\t{predict}\t{radius:.3f}\t{int(predict == (3 if i % 5 else 4))}\t0:00:01.5"
        )
    path = suite.parent / "log.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    request = log_command.Request(path, str(suite), "fixed", "Some Net, 2020", "Some 2020, Table 1", "1/1000", 10000)
    assert log_command.run(request, str(suite.parent / "a.db")) == 0
    measure(suite, "a.db")
    found = {row.origin.value: row for row in board(suite, "a.db")}
    reported = found["reported"]
    assert reported.method == "Some-Net-2020" and reported.rank_low is None and found["measured"].rank_low == 1
    assert (reported.n, reported.planned, reported.completeness) == (60, 60, "full")
    right = [i for i in range(60) if i % 5 and i % 6]
    assert reported.metrics["at_zero"].value == pytest.approx(len(right) / 60)
    assert reported.metrics["radius"].value == pytest.approx(sum(0.1 + i / 100 for i in right) / 60, abs=1e-6)
    assert reported.metrics["abstained"].value == pytest.approx(10 / 60)


def a_log(path: Path, indices: list[int], radius: float = 0.2, label: int = 3) -> Path:
    rows = [f"{i}\t{label}\t{label}\t{radius}\t1\t0:00:01.5" for i in indices]
    path.write_text("\n".join(["idx\tlabel\tpredict\tradius\tcorrect\ttime", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("indices", "changes", "message"),
    [
        (range(40), {}, "expected 60 rows"),
        (range(20, 60), {"partial": False}, "idx"),
        (range(0, 120, 2), {"partial": True}, "expected less than 60, the images there are"),
        (range(60), {"radius": 3.0}, "expected radii up to 0[.]616"),
        (range(60), {"label": 12}, "expected labels from 0 to 9, got 12"),
        (range(60), {"alpha": "abc"}, "--alpha: expected a fraction between 0 and 1"),
        (range(60), {"alpha": "2"}, "--alpha"),
        (range(60), {"draws": -5}, "--draws"),
        (range(60), {"source": " "}, "--source"),
        (range(60), {"name": "***"}, "--name: expected letters or digits"),
        (range(60), {"evaluation": "sigma"}, "expected an evaluation of a certified suite"),
    ],
)
def test_a_log_that_does_not_fit_is_one_line(
    suite: Path, indices: range, changes: dict[str, Any], message: str
) -> None:
    from trustdm.bench.errors import TrustdmError
    from trustdm.bench.tasks.certification import import_log as log_command

    made = {key: changes.pop(key) for key in ("radius", "label") if key in changes}
    path = a_log(suite.parent / "log.tsv", list(indices), **made)
    facts = {
        "evaluation": "fixed",
        "name": "Net",
        "source": "Some 2020",
        "alpha": "1/1000",
        "draws": 1000,
        "kind": "cohen",
    }
    request = log_command.Request(path, str(suite), **(facts | changes))
    with pytest.raises(TrustdmError, match=message) as caught:
        log_command.run(request, str(suite.parent / "a.db"))
    assert "\n" not in str(caught.value)


def test_a_part_of_a_log_is_flagged(suite: Path) -> None:
    from trustdm.bench.tasks.certification import import_log as log_command

    path = a_log(suite.parent / "log.tsv", list(range(40)))
    request = log_command.Request(path, str(suite), "fixed", "Net", "Some 2020", "1/1000", 1000, "cohen", partial=True)
    assert log_command.run(request, str(suite.parent / "a.db")) == 0
    (row,) = board(suite, "a.db")
    assert "cut-off" in row.flags and (row.n, row.planned, row.completeness) == (40, 60, "preview")


def test_a_missing_block_leaves_the_other_images_in_their_place(suite: Path) -> None:
    measure(suite, "a.db")
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / "a.db")) as store:
        result = next(r for r in store.results("certified") if r.identity.evaluation == "fixed")
    whole = certscores.table_of(loaded, result)
    keep = (result.records.sorted().example < 30) | (result.records.sorted().example >= 50)
    part = dataclasses.replace(
        result, records=result.records.sorted().where(keep), arrays=lambda name: result.arrays(name)[keep]
    )
    found = certscores.table_of(loaded, part)
    assert whole is not None and found is not None and whole.radius is not None and found.radius is not None
    at = np.isin(whole.example, found.example)
    assert len(found.example) == 53  # ten whole images before the gap, 43 after it; two are cut by it
    np.testing.assert_array_equal(whole.radius[at], found.radius)
    np.testing.assert_array_equal(whole.right[at], found.right)


def test_counts_of_strangers_are_looked_at(suite: Path) -> None:
    measure(suite, "a.db")
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / "a.db")) as store:
        results = store.results("certified")
    for change in (lambda a: a * 1000, lambda a: -a, lambda a: a.astype(float), lambda a: a[:-1], lambda a: a[:, 0]):
        forged = [
            dataclasses.replace(
                r, arrays=lambda name, r=r, c=change: c(r.arrays(name)) if name == "counts" else r.arrays(name)
            )
            for r in results
        ]
        (row,) = rows(loaded, forged)
        assert "radius" not in row.metrics and any(e.startswith("radius: ") for e in row.errors)


def test_another_suite_shows_no_certificates(suite: Path) -> None:
    measure(suite, "a.db")
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace('protocol = "certified"\nsigma = "1/4"', 'protocol = "certified"\nsigma = "1/2"'))
    (row,) = board(suite, "a.db")
    assert row.currency == "stale" and row.metrics == {}


def test_selection_and_estimation_see_other_noise_of_the_method_too(suite: Path) -> None:
    import torch

    from trustdm.bench.contracts import MethodCard
    from trustdm.bench.method import Meter
    from trustdm.bench.targets.noisy import NoisyTarget

    seen: list[torch.Tensor] = []

    def classify_noisy(x: torch.Tensor, sigma: float, noise: Any) -> torch.Tensor:
        seen.append(noise.normal("own", (1,)))
        return torch.zeros(len(x), 10)

    card = MethodCard(name="k", capabilities=("classify_noisy",), input_shape=(1, 8, 8), classes=10, randomness="keyed")
    target = NoisyTarget(classify_noisy, card, Meter(), "key")
    x, draws = torch.zeros(4, 1, 8, 8), np.arange(4)
    for use in ("selection", "estimation", "selection"):
        target.labels(x, 0.5, draws, use)
    assert torch.equal(seen[0], seen[2]) and not torch.equal(seen[0], seen[1])


def test_more_steps_follow_the_ode_from_sigma_down() -> None:
    import torch

    from trustdm.bench.methods.denoised_smoothing import DenoisedClassifier

    levels: list[float] = []

    class Gaussian:
        """The exact denoiser of images whose pixels are normal around 1/2 with variance 1/16."""

        def denoise(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            levels.append(float(sigma[0]))
            keep = (1 / 16) / (1 / 16 + sigma**2)
            return 0.5 + keep[:, None, None, None] * (x - 0.5)

    x = 0.5 + 0.3 * torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    many = DenoisedClassifier(lambda clean: clean.flatten(1), Gaussian(), 40).classify_noisy(x, 0.5)
    assert len(levels) == 79 and levels[0] == pytest.approx(0.5) and min(levels) == pytest.approx(0.01)
    exact = 0.5 + (x - 0.5) * (0.25 / (1 / 16 + 0.25) ** 0.5)  # the ODE keeps the quantile
    torch.testing.assert_close(many, exact.clamp(0, 1).flatten(1), atol=2e-3, rtol=0)
