"""Computes units in this process: loads what they need once, watches memory, times and counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from trustdm.bench.assets.folder import Asset, AssetFolder, Workplace
from trustdm.bench.assets.spec import PlannedAsset
from trustdm.bench.conformance import outcomes
from trustdm.bench.construct import construct, registry_of
from trustdm.bench.contracts import MethodCard, StepCard
from trustdm.bench.errors import ContractError, SetupError, TrustdmError, UsageError
from trustdm.bench.foreign import interrupts, one_process, said, told
from trustdm.bench.hashing import canonical_json
from trustdm.bench.method import Meter, contract_errors, cuda_in_use, out_of_memory, place, seeded
from trustdm.bench.plan import PlannedCell, further_protocol, method_code, protocols
from trustdm.bench.plugins import load
from trustdm.bench.registry import Registry
from trustdm.bench.runner.fingerprint import describe
from trustdm.bench.runner.job import Job
from trustdm.bench.runner.resources import Kept, Loaded
from trustdm.bench.runner.step_job import StepJob, declared_method, declared_suite
from trustdm.bench.runner.units import Settings, Unit, UnitResult
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol
from trustdm.bench.training.weightfiles import VERIFIED, verify
from trustdm.bench.types import Cost

STEP_BATCH = 256
"""Rows at once in a step, where nobody says how many."""


def _nothing() -> None:
    """What is called where nobody waits for it."""


class Session:
    """Everything one process keeps between units."""

    def __init__(self, settings: Settings, registry: Registry | None = None):
        self.settings = settings
        self.registry = registry or load(settings.plugins).registry
        self._methods: dict[str, Loaded] = {}
        self._protocols: dict[str, dict[str, EvaluationProtocol]] = {}
        self._kept: Kept = {}
        self.assets = AssetFolder(settings.assets)
        self._fitting: dict[str, int] = {}

    def execute(self, unit: Unit, begun: Callable[[], None] = _nothing) -> UnitResult:
        """The result of one unit; never raises for a failure of the method or of the machine.

        ``begun`` is called when what the block needs is there, and only the block itself is left to compute.
        """
        if unit.checks:
            return self._checked(unit)
        state = ""
        try:
            state = self.method(unit.cell).state
            assets = self.prepare(unit.cell)
            job = self.job(unit, assets)
        except TrustdmError as error:
            return UnitResult(unit, "setup", error=said(error))
        except BaseException as error:
            return self._unexpected(unit, error, state)
        begun()
        try:
            return replace(self._measure(unit, job), assets=assets)
        except SetupError as error:
            return UnitResult(unit, "setup", error=said(error))
        except TrustdmError as error:  # the method's fault, whatever it called it
            return UnitResult(unit, "failed", error=said(error), device=self.settings.device, state=state)
        except BaseException as error:
            return self._unexpected(unit, error, state)

    def _checked(self, unit: Unit) -> UnitResult:
        """The conformance checks of a unit's method, on objects of their own: what they do to these, no block sees.

        Passes that they take count nowhere.
        """
        cell = unit.cell
        wall = time.perf_counter()
        try:
            self._methods.clear()
            self._load(cell)
            _free_memory()
            capability = self.registry.get("capability", cell.suite.task.capability).load()
            with one_process(), one_thread(), exact_arithmetic(), seeded("checks", cell.spec.name):
                found = outcomes(lambda: self._made(cell), cell.card, capability, self.settings.device)
        except TrustdmError as error:
            return UnitResult(unit, "setup", error=said(error))
        except BaseException as error:
            return self._unexpected(unit, error, "")
        cost = Cost(wall=time.perf_counter() - wall)
        return UnitResult(unit, "done", cost=cost, device=self.settings.device, outcomes=tuple(found))

    def method(self, cell: PlannedCell) -> Loaded:
        """The cell's method, loaded once: its code as planned, its checkpoints as its card names them.

        Raises:
            TrustdmError: it cannot be loaded, or is not what was planned.
        """
        name = canonical_json([cell.spec.name, cell.spec.params, cell.spec.weights, cell.suite.task.capability])
        if name not in self._methods:
            self._methods.clear()
            self._methods[name] = self._load(cell)
        return self._methods[name]

    def _load(self, cell: PlannedCell) -> Loaded:
        entry = self.registry.get("method", cell.spec.name)
        factory = entry.load()
        if method_code(self.registry, cell.spec) != cell.code.partition("/")[0]:
            raise UsageError(f"method {cell.spec.name}: its code was edited while the run was going on; run it again")
        VERIFIED.clear()
        with seeded("load", cell.spec.name):
            thing = self._made(cell)
            _check_weights(cell.card, factory)
            capability = self.registry.get("capability", cell.suite.task.capability).load()
            with contract_errors(f"method {cell.spec.name}: moving it to {self.settings.device}"):
                call = place(thing, cell.card, self.settings.device, capability)
            state = describe(thing, call, cell.card, self.settings.device, capability)
        return Loaded(thing, call, cell.card, state)

    def _made(self, cell: PlannedCell) -> Any:
        """A new object of the cell's method (the same one, where it is an object of this process)."""
        factory = self.registry.get("method", cell.spec.name).load()
        return self._construct(factory, dict(cell.spec.params), f"method {cell.spec.name}")

    def _construct(self, factory: Any, params: dict[str, object], where: str) -> Any:
        try:
            with contract_errors(where):
                first = registry_of(factory, self.registry)
                return construct(factory, params, where, *first) if params or first else factory()
        except ContractError as error:
            raise UsageError(said(error)) from error

    def protocol(self, cell: PlannedCell) -> EvaluationProtocol:
        """The cell's evaluation, constructed once: for its suite, or where this does not list it for the cell."""
        if cell.further is not None:
            known = self._protocols.setdefault(cell.identity.key, {})
            if not known:
                known[cell.identity.evaluation] = further_protocol(cell.suite, cell.further, self.registry)
            return known[cell.identity.evaluation]
        if cell.suite.digest not in self._protocols:
            self._protocols[cell.suite.digest] = protocols(cell.suite, self.registry)
        return self._protocols[cell.suite.digest][cell.identity.evaluation]

    def job(self, unit: Unit, assets: Mapping[str, Asset]) -> Job:
        """What the protocol of a unit is given.

        Raises:
            TrustdmError: the method cannot be loaded, or is not what was planned; an asset cannot be made.
        """
        cell, block = unit.cell, unit.block
        positions = cell.suite.positions(cell.identity.evaluation)
        return Job(
            method=self.method(cell),
            suite=cell.suite,
            registry=self.registry,
            key=cell.identity.key,
            seed=cell.identity.seed,
            draws=cell.draws,
            evaluation=cell.identity.evaluation,
            positions=positions.ids[block.start : block.stop],
            per_example=positions.per_example,
            block=block,
            device=self.settings.device,
            batch_size=self.settings.batch_size or len(block),
            meter=Meter(),
            keep=self._kept,
            assets={name: asset.files for name, asset in assets.items()},
        )

    def prepare(self, cell: PlannedCell) -> dict[str, Asset]:
        """The assets of a cell, each made unless it is there.

        Raises:
            TrustdmError: one cannot be made; the line says why.
        """
        return {name: self._asset(cell, asset) for name, asset in cell.assets.items()}

    def _able(self, cell: PlannedCell, capability: str) -> Loaded:
        """The cell's method, called by ``capability`` (empty: by the task's)."""
        method = self.method(cell)
        if not capability or capability == cell.suite.task.capability:
            return method
        able = self.registry.get("capability", capability).load()
        return replace(method, call=place(method.thing, method.card, self.settings.device, able))

    def _asset(self, cell: PlannedCell, asset: PlannedAsset) -> Asset:
        finished = self.assets.get(asset)
        if finished is not None:
            return finished
        parents = {name: self._asset(cell, parent) for name, parent in asset.parents.items()}
        entry = self.registry.get("step", asset.identity.step)
        make, card = entry.load(), cast(StepCard, entry.card)

        def work(place: Workplace) -> Cost:
            if self.settings.device.startswith("cuda"):
                torch.cuda.reset_peak_memory_stats()
            job = StepJob(
                method=declared_method(card, lambda: self._able(cell, card.capability)),
                suite=declared_suite(card, cell.suite),
                registry=self.registry,
                key=asset.key,
                seed=asset.identity.seed,
                device=self.settings.device,
                batch_size=self.settings.batch_size or STEP_BATCH,
                meter=Meter(),
                keep=self._kept,
                assets={name: parent.files for name, parent in parents.items()},
                params=asset.params,
                place=place,
            )
            with one_thread(), exact_arithmetic(), seeded(asset.key), contract_errors(f"step {asset.identity.step}"):
                make(job)
            return job.cost()

        return self.assets.ensure(asset, work)

    def _measure(self, unit: Unit, job: Job) -> UnitResult:
        """Runs the block, halving the batch when memory does not suffice."""
        key, state = unit.cell.identity.key, job.method.state
        batch = min(self._fitting.get(key) or job.batch_size, len(unit.block))
        while True:
            try:
                result, cost = self._timed(unit, replace(job, batch_size=batch, meter=Meter()))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if batch == 1:
                    return UnitResult(unit, "machine", error="out of memory for a single example", state=state)
            else:
                return UnitResult(unit, "done", result, cost, batch, self.settings.device, state=state)
            batch = self._fitting[key] = max(1, batch // 2)
            _free_memory()

    def _timed(self, unit: Unit, job: Job) -> tuple[BlockResult, Cost]:
        cuda = self.settings.device.startswith("cuda")
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        wall, busy = time.perf_counter(), time.process_time()
        with one_thread(), exact_arithmetic(), seeded(unit.cell.identity.key, unit.block.start):
            result = self.protocol(unit.cell).run(job)
        if cuda:
            torch.cuda.synchronize()
        wall = max(time.perf_counter() - wall - job.loading, 0.0)
        return result, Cost(
            wall=wall,
            device=wall if cuda else max(time.process_time() - busy - job.loading, 0.0),
            forwards=job.meter.forwards,
            gradients=job.meter.gradients,
            memory=torch.cuda.max_memory_allocated() if cuda else 0,
        )

    def _unexpected(self, unit: Unit, error: BaseException, state: str) -> UnitResult:
        if interrupts(error):
            raise error
        if out_of_memory(error):
            return UnitResult(unit, "machine", error="out of memory", state=state)
        return UnitResult(unit, "bug", error=told(error), state=state)


def _check_weights(card: MethodCard, factory: Any) -> None:
    """Every checkpoint of the card was read, or lies beside the plugin, with the hash that the card gives.

    Raises:
        WeightsError: one is missing, or has another hash.
    """
    folder = Path(getattr(sys.modules[factory.__module__], "__file__", None) or ".").parent
    for weights in card.weights:
        if weights.sha256 not in VERIFIED:
            verify(weights, folder)


class one_thread:
    """One torch thread while it lasts: the condition under which outcomes are promised to be equal."""

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


class exact_arithmetic:
    """TF32 and autotuned convolutions off while it lasts: float32 means float32."""

    def __enter__(self) -> None:
        cudnn = torch.backends.cudnn
        self._before = (torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic)
        torch.set_float32_matmul_precision("highest")
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = False, False, True

    def __exit__(self, *_: object) -> None:
        cudnn = torch.backends.cudnn
        torch.set_float32_matmul_precision(self._before[0])
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = self._before[1:]


def _free_memory() -> None:
    if cuda_in_use():
        torch.cuda.empty_cache()
