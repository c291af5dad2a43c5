from __future__ import annotations

import csv
import io
from dataclasses import replace

from PIL import Image

from trustdm.bench.suite.load import Suite
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.sections import OnPage, PicturesSection, TableSection
from trustdm.leaderboard.tasks.generation import samples, sections
from trustdm.leaderboard.tasks.generation.view import VIEW, Extra

HEUN = "EDM, class-conditional (digits), sampler=heun"


def row(board: Board, name: str = HEUN) -> Entry:
    return next(entry for entry in board.entries if entry.name == name)


def test_there_is_one_picture_for_each_number_of_steps(generators: Board, generation: Suite) -> None:
    assert isinstance(generators.extra, Extra)
    sheets, files = sections.pictures(generators.extra.source, generation, row(generators).parts, "../")
    assert sheets is not None and sheets.note == samples.BY_CLASS
    assert [p.name for p in sheets.pictures] == ["5 steps", "10 steps", "18 steps"]
    assert [p.caption for p in sheets.pictures] == [f"{2 * n - 1} network evaluations an image" for n in (5, 10, 18)]
    for picture in sheets.pictures:
        (image,) = picture.images
        file = Image.open(io.BytesIO(files[image.source.removeprefix("../")]))
        assert file.size == (image.width, image.height) and file.mode == "RGBA"


def test_the_table_by_steps_has_the_numbers_of_the_board_and_the_passes_of_each_network(generators: Board) -> None:
    table = sections.steps(generators, row(generators))
    assert table is not None
    heads = [head.text for head in table.heads]
    distance = "Fréchet distance"
    assert heads == [distance, "KID", "Precision", "Recall", "NFE", "Through guide", "Through unet", "Device time"]
    lines = {line.name: dict(zip(heads, line.cells, strict=True)) for line in table.lines}
    assert list(lines) == ["5 steps", "10 steps", "18 steps"]
    assert lines["10 steps"][distance].sort == row(generators).row.metrics["frechet_10"].value
    assert (lines["18 steps"]["NFE"].text, lines["18 steps"]["Through unet"].text) == ("35", "35")
    assert lines["18 steps"]["Through guide"].text == "3" and lines["5 steps"]["KID"].sort is None
    assert lines["10 steps"][distance].note == row(generators).row.metrics["frechet_10"].detail != ""


def test_a_row_shows_its_samples_then_its_numbers(generators: Board) -> None:
    shown = VIEW.sections(generators, row(generators), OnPage("../", "../data/x.csv"))
    assert [type(section) for section in shown.shown] == [PicturesSection, TableSection]
    assert all(path.endswith(".png") for path in shown.files) and len(shown.files) == 3
    nothing = VIEW.sections(generators, replace(row(generators), parts=()), OnPage("../", ""))
    assert (nothing.shown, dict(nothing.files)) == ((), {})


def test_the_records_say_what_each_seed_became(generators: Board) -> None:
    lines = list(csv.DictReader(io.StringIO(sections.records_csv(row(generators)).decode())))
    assert len(lines) == 900 and {line["status"] for line in lines} == {"made"}
    assert {line["network_evaluations"] for line in lines if line["evaluation"] == "steps-10"} == {"19.0"}


def test_evaluations_say_the_least_and_the_most_where_images_differ(generators: Board) -> None:
    entry = row(generators)
    (metric,) = [m for m in generators.suite.metrics if m.name == "evaluations_10"]
    same = sections.evaluations(generators, entry, metric)
    assert (same.text, same.detail) == ("19", "")
    spread = replace(entry.row.metrics["evaluations_10"], low=17.0, high=23.0)
    other = replace(entry, row=replace(entry.row, metrics={"evaluations_10": spread}))
    assert sections.evaluations(generators, other, metric).detail == "17 to 23"
    bare = replace(entry, row=replace(entry.row, metrics={}))
    assert sections.evaluations(generators, bare, metric).sort is None
