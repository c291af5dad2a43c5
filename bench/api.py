"""The Python face: ``evaluate`` a model or a registered method, ``wrap`` code that exists already."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from trustdm.bench.capabilities.default import DEFAULT
from trustdm.bench.contracts import MethodCard, Randomness, method
from trustdm.bench.errors import TrustdmError, UsageError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.plan import MethodSpec, PlannedCell, choose, fits, plan_cells
from trustdm.bench.plugins import Catalogue, load
from trustdm.bench.provenance import collect, program
from trustdm.bench.registry import Registry
from trustdm.bench.request import Request, checked_text, requested
from trustdm.bench.runner.run import Progress, Report, Runner
from trustdm.bench.runner.units import Backend, Settings
from trustdm.bench.store.address import shown
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_DB = "results/bench.db"


def database(url: str | None) -> str:
    """The database that is meant: ``url``, else ``$TRUSTDM_DB``, else ``results/bench.db`` under this folder."""
    return url or os.environ.get("TRUSTDM_DB") or DEFAULT_DB


def database_name(url: str | None) -> str:
    """The same, as it may be shown: without user, password and options of a URL."""
    return shown(database(url))


def assets_beside(url: str) -> Path:
    """The folder of prepared assets: beside a SQLite file, in ``results`` under this folder otherwise."""
    path = Path(url.removeprefix("sqlite:///"))
    return (path.parent if "://" not in str(path) and path.suffix == ".db" else Path(DEFAULT_DB).parent) / "assets"


@dataclass
class Prepared:
    """A request with its names resolved and its cells planned; ``problems`` are plugins that could not be loaded."""

    catalogue: Catalogue
    suites: list[Suite]
    cells: list[PlannedCell]
    settings: Settings

    @property
    def problems(self) -> list[str]:
        return self.catalogue.problems


def prepare(request: Request, specs: Sequence[MethodSpec] = (), catalogue: Catalogue | None = None) -> Prepared:
    """Resolves names and plans cells; loads no weights and no data.

    Raises:
        TrustdmError: an unknown name, a malformed suite, a method that does not fit, nothing to run.
    """
    if request.demo and request.limit is not None:
        raise UsageError(f"--demo: expected no --limit beside it, got {request.limit}; the suites say their demo size")
    for file in request.plugins:
        if file.suffix != ".py" or not file.is_file():
            got = "something else" if file.exists() else "no such file"
            raise UsageError(f"--plugin: expected Python files, got {file}, which is {got}")
    catalogue = catalogue or load(request.plugins)
    with catalogue.explained():
        return _planned(request, specs, catalogue)


def _planned(request: Request, specs: Sequence[MethodSpec], catalogue: Catalogue) -> Prepared:
    suites, cells = [catalogue.suite(s) for s in request.suites], []
    for suite in suites:
        chosen = list(specs) or choose(suite, catalogue.registry, request.methods)
        limit = _demo_size(suite) if request.demo else request.limit
        cells += plan_cells(
            suite,
            chosen,
            catalogue.registry,
            limit=limit,
            seeds=request.seeds,
            evaluations=request.evaluations,
            further=request.further,
        )
    if not cells:
        names = ", ".join(s.name for s in suites) or "no suite"
        raise UsageError(f"nothing to run: no registered method fits {names}; name one with --method or --plugin")
    settings = Settings(_device(request.device), request.batch_size, request.plugins)
    return Prepared(catalogue, suites, cells, settings)


def settings(device: str, plugins: Sequence[Path], url: str) -> Settings:
    """How to compute in this process, with the assets beside a database.

    Raises:
        UsageError: a device that this machine does not have.
    """
    return Settings(_device(device), plugins=tuple(plugins), assets=assets_beside(url))


def _demo_size(suite: Suite) -> int:
    if not suite.size.demo:
        raise UsageError(f"--demo: expected a suite that declares size.demo, got {suite.name}, which is in no demo")
    return suite.size.demo


def _device(name: str) -> str:
    """ "cpu" or "cuda"; torch is imported only where there is a driver to ask about.

    Raises:
        UsageError: a device this machine does not have.
    """
    if name == "cpu" or (name == "auto" and not Path("/proc/driver/nvidia").exists()):
        return "cpu"
    if name != "auto" and name.partition(":")[0] != "cuda":
        raise UsageError(f"--device: expected auto, cpu or cuda, got {name!r}")
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if there else "cpu"
    number = name.partition(":")[2] or "0"
    if not number.isdigit() or int(number) >= there:
        raise UsageError(f"--device: expected one of this machine's {there} CUDA devices, got {name!r}")
    return name


def execute(
    request: Request,
    prepared: Prepared,
    store: Store,
    progress: Progress | None = None,
    on_start: Callable[[Runner], None] | None = None,
    *,
    apart: bool = False,
) -> Report:
    """Runs a prepared request against an open store.

    ``apart``: in a worker process also where one job is asked for, so that methods cannot take this process down.

    Raises:
        StoreError: nothing more can be saved.
    """
    settings = {
        "device": prepared.settings.device,
        "batch_size": request.batch_size or "block",
        "jobs": request.jobs,
        "limit": "demo" if request.demo else request.limit,
        "threads": 1,
        "tf32": False,
        "precision": ", ".join(sorted({s.precision for s in prepared.suites})),
        "seeds": ", ".join(sorted({str(c.identity.seed) for c in prepared.cells})),
    }
    info = collect(request.command or program(), settings)
    prepared = replace(prepared, settings=replace(prepared.settings, assets=assets_beside(store.database.name)))
    runner = Runner(store, _backend(request, prepared, apart=apart), info, request.options, progress or Progress())
    if on_start is not None:
        on_start(runner)
    return runner.run(prepared.cells, prepared.problems)


def _backend(request: Request, prepared: Prepared, *, apart: bool) -> Backend:
    if apart or request.jobs > 1:
        from trustdm.bench.runner.processes import ProcessBackend

        return ProcessBackend(prepared.settings, request.jobs)
    from trustdm.bench.runner.serial import SerialBackend

    return SerialBackend(prepared.settings, prepared.catalogue.registry)


class Wrapped:
    """Existing code as a method; made by ``wrap``."""

    def __init__(self, model: Any, preprocess: Callable[[Any], Any] | None, facts: dict[str, Any]):
        self.model = model
        self.preprocess = preprocess
        self.facts = facts

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The model itself, as each capability of its card is called by; ``preprocess`` is applied to its input."""
        if name not in vars(self).get("facts", {}).get("capabilities", DEFAULT):  # a copy has no facts at first
            raise AttributeError(name)
        return self._answer

    def _answer(self, x: Any, *further: Any) -> Any:
        return self.model(self.preprocess(x) if self.preprocess else x, *further)

    def to(self, device: str) -> None:
        """Moves the parts that can be moved."""
        for part in (self.model, self.preprocess):
            move = getattr(part, "to", None)
            if callable(move):
                move(device)


