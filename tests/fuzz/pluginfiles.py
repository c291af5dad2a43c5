"""Plugin files as no one should write them: odd cards, objects, modules and sources, and whatever can be raised."""

from __future__ import annotations

import random
from collections.abc import Callable

from fuzz.harness import TEXTS, damaged

HEAD = """
import asyncio, dataclasses, enum, functools, sys, types
from types import SimpleNamespace
from typing import Annotated, Any, Literal
from trustdm import AttackCard, DatasetCard, MethodCard, StepCard, WeightAttackCard, WeightFile
from trustdm import attack, dataset, method, step, weight_attack
from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.errors import PluginError, SuiteError, TrustdmError, UnknownName
from trustdm.bench.parameters import Further, MethodThat
from trustdm.bench.registry import Entry, Registered, attach
from trustdm.bench.tasks.contract import Task


def boom(*a, **k):
    raise KeyError("boom\\x1b[31m\\n" * 3)


class Meta(type):
    def __getattr__(cls, name):
        raise RuntimeError(name)

    def __call__(cls, *a, **k):
        raise RuntimeError("called")

    def __instancecheck__(cls, it):
        raise RuntimeError("asked")


class Liar:
    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __format__ = boom


class Text(str):
    __repr__ = __str__ = __eq__ = __format__ = __getitem__ = __len__ = __iter__ = __contains__ = boom
    __hash__ = str.__hash__


class Number(int):
    __repr__ = __str__ = __eq__ = __format__ = boom
    __hash__ = int.__hash__


class Answers:
    def __getattr__(self, name):
        return self

    def __call__(self, *a, **k):
        return self


class Refuses:
    def __getattribute__(self, name):
        raise BaseException(name)

    def __call__(self):
        pass


class Classless:
    @property
    def __class__(self):
        raise ValueError("no class")

    def __call__(self):
        pass


class Signed:
    @property
    def __signature__(self):
        raise ValueError("no signature")

    def __call__(self):
        pass


class Card:
    name, version, summary = "mine", "1", "a card of my own"

    def model_dump(self, **k):
        return {"name": "other", 3: Liar(), "x": object()}


class Raising(Card):
    model_dump = boom


class Fleeting(Card):
    times = 0

    @property
    def name(self):
        type(self).times += 1
        return "mine" if self.times < 4 else boom()


def deep(n, kind=list):
    value = []
    for _ in range(n):
        value = kind([value])
    return value
"""
LEAST = "name='mine', input_shape=(1, 8, 8), classes=10"
GOOD = f"@method(MethodCard({LEAST}))\ndef load(width: int = 4):\n    'Mine.'\n"
MARKS = ["method", "dataset", "attack", "weight_attack", "step"]
CARDS = {
    "method": f"MethodCard({LEAST})",
    "dataset": "DatasetCard(name='mine', shape=(1, 8, 8), classes=10)",
    "attack": "AttackCard(name='mine')",
    "weight_attack": "WeightAttackCard(name='mine', strength='s')",
    "step": "StepCard(name='mine')",
}
FIELDS = {
    "method": "name version summary title authors paper licence tags claim capabilities input_shape classes variants "
    "data randomness gradient external_data weights defaults",
    "dataset": "name version summary shape classes class_names licence source needs",
    "attack": "name version summary norms access paper",
    "weight_attack": "name version summary strength randomized paper",
    "step": "name version summary capability data",
}
VALUES = [
    *("None", "True", "0", "-1", "10**5000", "float('nan')", "1e999", "b'x'", "()", "('a',) * 3000", "{'a': 1}", "{1}"),
    *("Liar()", "Text('mine')", "Number(3)", "Answers()", "object()", "type", "boom", "[[]]", "deep(2000)", "deep(5)"),
    *(
        "'<script>alert(1)</script>'",
        "'\\ud800'",
        "'\\x00'",
        "'a\\nb'",
        "'n' * 100000",
        "('x', Liar())",
        "(Text('x'),)",
    ),
    *(
        "SimpleNamespace(name='mine', version='1', summary='')",
        "range(10**5)",
        "('sampler=' * 9,)",
        "(('a', 1), ('a', 2))",
    ),
    *("(WeightFile(file='../x', sha256='0' * 64),) * 40", "(('a', (1, (2,))),)", "('classify', 'sample', 'nothing')"),
    *("enum.Enum('E', 'a b').a", "(1, 8, 8)", "(10**30,)", "(0,)", "''", "'digits-standard'", "'digits-linf'", "..."),
]
THINGS = [
    "def load(): ...",
    "class load: ...",
    "async def load(): ...",
    "def load(a, /, b, *c, d=Liar(), **e): yield",
    "def load(x=10**5000, y=deep(2000), z=Liar(), w=Text('a'), v=float('nan')): ...",
    "def load(x: '1/0' = 1, y: 'sys.exit()' = 2, z: 'no such' = 3, w: 'a' * 100000 = 4, v: Liar() = 5): ...",
    "def load(x: Literal[1, 'a', None] = 1, y: Annotated[str, MethodThat(Liar(), (Liar(),))] = '', z: 'x[' = 0): ...",
    "def load(x: Annotated[str, MethodThat('sample', (3,))] = 'none', **o: Annotated[Any, Further('x', {})]): ...",
    "def load(by=1, **o: Annotated[Any, Further('by', {1: Liar(), '1': Signed, 'b': Meta('M', (), {})})]): ...",
    "def load(**o: Annotated[Any, Further('by', Liar())]): ...",
    "def load({}): ...".format(", ".join(f"p{i}={i}" for i in range(900))),
    "def load(x=1):\n    '''Mine.\n\n    Args:\n        x: {}\n    '''".format("\\x1b[31m<b>[/red] " * 50),
    "def load(x=1):\n    '''Mine.\n\nArgs:\n    x: y\n{}'''".format("     \n" * 3000),
    "class load(metaclass=Meta): ...",
    "class load:\n    __call__ = boom\n    __init__ = 3",
    "class load:\n    def __init_subclass__(cls, **k): boom()\nclass sub(load): ...",
    "class load:\n    __signature__ = 'x'",
    "class load:\n    @classmethod\n    def __class_getitem__(cls, x): boom()\n    def __new__(cls, *a): boom()",
    "@dataclasses.dataclass\nclass load:\n    a: int\n    b: 'Liar' = None",
    "class load(enum.Enum):\n    a = 1",
    "@functools.cache\ndef load(): ...",
    "@staticmethod\ndef load(): ...",
    "@property\ndef load(): ...",
    "@functools.singledispatch\ndef load(x): ...",
    "@functools.partial(functools.partial, boom)\ndef load(): ...",
    "@lambda f: functools.wraps(f)(Answers())\ndef load(): ...",
    "@lambda f: Refuses()\ndef load(): ...",
    "@lambda f: Classless()\ndef load(): ...",
    "@lambda f: Signed()\ndef load(): ...",
    "@lambda f: len\ndef load(): ...",
    "@lambda f: 3\ndef load(): ...",
]
AFTER = [
    "",
    "",
    "",
    "load.__qualname__ = '<locals>.x'",
    "load.__module__ = None",
    "load.__module__ = 'os'",
    "load.__wrapped__ = load",
    "load.__doc__ = 5",
    "load.__signature__ = Liar()",
    "load.__defaults__ = (Liar(),)",
    "load.__annotations__ = {'x': Liar()}",
    "load.__trustdm_entry__ += load.__trustdm_entry__ * 3",
    "load.__trustdm_entry__ = [Liar()]",
    "load = None",
    "del load",
    "other = load",
    "load = Liar()",
    "class again(load): ...",
]
ENTRIES = [
    "'method', Card(), T",
    "'method', Raising(), T",
    "'method', Fleeting(), T",
    "'method', Answers(), T",
    "'method', Text('x'), T",
    "'dataset', Card(), T",
    "'no such kind', Card(), T",
    "'task', Card(), T",
    "'protocol', Card(), T",
    "'extractor', Card(), T",
    "'capability', Card(), T",
    "'', Card(), T",
    "'method', MethodCard.model_construct(name='mine'), T",
    "'method', MethodCard.model_construct(name='mine', variants=3, classes='x'), T",
    "'method', Card(), T + '.' * 9",
    "'method', Card(), __name__ + ':' + 'a' * 100000",
    "'method', Card(), T, Liar(), Liar()",
    "'method', Card(), T, boom, ('a', 3)",
    f"'method', MethodCard({LEAST}), T, lambda **k: (Liar(), 3, 4), (Liar(),)",
    f"'method', MethodCard({LEAST}), T, 5, 7",
]
REGISTERED = [
    "Task",
    "Capability",
    "Registered",
]
ATTRIBUTES = [
    *("name = 'mine'", "name = Text('mine')", "name = property(boom)", "KIND = 'task'", "KIND = 5", "KIND = Text('x')"),
    *(
        "version = Liar()",
        "version = 5",
        "summary = 'x' * 100000",
        "summary = '\\x1b[31m\\n'",
        "key = 'mine'",
        "key = ''",
    ),
    *("key = Liar()", "key = 'data'", "key = Text('x')", "plugins = 3", "plugins = ('no_such_module_at_all',)"),
    *("plugins = (Liar(),)", "plugins = ('.',)", "plugins = ('',)", "plugins = property(boom)", "model_dump = boom"),
    *("model_dump = lambda self, **k: {}", "model_dump = lambda self, **k: {Liar(): Liar()}", "__eq__ = boom"),
    *("__hash__ = None", "__getattr__ = boom", "__class__ = property(boom)", "__reduce__ = boom", "asks = boom"),
    *(
        "model_dump = lambda self, **k: 5",
        "version = property(boom)",
        "capabilities = 5",
        "says = 5",
        "metrics = Liar()",
    ),
]
RAISED = [
    *("SystemExit", "SystemExit(0)", "SystemExit('bye')", "SystemExit(Liar())", "SystemExit(10**30)", "GeneratorExit"),
    *("StopIteration(3)", "StopAsyncIteration", "KeyboardInterrupt", "KeyboardInterrupt('x')", "BaseException(Liar())"),
    *("asyncio.CancelledError", "MemoryError", "RecursionError", "AssertionError", "NotImplementedError(boom)"),
    *("OSError(36, 'File name too long', 'n' * 400)", "OSError(Liar(), Liar(), Liar())", "BrokenPipeError(32, 'x')"),
    *("UnicodeDecodeError('utf-8', b'x' * 10**6, 0, 1, 'odd')", "SyntaxError('x', ('f', 10**9, -5, 'text', 0, 0))"),
    *("ImportError(name=Liar(), path=Liar())", "ModuleNotFoundError('\\ud800')", "PluginError('a\\nb' * 5000)"),
    *(
        "PluginError(Text('x'))",
        "UnknownName('method', 'x', ['y'])",
        "SuiteError(Liar, 'a', 'b', 'c')",
        "TrustdmError('')",
    ),
    *("ExceptionGroup('x', [ValueError(1), KeyError(Liar())])", "BaseExceptionGroup('y', [KeyboardInterrupt()])"),
    *(
        "3",
        "Liar()",
        "boom",
        "Meta('E', (Exception,), {})",
        "type('E\\n' * 99, (Exception,), {})",
        "Exception(*'x' * 9999)",
    ),
    *(
        "type('E', (BaseException,), {'__str__': lambda s: 5})()",
        "type('E', (Exception,), {'__str__': boom, 'args': 3})()",
    ),
    *(
        "type('E', (Exception,), {'__class__': property(boom)})()",
        "type('E', (Exception,), {'__getattribute__': boom})()",
    ),
    *(
        "type('E', (PluginError,), {'__str__': boom})('x')",
        "type('E', (PluginError,), {'__str__': lambda s: Text('x')})('x')",
    ),
    *(
        "type('E', (TrustdmError,), {'format_message': boom})('x')",
        "__import__('typer').Exit(0)",
        "__import__('typer').Abort()",
    ),
    *(
        "__import__('typer').BadParameter('x')",
        "__import__('click').UsageError('x') if 0 else RuntimeError(deep(3000))",
    ),
]
STATEMENTS = [
    *(
        "raise {raised}",
        "raise {raised} from {raised}",
        "def f(): f()\nf()",
        "x = [0] * 10**12",
        "1/0",
        "yield_ = (yield)",
    ),
    *(
        "from . import x",
        "import no_such_module_at_all",
        "from trustdm import nothing",
        "from os import *",
        "__import__('')",
    ),
    *(
        "import {stem}",
        "from {stem} import load",
        "import beside_a",
        "import beside_b",
        "import beside_c",
        "import beside_d",
    ),
    *("__name__ = 'x'", "__name__ = Liar()", "del __name__", "__file__ = None", "__spec__ = Liar()", "__path__ = 3"),
    *("sys.modules[__name__] = None", "sys.modules[__name__] = Liar()", "sys.modules[__name__] = Answers()"),
    *(
        "del sys.modules[__name__]",
        "sys.modules[__name__].__class__ = type('M', (types.ModuleType,), {{'__dict__': 5}})",
    ),
    *("sys.modules[__name__].__class__ = type('M', (types.ModuleType,), {{'__getattribute__': boom}})",),
    *("def __getattr__(name): boom()", "def __getattr__(name): return Liar()", "__all__ = [Liar()]", "__dir__ = 3"),
    *(
        "__trustdm_digest__ = Liar()",
        "__trustdm_digest__ = 5",
        "globals()[3] = method",
        "globals()[Text('x')] = Answers()",
    ),
    *(
        "globals().clear()",
        "x = Answers()",
        "x = Refuses()",
        "x = Classless()",
        "x = Signed()",
        "x = Liar()",
        "x = Meta('M', (), {{}})",
    ),
    *(
        "raise SystemExit",
        "sys.setrecursionlimit(90)",
        "async def f(): ...\nf().close()",
        "a = deep(50000)",
        "len.x = 1",
    ),
    *("from trustdm.bench.methods.digits_standard import *", "import trustdm.bench.methods.digits_standard as load"),
    *(
        "x = method({card})",
        "@method\ndef other(): ...",
        "@method(method)\ndef other(): ...",
        "method({card})(3)",
        "method()",
    ),
    *(
        "method({card})(len)",
        "method({card})(Answers())",
        "x = [method({card})(lambda: 1)]",
        "attach('odd', {card})(boom)",
    ),
    *(
        "def make():\n    @method({card})\n    def it(): ...\n    return it\nit = make()",
        "class A:\n    @method({card})\n    def it(): ...",
    ),
    *("@attack(AttackCard(name='mine'))\nclass C: ...", "@method({card})\ndef second(): ...", "assert boom()"),
    *(
        "class C(metaclass=Meta): ...\nx = C",
        "import threading; threading.Thread(target=boom, daemon=True)",
        "exec('raise {raised}')",
    ),
]
SOURCES: list[bytes] = [
    *(
        b"",
        b"#",
        b"\x00",
        b"x = 1\x00\n",
        b"\xef\xbb\xbfx = 1\n",
        b"\xff\xfex\x00",
        b"x = '\xff'\n",
        b"# coding: latin-1\nx = '\xff'\n",
    ),
    *(
        b"# coding: nosuch\nx = 1\n",
        b"# coding: utf-16\nx = 1\n",
        b"# coding: rot13\nk = 1\n",
        b"# coding: \xff\n",
        b"def\n",
    ),
    *(
        b"\tx = 1\n  y = 2\n",
        b"x = (\n",
        b"'''",
        b"(" * 1000,
        b"(" * 100 + b")" * 100,
        b"-" * 100_000 + b"1",
        b"x = " + b"9" * 5000,
    ),
    *(
        b"x" * 2_000_000,
        b"x = '" + b"a" * 2_000_000 + b"'\n",
        b"if 1:\n" * 99,
        b"\r\rx = 1\r",
        b"\x0c\x0cx = 1\n",
        b"x = '\\N{nope}'\n",
    ),
    *(
        b"f'{f'{f'{1}'}'}'\n",
        b"x = " + b"[" * 90 + b"]" * 90,
        b"from __future__ import nothing\n",
        b"return 3\n",
        b"await x\n",
    ),
    *(
        "x = 'é'\n".encode("utf-16"),
        "ｘ = 1\nﬁ = 2\n".encode(),
        b"x = '''\xed\xa0\x80'''\n",
        b"print(" + b"1+" * 20_000 + b"1)\n",
    ),
    *(
        b"class A:\n" * 3,
        b"\\",
        b"# type: ignore[\n",
        b"1if 1else 0\n",
        b"x: int\n",
        b"x = 1;;\n",
        b"\xe2\x80\xae = 1\n",
        b"$\n",
    ),
]
BESIDE = {
    "beside_a.py": "import beside_b\n",
    "beside_b.py": "import beside_a\n",
    "beside_c.py": "def\n",
    "beside_d.py": "raise SystemExit('beside')\n",
}
"""Files in the same folder: two that import each other, one that is no Python, one that exits."""


