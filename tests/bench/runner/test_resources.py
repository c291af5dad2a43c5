"""What work on a suite may ask for: made once, seeded by what it is, no cost of the block."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jobs import Made, job
from toyboard import toy

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import DataError, SetupError
from trustdm.bench.plugins import load_suite
from trustdm.bench.runner.resources import Resources

SUITE = toy([7, 3], shape=(1, 1, 1), classes=3)
CARD = MethodCard(name="toy", input_shape=(1, 1, 1), classes=3)
DATA = Made([7, 3], np.zeros((2, 1, 1, 1)), [0, 1])


def resources(**how: object) -> Resources:
    return job(SUITE, "clean", lambda x: x, CARD, DATA, **how)


def test_what_is_kept_is_made_once_for_a_key() -> None:
    made: list[str] = []
    keep: dict[object, object] = {}
    one, two = resources(keep=keep), resources(keep=keep)
    for work in (one, two, one):
        assert work.kept("extractor", lambda: made.append("x") or 5) == 5
    assert made == ["x"] and one.kept("other", lambda: 6) == 6


def test_random_numbers_of_what_is_kept_belong_to_it_and_move_no_others() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    drawn = [resources(keep={}).kept("net", lambda: float(torch.rand(1))) for _ in range(2)]
    assert drawn[0] == drawn[1] != resources(keep={}).kept("another", lambda: float(torch.rand(1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_seconds_of_loading_are_told_apart() -> None:
    work = resources(keep={})
    work.kept("slow", lambda: sum(range(100_000)))
    first = work.loading
    assert first > 0
    work.kept("slow", lambda: sum(range(100_000)))
    assert work.loading == first


def test_the_data_set_is_opened_once_and_read() -> None:
    work = job(load_suite("digits-linf"), "clean", lambda x: x, CARD, DATA, keep={})
    data = work.data()
    assert work.data() is data and len(data) == 1797
    images, labels = work.read(np.array([0, 5]))
    assert images.shape == (2, 1, 8, 8) and images.dtype == np.float32 and labels.dtype == np.int64


def test_what_is_missing_is_a_matter_of_setting_up() -> None:
    def missing() -> None:
        raise DataError("no such file")

    with pytest.raises(SetupError, match="no such file"):
        resources(keep={}).kept("data", missing)
    with pytest.raises(ZeroDivisionError):  # a bug of ours stays one
        resources(keep={}).kept("data", lambda: 1 // 0)


def test_an_asset_is_asked_for_by_the_name_it_was_declared_under(tmp_path) -> None:
    work = resources(assets={"samples": tmp_path})
    assert work.asset("samples") == tmp_path
    with pytest.raises(SetupError, match=r"asset 'sample': expected one that was declared \(samples\), got another"):
        work.asset("sample")
    with pytest.raises(SetupError, match=r"\(none\)"):
        resources().asset("samples")


def test_the_card_is_that_of_the_method() -> None:
    assert resources().card is CARD