def wrap(
    model: Callable[..., Any],
    *,
    preprocess: Callable[[Any], Any] | None = None,
    randomness: Randomness = "none",
    **card: Any,
) -> Wrapped:
    """Makes existing PyTorch code a method, without rewriting it.

    ``model`` maps what ``preprocess`` gives it (images (B, C, H, W) in [0, 1] if None) to logits (B, K); with another
    capability (``bench.capabilities``), as ``capabilities=("NAME",)``, it is called as that is. Code that
    draws from global generators is declared with ``randomness="block-seeded"``: the harness then seeds torch, numpy,
    CUDA and ``random`` for each block, evaluates several draws, and the board says so. Further keywords are fields of
    the ``MethodCard`` (name, version, authors, paper, gradient, ...).

    Raises:
        UsageError: ``model`` or ``preprocess`` is not callable, or a field is unknown.
    """
    for name, part in (("model", model), ("preprocess", preprocess)):
        if part is not None and not callable(part):
            raise UsageError(f"wrap: {name}: expected a callable, got {type(part).__name__}")
        if isinstance(part, type):
            raise UsageError(f"wrap: {name}: expected an object, got the class {part.__name__}; make one of it first")
    unknown = sorted(set(card) - set(MethodCard.model_fields))
    if unknown:
        raise UsageError(f"wrap: expected fields of MethodCard, got {', '.join(unknown)}")
    return Wrapped(model, preprocess, {"randomness": randomness, **card})


