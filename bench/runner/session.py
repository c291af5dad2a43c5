"""Computes units in this process: loads what they need once, watches memory, times and counts."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trustdm.bench.contracts import Dataset, MethodCard
from trustdm.bench.errors import ContractError, TrustdmError, UsageError
from trustdm.bench.features.extract import Extractor, load_extractor
from trustdm.bench.hashing import canonical_json
from trustdm.bench.plan import PlannedCell, given, method_code, protocols
from trustdm.bench.plugins import load
from trustdm.bench.registry import Registry
from trustdm.bench.runner.fingerprint import describe
from trustdm.bench.runner.job import BlockResult, Context, EvaluationProtocol, NoisyContext, SampleContext, construct
from trustdm.bench.runner.units import Settings, Unit, UnitResult
from trustdm.bench.suite.load import Suite, open_data
from trustdm.bench.targets.classify import Meter, Target, blamed, cuda_in_use, out_of_memory, place, seeded
from trustdm.bench.targets.sample import GeneratorTarget, labels_of, seeds_of
from trustdm.bench.tasks.certification.votes import NoisyTarget
from trustdm.bench.training.weights import VERIFIED, verify
from trustdm.bench.types import Cost


@dataclass(frozen=True)
class Loaded:
    """A method on its device; ``call`` is its ``classify``, ``sample`` or whatever the cell needs."""

    thing: Any
    call: Callable[..., Any]
    card: MethodCard
    state: str


ContextOf = Callable[[int, Meter], Context | SampleContext | NoisyContext]


class Session:
    """Everything one process keeps between units."""

    def __init__(self, settings: Settings, registry: Registry | None = None):
        self.settings = settings
        self.registry = registry or load(settings.plugins).registry
        self._methods: dict[str, Loaded] = {}
        self._datasets: dict[str, Dataset] = {}
        self._protocols: dict[str, dict[str, EvaluationProtocol]] = {}
        self._extractors: dict[str, Extractor] = {}
        self._fitting: dict[str, int] = {}

    def execute(self, unit: Unit) -> UnitResult:
        """The result of one unit; never raises for a failure of the method or of the machine."""
        state = ""
        try:
            method = self.method(unit.cell)
            state = method.state
            context_of = self._prepare(unit, method)
        except TrustdmError as error:
            return UnitResult(unit, "setup", error=str(error))
        except Exception as error:
            return self._unexpected(unit, error, state)
        try:
            return self._measure(unit, context_of, state)
        except TrustdmError as error:  # the method's fault, whatever it called it
            return UnitResult(unit, "failed", error=str(error), device=self.settings.device, state=state)
        except Exception as error:
            return self._unexpected(unit, error, state)

    def method(self, cell: PlannedCell) -> Loaded:
        """The cell's method, loaded once: its code as planned, its checkpoints as its card names them.

        Raises:
            TrustdmError: it cannot be loaded, or is not what was planned.
        """
        name = canonical_json([cell.spec.name, cell.spec.params, cell.spec.weights, cell.capability])
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
            thing = self._construct(factory, dict(cell.spec.params), f"method {cell.spec.name}")
            _check_weights(cell.card, factory)
            call = place(thing, cell.card, self.settings.device, cell.capability)
            state = describe(thing, call, cell.card, self.settings.device, cell.capability)
        return Loaded(thing, call, cell.card, state)

    def _construct(self, factory: Any, params: dict[str, object], where: str) -> Any:
        try:
            with blamed(where):
                first = given(factory, self.registry)
                return construct(factory, params, where, *first) if params or first else factory()
        except ContractError as error:
            raise UsageError(str(error)) from error

    def dataset(self, suite: Suite) -> Dataset:
        """The suite's data, loaded once and checked against the suite's digest.

        Raises:
            DataError: it is missing, or is another data set than the suite's.
        """
        key = suite.data.digest or suite.digest
        if key not in self._datasets:
            self._datasets[key] = open_data(suite, self.registry)
        return self._datasets[key]

    def extractor(self, suite: Suite) -> Extractor:
        """The suite's extractor, loaded once; also makes sure that its reference is there and is the suite's.

        Raises:
            WeightsError: it has other weights than the suite names.
            DataError: the reference is missing, or has another hash.
        """
        if suite.digest not in self._extractors:
            self._extractors[suite.digest] = load_extractor(suite, self.registry, self.settings.device)
        return self._extractors[suite.digest]

    def protocol(self, cell: PlannedCell) -> EvaluationProtocol:
        """The cell's evaluation, constructed once for its suite."""
        if cell.suite.digest not in self._protocols:
            self._protocols[cell.suite.digest] = protocols(cell.suite, self.registry)
        return self._protocols[cell.suite.digest][cell.identity.evaluation]

    def _prepare(self, unit: Unit, method: Loaded) -> ContextOf:
        prepare = {
            "sample": self._prepare_samples,
            "classify_noisy": self._prepare_noisy,
            "classify": self._prepare_images,
        }
        return prepare[unit.cell.capability](unit, method)

    def _prepare_noisy(self, unit: Unit, method: Loaded) -> ContextOf:
        suite, block, cell = unit.cell.suite, unit.block, unit.cell.identity
        certification = suite.certification
        if certification is None:
            raise UsageError(f"{suite.name}: expected a suite with a table [certification], got one without")
        position = suite.positions(cell.evaluation)[block.start : block.stop]
        place, chunk = np.divmod(position, suite.chunks(cell.evaluation))
        rows, image = np.unique(place, return_inverse=True)
        images, labels = self.dataset(suite).read(suite.test[rows])

        def context(batch_size: int, meter: Meter) -> NoisyContext:
            return NoisyContext(
                source=NoisyTarget(method.call, method.card, meter, cell.key),
                x=torch.from_numpy(images).to(self.settings.device),
                y=labels,
                position=position,
                image=image,
                chunk=chunk,
                certification=certification,
                key=cell.key,
                batch_size=batch_size,
            )

        return context

    def _prepare_samples(self, unit: Unit, method: Loaded) -> ContextOf:
        suite, block, card = unit.cell.suite, unit.block, method.card
        extractor, generation = self.extractor(suite), suite.generation
        if generation is None:
            raise UsageError(f"{suite.name}: expected a suite with a table [generation], got one without")
        examples = suite.positions(unit.cell.identity.evaluation)[block.start : block.stop]
        seeds = seeds_of(examples, unit.cell.identity.seed)

        def context(batch_size: int, meter: Meter) -> SampleContext:
            return SampleContext(
                source=GeneratorTarget(method.thing, method.call, card, meter, self.settings.device),
                features=extractor,
                seeds=seeds,
                labels=labels_of(seeds, generation.labels, suite.data.classes) if card.classes else None,
                examples=examples,
                block=block,
                batch_size=batch_size,
                quantise=generation.quantise,
            )

        return context

    def _prepare_images(self, unit: Unit, method: Loaded) -> ContextOf:
        suite, block, key = unit.cell.suite, unit.block, unit.cell.identity.key
        examples = suite.test[block.start : block.stop]
        budget = suite.budget
        if budget is None:
            raise UsageError(f"{suite.name}: expected a suite with a table [adversary], got one without")
        data = self.dataset(suite)
        images, labels = data.read(examples)
        verified = getattr(data, "verified", lambda index: np.ones(len(index), dtype=bool))(examples)
        device = torch.device(self.settings.device)

        def context(batch_size: int, meter: Meter) -> Context:
            return Context(
                target=Target(method.call, method.card, meter, key),
                x=torch.from_numpy(images).to(device),
                y=torch.from_numpy(labels).to(device),
                examples=examples,
                verified=verified,
                block=block,
                key=key,
                budget=budget,
                draws=unit.cell.draws,
                batch_size=batch_size,
            )

        return context

    def _measure(self, unit: Unit, context_of: ContextOf, state: str) -> UnitResult:
        """Runs the block, halving the batch when memory does not suffice."""
        key = unit.cell.identity.key
        batch = min(self._fitting.get(key) or self.settings.batch_size or len(unit.block), len(unit.block))
        while True:
            try:
                result, cost = self._timed(unit, context_of, batch)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if batch == 1:
                    return UnitResult(unit, "machine", error="out of memory for a single image", state=state)
            else:
                return UnitResult(unit, "done", result, cost, batch, self.settings.device, state=state)
            batch = self._fitting[key] = max(1, batch // 2)
            _free_memory()

    def _timed(self, unit: Unit, context_of: ContextOf, batch: int) -> tuple[BlockResult, Cost]:
        meter = Meter()
        cuda = self.settings.device.startswith("cuda")
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        wall, busy = time.perf_counter(), time.process_time()
        with one_thread(), exact_arithmetic(), seeded(unit.cell.identity.key, unit.block.start):
            result = self.protocol(unit.cell).run(context_of(batch, meter))
        if cuda:
            torch.cuda.synchronize()
        wall = time.perf_counter() - wall
        return result, Cost(
            wall=wall,
            device=wall if cuda else time.process_time() - busy,
            forwards=meter.forwards,
            gradients=meter.gradients,
            memory=torch.cuda.max_memory_allocated() if cuda else 0,
        )

    def _unexpected(self, unit: Unit, error: Exception, state: str) -> UnitResult:
        if out_of_memory(error):
            return UnitResult(unit, "machine", error="out of memory", state=state)
        return UnitResult(unit, "bug", error="".join(traceback.format_exception(error)), state=state)


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
