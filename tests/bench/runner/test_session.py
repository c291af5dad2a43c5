"""One process: what is loaded once, whose fault an error is, memory, arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
import torch
from helpers import TEMPLATES, TINY, Measure, differing_share, plugin, stored

from trustdm.bench import api
from trustdm.bench.errors import ContractError, DataError, SetupError, UsageError
from trustdm.bench.plan import PlannedCell
from trustdm.bench.runner.run import Exit
from trustdm.bench.runner.session import Session, exact_arithmetic, one_thread
from trustdm.bench.runner.units import Settings, Unit
from trustdm.bench.store.store import Store
from trustdm.bench.types import Status


def test_running_out_of_memory_halves_the_batch(measure: Measure, tmp_path: Path) -> None:
    """The allocator itself refuses: each image asks for a third of this machine's memory, untouched."""
    third = psutil.virtual_memory().total // 3
    greedy = plugin(
        tmp_path,
        f"torch.empty(len(x) * {third}, dtype=torch.uint8)\nw = torch.arange(640.0).reshape(64, 10).sin()\n"
        "return x.flatten(1) @ w",
        "greedy",
    )
    modest = plugin(tmp_path, "w = torch.arange(640.0).reshape(64, 10).sin()\nreturn x.flatten(1) @ w", "modest")
    for path in (greedy, modest):
        assert measure(path.stem, (path.stem,), plugins=(path,), limit=16).exit_code is Exit.DONE
    with Store.open(str(tmp_path / "greedy")) as store:
        sizes = {r.batch_size for c in store.cells() for r in store.blocks(c.id).values()}
    assert max(sizes) < 8
    a, b = stored(tmp_path / "greedy"), stored(tmp_path / "modest")
    for (_, evaluation), records in a.items():
        assert differing_share(records, b["modest", evaluation]) <= 0.02, evaluation


