"""The two log formats: what is read, what is refused and with which line, against pandas and plain loops."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.smoothing.logs import HEADER, read, summarise

GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)


def made(n: int = 200, stride: int = 20, *, running: bool = False, clock: bool = True, seed: int = 0) -> list[str]:
    """The lines of a log as the published programs would print it."""
    rng = np.random.default_rng(seed)
    lines, total = ["\t".join(HEADER)], 0
    for i in range(n):
        label = int(rng.integers(10))
        predict = int(rng.choice([-1, label, (label + 1) % 10], p=[0.2, 0.6, 0.2]))
        radius = 0.0 if predict < 0 else float(rng.exponential(0.6))
        total += predict == label
        correct = total if running else int(predict == label)
        seconds = datetime.timedelta(seconds=float(rng.uniform(10, 4000)))
        time = str(seconds) if clock else f"{seconds.total_seconds():.3}"
        lines.append(f"{i * stride}\t{label}\t{predict}\t{radius:.3}\t{correct}\t{time}")
    return lines


def write(folder: Path, lines: list[str], end: str = "\n") -> Path:
    path = folder / "sigma_0.50"
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return path


@pytest.mark.parametrize("running", [False, True])
def test_a_log_is_read_and_its_format_found(tmp_path: Path, running: bool) -> None:
    path = write(tmp_path, made(running=running))
    found, theirs = read(path, images=4000), pd.read_csv(path, sep="\t")
    assert found.kind == ("denoised" if running else "cohen")
    assert found.missing == 0
    for name, column in (("index", "idx"), ("label", "label"), ("predicted", "predict"), ("radius", "radius")):
        assert np.array_equal(getattr(found, name), theirs[column])
    assert np.array_equal(found.correct, theirs.label == theirs.predict)
    assert found.seconds == pytest.approx(pd.to_timedelta(theirs.time).dt.total_seconds().to_numpy(), abs=1e-9)


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_summary_equals_an_independent_one_to_three_decimals(tmp_path: Path, running: bool, seed: int) -> None:
    path = write(tmp_path, made(running=running, seed=seed))
    found, table = summarise(read(path), GRID), pd.read_csv(path, sep="\t")
    hit = table.label == table.predict
    for estimate, r in zip(found.certified, GRID, strict=True):
        assert round(estimate.value, 3) == round(float((hit & (table.radius >= r)).mean()), 3)
        assert estimate.n == 200
    assert round(found.average.value, 3) == round(float((table.radius * hit).mean()), 3)
    assert round(found.abstained.value, 3) == round(float((table.predict == -1).mean()), 3)
    assert found.seconds == pytest.approx(pd.to_timedelta(table.time).dt.total_seconds().mean())


def test_a_naive_reading_of_a_running_count_would_differ(tmp_path: Path) -> None:
    """Why the two formats are told apart: a bitwise and of the count with the mask is nonsense."""
    path = write(tmp_path, made(running=True))
    table = pd.read_csv(path, sep="\t")
    naive = float((table.correct & (table.radius >= 0.25)).mean())
    assert abs(naive - summarise(read(path), (0.25,)).certified[0].value) > 0.03


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:02:31.543090", 151.54309), ("0:00:17", 17.0), ("1:00:00.5", 3600.5), ("16.6", 16.6), ("17", 17.0),
     ("1 day, 1:00:01", 90001.0), ("2 days, 0:00:00", 172800.0)],
)  # fmt: skip
def test_times(tmp_path: Path, text: str, seconds: float) -> None:
    path = write(tmp_path, ["\t".join(HEADER), f"0\t1\t1\t0.5\t1\t{text}", f"1\t1\t1\t1.2e-05\t1\t{text}"])
    found = read(path)
    assert found.seconds.tolist() == [seconds, seconds]
    assert found.radius[1] == 1.2e-5


def test_line_ends_and_blank_lines_at_the_end_do_not_matter(tmp_path: Path) -> None:
    lines = made(10)
    plain = read(write(tmp_path, lines))
    for end in ("", "\n\n\n"):
        assert np.array_equal(read(write(tmp_path, lines, end)).radius, plain.radius)
    path = tmp_path / "dos"
    path.write_bytes("\r\n".join([*lines, ""]).encode())
    assert np.array_equal(read(path).seconds, plain.seconds)


def test_a_file_that_stops_short_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, made(427, 100))
    message = r"sigma_0.50:428: expected 500 rows \(idx 0, 100, 200, ...\), got 427 \(idx from 0 to 42600\): .* cut off"
    with pytest.raises(DataError, match=message):
        read(path, images=50_000)
    found = read(path, images=50_000, partial=True)
    assert (len(found.index), found.missing) == (427, 73)
    assert read(path).missing == 0
    assert read(path, images=42_650).missing == 0


def test_a_file_without_its_beginning_is_refused(tmp_path: Path) -> None:
    lines = made(50)
    with pytest.raises(DataError, match=r":48: expected 50 rows .*got 47 \(idx from 60 to 980\)"):
        read(write(tmp_path, [lines[0], *lines[4:]]))


def edited(lines: list[str], line: int, column: str, value: str) -> list[str]:
    cells = lines[line - 1].split("\t")
    cells[HEADER.index(column)] = value
    return [*lines[: line - 1], "\t".join(cells), *lines[line:]]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("idx", "x", ":9: idx: expected a whole number, got 'x'"),
        ("idx", "120", ":9: idx: expected each image once, got 120 as in line 8"),
        ("idx", "141", r":9: idx: expected 140 \(stride 20\), got 141"),
        ("label", "-2", ":9: label: expected a whole number, got '-2'"),
        ("predict", "1.5", ":9: predict: expected a label or -1, got '1.5'"),
        ("radius", "nan", ":9: radius: expected a finite number from 0, got 'nan'"),
        ("radius", "inf", ":9: radius: expected a finite number from 0, got 'inf'"),
        ("radius", "-0.1", ":9: radius: expected a finite number from 0, got '-0.1'"),
        ("radius", "1_0", ":9: radius: expected a number, got '1_0'"),
        ("radius", "", ":9: radius: expected a number, got ''"),
        ("correct", "yes", ":9: correct: expected a whole number, got 'yes'"),
        ("correct", "7", ":9: correct: expected .* got 7"),
        ("time", "0:61:00", ":9: time: expected h:mm:ss.ffffff or seconds, got '0:61:00'"),
        ("time", "0:01", ":9: time: expected h:mm:ss.ffffff or seconds"),
    ],
)
@pytest.mark.parametrize("running", [False, True])
def test_a_wrong_field_is_named_with_its_line(tmp_path, column, value, message, running) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(write(tmp_path, edited(made(30, running=running), 9, column, value)))
    assert "\n" not in str(caught.value)


def test_an_abstention_has_no_radius(tmp_path: Path) -> None:
    lines = ["\t".join(HEADER), "0\t1\t1\t0.5\t1\t1.0", "1\t1\t-1\t0.5\t0\t1.0"]
    with pytest.raises(DataError, match=r":3: radius: expected 0 for an abstention \(predict -1\), got '0.5'"):
        read(write(tmp_path, lines))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], ":1: expected the tab-separated header idx label predict radius correct time, got ''"),
        (["idx,label,predict,radius,correct,time"], ":1: expected the tab-separated header"),
        (["\t".join(HEADER)], ":1: expected rows under the header, got none"),
        (["\t".join(HEADER), "0\t1\t1\t0.5"], ":2: expected 6 tab-separated fields, got 4"),
        (["\t".join(HEADER), "", "0\t1\t1\t0.5\t1\t1.0"], ":2: expected 6 tab-separated fields, got 1"),
        (["\t".join(HEADER), "9\t1\t1\t.5\t1\t1.0", "5\t1\t1\t.5\t1\t1.0"], ":3: idx: expected rising indices, got 5"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, lines))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a readable log, got No such file"):
        read(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path / "bytes")


def test_a_device_is_not_read_without_end() -> None:
    with pytest.raises(DataError, match="/dev/zero: expected a readable log, got a device, and no regular file"):
        read(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("column", "value"),
    [("time", "9" * 5000 + " days, 0:00:00"), ("time", "9" * 400), ("radius", "1e-" + "9" * 30), ("radius", "9" * 400)],
)
def test_numbers_without_end_are_one_line(tmp_path: Path, column: str, value: str) -> None:
    with pytest.raises(DataError, match=rf":2: {column}: expected ") as caught:
        read(write(tmp_path, edited(made(), 2, column, value)))
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_a_file_of_both_formats_is_refused_at_the_line_where_it_changes(tmp_path: Path) -> None:
    single, running = made(40), made(40, running=True)
    for first, second, kind in ((single, running, "cohen"), (running, single, "denoised")):
        with pytest.raises(
            DataError, match=rf":\d+: correct: expected \d+ \({kind}\) for label .* as in the lines above"
        ):
            read(write(tmp_path, [*first[:20], *second[20:]]))


def test_a_file_that_fits_both_formats_is_refused_unless_the_format_is_said(tmp_path: Path) -> None:
    for last in ("2\t1\t3\t0.5\t0\t1.0", "2\t1\t1\t0.5\t1\t1.0"):
        path = write(tmp_path, ["\t".join(HEADER), "0\t1\t2\t0.5\t0\t1.0", "1\t1\t-1\t0.0\t0\t1.0", last])
        with pytest.raises(UsageError, match=r":4: expected a column correct that is either .* say which"):
            read(path)
        assert read(path, kind="denoised").kind == "denoised"
        assert read(path, kind="cohen").correct.tolist() == [False, False, last.split("\t")[4] == "1"]


def test_the_wrong_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected the format 'cohen', got 'denoised'"):
        read(write(tmp_path, made(running=True)), kind="cohen")


def test_indices_beyond_the_data_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=":201: idx: expected less than 3000, the images there are, got 3980"):
        read(write(tmp_path, made()), images=3000)


@pytest.mark.parametrize(
    ("text", "half", "least"),
    [("1.96", 0.005, 1.955), ("2", 0.5, 1.5), ("0.4", 0.05, 0.35), ("1.2e-05", 5e-7, 1.15e-5), ("3.", 0.5, 2.5),
     (".250", 0.0005, 0.2495), ("0.0", 0.05, 0.0), ("12e1", 5.0, 115.0), ("0e999", 5e299, 0.0)],
)  # fmt: skip
def test_what_a_printed_radius_may_have_been_before_it_was_rounded(
    tmp_path: Path, text: str, half: float, least: float
) -> None:
    path = write(tmp_path, ["\t".join(HEADER), f"0\t1\t1\t{text}\t1\t1.0", "1\t1\t1\t0.12345\t1\t1.0"])
    found = read(path)
    assert found.rounding == pytest.approx([half, 5e-6], rel=1e-12)
    assert found.least_radius == pytest.approx([least, 0.123445], rel=1e-12)
