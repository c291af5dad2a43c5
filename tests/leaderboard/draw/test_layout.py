from __future__ import annotations

from itertools import pairwise

from trustdm.leaderboard.draw.layout import HEIGHT, LINE, NARROW, place


def test_labels_of_close_rows_keep_their_distance_and_their_order() -> None:
    rows = [{"key": at, "y": 0.5 - 0.001 * at} for at in range(12)]
    place(rows)
    slots = [row["slot"] for row in rows]
    gaps = [a - b for a, b in pairwise(slots)]
    assert min(gaps) >= LINE / HEIGHT - 1e-9
    assert min(slots) >= 0 and max(slots) <= 1


def test_below_a_narrow_chart_names_stand_from_the_top_or_in_the_order_given() -> None:
    rows = [{"key": 0, "y": 0.4}, {"key": 1, "y": 0.6}]
    place(rows, NARROW)
    assert rows[0]["slot"] < rows[1]["slot"] < 0
    given = [{"key": 0, "y": 0.4, "order": 0.4}, {"key": 1, "y": 0.6, "order": 0.6}]
    place(given, NARROW)
    assert given[1]["slot"] < given[0]["slot"] < 0