def card(chance: random.Random, kind: str) -> str:
    """A card with a few odd fields; half of them were never checked."""
    text = CARDS[kind]
    if chance.random() < 0.3:
        return text
    fields = chance.sample(FIELDS[kind].split(), chance.choice((1, 1, 2, 4)))
    given = {name: chance.choice(VALUES) if chance.random() < 0.7 else repr(chance.choice(TEXTS)) for name in fields}
    how = chance.random()
    if how < 0.3:
        return f"{text}.model_copy(update=dict({_keywords(given)}))"
    if how < 0.5:
        return f"{text.partition('(')[0]}.model_construct(**({{'name': 'mine'}} | dict({_keywords(given)})))"
    return f"{text.partition('(')[0]}(**(dict({text.partition('(')[2][:-1]}) | dict({_keywords(given)})))"


def _keywords(given: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in given.items())


def marked(chance: random.Random) -> str:
    kind = chance.choice((*MARKS, "method", "method", "method"))
    marks = [f"@{kind}({card(chance, kind)})\n" for _ in range(chance.choice((1, 1, 1, 2)))]
    return f"{''.join(marks)}{chance.choice(THINGS)}\n{chance.choice(AFTER)}\n"


def entered(chance: random.Random) -> str:
    entry = chance.choice(ENTRIES)
    return f"T = __name__ + ':load'\n{chance.choice(THINGS[:2])}\nload.__trustdm_entry__ = (Entry({entry}),)\n"


