"""What the page of a certified method shows, against the certificates themselves."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.sections import OnPage
from trustdm.leaderboard.tasks.certification import sections
from trustdm.leaderboard.tasks.certification.tracks import tracks


def test_a_row_has_a_table_by_radius_and_one_by_image(smoothed: Board) -> None:
    entry = smoothed.entries[0]
    by_radius, by_image = sections.sections(smoothed, entry, OnPage("../", "../x.csv")).shown
    assert by_radius.title == "Certificates" and by_image.title == "Image by image"
    assert isinstance(by_image, sections.TableSection) and (by_image.total, by_image.href) == (60, "../x.csv")
    assert [head.text for head in by_image.heads] == ["σ 1/4", "σ 1/2", "σ 1/2, sequential"]


def test_the_values_by_radius_are_those_of_the_tracks(smoothed: Board) -> None:
    known = tracks(smoothed.suite, smoothed.entries[0])
    table = sections.by_radius(smoothed.suite, known)
    lines = {line.name: line.cells for line in table.lines}
    value = known[1].certified(0.5)
    assert f"{lines['Radius 1/2'][1].text} {lines['Radius 1/2'][1].detail}" == text.estimate(value)
    assert lines["Radius 1/4"][2].sort is None  # the sequential one did not declare it
    assert lines["Average radius (ACR)"][2].sort is None and lines["Images"][0].text == "60"
    assert lines["Draws of an image"][2].note.endswith("× fewer than 10,100")


def test_images_say_whether_the_label_is_right_and_how_far(smoothed: Board) -> None:
    (track, *_) = tracks(smoothed.suite, smoothed.entries[0])
    table = sections.by_image(smoothed.suite, [track], "")
    it = track.table
    assert it.radius is not None
    for line, at in zip(table.lines, [it.example.tolist().index(int(line.name)) for line in table.lines], strict=True):
        (cell,) = line.cells
        expected = "abstained" if it.abstained[at] else "correct" if it.right[at] else "wrong"
        assert cell.state == expected and cell.text.endswith(f"{it.draws[at]:,} draws")


def test_the_file_has_every_image_of_every_evaluation(smoothed: Board) -> None:
    lines = list(csv.DictReader(io.StringIO(sections.records_csv(smoothed.suite, smoothed.entries[0]).decode())))
    assert len(lines) == 180 and {line["sigma"] for line in lines} == {"1/4", "1/2"}
    assert all(bool(line["radius"]) != line["evaluation"].startswith("sequential") for line in lines)


def test_a_row_without_certificates_has_no_sections(smoothed: Board) -> None:
    bare = replace(smoothed.entries[0], parts=())
    assert sections.sections(smoothed, bare, OnPage("", "")).shown == ()
    assert sections.records_csv(smoothed.suite, bare).decode().startswith("evaluation,example,draw,probe,status")