@dataclass(frozen=True)
class Result:
    """What ``evaluate`` returns: the row of the board, the records behind it, and how the run ended."""

    suite: Suite
    row: Row
    report: Report
    store_url: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each metric: value, low, high (95% interval), n."""
        import pandas as pd

        columns = ["value", "low", "high", "n"]
        data = {name: [e.value, e.low, e.high, e.n] for name, e in self.row.metrics.items()}
        return pd.DataFrame.from_dict(data, orient="index", columns=columns).rename_axis("metric")

    @property
    def records(self) -> pd.DataFrame:
        """One row for each example, draw and probe of every evaluation."""
        import pandas as pd

        from trustdm.bench.types import Status

        parts = []
        with Store.open(self.store_url, read_only=True) as store:
            for cell in store.cells(suite=self.suite.name):
                if cell.id in self.row.cells:
                    records = store.records(cell.id)
                    part = pd.DataFrame({name: getattr(records, name) for name in records.__dataclass_fields__})
                    part.insert(0, "evaluation", cell.identity.evaluation)
                    parts.append(part)
        frame = pd.concat(parts, ignore_index=True)
        return frame.assign(status=frame["status"].map(lambda s: Status(s).name.lower()))

    def _repr_html_(self) -> str:
        from html import escape

        title = f"{self.row.method} on {self.suite.name}, n = {self.row.n} of {self.row.planned}"
        flags = f"<p>flags: {escape(', '.join(self.row.flags))}</p>" if self.row.flags else ""
        caveat = f"<p>not ranked: {escape(self.row.caveat)}</p>" if self.row.caveat else ""
        return f"<h4>{escape(title)}</h4>{self.frame.to_html(float_format='{:.4f}'.format)}{flags}{caveat}"

    def __repr__(self) -> str:
        lines = [f"{self.row.method} on {self.suite.name}, n = {self.row.n} of {self.row.planned}"]
        lines += [f"  {n}: {e.value:.4f} [{e.low:.4f}, {e.high:.4f}]" for n, e in self.row.metrics.items()]
        lines += [f"  flag: {f}" for f in self.row.flags]
        return "\n".join([*lines, *([f"  not ranked: {self.row.caveat}"] if self.row.caveat else [])])


def evaluate(
    model: str | Callable[..., Any] | Wrapped,
    suite: str | Path,
    *,
    limit: int | None = None,
    name: str = "",
    db: str | None = None,
    **how: Any,
) -> Result:
    """Measures ``model`` on ``suite`` and returns its row, computing only what the database lacks.

    ``model`` is a registered name, a plugin's method, an ``nn.Module`` or callable from images (B, C, H, W) in [0, 1]
    to logits (B, K), or what ``wrap`` returns. ``how`` are further fields of ``Request`` (device, batch_size, plugins,
    seeds, demo); ``plugins`` is a path or a list of them. Results go to ``db`` (default: ``results/bench.db``), where
    ``trustdm publish`` finds them.

    Raises:
        TrustdmError: one line that says what is wrong; also when no block at all could be measured, or a plugin file
            could not be loaded.
    """
    request, name = requested(suite, limit, how), checked_text("name", name)
    url = database(None if db is None else checked_text("db", db))
    if not isinstance(model, str) and request.jobs > 1:
        raise UsageError("evaluate: jobs: expected 1 for an object of this process; write a plugin file to use more")
    catalogue = load(request.plugins).checked()
    for left_out in catalogue.problems:
        warnings.warn(f"trustdm: plugin left out: {left_out}", stacklevel=2)
    prepared = _prepared(model, request, catalogue, name)
    with Store.open(url) as store, _preserving_state(model):
        report = execute(request, prepared, store)
        keys = {c.identity.key for c in prepared.cells}
        cells = {c.id for c in store.cells(suite=prepared.suites[0].name) if c.key in keys and c.lab == store.lab}
        board = rows(prepared.suites[0], store.results(prepared.suites[0].name))
    found = [r for r in board if cells & set(r.cells) and r.currency != "superseded"]
    broken = report.broken > len(prepared.problems)  # plugins that were left out are counted, and are none of this
    if broken or not (report.done or report.skipped) or not found:
        raise TrustdmError(" | ".join(report.lines) or "nothing was measured")
    return Result(prepared.suites[0], found[0], report, url)


def _prepared(model: str | Callable[..., Any] | Wrapped, request: Request, catalogue: Catalogue, name: str) -> Prepared:
    """The cells of one model, which fits the suite."""
    with catalogue.explained():
        if isinstance(model, str):
            spec = MethodSpec.parse(model, catalogue.registry)
        else:
            spec = register_live(model, catalogue.suite(request.suites[0]), catalogue, name)
    prepared = prepare(request, [spec], catalogue)
    problem = fits(prepared.cells[0].card, prepared.suites[0], catalogue.registry)
    if problem:
        raise UsageError(problem)
    return prepared


def _preserving_state(model: Any) -> Any:
    """Leaves the caller's networks as they were: in training mode, on their device, with their gradients."""
    if isinstance(model, str):
        return nullcontext()
    from trustdm.bench.method import preserving_state

    return preserving_state(model)


