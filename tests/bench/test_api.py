"""The Python face: modules, wrapped code and names; identity of what has no file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import TEMPLATES, TINY
from torch import nn

from trustdm import evaluate, wrap
from trustdm.bench.errors import TrustdmError, UsageError


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "a.db")


def test_a_module_is_measured_and_found_again(db: str) -> None:
    first = evaluate(network(), TINY, limit=8, name="linear", db=db)
    assert first.row.method == "linear" and first.row.n == 8 and first.report.done == 3
    assert first.frame.loc["clean_accuracy", "n"] == 8
    assert list(first.frame.columns) == ["value", "low", "high", "n"]
    assert len(first.records) == 8 * (1 + 2 + 5) and set(first.records["evaluation"]) == {"clean", "pgd", "ensemble"}
    assert {"correct", "wrong", "not_run"} >= set(first.records["status"])
    again = evaluate(network(), TINY, limit=8, name="linear", db=db)
    assert again.report.done == 0 and again.frame.equals(first.frame)
    assert "linear on tiny, n = 8 of 48" in repr(first) and "clean_accuracy" in first._repr_html_()


def test_other_weights_and_other_preprocessing_are_other_methods(db: str) -> None:
    evaluate(network(0), TINY, limit=8, name="linear", db=db)
    assert evaluate(network(1), TINY, limit=8, name="linear", db=db).report.done == 3
    scaled = wrap(network(0), preprocess=lambda x: x * 3, name="linear")
    assert evaluate(scaled, TINY, limit=8, db=db).report.done == 3
    assert evaluate(wrap(network(0), preprocess=lambda x: x * 3, name="linear"), TINY, limit=8, db=db).report.done == 0


def test_wrapped_code_that_draws_says_so_on_its_row(db: str) -> None:
    net = network()
    noisy = wrap(lambda x: net(x + 0.1 * torch.randn_like(x)), randomness="block-seeded", name="noisy")
    result = evaluate(noisy, TINY, limit=8, db=db)
    assert {"block-seeded", "randomized"} <= set(result.row.flags)
    assert result.records["draw"].max() == 9


def test_a_plugin_is_measured_by_name(db: str) -> None:
    assert evaluate("templates", TINY, limit=8, plugins=(TEMPLATES,), db=db).row.method == "templates"
    again = evaluate("templates", TINY, limit=8, plugins=str(TEMPLATES), db=Path(db))
    assert again.report.done == 0 and again.row.method == "templates"


def test_a_named_plugin_that_is_broken_ends_it_before_anything_is_measured(db: str, tmp_path: Path) -> None:
    (tmp_path / "imp.py").write_text("import no_such_package")
    for name in ("templates", "purenet"):
        with pytest.raises(TrustdmError, match=r"imp\.py: cannot be imported: ModuleNotFoundError"):
            evaluate(name, TINY, limit=8, plugins=[TEMPLATES, tmp_path / "imp.py"], db=db)
    assert not Path(db).exists()


def test_an_installed_plugin_that_is_broken_is_a_warning(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[trustdm.plugins]\ngone = no_such_module_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.warns(UserWarning, match="plugin left out: entry point gone"):
        assert evaluate(network(), TINY, limit=8, name="linear", db=db).report.done == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda db: wrap(3), "wrap: model: expected a callable, got int"),  # type: ignore[arg-type]
        (lambda db: wrap(network(), preprocess="norm"), "wrap: preprocess: expected a callable, got str"),  # type: ignore[arg-type]
        (lambda db: evaluate(nn.Linear, TINY, db=db), "wrap: model: expected an object, got the class Linear"),
        (lambda db: evaluate("digits-standard", TINY, db=db, foo=1), "unknown keyword of evaluate 'foo'"),
        (lambda db: evaluate("digits-standard", TINY, db=3), "evaluate: db: expected a text, got 3"),  # type: ignore[arg-type]
        (lambda db: evaluate("digits-standard", TINY, db=db, limit="3"), "evaluate: limit: expected"),  # type: ignore[arg-type]
        (lambda db: evaluate("digits-standard", TINY, db=db, name=3), "evaluate: name: expected"),  # type: ignore[arg-type]
        (lambda db: evaluate("digits-standard:x", TINY, db=db), "digits-standard takes no parameter"),
        (lambda db: wrap(network(), author="me"), "wrap: expected fields of MethodCard, got author"),
        (lambda db: evaluate(wrap(network(), classes=1), TINY, db=db), "classes: expected at least 2 for a class"),
        (lambda db: evaluate(wrap(network(), name="a/b"), TINY, db=db), "card: name"),
        (lambda db: evaluate(wrap(network(), classes=7), TINY, db=db), "expected 10 classes, got 7; for tiny"),
        (lambda db: evaluate(lambda x: x, TINY, db=db, limit=8, name="x"), "expected logits of shape"),
        (lambda db: evaluate("mnist16-standard", TINY, db=db), "expected input shape"),
        (lambda db: evaluate(network(), "tinny", db=db), "unknown suite 'tinny'"),
    ],
)
def test_mistakes_are_one_line(db: str, call: object, message: str) -> None:
    with pytest.raises((UsageError, TrustdmError)) as caught:
        call(db)  # type: ignore[operator]
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_global_generator_and_threads_are_left_alone(db: str) -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    evaluate(network(), TINY, limit=8, name="linear", db=db)
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


class Straight(torch.autograd.Function):
    """Rounds; its gradient pretends that it did not."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return gradient


def test_another_gradient_is_another_method(db: str) -> None:
    hard = evaluate(wrap(network(), preprocess=torch.round, name="quant"), TINY, limit=8, db=db)
    soft = evaluate(wrap(network(), preprocess=Straight.apply, name="quant", gradient="bpda"), TINY, limit=8, db=db)
    assert soft.report.done == 3 and "gradient-bpda" in soft.row.flags and "gradient-bpda" not in hard.row.flags
    assert hard.frame.loc["clean_accuracy", "value"] == soft.frame.loc["clean_accuracy", "value"]


def test_the_callers_model_is_left_as_it_was(db: str) -> None:
    net = network().train()
    evaluate(net, TINY, limit=8, name="linear", db=db)
    assert net.training and all(p.requires_grad for p in net.parameters())


def test_existing_code_answers_to_what_its_card_says_and_can_be_copied() -> None:
    model = wrap(lambda x, *more: (x, more), preprocess=lambda x: x + 1, capabilities=("classify_noisy",))
    assert model.classify_noisy(1, 0.5) == (2, (0.5,)) == copy.deepcopy(model).classify_noisy(1, 0.5)
    for name in ("classify", "sample", "weights"):
        with pytest.raises(AttributeError, match=name):
            getattr(model, name)
    assert wrap(lambda x: x).classify(3) == 3


def test_an_object_of_this_process_takes_one_job(db: str) -> None:
    with pytest.raises(UsageError, match="jobs: expected 1"):
        evaluate(network(), TINY, limit=8, db=db, jobs=2)
