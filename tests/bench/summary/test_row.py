"""A row as plain JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from toyboard import SUITE, both

from trustdm.bench.summary.rows import rows


def test_a_row_as_json():
    (row,) = rows(SUITE, both(1, "CCCC", "CCCW", "CCC-", method_params=(("sigma", 0.5),)))
    plain = row.as_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert " ".join(plain) == (
        "method version params shown weights lab lab_name imported suite suite_version seed origin currency "
        "completeness verification flags rank_low rank_high rank_group rank_test caveat conformance "
        "failed_checks comparison separable cost n planned errors further metrics"
    )
    assert plain["params"] == {"sigma": 0.5}
    assert (plain["origin"], plain["verification"]) == ("measured", "unverified")
    assert list(plain["cost"]) == ["wall_s", "device_s", "forwards", "gradients", "memory_bytes"]
    assert list(plain["metrics"]["clean_accuracy"]) == ["value", "low", "high", "n"]


def test_a_detail_is_only_there_where_there_is_one() -> None:
    (row,) = rows(SUITE, both(1, "CCCC", "CCCW", "CCC-"))
    estimate = row.metrics["clean_accuracy"]
    told = replace(row, metrics={"x": replace(estimate, detail="2 sets"), "y": estimate})
    assert told.as_json()["metrics"] == {
        "x": {"value": 1.0, "low": estimate.low, "high": 1.0, "n": 4, "detail": "2 sets"},
        "y": {"value": 1.0, "low": estimate.low, "high": 1.0, "n": 4},
    }


def test_an_interval_without_an_end_is_null_in_json() -> None:
    (row,) = rows(SUITE, both(1, "CCCC", "CCCW", "CCC-"))
    wide = replace(row.metrics["clean_accuracy"], low=float("-inf"), high=float("inf"))
    plain = replace(row, metrics={"x": wide}).as_json()["metrics"]
    assert plain == {"x": {"value": 1.0, "low": None, "high": None, "n": 4}}
