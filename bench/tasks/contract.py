"""What a task is: the table of a suite file that asks for it, the metrics it has, and what only it knows of its suites.

A task is one folder under ``bench/tasks``, or one package from outside (docs/adding-a-task.md): a module ``task.py``
with one module-level instance of a subclass of ``Task``. Everything outside these folders works through this contract
and names no task. Torch-free; functions that need torch or scipy are texts "module:function", loaded when used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from trustdm.bench.registry import Registered, Registry, loaded
from trustdm.bench.suite.models import Problem, Table
from trustdm.bench.tasks.positions import Positions

if TYPE_CHECKING:  # names of types only: summary is built on the contract (tests/test_layers.py checks both)
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import Evaluation, MetricSpec
    from trustdm.bench.summary.cell import CellView
    from trustdm.bench.summary.score import Score
    from trustdm.bench.tasks.claim import ArrayForm, Claim, Contradiction

Unit = Literal["share", "distance", "count", "length", "bits"]
Tone = Literal["quiet", "info", "good", "warn", "bad"]
Finding = tuple[bool, str, str]
"""Whether it is there, what it is, and a detail: one line of ``trustdm doctor``."""


def never(_: CellView) -> bool:
    """For flags that the core itself raises; a task only words them."""
    return False


@dataclass(frozen=True)
class Flag:
    """What a reader must know about a row: ``words`` explain it, ``when`` says from a cell whether it is raised.

    ``when`` is a function of a module (it travels to worker processes). A flag of the core may be worded anew by a
    task: then it has the core's name and no ``when``. A ``doubt`` is raised by what the harness would hardly have
    written: an import and a check of the database say it too.
    """

    name: str
    tone: Tone
    words: str
    when: Callable[[CellView], bool] = never
    doubt: bool = False


@dataclass(frozen=True)
class Metric:
    """A statistic that a column of a board may show; ``name`` is what a suite calls it, the key ``statistic``.

    ``function`` is "module:function", (CellView, MetricSpec) -> Score or None where it cannot be told. ``words`` is one
    sentence, formatted with the parameters; ``params`` the model of further keys of ``[[metrics]]``. A higher
    ``version`` drops cached scores; it moves no key of a cell.
    """

    name: str
    function: str
    unit: Unit
    words: str
    params: type[Table] | None = None
    version: int = 1

    def score(self, cell: CellView, spec: MetricSpec) -> Score | None:
        """The score of one cell; see ``summary.score.Score``."""
        return cast("Score | None", loaded(self.function)(cell, spec))

    def describe(self, spec: MetricSpec) -> str:
        """``words`` with the parameters of a column in them."""
        return self.words.format(**spec.params) if self.params else self.words


@dataclass(frozen=True)
class Published:
    """A metric as publications report it; ``name`` is what ``results/reported`` calls it, ``words`` what pages do.

    ``params`` is the model of further keys of a row (steps, a radius). ``least`` is the smallest value there can be.
    """

    name: str
    words: str
    unit: Unit
    params: type[Table] = Table
    least: float | None = 0.0


@dataclass(frozen=True)
class NewData:
    """What a new suite is to be about: its ``name``, the ``shape`` of an example, the sizes of two of its lists."""

    name: str
    shape: tuple[int, ...]
    classes: int
    train: int
    test: int


@dataclass(frozen=True)
class Start:
    """What a new suite of a task begins with.

    ``tables``: everything of the suite file but name, version, title and [data], as plain values: the task's own table,
    size, evaluations, metrics, ranking. ``says``: lines for its author, what to decide. ``before``: commands that come
    before the first run, with {suite}, {folder} and {name} for the file, its folder and the name of the suite.
    """

    tables: Mapping[str, Any]
    says: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


class Task(Registered):
    """Base of every task; ``TASK = MyTask()`` in ``task.py`` registers it.

    ``name``: the family in lists ("robustness"). ``key``: the table of the suite file. ``title``: what the family is
    called as a heading. ``capability``: what a method must be able to do. ``loose``: keys of the table that leave
    stored records valid and comparable (an alpha, prose). ``unit``: what one example is. ``view``: "module:object", a
    ``leaderboard.boardview.BoardView``, loaded by the leaderboard only. ``claims``: "module:function", for
    ``contradictions``. ``plugins``: further modules to register.
    ``published``: metrics of publications, and ``terms`` what a reader wants to know of how such a number came about.
    """

    KIND: ClassVar[str] = "task"
    key: ClassVar[str]
    title: ClassVar[str]
    table: ClassVar[type[Table]]
    capability: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    flags: ClassVar[tuple[Flag, ...]] = ()
    loose: ClassVar[frozenset[str]] = frozenset()
    unit: ClassVar[str] = "image"
    view: ClassVar[str] = ""
    claims: ClassVar[str] = ""
    plugins: ClassVar[tuple[str, ...]] = ()
    published: ClassVar[tuple[Published, ...]] = ()
    terms: ClassVar[tuple[str, ...]] = ()

    def metric(self, statistic: str) -> Metric | None:
        """The metric of that name; None if the task has none."""
        return next((metric for metric in self.metrics if metric.name == statistic), None)

    def faults(self, suite: Suite) -> Iterator[Problem]:
        """What is wrong with a suite that the model of one table cannot see; by default the test list is checked."""
        yield from test_list_faults(suite)

    def positions(self, suite: Suite, evaluation: str) -> Positions:
        """What an evaluation runs; by default the test list, one position for each example."""
        return Positions(suite.test)

    def data_digest(self, suite: Suite, registry: Registry) -> str:
        """What the examples are, as part of the identity of a result; by default the digest of the data set."""
        from trustdm.bench.suite.data import open_data

        return suite.data.digest or open_data(suite, registry).digest()

    def pinned_data(self, suite: Suite) -> str | None:
        """What ``data_digest`` must be, where the suite says it itself; None where it depends on the machine."""
        return suite.data.digest

    def arrays(self, suite: Suite, protocol: str) -> Mapping[str, ArrayForm] | None:
        """The arrays that a block of a protocol may keep, by name: everything that metrics and pages read.

        An array of another name, type, shape or range is not imported. None, which is the default, declares nothing:
        any array is taken, and what reads one must look at it first.
        """
        return None

    def contradictions(self, claim: Claim) -> Iterator[Contradiction]:
        """What cannot be in a cell that somebody handed in, beyond what any task has in common; nothing by default.

        A cell with a contradiction is not imported. Arrays and records may hold anything: look at their shapes first.
        By default what the function that ``claims`` names says, if there is one.
        """
        if self.claims:
            yield from cast("Iterator[Contradiction]", loaded(self.claims)(claim))

    def needs(self, suite: Suite, registry: Registry) -> Iterator[Finding]:
        """Whether what a run needs is on this machine; by default the data set, whose first example is read.

        Raises:
            TrustdmError: something is missing; the line says what.
        """
        from trustdm.bench.suite.data import open_data

        open_data(suite, registry).read(suite.test[:1])
        yield True, f"suite {suite.name}", f"data set {suite.data.dataset} is here"

    def probe_order(self, params: Mapping[str, Any]) -> Sequence[str]:
        """The probes of an evaluation with these parameters in the order they are run; by default as they appear."""
        return ()

    def asks(self, suite: Suite) -> str:
        """What the suite asks, in two or three words, for a list: the first of the lines of ``says``.

        A task whose further lines take long to compute overrides it.
        """
        return next(iter(self.says(suite)), suite.title)

    def says(self, suite: Suite) -> Sequence[str]:
        """What the suite asks, in lines: the first for a list (two or three words), the others for ``show``."""
        return [self.title.lower()]

    def headline(self, suite: Suite) -> Sequence[MetricSpec]:
        """The metrics that fit a terminal; by default the one that ranks and two more of its evaluation."""
        ranked = next(m for m in suite.metrics if m.name == suite.ranking.metric)
        beside = [m for m in suite.metrics if m.evaluation == ranked.evaluation and m is not ranked]
        return [ranked, *beside][:3]

    def further(self, suite: Suite, params: Mapping[str, Any]) -> Evaluation | None:
        """The evaluation with these parameters that somebody may measure beside those of the suite (an attack from
        outside, say); None, which is the default: there is none. ``params`` may be a stranger's, and hold anything."""
        return None

    def falls(self, metric: MetricSpec) -> bool:
        """Whether a metric of the ranking evaluation falls with further evaluations: the least of them counts."""
        return False

    def told_apart(self, params: Mapping[str, Any]) -> str:
        """What tells a published number from others of its system and variant, in words."""
        return ", ".join(f"{name} {value}" for name, value in params.items())

    def cost_of(self, params: Mapping[str, Any]) -> tuple[str, float | None]:
        """What a published number cost, in words, and what that sorts by; nothing by default."""
        return "", None

    def start(self, data: NewData, registry: Registry) -> Start | None:
        """What a new suite about these data begins with (``trustdm new suite``); None: it is written by hand.

        Raises:
            UsageError: the task asks nothing of such data.
        """
        return None

    def reference_stamp(self, suite: Suite) -> str:
        """What scores depend on beside the records and the suite: the hash of a reference file, say. For the cache."""
        return ""


def test_list_faults(suite: Suite) -> Iterator[Problem]:
    """A suite that runs its test list must have one, as long as its full size, of at least two classes."""
    if suite.data.splits is None:
        yield Problem("data.splits", "a value", "nothing")
    elif suite.data.classes < 2:
        yield Problem("data.classes", "greater than or equal to 2", suite.data.classes)
    elif suite.size.full != len(suite.test):
        yield Problem("size.full", f"{len(suite.test)}, the length of data.splits.test", suite.size.full)


def image_faults(suite: Suite) -> Iterator[Problem]:
    """A suite of images must say their three sizes."""
    if len(suite.data.shape) != 3:
        yield Problem("data.shape", "three sizes: channels, height, width", list(suite.data.shape))


def table_of(suite: Suite, kind: type[Any]) -> Any:
    """The task's table of a suite, as the model ``kind``.

    Raises:
        UsageError: the suite is of another task.
    """
    from trustdm.bench.errors import UsageError

    if not isinstance(suite.table, kind):
        raise UsageError(f"{suite.name}: expected a suite with a table like {kind.__name__}, got [{suite.task.key}]")
    return suite.table
