from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from trustdm.bench import reported
from trustdm.bench.errors import SuiteError
from trustdm.bench.reported import FLAGS, ReportedRow

GOOD = """
suite = "mine"
title = "Mine"
data = "Toy"
rows = [
  { system = "A", variant = "x", metric = "fid", value = 2.10, n = 50000, source = "paper", protocol = "usual" },
  { system = "B", metric = "recall", value = 0.5, flags = ["underspecified"], source = "paper", protocol = "usual" },
]
[sources.paper]
citation = "Somebody 2020, Something"
where = "Table 1"
url = "https://arxiv.org/abs/2006.11239"
[protocols.usual]
sampler = "ancestral"
"""


def written(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def one(suite: str, system: str, variant: str, metric: str = "fid", data: str = "") -> ReportedRow:
    rows = [r for r in reported.reported(suite) if (r.system, r.variant, r.metric) == (system, variant, metric)]
    (found,) = [row for row in rows if data in row.data]
    return found


# Typed by hand from the sources, not from the files.
@pytest.mark.parametrize(
    ("suite", "system", "variant", "value", "n", "flags"),
    [
        ("cifar10", "EDM", "class-conditional, VP, config A (baseline)", "2.48", 50_000, {"best-of-three"}),
        ("cifar10", "EDM", "class-conditional, VE, config D (+ preconditioning)", "2.64", 50_000, {"best-of-three"}),
        ("cifar10", "EDM", "unconditional, VP, config A (baseline)", "3.01", 50_000, {"best-of-three", "pre-trained"}),
        ("cifar10", "EDM", "unconditional, VE, config A (baseline)", "3.77", 50_000, {"best-of-three", "pre-trained"}),
        ("cifar10", "EDM", "unconditional, VP, config F (+ non-leaky augmentation)", "1.97", 50_000, {"best-of-three"}),
        ("cifar10", "EDM", "class-conditional, 5 steps", "35.54", None, {"underspecified"}),
        ("cifar10", "EDM", "class-conditional, 20 steps", "1.824", None, {"underspecified"}),
        ("cifar10", "EDM", "unconditional, 10 steps", "2.637", None, {"underspecified"}),
        ("cifar10", "EDM trained on watermarked images", "128 bits", "7.97", 50_000, {"underspecified"}),
        ("cifar10", "NCSN", "", "25.32", None, {"underspecified", "recalled"}),
        ("cifar10", "DDPM", "", "3.17", 50_000, set()),
        ("cifar10", "Score SDE", "NCSN++ deep cont., VE", "2.20", 50_000, {"best-snapshot"}),
        ("ffhq64", "EDM", "VE, config C (+ capacity redistributed)", "41.62", 50_000, {"best-of-three"}),
        ("ffhq64", "EDM", "VP, config F (+ non-leaky augmentation)", "2.39", 50_000, {"best-of-three"}),
        ("ffhq64", "EDM trained on watermarked images", "16 bits", "5.19", 50_000, set()),
        (
            "ffhq64",
            "EDM trained on watermarked images",
            "64 bits, weight noise 0.15",
            "220.14",
            None,
            {"underspecified"},
        ),
        ("afhqv2", "EDM", "VE, config B (+ hyper-parameters)", "23.12", 50_000, {"best-of-three"}),
        ("afhqv2", "EDM, baseline of the watermark study", "no watermark", "2.10", 50_000, {"underspecified"}),
        *(
            ("afhqv2", "EDM trained on watermarked images", f"64 bits, weight noise {std}", value, None, doubts)
            for std, value in (("0.009", "13.44"), ("0.015", "30.26"), ("0.01", "8.62"), ("0.30", "227.38"))
            for doubts in [{"suspect", "underspecified"}]
        ),
        ("imagenet64", "EDM trained on watermarked images", "64 bits", "14.89", 50_000, {"underspecified"}),
        ("imagenet64", "ADM-G", "", "2.07", 50_000, set()),
        ("imagenet64", "EDM", "class-conditional, ADM architecture", "1.36", 50_000, {"best-of-three"}),
    ],
)
def test_the_shipped_numbers_are_those_of_the_sources(
    suite: str, system: str, variant: str, value: str, n: int | None, flags: set[str]
) -> None:
    row = one(f"{suite}-generation", system, variant)
    assert (str(row.value), row.n, set(row.flags)) == (value, n, flags)


@pytest.mark.parametrize(
    ("system", "data", "value"),
    [("DDPM", "LSUN Church", "7.89"), ("DDPM", "LSUN Bedroom", "4.90"), ("ADM-G, upsampled", "512", "3.85")],
)
def test_numbers_of_data_without_a_suite_of_ours_are_kept_too(system: str, data: str, value: str) -> None:
    assert str(one("other-generation", system, "", data=data).value) == value


def test_the_ladder_is_whole() -> None:
    for suite, columns, nfe in (("cifar10", 4, 35), ("ffhq64", 2, 79), ("afhqv2", 2, 79)):
        rows = [r for r in reported.reported(f"{suite}-generation") if r.system == "EDM" and ", config " in r.variant]
        assert len(rows) == 6 * columns and {dict(r.params)["nfe"] for r in rows} == {nfe}
        assert {r.variant[r.variant.index("config ") + 7] for r in rows} == set("ABCDEF")


def param(row: ReportedRow, name: str) -> object:
    """A parameter of the metric; empty where there is none."""
    return dict(row.params).get(name, "")


def certified(suite: str, system: str, metric: str, sigma: str = "", radius: str = "") -> ReportedRow:
    (row,) = [
        r
        for r in reported.reported(f"{suite}-certified")
        if (r.system, r.metric, str(param(r, "sigma")), str(param(r, "radius"))) == (system, metric, sigma, radius)
        and r.variant != "headline"
    ]
    return row


# Typed by hand from the sources, not from the files.
@pytest.mark.parametrize(
    ("suite", "sigma", "n", "abstained", "average", "curve"),
    [
        ("cifar10", "0.12", 500, ".038", ".270", ".814 .586 0"),
        ("cifar10", "0.25", 500, ".086", ".429", ".748 .600 .428 .266 0"),
        ("cifar10", "0.50", 500, ".166", ".538", ".652 .546 .414 .320 .234 .152 .094 0"),
        ("cifar10", "1.0", 500, ".290", ".542", ".472 .392 .340 .278 .216 .174 .140 .100 .048 .020"),
        ("imagenet", "0.25", 427, ".089", ".477", ".667 .581 .494 .375 0"),
        ("imagenet", "0.50", 500, ".164", ".733", ".572 .518 .458 .424 .372 .330 .286 0"),
        ("imagenet", "1.0", 500, ".296", ".875", ".436 .406 .378 .354 .326 .290 .260 .194 .148 .122"),
    ],
)
def test_certificates_of_cohen_et_al_are_those_of_their_files(
    suite: str, sigma: str, n: int, abstained: str, average: str, curve: str
) -> None:
    radii = ("0", "0.25", "0.5", "0.75", "1.0", "1.25", "1.5", "2", "2.5", "3")
    found = [certified(suite, "Cohen et al.", "certified", sigma, r) for r in radii[: len(curve.split())]]
    assert [row.value for row in found] == [Decimal(v) for v in curve.split()]
    assert certified(suite, "Cohen et al.", "abstention", sigma).value == Decimal(abstained)
    assert certified(suite, "Cohen et al.", "certified-radius", sigma).value == Decimal(average)
    for row in found:
        assert row.n == n and ("cut-off" in row.flags) == (n == 427) == ("427 of 500" in row.note)
        assert "suspect" in row.flags and "alpha .01, not .001, at n = 100,000" in row.note


def test_denoised_smoothing_is_an_envelope_from_memory() -> None:
    expected = {"0.5": ".711", "1.0": ".543", "1.5": ".381", "2.0": ".295", "3.0": ".131"}
    for radius, value in expected.items():
        row = certified("imagenet", "Diffusion denoised smoothing", "certified", "", radius)
        assert row.value == Decimal(value) and "recalled" in row.flags and param(row, "sigma") == ""
        assert "best sigma for this radius" in row.note
    rows = reported.reported("cifar10-certified")
    denoised = {(r.variant, str(param(r, "radius"))): str(r.value) for r in rows if param(r, "sigma") == ""}
    assert len(denoised) == 8 and denoised["classifier fine-tuned", "0.75"] == "0.487"
    assert denoised["classifier off the shelf", "1.0"] == "0.321"
    (headline,) = [r for r in reported.reported("imagenet-certified") if r.variant == "headline"]
    assert (str(headline.value), str(param(headline, "radius")), headline.source.where) == ("0.71", "0.5", "abstract")
    assert "recalled" not in headline.flags


LINF, L2, IMAGENET = "cifar10-purification-linf", "cifar10-purification-l2", "imagenet-purification-linf"


def robust(suite: str, system: str, variant: str, attack: str, over: str) -> ReportedRow:
    (row,) = [
        r
        for r in reported.reported(suite)
        if (r.system, r.metric, param(r, "attack"), param(r, "over")) == (system, "robust-accuracy", attack, over)
        and variant in r.variant
    ]
    return row


# Typed by hand from the sources, or from what quotes them, not from the files.
@pytest.mark.parametrize(
    ("suite", "system", "variant", "attack", "over", "value", "flags"),
    [
        (LINF, "DiffPure", "VP-SDE, t* 0.1, WRN-28-10", "AutoAttack", "", "0.7064", {"second-hand", "one-draw"}),
        (LINF, "DiffPure", "VP-SDE, t* 0.1, WRN-70-16", "AutoAttack", "", "0.7129", {"inexact-gradient"}),
        (LINF, "DiffPure", "VP-ODE", "AutoAttack", "", "0.3986", {"suspect", "underspecified"}),
        (LINF, "DiffPure", "another account", "BPDA+EOT", "", "0.8145", {"recalled", "suspect"}),
        (LINF, "DiffPure", "WRN-28-10", "BPDA-50+EOT-15", "", "0.8140", {"second-hand"}),
        (LINF, "DiffPure", "WRN-28-10", "PGD-200+EOT-20", "", "0.4684", {"recalled", "other-images"}),
        (LINF, "DiffPure", "WRN-70-16", "PGD-200+EOT-20", "", "0.5113", {"recalled", "other-images"}),
        (LINF, "Gradual noise schedule", "WRN-28-10", "PGD-200+EOT-20", "majority", "0.5582", {"recalled"}),
        (LINF, "Gradual noise schedule", "WRN-70-16", "PGD-200+EOT-20", "majority", "0.5688", {"recalled"}),
        (LINF, "GDMP", "", "PGD", "", "0.901", {"claim", "not-adaptive"}),
        (LINF, "GDMP", "", "PGD+EOT, surrogate gradient", "", "0.2453", {"second-hand"}),
        (LINF, "DiffPure", "", "DiffHammer", "worst", "0.2266", {"second-hand"}),
        (LINF, "DiffPure", "", "DiffHammer, exact gradient", "worst", "0.1016", set()),
        (LINF, "DiffPure", "", "DiffAttack, exact gradient", "majority", "0.3945", set()),
        (LINF, "GDMP", "", "AutoAttack, BPDA", "majority", "0.5352", {"inexact-gradient"}),
        (LINF, "CausalDiff", "", "AutoAttack", "", "0.8301", {"claim"}),
        (L2, "DiffPure", "VP-SDE, t* 0.075, WRN-28-10", "AutoAttack", "", "0.7858", {"recalled"}),
        (L2, "DiffPure", "VP-SDE, t* 0.075, WRN-70-16", "AutoAttack", "", "0.8060", {"second-hand"}),
        (L2, "DiffPure", "WRN-70-16", "adaptive, exact gradient, EOT", "", "0.7559", set()),
        (IMAGENET, "DiffPure", "ResNet-50", "AutoAttack", "", "0.4093", {"recalled", "same-name"}),
        (IMAGENET, "DiffPure", "WRN-50-2", "AutoAttack", "", "0.4439", {"recalled"}),
        (IMAGENET, "DiffPure", "DeiT-S", "AutoAttack", "", "0.4318", {"recalled"}),
        (IMAGENET, "DiffPure", "WRN-50-2", "AutoAttack, exact gradient", "worst", "0.1211", {"other-images"}),
        (IMAGENET, "GDMP", "", "PGD", "", "0.7094", {"claim", "not-adaptive"}),
    ],
)
def test_purifiers_are_reported_with_their_attack_and_its_doubts(
    suite: str, system: str, variant: str, attack: str, over: str, value: str, flags: set[str]
) -> None:
    row = robust(suite, system, variant, attack, over)
    assert str(row.value) == value and flags <= set(row.flags)


def test_a_number_from_256_images_is_a_share_of_256_or_is_called_odd() -> None:
    for name in reported.suites():
        for row in reported.reported(name):
            if row.n != 256 or row.value is None:
                continue
            digits = Decimal(5).scaleb(int(row.value.as_tuple().exponent) - 1)
            share = any(abs(Decimal(k) / 256 - row.value) <= digits for k in range(257))
            assert share != ("suspect" in row.flags), row


def test_claims_in_words_have_no_number() -> None:
    words = {r.system: r for r in reported.reported("cifar10-purification-linf") if r.says}
    assert set(words) == {"MANI-Pure", "CARSO"}
    for row in words.values():
        assert row.value is None and row.printed == "" and "claim" in row.flags
        told = row.as_json()
        assert (told["value"], told["printed"], told["says"]) == (None, "", row.says)
    assert "RobustBench admits no randomized method" in words["MANI-Pure"].note
    (gain,) = (r for r in reported.reported("cifar10-purification-linf") if r.source.url.endswith("2505.22839"))
    assert (gain.metric, str(gain.value), param(gain, "attack")) == (
        "robust-gain",
        "0.24",
        "white box, fixed randomness",
    )


def test_noise_and_radius_are_plain_json() -> None:
    row = reported.as_json("cifar10-certified")[2]
    assert (row["metric"], row["sigma"], row["radius"], row["value"]) == ("certified", 0.12, 0.0, 0.814)


def test_every_shipped_row_has_its_source_and_says_what_is_missing() -> None:
    for suite in reported.suites():
        for row in reported.reported(suite):
            assert row.source.url.startswith("https://") and row.source.where and row.data
            assert row.n is not None or "underspecified" in row.flags
            assert set(row.flags) <= set(FLAGS)


def test_a_suite_without_a_file_has_no_rows() -> None:
    assert reported.reported("mnist16-linf") == () and reported.as_json("../../../etc/passwd") == []


def test_digits_stay_as_they_are_printed(tmp_path: Path) -> None:
    first, second = reported.read(written(tmp_path, GOOD))
    assert (first.value, str(first.value), first.variant) == (Decimal("2.10"), "2.10", "x")
    said = dict(second.protocol)
    assert (second.n, second.data, said["sampler"], said["extractor"]) == (None, "Toy", "ancestral", "")


def test_rows_are_plain_json() -> None:
    rows = json.loads(json.dumps(reported.as_json("other-generation"), allow_nan=False))
    church = next(row for row in rows if row["data"].startswith("LSUN Church") and row["system"] == "DDPM")
    assert (church["value"], church["printed"], church["n"], church["metric"]) == (7.89, "7.89", None, "fid")
    assert church["source"]["url"] == "https://arxiv.org/abs/2006.11239" and church["flags"] == ["underspecified"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 2.10", 'value = "many"', r"row 1 \(A, x\): value: expected .*decimal.*'many'"),
        ("value = 2.10, ", "", r"row 1 \(A, x\): value: expected a number, or words in says, got nothing"),
        ("value = 2.10", 'value = 2.10, says = "best"', r"row 1 .*: value: expected a number, or words .*, got both"),
        ("value = 2.10", "value = nan", r"row 1 \(A, x\): value: expected .*finite"),
        ("value = 2.10", "value = -1", r"row 1 \(A, x\): value: expected at least 0, got -1"),
        ("value = 0.5", "value = 50", r"row 2 \(B\): value: expected a share of at most 1, got 50"),
        ('metric = "recall"', 'metric = "certified"', r"row 2 \(B\): radius: expected a value, got nothing"),
        ("value = 0.5", "radius = 1.0, value = 0.5", r"row 2 .*radius: expected only the keys .*nfe.*, got an un"),
        ("value = 0.5", "sigma = -1, value = 0.5", r"row 2 .*sigma: expected only the keys .*, got an unknown key"),
        ("n = 50000, ", "", r"row 1 \(A, x\): n: expected a number of images, or the flag underspecified"),
        ("n = 50000", "n = 1", r"row 1 \(A, x\): n: expected greater than or equal to 2, got '1'"),
        ('metric = "fid"', 'metric = "fids"', r"row 1 \(A, x\): metric: .*certified.*, fid, .*got 'fids'"),
        ('["underspecified"]', '["odd"]', r"row 2 \(B\): flags.0: .*'suspect'.*got 'odd'"),
        ('["underspecified"]', '["underspecified", "underspecified"]', r"row 2 \(B\): flags: expected each flag once"),
        ('source = "paper", protocol = "usual" },\n]', 'source = "book", protocol = "usual" },\n]', "one of paper"),
        ('protocol = "usual" },\n]', 'protocol = "other" },\n]', r"row 2 \(B\): protocol: expected one of usual"),
        ('system = "A"', 'sytem = "A"', "row 1 .*system: expected a value, got nothing"),
        ('variant = "x"', 'vriant = "x"', "row 1 .*vriant: expected variant here, got an unknown key"),
        ('metric = "recall"', 'metric = "abstention", sigma = -1', "row 2 .*sigma: expected greater than or equal"),
        ('metric = "recall"', 'metric = "certified", sigma = 1, radius = "x"', "row 2 .*radius: expected .*, got 'x'"),
        ('where = "Table 1"\n', "", "sources.paper.where: expected a value, got nothing"),
        ("https://arxiv", "ftp://arxiv", "sources.paper.url"),
        ('suite = "mine"', 'suite = "yours"', "suite: expected 'mine', as the file is named, got 'yours'"),
        ('data = "Toy"\n', "", r"row 1 \(A, x\): data: expected the data set"),
        ('system = "B", metric = "recall", value = 0.5', 'system = "A", variant = "x", metric = "fid", value = 9',
         r"row 2 \(A, x\): expected each system, .* once, got the same again"),
        ("rows = [", "rows = [[", "TOML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_line_with_the_entry_and_the_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1) if "},\n]" not in old else GOOD.replace(old, new))
    with pytest.raises(SuiteError) as caught:
        reported.read(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and re.search(said, message), message


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="expected a file that can be read"):
        reported.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SuiteError, match="UTF-8"):
        reported.read(tmp_path / "bad.toml")


def test_reading_needs_no_torch() -> None:
    code = "import sys; from trustdm.bench import reported; reported.as_json('cifar10-generation'); "
    done = subprocess.run([sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], check=False)
    assert done.returncode == 0