def registered(chance: random.Random) -> str:
    lines = chance.sample(ATTRIBUTES, chance.choice((1, 2, 3)))
    first = [] if any(line.startswith("name") for line in lines) else ["name = 'mine'"]
    body = "".join(f"    {line}\n" for line in (*first, *lines))
    return f"class R({chance.choice(REGISTERED)}):\n{body}\nr = R()\n"


def stated(chance: random.Random, stem: str) -> str:
    text = chance.choice(STATEMENTS)
    raised = chance.choice(RAISED)
    return text.format(raised=raised, stem=stem, card=card(chance, "method")) + "\n"


def module(stem: str, chance: random.Random) -> bytes:
    """The bytes of a plugin file whose name is ``stem``."""
    if chance.random() < 0.15:
        source = chance.choice(SOURCES)
        return source if chance.random() < 0.5 else source + b"\n" + (HEAD + GOOD).encode()
    makers: list[Callable[[], str]] = [
        lambda: marked(chance),
        lambda: marked(chance),
        lambda: entered(chance),
        lambda: registered(chance),
        lambda: stated(chance, stem),
        lambda: f"raise {chance.choice(RAISED)}\n",
    ]
    parts = [chance.choice(makers)() for _ in range(chance.choice((1, 1, 2)))]
    if chance.random() < 0.3:
        parts.insert(chance.randrange(len(parts) + 1), GOOD)
    content = "\n\n".join([HEAD, *parts]).encode("utf-8", "surrogatepass")
    return damaged(content, chance) if chance.random() < 0.05 else content
