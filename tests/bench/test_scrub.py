"""What belongs to a machine leaves a text; everything else stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench import scrub
from trustdm.bench.scrub import scrubbed


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("trustdm run digits-linf --db /tmp/x/bench.db --jobs 2", "trustdm run digits-linf --db bench.db --jobs 2"),
        ("run --db=/home/ann/results/a.db", "run --db=a.db"),
        ("run --plugin ~/defence/my.py --plugin ~ann/b.py", "run --plugin my.py --plugin b.py"),
        ("import /data/runs/", "import runs"),
        ("--method diffusers:/mnt/models/tiny,eta=1", "--method diffusers:tiny,eta=1"),
        ("--method path=/mnt/models/tiny,eta=1", "--method path=tiny,eta=1"),
        ("--db postgresql+psycopg://ann:secret@db.example.org:5432/bench?sslmode=on", "--db postgresql+psycopg:bench"),
        ("--db sqlite:////tmp/x/bench.db", "--db sqlite:bench.db"),
        ('File "/srv/lab/trustdm/bench/x.py", line 3', 'File "x.py", line 3'),
        (r"C:\Users\ann\bench.db and D:/data/x.npz", "bench.db and x.npz"),
        ("cannot read '/a/b c'", "cannot read 'b c'"),
        ("eps 8/255, 3/20 and/or r/sigma", "eps 8/255, 3/20 and/or r/sigma"),
        ("see https://arxiv.org/abs/2206.00364", "see https://arxiv.org/abs/2206.00364"),
        ("see http://ann:pw@host.org/x", "see http://host.org/x"),
        ("a / b", "a / b"),
        ("expected cells/s of tests/data/tiny.toml", "expected cells/s of tests/data/tiny.toml"),
    ],
)
def test_texts(text: str, clean: str) -> None:
    assert scrubbed(text) == clean


def test_names_of_user_and_host_are_masked_as_whole_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub, "_names", lambda: {"annette": "USER", "gpu-box-7": "HOST"})
    assert scrubbed("annette@gpu-box-7: annettes gpu-box-77") == "USER@HOST: annettes gpu-box-77"


@given(st.text(alphabet="ab/~:. \\'\"=@?-8C", max_size=40))
def test_scrubbing_again_changes_nothing(text: str) -> None:
    once = scrubbed(text)
    assert scrubbed(once) == once
