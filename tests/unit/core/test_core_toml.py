from __future__ import annotations

import time
import tomllib
import tracemalloc

import pytest

from faceward.core.errors import BadInput
from faceward.core.toml import loads_bounded
from faceward.policy.strict import parse_toml
from faceward.vision.manifest import parse_manifest

LONG = ".".join(["a"] * 20_000)


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG} = 1",
        f"[{LONG}]",
        f"[[{LONG}]]",
        f"x = {{ {LONG} = 1 }}",
        LONG.replace(".", " . ") + " = 1",
        LONG.replace("a", '"a"') + " = 1",
        LONG.replace("a", "'a'") + " = 1",
        LONG.replace("a", '""') + " = 1",
        f'x = """a""""" # "\n{LONG} = 1',
        f"x = '''a''''' # '\n{LONG} = 1",
        f'x = [ """a"""", {{ {LONG} = 1 }} ]',
        f'x = """\\""""\n{LONG} = 1',
        f'x = "\\\\"\n{LONG} = 1',
        f"x = '\\'\n{LONG} = 1",
        f"# it's \"\n{LONG} = 1",
        "a.b.c.d.e.f.g.h.i = 1",
    ],
)
def test_a_key_of_many_parts_is_refused_unread(text: str) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match="8 dotted parts"):
        loads_bounded(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c.d.e.f.g.h = 1",
        '"a.b.c.d.e.f.g.h.i.j" = "1.2.3.4.5.6.7.8.9.10"',
        'x = """\nand so on .........\na.b.c.d.e.f.g.h.i.j\n"""',
        "x = '''\na.b.c.d.e.f.g.h.i.j\n'''",
        "# a.b.c.d.e.f.g.h.i.j\nx = [1.5, 2.5, 3.5]",
        "x = 2026-01-01T00:00:00.5Z",
        "",
    ],
)
def test_ordinary_texts_are_read_as_tomllib_reads_them(text: str) -> None:
    assert loads_bounded(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    "text",
    ["#" * (2**20 + 1), "é" * 2**19 + "#", '"""' + '\n\\"""' * 200_000, "'''\n" * 200_000, '"""\\', '"\\\n"' * 200_000],
    ids=range(6),
)
def test_hostile_texts_are_refused_quickly(text: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ValueError, match=r".+"):
        loads_bounded(text)
    assert time.monotonic() - begun < 2


def test_it_guards_policies_and_packs() -> None:
    with pytest.raises(BadInput, match="8 dotted parts"):
        parse_manifest(f"{LONG} = 1", "pack.toml")
    with pytest.raises(BadInput, match="8 dotted parts"):
        parse_toml(f"{LONG} = 1".encode(), "release.toml", BadInput)
