"""The columns of a board, and the values of a row as cells of text: shared by the pages of suites and of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.summary.rows import Row
from trustdm.bench.types import Estimate, Origin
from trustdm.leaderboard import text
from trustdm.leaderboard import words as tasks
from trustdm.leaderboard.models import Bar, Cell, Column
from trustdm.leaderboard.scales import Scale, scale
from trustdm.leaderboard.tasks.certification import noise

NOTHING = Cell(text.DASH)
SHARES = ("accuracy", "survival", "precision", "recall", "certified", "abstention")
FRECHET, EVALUATIONS, DRAWS = "frechet", "evaluations", "draws"
SWITCHES = 8
SETS = {
    FRECHET: "Fréchet distance between the Gaussians fitted to the features of a set of images and of the reference",
    "kid": "Kernel distance (KID, cubic kernel) between the features of a set of images and of the reference; unbiased",
    "precision": "Share of the images that lie where real ones do, by nearest neighbours in the features",
    "recall": "Share of the real images that lie where generated ones do, by nearest neighbours in the features",
    EVALUATIONS: "Network evaluations (NFE) an image takes, as the harness counted; least and most, if it varies",
}
CERTIFIED = {
    "certified": "Share of images whose right label is certified at radius {radius}",
    "certified-radius": "Average certified radius (ACR); an image that is wrong or abstained on counts as 0",
    "abstention": "Share of images on which the method abstains; these count as wrong",
    "draws": "Noisy copies of an image that were classified, in the mean over images",
}
FIXED_DRAWS = "the number is fixed"
FEWER_DRAWS = "as few as the declared radii take"
WAYS = {"lower": "Lower is better", "higher": "Higher is better"}
Axes = Mapping[str, Scale]


def shown(suite: Suite) -> tuple[MetricSpec, ...]:
    """The metrics in the order of the columns: the main ones first."""
    return tuple(sorted(suite.metrics, key=lambda metric: group(suite, metric) != "main"))


def group(suite: Suite, metric: MetricSpec) -> str:
    """Where a column belongs: main, attack (a part of an evaluation), or more (of another evaluation, or sigma)."""
    if suite.certification is not None:
        return "main" if noise.sigma_of(suite, metric.evaluation) == _ranking_sigma(suite) else "more"
    if suite.adversary is None:
        return "main" if metric.evaluation == _ranked(suite) else "more"
    whole = {m.evaluation for m in suite.metrics if not m.probe}
    return "attack" if metric.probe and metric.evaluation in whole else "main"


def switch(suite: Suite, metric: MetricSpec) -> str:
    """The switch that shows a column of the group more: one for each sigma of a certified board."""
    if group(suite, metric) != "more" or suite.certification is None:
        return group(suite, metric)
    others = [sigma for sigma in noise.sigmas(suite) if sigma != _ranking_sigma(suite)]
    sigma = noise.sigma_of(suite, metric.evaluation)
    return f"more-{min(others.index(sigma), SWITCHES - 1) + 1}" if sigma in others else "more-1"


def _ranked(suite: Suite) -> str:
    return next(m.evaluation for m in suite.metrics if m.name == suite.ranking.metric)


def _ranking_sigma(suite: Suite) -> Fraction | None:
    return noise.sigma_of(suite, _ranked(suite))


def columns(suite: Suite) -> tuple[Column, ...]:
    """The columns of a board: its metrics, then the costs."""
    found = []
    for metric in shown(suite):
        better = "down" if metric.direction == "lower" else "up"
        hint = describe(suite, metric)
        name, place = label(suite, metric.name), group(suite, metric)
        found.append(Column(metric.name, name, hint, place, better, switch(suite, metric)))
    return (*found, *_cost_columns(suite))


def _cost_columns(suite: Suite) -> tuple[Column, ...]:
    made = Column("device", "Device time", f"Process or device time for each {tasks.unit(suite)}", "cost", "down")
    if suite.generation is not None:
        hint = "Images sent through networks for each image, over all evaluations together"
        images = Column("n", "Images", "Images made, of those of a full run", "count")
        return Column("forwards", "Passes", hint, "cost", "down"), made, images
    forwards = Column("forwards", "Forward", "Images sent forward for each example, as counted", "cost", "down")
    count = Column("n", "Examples", "Examples run, of those on the test list", "count")
    if suite.adversary is None:
        hint = "Noisy images sent forward for each image, over all evaluations together"
        forwards = Column("forwards", "Forward", hint, "cost", "down")
        return forwards, made, Column("n", "Images", "Images run, of those on the test list", "count")
    hint = "Images a gradient was taken for, for each example"
    return forwards, Column("gradients", "Gradient", hint, "cost", "down"), made, count


def label(suite: Suite, name: str) -> str:
    """What a metric is called on the pages."""
    metric = next(m for m in suite.metrics if m.name == name)
    words = metric.label or name.replace("_", " ")
    return (words[0].upper() if words[0].isascii() else words[0]) + words[1:]


def steps(suite: Suite, evaluation: str) -> int | None:
    """The number of steps of an evaluation; None where it has none."""
    spec = suite.evaluations.get(evaluation)
    found = spec.params.get("steps") if spec else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def describe(suite: Suite, metric: MetricSpec) -> str:
    """One sentence that says what a metric counts."""
    if metric.statistic in SETS:
        count = steps(suite, metric.evaluation)
        after = f", after {count} steps" if count else f" (evaluation “{metric.evaluation}”)"
        return f"{SETS[metric.statistic]}{after}. {WAYS[metric.direction]}"
    if metric.statistic in CERTIFIED:
        words = CERTIFIED[metric.statistic].format(radius=metric.radius or "0")
        if metric.statistic == "draws":
            few = noise.is_sequential(suite, metric.evaluation)
            words += f"; {FEWER_DRAWS if few else FIXED_DRAWS}"
        return f"{words} (evaluation “{metric.evaluation}”). {WAYS[metric.direction]}"
    if metric.statistic == "survival":
        probe = f"{metric.probe} and what ran before it" if metric.probe else "all attacks"
        return f"Share of examples still correct after {probe}, in the evaluation “{metric.evaluation}”"
    where = f"under {metric.probe}" if metric.probe not in {"", "clean"} else "as they are, without an attack"
    return f"Share of examples classified correctly {where} (evaluation “{metric.evaluation}”)"


def axes(suite: Suite, rows: Sequence[Row], floors: Sequence[Estimate] = ()) -> dict[str, Scale]:
    """For each metric that is no share, the axis of its bars: all intervals of the board fit on it."""
    found = {}
    for metric in suite.metrics:
        if metric.statistic in SHARES or metric.statistic in {EVALUATIONS, DRAWS}:
            continue
        seen = [row.metrics[metric.name] for row in rows if metric.name in row.metrics]
        seen += list(floors) if metric.statistic == FRECHET else []
        ends = [v for e in seen for v in (e.low, e.value, e.high) if v > 0 or metric.statistic != FRECHET]
        if (axis := scale(ends)) is not None:
            found[metric.name] = axis
    return found


def cells(suite: Suite, row: Row, scales: Axes) -> tuple[Cell, ...]:
    """The cells of ``columns``, in their order; that of the ranking metric says what a mean was taken over."""
    made = []
    for metric in shown(suite):
        estimate = row.metrics.get(metric.name)
        cell = value(metric, estimate, scales.get(metric.name))
        if metric.statistic == DRAWS:
            made.append(drawn(suite, estimate))
        else:
            made.append(cell if metric.name == suite.ranking.metric else without_note(cell))
    return (*made, *_costs(suite, row))


def value(metric: MetricSpec, estimate: Estimate | None, axis: Scale | None = None) -> Cell:
    """An estimate of any statistic as a cell; a dash where there is none."""
    if estimate is None:
        return NOTHING
    if metric.statistic in SHARES:
        return share(estimate)
    return evaluations(estimate) if metric.statistic == EVALUATIONS else measure(estimate, axis)


def without_note(cell: Cell) -> Cell:
    return Cell(cell.text, cell.detail, cell.sort, cell.bar) if cell.note else cell


def share(value: Estimate | None) -> Cell:
    """An estimate of a share with its interval, drawn as well; a dash where there is none."""
    if value is None:
        return NOTHING
    low, middle, high = (100 * min(1.0, max(0.0, v)) for v in (value.low, value.value, value.high))
    bar = Bar(low, middle, high)
    return Cell(text.percent(value.value), text.interval(value.low, value.high), value.value, bar)


def measure(value: Estimate, axis: Scale | None = None) -> Cell:
    """An estimate that is no share: a plain number with its interval, drawn where an ``axis`` is given."""
    told, interval = text.measure(value.value, value.low, value.high)
    bar = Bar(*(100 * axis.place(v) for v in (value.low, value.value, value.high))) if axis else None
    return Cell(told, interval, value.value, bar, value.detail)


def drawn(suite: Suite, value: Estimate | None) -> Cell:
    """The mean number of draws for an image with its interval, and how many times fewer that is than a fixed number."""
    if value is None:
        return NOTHING
    told, interval = text.measure(value.value, value.low, value.high)
    return Cell(told, interval, value.value, None, noise.reduction(suite, value))


def evaluations(value: Estimate) -> Cell:
    """How many network evaluations an image took; with the least and the most where images differ."""
    least, most = text.count(value.low), text.count(value.high)
    return Cell(text.count(value.value), f"{least} to {most}" if least != most else "", value.value)


def _costs(suite: Suite, row: Row) -> tuple[Cell, ...]:
    count = Cell(f"{row.n:,}", f"of {row.planned:,}", row.n)
    names = ["forwards", "gradients", "device"] if suite.adversary else ["forwards", "device"]
    if not row.n:
        return (*(NOTHING for _ in names), count)
    each = f"per {tasks.unit(suite)}"
    found = []
    for name in names:
        amount = getattr(row.cost, name) / row.n
        if not amount and row.origin is Origin.REPORTED:
            found.append(NOTHING)
            continue
        found.append(Cell(text.duration(amount) if name == "device" else text.count(amount), each, amount))
    return (*found, count)
