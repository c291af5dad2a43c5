from __future__ import annotations

import pytest

from trustdm.bench.types import Estimate
from trustdm.leaderboard import text


def test_an_estimate_reads_as_percent_with_its_interval() -> None:
    assert text.estimate(Estimate(0.612, 0.581, 0.642, 1000)) == "61.2% [58.1, 64.2]"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (99.5, "99.5"),
        (812, "812"),
        (7852, "7,852"),
        (12_345, "12.3 k"),
        (999_999, "1 M"),
        (2e9, "2 G"),
    ],
)
def test_counts_keep_three_digits(value: float, said: str) -> None:
    assert text.count(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.018, "0.018 s"), (9.94, "9.9 s"), (38, "38 s"), (720, "12 min"), (12_240, "3.4 h")]
)
def test_durations_choose_their_unit(seconds: float, said: str) -> None:
    assert text.duration(seconds) == said


@pytest.mark.parametrize(("number", "said"), [(12, "12 B"), (18_000, "18 kB"), (412e6, "412 MB"), (2.5e9, "2.5 GB")])
def test_sizes_choose_their_unit(number: float, said: str) -> None:
    assert text.size(number) == said


def test_ranks_are_an_interval_only_where_they_differ() -> None:
    assert (text.ranks(2, 2), text.ranks(1, 3)) == ("2", "1–3")


def test_margins_have_a_sign() -> None:
    assert (text.signed(2.414), text.signed(-0.3)) == ("+2.41", "−0.30")


def test_time_stamps_lose_their_fraction_and_other_text_stays() -> None:
    assert text.moment("2026-11-20T09:14:03.120000+00:00") == "2026-11-20 09:14:03 UTC"
    assert text.moment("yesterday") == "yesterday"
    assert text.day("2026-11-20T09:14:03") == "2026-11-20"


@pytest.mark.parametrize(
    "name", ["plain-name_1.0", "Upper", "../../etc/passwd", "a b", "名前", "x" * 300, "", "\ud800"]
)
def test_slugs_are_safe_file_names(name: str) -> None:
    slug = text.slug(name)
    assert slug and len(slug) <= 80 and set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._")
    assert not slug.startswith(".") and "/" not in slug


def test_slugs_differ_where_names_do_even_if_the_file_system_ignores_case() -> None:
    names = ["model", "Model", "MODEL", "mo del", "mo-del", "mo/del"]
    assert len({text.slug(name).lower() for name in names}) == len(names)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://", "https:///x",
     "//host/x", "ftp://host/x", 'https://host/"onclick="x', "https://[bad", "https://host/ x", ""],
)  # fmt: skip
def test_only_http_and_https_addresses_are_links(address: str) -> None:
    assert text.safe_url(address) is None
    assert all(href is None or href.startswith(("http://", "https://")) for _, href in text.linked(address))


def test_addresses_within_a_text_become_links_and_nothing_is_lost() -> None:
    said = "Madry 2018 (https://arxiv.org/abs/1706.06083), also http://a.org."
    pieces = text.linked(said)
    assert "".join(piece for piece, _ in pieces) == said
    assert [href for _, href in pieces if href] == ["https://arxiv.org/abs/1706.06083", "http://a.org"]


def test_long_texts_are_cut() -> None:
    assert text.shorten("abcdef", 4) == "abc…" and text.shorten("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (9.1234, 8.71, 9.53, ("9.12", "[8.71, 9.53]")),
        (1099.6, 1084, 1115, ("1,100", "[1,084, 1,115]")),
        (0.00123, 0.0009, 0.0015, ("0.00123", "[0.00090, 0.00150]")),
        (-0.5, -1.5, 0.5, ("−0.5", "[−1.5, 0.5]")),
        (2.0, 2.0, 2.0, ("2", "")),
        (7.12345, float("nan"), float("nan"), ("7.123", "")),
    ],
)
def test_plain_numbers_have_the_digits_that_their_interval_leaves(
    value: float, low: float, high: float, said: tuple[str, str]
) -> None:
    assert text.measure(value, low, high) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (7.852, "7.85"), (20, "20"), (7346.2, "7,346"), (0.00012, "0.00012"), (-3.5, "−3.5")]
)
def test_numbers_keep_three_digits(value: float, said: str) -> None:
    assert text.number(value) == said