BROKEN = {
    "shape": ("return torch.zeros(len(x), 7)", "expected logits of shape (8, 10), got (8, 7)"),
    "nan": ("return torch.full((len(x), 10), float('nan'))", "expected finite logits, got NaN or infinity for 8 of 8"),
    "integers": (
        "return torch.zeros(len(x), 10, dtype=torch.int64)",
        "floating point logits, got torch.int64",
    ),
    "list": ("return [0] * len(x)", "expected a tensor of logits (8, 10), got list"),
    "raises": ("raise KeyError('layer4')", "classify raised KeyError: 'layer4'"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_method_that_breaks_its_contract_is_a_record(measure: Measure, tmp_path: Path, fault: str) -> None:
    body, message = BROKEN[fault]
    path = plugin(tmp_path, body)
    report = measure(methods=("broken",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.SOME_FAILED and report.failed == 3
    assert len(report.lines) == 1 and message in report.lines[0] and "\n" not in report.lines[0]
    records = stored(tmp_path / "a.db")["broken", "clean"]
    assert set(records.status) == {Status.FAILED} and len(records) == 8
    again = measure(methods=("broken",), plugins=(path,), limit=8)
    assert again.exit_code is Exit.SOME_FAILED and "--retry-failed" in again.lines[0]


def test_a_missing_checkpoint_is_an_error_of_its_method_only(measure: Measure, tmp_path: Path) -> None:
    path = tmp_path / "heavy.py"
    path.write_text(
        "from pathlib import Path\nfrom trustdm import MethodCard, WeightFile, method\n"
        "FILE = WeightFile(file='none.safetensors', sha256='0' * 64)\n\n"
        "@method(MethodCard(name='heavy', input_shape=(1, 8, 8), classes=10, weights=(FILE,)))\n"
        "def load():\n    from trustdm.bench.training.weights import load_state\n"
        "    return load_state(FILE, Path(__file__).parent)\n",
        encoding="utf-8",
    )
    alone = measure(methods=("heavy",), plugins=(path,), limit=8)
    assert alone.exit_code is Exit.ERROR and len(alone.lines) == 1 and "none.safetensors" in alone.lines[0]
    both = measure(methods=("heavy", "templates"), plugins=(path, TEMPLATES), limit=8)
    assert both.exit_code is Exit.SOME_FAILED and both.done == 3


def test_a_method_that_writes_to_its_input_is_refused(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "x.copy_((x > 0.5).float())\nreturn x.flatten(1)[:, :10] * 1.0")
    report = measure(methods=("broken",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.SOME_FAILED and "expected its input unchanged, got it written to" in report.lines[0]


@pytest.mark.parametrize("where", ["load", "classify"])
def test_a_plugin_that_exits_does_not_end_the_run(measure: Measure, tmp_path: Path, where: str) -> None:
    path = tmp_path / "quitter.py"
    body = {"load": "raise SystemExit(0)", "classify": "return quit_now"}[where]
    path.write_text(
        "from trustdm import MethodCard, method\n\ndef quit_now(x):\n    raise SystemExit(0)\n\n"
        "@method(MethodCard(name='quitter', input_shape=(1, 8, 8), classes=10))\n"
        f"def load():\n    {body}\n",
        encoding="utf-8",
    )
    report = measure(methods=("quitter", "templates"), plugins=(path, TEMPLATES), limit=8)
    assert report.done == 3 and report.exit_code is Exit.SOME_FAILED
    assert len(report.lines) == 1 and "raised SystemExit" in report.lines[0]


@pytest.mark.parametrize(
    "body",
    [
        "return x.detach().flatten(1)[:, :10] + torch.zeros(1, requires_grad=True)",
        "return x.detach().flatten(1)[:, :10]",
    ],
)
def test_a_method_without_gradients_is_attacked_and_flagged(measure: Measure, tmp_path: Path, body: str) -> None:
    path = plugin(tmp_path, body)
    assert measure(methods=("broken",), plugins=(path,), limit=8).exit_code is Exit.DONE
    with Store.open(str(tmp_path / "a.db")) as store:
        assert sum(r.diagnostics.get("zero_gradient_rows", 0) for r in store.results()) == 16


def test_an_error_while_going_backward_is_a_failure_of_the_method(measure: Measure, tmp_path: Path) -> None:
    path = plugin(
        tmp_path,
        "class Torn(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return x.clone()\n"
        "    @staticmethod\n    def backward(ctx, g):\n        raise ValueError('torn')\n"
        "return Torn.apply(x).flatten(1)[:, :10]",
    )
    report = measure(methods=("broken",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.SOME_FAILED and (report.done, report.failed) == (1, 2)
    assert all("raised" in line and "torn" in line for line in report.lines)


def test_a_checkpoint_on_the_card_is_checked_even_if_the_plugin_does_not(measure: Measure, tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x.flatten(1)[:, :10] * 1.0")
    text = path.read_text(encoding="utf-8").replace(
        "classes=10)", "classes=10, weights=({'file': 'w.safetensors', 'sha256': 'ab' * 32},))"
    )
    path.write_text(text, encoding="utf-8")
    report = measure(methods=("broken",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.ERROR and "w.safetensors" in report.lines[0]
    (tmp_path / "w.safetensors").write_bytes(b"other bytes")
    report = measure(methods=("broken",), plugins=(path,), limit=8)
    assert report.exit_code is Exit.ERROR and f"expected SHA-256 {'ab' * 32}" in report.lines[0]


def test_a_side_file_that_changes_is_noticed(measure: Measure, tmp_path: Path) -> None:
    side = tmp_path / "scale.txt"
    side.write_text("1.0")
    read = f"pathlib.Path({str(side)!r}).read_text()"
    path = plugin(tmp_path, f"import pathlib\nreturn x.flatten(1)[:, :10] * float({read})")
    assert measure(methods=("broken",), plugins=(path,), limit=8).exit_code is Exit.DONE
    side.write_text("-1.0")
    report = measure(methods=("broken",), plugins=(path,), limit=16)
    assert report.exit_code is not Exit.DONE and report.done == 0
    assert "not those that this cell was started with" in report.lines[0]


def test_a_default_that_is_typed_is_the_same_method_and_a_truth_value_is_no_number(
    measure: Measure, tmp_path: Path
) -> None:
    report = measure(methods=("templates:scale=1.0", "templates:scale=2.0", "templates"), limit=8)
    assert report.exit_code is Exit.DONE and (report.done, report.skipped) == (6, 3), "1.0 is the default"
    with pytest.raises(UsageError, match="scale: expected float, got True"):
        measure(methods=("templates:scale=True",), limit=8)


@pytest.fixture
def cells() -> list[PlannedCell]:
    """The cells of the tiny suite for the templates."""
    return api.prepare(api.Request(suites=(TINY,), methods=("templates",), plugins=(TEMPLATES,))).cells


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(Settings(plugins=(TEMPLATES,), assets=tmp_path / "assets"))


def test_a_method_is_loaded_once_for_all_its_cells(session: Session, cells: list[PlannedCell]) -> None:
    first = session.method(cells[0])
    assert session.method(cells[1]) is first and first.card.name == "templates"
    assert json.loads(first.state)["answers"]


def test_a_job_has_what_its_block_needs(session: Session, cells: list[PlannedCell]) -> None:
    cell = cells[0]
    job = session.job(Unit(cell, cell.blocks[1]), {})
    assert job.positions.tolist() == list(range(1208, 1216)) and job.per_example == 1 and job.draws == 1
    assert (job.key, job.seed, job.batch_size) == (cell.identity.key, 0, 8) and job.meter.forwards == 0
    assert session.job(Unit(cell, cell.blocks[0]), {}).data() is job.data()  # opened once in a process
    small = Session(Settings(plugins=(TEMPLATES,), batch_size=3)).job(Unit(cell, cell.blocks[1]), {})
    assert small.batch_size == 3


def test_a_block_is_measured_and_its_cost_told(session: Session, cells: list[PlannedCell]) -> None:
    result = session.execute(Unit(cells[0], cells[0].blocks[0]))
    assert result.outcome == "done" and result.result is not None and len(result.result.records) == 8
    assert result.cost.forwards == 16 and result.cost.wall > 0 and result.batch_size == 8 and result.state


@pytest.mark.parametrize(
    ("error", "outcome", "text"),
    [
        (SetupError("no data here"), "setup", "no data here"),
        (ContractError("its fault"), "failed", "its fault"),
        (UsageError("no such step"), "failed", "no such step"),
        (ZeroDivisionError("ours"), "bug", "ZeroDivisionError: ours"),
        (MemoryError(), "machine", "out of memory for a single example"),
    ],
)
def test_whose_fault_it_is(
    session: Session,
    cells: list[PlannedCell],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    outcome: str,
    text: str,
) -> None:
    def fails(job: object) -> None:
        raise error

    monkeypatch.setattr(session.protocol(cells[0]), "run", fails)
    result = session.execute(Unit(cells[0], cells[0].blocks[0]))
    assert result.outcome == outcome and text in result.error


def test_data_that_are_missing_are_set_up_wrong(
    session: Session, cells: list[PlannedCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise DataError("the digits are not here")

    monkeypatch.setattr("trustdm.bench.runner.resources.open_data", gone)
    result = session.execute(Unit(cells[0], cells[0].blocks[0]))
    assert (result.outcome, result.error) == ("setup", "the digits are not here")


def test_what_is_edited_while_a_run_goes_on_is_not_measured(tmp_path: Path) -> None:
    path = plugin(tmp_path, "return x.flatten(1)[:, :10] * 1.0")
    cell = api.prepare(api.Request(suites=(TINY,), methods=("broken",), plugins=(path,))).cells[0]
    plugin(tmp_path, "return x.flatten(1)[:, :10] * 2.0")
    result = Session(Settings(plugins=(path,))).execute(Unit(cell, cell.blocks[0]))
    assert result.outcome == "setup" and "its code was edited while the run was going on" in result.error


def test_threads_and_arithmetic_are_put_back() -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(2)
    torch.set_float32_matmul_precision("high")
    try:
        with one_thread(), exact_arithmetic():
            assert torch.get_num_threads() == 1 and torch.get_float32_matmul_precision() == "highest"
            assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
        assert torch.get_num_threads() == 2 and torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
