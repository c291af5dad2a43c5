"""Sequential plans: exact error, decisions against a plain loop, resumption."""

from __future__ import annotations

import math

import numpy as np
import pytest
from replay.passage import error, passage
from scipy.stats import binomtest, norm

from trustdm.bench.errors import UsageError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.smoothing.boundaries import Boundary
from trustdm.bench.smoothing.fixed import certify
from trustdm.bench.smoothing.sequential import Plan, Procedure

PROCEDURES: tuple[Procedure, ...] = ("curtailed", "e-process", "group-sequential")
STOPPING = PROCEDURES[1:]
CERTIFIED, REFUTED = 1, 2


@pytest.mark.parametrize("procedure", PROCEDURES)
@pytest.mark.parametrize(
    ("cap", "alpha", "ratio"),
    [
        (100_000, 0.001, 0.0),
        (100_000, 0.001, 0.5),
        (100_000, 0.001, 1.0),
        (100_000, 0.001, 2.0),
        (100_000, 0.001, 3.7),
        (10_000, 0.001, 1.0),
        (1_000, 0.05, 0.25),
        (37, 0.01, 0.5),
        (10, 0.001, 0.0),
    ],
)
def test_the_error_is_at_most_alpha_for_every_probability_up_to_p0(procedure, cap, alpha, ratio) -> None:
    """Exact, for whoever goes on where the plan gives up too; it grows with p, so p0 is the worst."""
    sigma = 0.5
    rule = Plan((ratio * sigma,), sigma, alpha, cap, procedure).boundaries()[0]
    p0 = float(norm.cdf(ratio))
    errors = [error(rule, p) for p in p0 * np.array([0.5, 0.9, 0.99, 0.999, 0.9999, 1])]
    assert max(errors) <= alpha
    assert np.all(np.diff(errors) >= -1e-15)


def test_the_default_spends_nearly_all_of_alpha_and_the_mixture_does_not() -> None:
    spent = {}
    for procedure in STOPPING:
        rule = Plan((0.5,), 0.5, procedure=procedure).boundaries()[0]
        spent[procedure] = error(rule, float(norm.cdf(1.0)))
    assert 0.00099 < spent["group-sequential"] <= 0.001
    assert spent["e-process"] < 0.0008


@pytest.mark.parametrize("procedure", STOPPING)
@pytest.mark.parametrize("ratio", [0.0, 1.0, 2.0])
def test_giving_up_by_mistake_has_at_most_the_declared_probability(procedure, ratio) -> None:
    """Of the paths that would have been certified in the end, at any p above p0."""
    rule = Plan((ratio,), 1.0, procedure=procedure, futility=0.01).boundaries()[0]
    p0 = float(norm.cdf(ratio))
    lost = []
    for p in p0 + (1 - p0) * np.array([0, 0.001, 0.01, 0.03, 0.1, 0.5]):
        patient = passage(rule, p, give_up=False).certified.sum()
        lost.append(patient - passage(rule, p).certified.sum())
    assert max(lost) <= 0.01
    assert lost[-1] < 1e-4


@pytest.mark.parametrize("procedure", STOPPING)
def test_wrong_certificates_from_one_stream_for_a_grid_are_rare_too(procedure) -> None:
    """A second look, by simulation; alpha large enough to see something."""
    sigma, alpha, runs = 1.0, 0.05, 4000
    plan = Plan((0.0, 0.25, 0.5, 0.75, 1.0), sigma, alpha, 2000, procedure)
    sizes = np.broadcast_to(plan.chunks, (runs, len(plan.chunks)))
    rng = np.random.default_rng(4)
    for index in (0, 2, 4):
        p0 = float(norm.cdf(plan.radii[index]))
        found = plan.decide(rng.binomial(sizes, p0), sizes)
        wrong = int(np.sum(found.certified > index))
        assert binomtest(wrong, runs).proportion_ci(0.998, "exact").low <= alpha


