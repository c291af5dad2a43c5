"""What belongs to a machine leaves a text; everything else stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustdm.bench import scrub, shipped
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
        ("--db postgresql://ann:s3c ret's/@x@h/bench --limit 8", "--db postgresql:bench --limit 8"),
        ("--db sqlite:////tmp/x/bench.db", "--db sqlite:bench.db"),
        ('File "/srv/lab/trustdm/bench/x.py", line 3', 'File "x.py", line 3'),
        (r"C:\Users\ann\bench.db and D:/data/x.npz", "bench.db and x.npz"),
        ("cannot read '/a/b c'", "cannot read 'b c'"),
        ("eps 8/255, 3/20 and/or r/sigma", "eps 8/255, 3/20 and/or r/sigma"),
        ("see https://arxiv.org/abs/2206.00364", "see https://arxiv.org/abs/2206.00364"),
        ("see http://ann:pw@host.org/x", "see http://host.org/x"),
        ("a / b", "a / b"),
        ("open '/home/alice smith/w.pt' and '/b'", "open 'w.pt' and 'b'"),
        (r"open 'C:\Users\alice smith\w.pt'", "open 'w.pt'"),
        (r"\\server\share\alice\x.pt", "x.pt"),
        (r"'\\\\server\\share\\alice\\x.pt', 'C:\\Users\\ann\\y'", "'x.pt', 'y'"),
        ("cc -I/home/alice/inc -O2", "cc -Iinc -O2"),
        ("--method diffusers:../../alice/pipe,eta=1", "--method diffusers:pipe,eta=1"),
        ("runs/../../alice/pipe //home//alice//x", "pipe x"),
        ("get https://hub.org/m.pt?token=abc&x=1 now", "get https://hub.org/m.pt now"),
        ("https://bob:pa/ss@host/x https://host.org:80/a@b", "https://host/x https://host.org:80/a@b"),
        ("HF_TOKEN=hf_abc trustdm run", "HF_TOKEN=SECRET trustdm run"),
        ("password=pw --api-key 'a b'", "password=SECRET --api-key SECRET"),
        ("Authorization: Bearer xyz, bearer of news", "Authorization: Bearer SECRET bearer of news"),
        ("use hf_abcdefghijklmnopqrst", "use SECRET"),
        ("ssh alice@node17: lost", "ssh USER@HOST: lost"),
        ("alice.b@node17.example.org", "USER@HOST"),
        ("hit@10 of model@main, tokens=4, ./a/b // c", "hit@10 of model@main, tokens=4, ./a/b // c"),
        ("expected cells/s of tests/data/tiny.toml", "expected cells/s of tests/data/tiny.toml"),
    ],
)
def test_texts(text: str, clean: str) -> None:
    assert scrubbed(text) == clean


def test_names_of_user_and_host_are_masked_as_whole_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub, "_names", lambda: {"annette": "USER", "gpu-box-7": "HOST"})
    assert scrubbed("annette@gpu-box-7: annettes gpu-box-77") == "USER@HOST: annettes gpu-box-77"


@pytest.mark.parametrize("name", ["trustdm", "python", "al"])
def test_a_name_that_is_a_word_of_ours_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But where it can only be a user: before a host."""
    for module, read in ((scrub.getpass, "getuser"), (scrub.socket, "gethostname")):
        monkeypatch.setattr(module, read, lambda: name)
    scrub._names.cache_clear()
    assert scrubbed(f"{name} run cifar10-linf") == f"{name} run cifar10-linf"
    assert scrubbed(f"{name}@node17") == "USER@HOST"
    monkeypatch.undo()
    scrub._names.cache_clear()


def test_values_of_the_environment_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("MY_TOKEN", "pw12"),
        ("LONGER", "hello there 1"),
        ("SHORT", "passive"),
        ("TZ", "Europe/Paris"),
    ):
        monkeypatch.setenv(name, value)
    said = "raised: pw12 and 'hello there 1', passive in Europe/Paris"
    assert scrub.masked(said) == "raised: $MY_TOKEN and '$LONGER', passive in Europe/Paris"
    monkeypatch.setenv("TRUSTDM_DB", "postgresql://u:s3cret@h/x")
    assert "s3cret" not in scrubbed("cannot open postgresql://u:s3cret@h/x")
    assert scrub.kept("pw12" + "x" * 5000) == "$MY_TOKEN" + "x" * 1991 + "..."


def test_what_ships_is_scrubbed_already() -> None:
    texts = set()
    for path in shipped.measured().glob("*/*.json"):
        value = json.loads(path.read_text(encoding="utf-8"))
        for run in value["runs"]:
            texts |= {run["command"], *run["facts"].values()}
        texts |= {block["error"] for cell in value["cells"] for block in cell["blocks"]}
    assert len(texts) > 10 and {text: scrubbed(text) for text in texts} == {text: text for text in texts}


PIECES = ["/home", "//", "alice", "@", "node.org", ":", "'", '"', " ", "token=", "--password ", "https://", "pg://"]
MORE = ["\\", "..", "C:", "~", "-I", "?x=1", "80", "#", "hf_abcdefghijklmnopqrst", ",", "\n"]


@given(st.lists(st.sampled_from(PIECES + MORE), max_size=14).map("".join))
def test_scrubbing_credentials_again_changes_nothing(text: str) -> None:
    once = scrubbed(text)
    assert scrubbed(once) == once


@given(st.text(alphabet="ab/~:. \\'\"=@?-8C", max_size=40))
def test_scrubbing_again_changes_nothing(text: str) -> None:
    once = scrubbed(text)
    assert scrubbed(once) == once
