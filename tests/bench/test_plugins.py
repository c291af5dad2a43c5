from __future__ import annotations

import re
from pathlib import Path

import pytest

from trustdm.bench.errors import PluginError, TrustdmError, UnknownName
from trustdm.bench.plugins import import_file, load

GOOD = """
from trustdm import MethodCard, method

@method(MethodCard(name='NAME', input_shape=(1, 8, 8), classes=10))
def load():
    return lambda x: x.flatten(1)[:, :10]
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_built_in_plugins_are_there() -> None:
    catalogue = load()
    assert catalogue.problems == []
    for kind, names in {
        "method": {"digits-standard", "mnist16-pgd-at", "cifar10-resnet18"},
        "attack": {"pgd", "apgd-ce", "apgd-t", "fab-t", "square"},
        "dataset": {"digits", "mnist16", "cifar10", "npz", "image-folder"},
        "protocol": {"clean", "adversarial", "generation", "certified", "certified-sequential"},
        "capability": {"classify", "sample", "classify_noisy", "denoise"},
        "task": {"robustness", "generation", "certification"},
    }.items():
        assert names <= set(catalogue.registry.names(kind))


BROKEN = {
    "syntax": ("def (:", "cannot be imported: SyntaxError"),
    "imports": ("import no_such_package_here", "cannot be imported: ModuleNotFoundError: No module named"),
    "empty": ("x = 1", "expected something marked with @method"),
    "card": (GOOD.replace("classes=10", "classes=-1"), "cannot be imported: ValidationError"),
    "exits": ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
    "taken": (GOOD.replace("NAME", "digits-standard"), "is taken by trustdm.bench.methods.digits_standard:load"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_named_in_one_line_and_the_others_load(tmp_path: Path, fault: str) -> None:
    text, message = BROKEN[fault]
    broken = written(tmp_path, f"broken_{fault}", text)
    good = written(tmp_path, f"good_{fault}", GOOD.replace("NAME", "good"))
    catalogue = load([broken, good])
    assert "good" in catalogue.registry.names("method")
    assert len(catalogue.problems) == 1
    assert message in catalogue.problems[0] and "\n" not in catalogue.problems[0]
    assert broken.name in catalogue.problems[0]


def test_a_file_that_is_no_plugin_is_named(tmp_path: Path) -> None:
    assert "no such file" in load([tmp_path / "absent.py"]).problems[0]
    assert "another kind" in load([tmp_path]).problems[0]


def test_a_plugin_can_use_its_own_repository(tmp_path: Path) -> None:
    written(tmp_path, "network_parts", "SCALE = 2.0\n")
    path = written(tmp_path, "mine", "from network_parts import SCALE\n" + GOOD.replace("NAME", "mine"))
    assert load([path]).problems == []
    assert import_file(path) is import_file(path)


def test_entry_points_are_discovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "their_plugin_module", GOOD.replace("NAME", "theirs"))
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trustdm.plugins]\ntheirs = their_plugin_module\ngone = no_such_module_at_all\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = load()
    assert "theirs" in catalogue.registry.names("method")
    assert len(catalogue.problems) == 1 and "entry point gone" in catalogue.problems[0]
    assert "theirs" not in load(installed=False).registry.names("method")


def test_registration_may_fail_without_a_module(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="expected a Python file"):
        import_file(tmp_path / "x.txt")


def test_a_plugin_that_was_edited_is_loaded_again(tmp_path: Path) -> None:
    helper = written(tmp_path, "edited_helper", "SCALE = 1\n")
    path = written(tmp_path, "edited", "from edited_helper import SCALE\n" + GOOD.replace("NAME", "edited"))
    assert import_file(path).SCALE == 1
    helper.write_text("SCALE = 2\n", encoding="utf-8")
    assert import_file(path).SCALE == 2


def test_two_plugins_with_a_helper_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, "clashing_helper", f"WHO = '{name}'\n")
        written(
            tmp_path / name,
            f"clash_{name}",
            "from clashing_helper import WHO\n" + GOOD.replace("NAME", f"clash-{name}"),
        )
    catalogue = load([tmp_path / name / f"clash_{name}.py" for name in ("first", "second")])
    assert "clash-first" in catalogue.registry.names("method")
    assert len(catalogue.problems) == 1 and "import clashing_helper: expected" in catalogue.problems[0]


def test_what_lies_beside_a_plugin_comes_before_what_is_installed(tmp_path: Path) -> None:
    written(tmp_path, "tabnanny", "MINE = True\n")
    path = written(tmp_path, "shadowing", "from tabnanny import MINE\n" + GOOD.replace("NAME", "shadowing"))
    assert import_file(path).MINE


def test_nothing_of_a_file_is_registered_if_one_of_its_names_is_taken(tmp_path: Path) -> None:
    second = GOOD.replace("NAME", "digits-standard").replace("def load", "def second")
    path = written(tmp_path, "half", GOOD.replace("NAME", "first-of-two") + second)
    catalogue = load([path])
    assert len(catalogue.problems) == 1 and "first-of-two" not in catalogue.registry.names("method")
    assert catalogue.registry.get("method", "digits-standard").target.startswith("trustdm.")


@pytest.mark.parametrize("fault", [*BROKEN, "gone"])
def test_what_is_wrong_with_a_named_file_comes_first(tmp_path: Path, fault: str) -> None:
    text, message = BROKEN.get(fault, ("", "expected a Python file, got no such file"))
    path = tmp_path / "gone.py" if fault == "gone" else written(tmp_path, f"first_{fault}", text)
    catalogue = load([path])
    with pytest.raises(PluginError) as caught, catalogue.explained():
        catalogue.registry.get("method", "mine")
    problem, _, rest = str(caught.value).partition("; without it: ")
    assert message in problem and path.name in problem and rest.startswith("unknown method 'mine'")
    with pytest.raises(PluginError) as alone:
        catalogue.checked()
    assert str(alone.value) == problem and "\n" not in problem


def test_an_installed_plugin_explains_only_names_and_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[trustdm.plugins]\ngone = no_such_module_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    broken = written(tmp_path, "named", "x = 1")
    both = load([broken])
    assert [p.partition(":")[0] for p in both.problems] == [str(broken), "entry point gone = no_such_module_at_all"]
    assert both.named == both.problems[:1]
    catalogue = load().checked()
    said = "^unknown method 'mine'; .*; left out: entry point gone"
    with pytest.raises(UnknownName, match=said), catalogue.explained():
        catalogue.registry.get("method", "mine")
    with pytest.raises(TrustdmError, match=r"^another$"), catalogue.explained():
        raise TrustdmError("another")


MADE = "MethodCard(name='inner', input_shape=(1, 8, 8), classes=10)"
NOTHING = "expected something marked with @method"
ODD = {
    "inside": (
        f"def make():\n    @method({MADE})\n    def load(): ...\n    return load\nit = make()",
        "define it at the",
    ),
    "class": ("@method(MethodCard)\ndef load(): ...", r"got the class MethodCard"),
    "bare": ("@method\ndef load(): ...", r"expected @method\(MethodCard\(name=...\)\), got an object of function"),
    "number": ("CARD = 1\n@method(CARD)\ndef load(): ...", "got an object of int"),
    "unreadable": (
        "class E(Exception):\n    def __str__(self):\n        raise self\nraise E",
        "E: a message that cannot",
    ),
    "cancelled": ("import asyncio\nraise asyncio.CancelledError", "CancelledError: no message"),
    "base": ("class E(BaseException): ...\nraise E('x\\ud800' * 5_000_000)", "cannot be imported: E: x"),
    "exits": ("raise SystemExit(0)", "SystemExit: 0"),
    "mark": ("def f(): ...\nf.__trustdm_entry__ = 5", NOTHING),
    "marks": ("def f(): ...\nf.__trustdm_entry__ = (1, 'x', None)", NOTHING),
    "mocks": ("from unittest.mock import MagicMock\nm = MagicMock()", NOTHING),
    "attributes": (
        "class A:\n    def __call__(self): ...\n    def __getattr__(self, n): raise KeyError(n)\na = A()",
        NOTHING,
    ),
    "card": ("def f(): ...\nf.__trustdm_entry__ = (Entry('method', 1, __name__ + ':f'),)", r"got 1 \(int\)"),
    "target": (f"def f(): ...\nf.__trustdm_entry__ = (Entry('method', {MADE}, 5),)", NOTHING),
    "task": ("class T(Task):\n    name = 5\nt = T()", "expected a card, got"),
    "fork": ("import os\nos.fork()", NOTHING),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_plugin_is_left_out_in_one_line(name: str, tmp_path: Path) -> None:
    text, expected = ODD[name]
    head = (
        "from trustdm import MethodCard, method\nfrom trustdm.bench.registry import Entry\n"
        "from trustdm.bench.tasks.contract import Task\n"
    )
    path = written(tmp_path, f"odd_{name}", f"{head}{text}\n")
    catalogue = load([path])
    assert len(catalogue.problems) == 1 and re.search(expected, catalogue.problems[0]), catalogue.problems
    assert catalogue.problems[0].startswith(f"{path}: ") and len(catalogue.problems[0]) < 3000
    assert catalogue.problems[0].isprintable() and "inner" not in catalogue.registry.names("method")