def plain(plan: Plan, counts: list[int]) -> tuple[int, int, bool]:
    """(radii certified, draws used, open) of one image, look by look."""
    certified, verdict = 0, [0] * len(plan.radii)
    total = drawn = 0
    for j, (k, n) in enumerate(zip(counts, plan.chunks, strict=False)):
        total, drawn = total + k, drawn + n
        for g, rule in enumerate(plan.boundaries()):
            if verdict[g] == 0 and total >= rule.certify[j]:
                verdict[g] = CERTIFIED
            if verdict[g] == 0 and total <= rule.refute[j]:
                verdict[g] = REFUTED
        while certified < len(verdict) and verdict[certified] == CERTIFIED:
            certified += 1
        if certified == len(verdict) or verdict[certified] == REFUTED:
            return certified, drawn, False
    return certified, drawn, True


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_decisions_are_those_of_a_plain_loop_and_come_the_same_chunk_by_chunk(procedure) -> None:
    plan = Plan((0.0, 0.25, 0.4, 1.0), 0.5, 0.01, 3000, procedure)
    rng = np.random.default_rng(8)
    p = rng.choice([0.4, 0.5, 0.55, 0.69, 0.75, 0.8, 0.98, 1.0], size=120)
    sizes = np.broadcast_to(plan.chunks, (len(p), len(plan.chunks)))
    counts = rng.binomial(sizes, p[:, None])
    whole = plan.decide(counts, sizes)
    assert not whole.open.any()
    for done in range(len(plan.chunks) + 1):
        drawn = np.where(np.arange(sizes.shape[1]) < done, sizes, 0)
        found = plan.decide(np.where(drawn > 0, counts, 0), drawn)
        expected = [plain(plan, row[:done]) for row in counts.tolist()]
        assert list(zip(found.certified.tolist(), found.used.tolist(), found.open.tolist(), strict=True)) == expected
        short = plan.decide(counts[:, :done], sizes[:, :done])
        assert np.array_equal(short.certified, found.certified)
        closed = ~found.open
        assert np.array_equal(found.certified[closed], whole.certified[closed])
        assert np.array_equal(found.used[closed], whole.used[closed])
    assert len(set(whole.certified.tolist())) >= 4


