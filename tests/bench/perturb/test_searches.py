from __future__ import annotations

from typing import Any

import pytest
import torch

from trustdm.bench.perturb.searches import DECISIVE, WIDTH, decisive, gaps, likeliest_others, open_rows, parts


def test_gap_is_how_far_another_class_is_ahead() -> None:
    logits = torch.tensor([[1.0, 5.0, 3.0], [9.0, 2.0, 2.0]])
    assert gaps(logits, torch.tensor([2, 0])).tolist() == [2.0, -7.0]
    assert logits.tolist() == [[1.0, 5.0, 3.0], [9.0, 2.0, 2.0]]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_decisive_is_a_share_of_the_logits(scale: float) -> None:
    logits = scale * torch.tensor([[1.0, 1 + 2 * DECISIVE], [1.0, 1 + DECISIVE / 2], [1.0, 0.5]])
    assert decisive(gaps(logits, torch.zeros(3, dtype=torch.long)), logits).tolist() == [True, False, False]


@pytest.mark.parametrize(("rows", "goals", "images"), [(1, 8, 1), (47, 8, 64), (500, 9, 1000), (3, 2 * WIDTH, 3)])
def test_parts_are_all_rows_once_and_fill_a_batch(rows: int, goals: int, images: int) -> None:
    found = list(parts(torch.arange(rows), goals, images))
    assert torch.cat(found).tolist() == list(range(rows))
    lengths = [len(part) for part in found]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) == 1 or max(lengths) * goals <= max(WIDTH, images)


def test_no_rows_have_no_parts() -> None:
    assert not list(parts(torch.arange(0), 8, 64))


def test_targets_are_ranked_by_clean_logits_without_the_true_class(stub: Any) -> None:
    logits = torch.tensor([[1.0, 5.0, 3.0, 4.0], [9.0, 2.0, 2.0, 3.0]])
    ranked = likeliest_others(stub(lambda x: logits, 4), torch.zeros(2, 1, 1, 1), torch.tensor([3, 1]))
    assert ranked.tolist() == [[1, 2, 0], [0, 3, 2]]
    assert logits[0, 3] == 4  # the target's own tensor is left alone


def test_open_rows() -> None:
    broken = torch.tensor([True, False, False])
    assert open_rows(broken, False).tolist() == [1, 2]
    assert open_rows(broken, True).tolist() == [0, 1, 2]
    assert open_rows(torch.tensor([True, True]), True).tolist() == []