def register_live(model: Callable[..., Any] | Wrapped, suite: Suite, catalogue: Catalogue, name: str) -> MethodSpec:
    """Registers an object of this process as a method; its weights' digest becomes part of its identity.

    Raises:
        UsageError: it cannot be called, or the card is not valid.
    """
    wrapped = model if isinstance(model, Wrapped) else wrap(model)
    fields = {"input_shape": suite.data.shape, "classes": suite.data.classes, **wrapped.facts}
    wanted, able = suite.task.capability, fields.get("capabilities", DEFAULT)
    if wanted not in able:
        raise UsageError(
            f"{suite.name}: expected a model that can {wanted}, got one that can {', '.join(able)}; "
            f'wrap(model, capabilities=("{wanted}",)) says that it can'
        )
    fields["name"] = name or fields.get("name") or _name_of(wrapped.model)
    card = _card(fields)

    def loader() -> Wrapped:
        return wrapped

    module = ModuleType(f"trustdm_live_{card.name}_{id(wrapped)}")
    loader.__module__, loader.__qualname__ = module.__name__, "loader"
    loader.__wrapped__ = (wrapped.model, wrapped.preprocess)  # type: ignore[attr-defined]
    module.loader = method(card)(loader)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    catalogue.registry.add_module(module)
    return MethodSpec(card.name, weights=(fingerprint(wrapped, card, catalogue.registry),))


def fingerprint(wrapped: Wrapped, card: MethodCard, registry: Registry) -> str:
    """Hex SHA-256 of what an object of this process is: its card, its weights, its answers to a few fixed images.

    The answers (logits and gradients, rounded so that the last bits do not count) tell apart what weights cannot:
    another preprocessing, another closure, another gradient. The same object then finds its results again.
    """
    from trustdm.bench.method import place, preserving_state
    from trustdm.bench.runner.fingerprint import describe

    with preserving_state(wrapped):
        able = registry.get("capability", card.capabilities[0]).load()
        description = json.loads(describe(wrapped, place(wrapped, card, "cpu", able), card, "cpu", able))
    rounded = [f"{value:.2g}" for value in description["answers"]]
    return sha256_of([description["weights"], rounded, card.model_dump(mode="json", exclude={"defaults"})])


def _card(fields: dict[str, Any]) -> MethodCard:
    from pydantic import ValidationError

    try:
        return MethodCard(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise UsageError(f"card: {where}: {first['msg']}, got {first.get('input')!r}") from error


def _name_of(model: Any) -> str:
    text = getattr(model, "__name__", type(model).__name__)
    return "".join(c if c.isalnum() else "-" for c in text).strip("-") or "model"