def test_what_is_decided_and_what_is_open() -> None:
    plan = Plan((0.1, 0.5), 0.5, cap=2000)
    sizes = np.broadcast_to(plan.chunks, (3, len(plan.chunks))).copy()
    counts = np.stack([sizes[0], sizes[0] // 8, sizes[0]])
    sizes[2, 1:] = counts[2, 1:] = 0
    found = plan.decide(counts, sizes)
    assert found.certified.tolist() == [2, 0, 0]
    assert found.open.tolist() == [False, False, True]
    assert found.used[2] == plan.looks[0]
    assert found.used.max() < plan.cap


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_what_was_given_up_stays_given_up(procedure) -> None:
    """A stream that fails at first and succeeds ever after: draws beyond the answer change nothing."""
    plan = Plan((0.0, 0.25), 0.5, cap=3000, procedure=procedure)
    sizes = np.array([plan.chunks])
    counts = np.where(np.cumsum(sizes, axis=1) <= 1600, 0, sizes)
    found = plan.decide(counts, sizes)
    assert (found.certified[0], found.open[0]) == (0, False)
    assert found.used[0] <= 1600


@pytest.mark.parametrize("procedure", STOPPING)
def test_what_was_certified_stays_certified(procedure) -> None:
    plan = Plan((0.0, 0.25), 0.5, cap=3000, procedure=procedure)
    sizes = np.array([plan.chunks])
    found = plan.decide(np.where(np.cumsum(sizes, axis=1) <= 100, sizes, 0), sizes)
    assert found.certified[0] == 2
    assert found.used[0] <= 100


class Crossed(Plan):
    """Boundaries of two radii that are not nested, as a plan's nearly always are."""

    def boundaries(self) -> tuple[Boundary, ...]:
        looks = np.array([10, 20])
        return Boundary(looks, np.array([9, 18]), np.array([4, 17])), Boundary(
            looks, np.array([8, 12]), np.array([2, 11])
        )


def test_a_larger_radius_counts_only_with_all_smaller_ones() -> None:
    plan = Crossed((0.25, 0.5), 0.5, cap=20, looks=(10, 20))
    counts = np.array([[8, 9], [3, 10], [9, 0], [8, 10], [5, 5]])
    found = plan.decide(counts, np.full_like(counts, 10))
    assert found.certified.tolist() == [0, 0, 2, 2, 0]
    assert found.used.tolist() == [20, 10, 10, 20, 20]
    first = plan.decide(counts[:, :1], np.full((5, 1), 10))
    assert first.open.tolist() == [True, False, False, True, True]
    assert first.certified.tolist() == [0, 0, 2, 0, 0]


def test_images_may_be_at_different_looks() -> None:
    plan = Plan((0.25,), 0.5, cap=1000)
    sizes = np.array([plan.chunks] * 4)
    rng = np.random.default_rng(1)
    counts = rng.binomial(sizes, 0.7)
    for i, done in enumerate((0, 1, 5, 9)):
        sizes[i, done:] = counts[i, done:] = 0
    together = plan.decide(counts, sizes)
    for i in range(4):
        alone = plan.decide(counts[i : i + 1], sizes[i : i + 1])
        assert (alone.certified[0], alone.used[0]) == (together.certified[i], together.used[i])


@pytest.mark.parametrize("cap", [10, 49, 50, 1000, 1003])
def test_the_curtailed_test_decides_as_certify_does(cap: int) -> None:
    plan = Plan((0.0, 0.2, 0.25, 0.5, 0.9, 5.0), 0.5, 0.001, cap, "curtailed")
    rng = np.random.default_rng(cap)
    p = rng.choice([0.3, 0.5, 0.55, 0.69, 0.75, 0.85, 0.97, 1.0], size=300)
    sizes = np.broadcast_to(plan.chunks, (len(p), len(plan.chunks)))
    counts = rng.binomial(sizes, p[:, None])
    total = counts.sum(axis=1)
    fixed = certify(np.tile([[9, 1]], (len(p), 1)), np.stack([total, cap - total], axis=1), 0.5, 0.001)
    expected = [
        sum(label == 0 and radius >= r for r in plan.radii)
        for label, radius in zip(fixed.label, fixed.radius, strict=True)
    ]
    found = plan.decide(counts, sizes)
    assert found.certified.tolist() == expected
    assert found.used.mean() <= cap


def test_the_expected_number_of_draws_is_what_streams_use() -> None:
    plan = Plan((0.25,), 0.5, cap=10_000)
    rng = np.random.default_rng(2)
    for p in (0.3, 0.68, 0.7, 0.8, 0.99):
        sizes = np.broadcast_to(plan.chunks, (2000, len(plan.chunks)))
        used = plan.decide(rng.binomial(sizes, p), sizes).used
        expected = passage(plan.boundaries()[0], p).mean_draws(np.array(plan.looks))
        assert abs(used.mean() - expected) <= 4.5 * used.std() / math.sqrt(2000)


def test_a_radius_out_of_reach_is_given_up_at_the_first_look() -> None:
    plan = Plan((0.25, 7.0), 0.5, cap=1000)
    sizes = np.array([plan.chunks])
    found = plan.decide(sizes, sizes)
    assert found.certified.tolist() == [1]
    assert found.used[0] < 100


def test_the_largest_radius_in_reach_can_be_certified() -> None:
    for procedure in PROCEDURES:
        plan = Plan((1.0,), 0.5, cap=1000, procedure=procedure)
        sizes = np.array([plan.chunks])
        assert plan.decide(sizes, sizes).certified.tolist() == [1]


def test_boundaries_do_not_drift() -> None:
    """Recorded: a change alters what stored counts mean, and needs another version of the protocol."""
    rule = Plan((0.25,), 0.5, cap=1000).boundaries()[0]
    assert rule.looks.tolist()[-3:] == [705, 881, 1000]
    assert rule.certify.tolist()[:5] == [11, 13, 16, 20, 25]
    assert rule.certify.tolist()[-3:] == [535, 663, 739]
    assert rule.refute.tolist()[-3:] == [449, 619, 738]
    tables = [
        [[b.certify.tolist(), b.refute.tolist()] for b in Plan((0.0, 0.5, 1.5), 0.5, procedure=name).boundaries()]
        for name in PROCEDURES
    ]
    assert [sha256_of(table)[:12] for table in tables] == ["7a61a23049b0", "027c62d61ca3", "66a59855d102"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"radii": ()}, r"radii: expected at least one radius from 0, rising, got \(\)"),
        ({"radii": (0.5, 0.25)}, "radii: expected at least one radius from 0, rising"),
        ({"radii": (-0.1,)}, "radii: expected"),
        ({"radii": (float("nan"),)}, "radii: expected"),
        ({"sigma": 0.0}, "sigma: expected a positive standard deviation"),
        ({"alpha": 1.0}, "alpha: expected a probability of error"),
        ({"cap": 0}, "cap: expected a positive number of draws, got 0"),
        ({"cap": 10.5}, "cap: expected"),
        ({"selection": -1}, "selection: expected"),
        ({"futility": 0.0}, "futility: expected a probability"),
        ({"procedure": "magic"}, "procedure: expected one of .* got magic"),
        ({"looks": (10, 20)}, r"looks: expected rising numbers of draws that end at the cap, 1000, got \(10, 20\)"),
        ({"looks": (10, 10, 1000)}, "looks: expected"),
    ],
)
def test_plans_that_make_no_sense_are_refused(values, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Plan(**({"radii": (0.25,), "sigma": 0.5, "cap": 1000} | values))


@pytest.mark.parametrize(
    ("successes", "trials", "message"),
    [
        ([[5]], [[11]], r"image 0, chunk 0: expected chunks as planned \(10 draws\), got 5 of 11 draws"),
        ([[5, 1]], [[10, 3]], r"image 0, chunk 1: expected chunks as planned \(2 draws\), got 1 of 3"),
        ([[5, 0, 1]], [[10, 0, 3]], "image 0, chunk 1: expected chunks as planned"),
        ([[11]], [[10]], r"image 0, chunk 0: expected at most as many successes as draws \(10 draws\), got 11 of 10"),
        ([[0, 1]], [[0, 0]], "image 0, chunk 1: expected at most as many successes"),
        ([[1, 1]], [[10]], "of one shape"),
        ([1], [10], "of one shape"),
        ([[0] * 99], [[0] * 99], "with at most 22 chunks"),
        ([[0.5]], [[10]], "successes: expected whole numbers"),
    ],
)
def test_other_chunks_than_the_plans_are_refused(successes, trials, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Plan((0.25,), 0.5, cap=1000).decide(successes, trials)
