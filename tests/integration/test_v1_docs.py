"""docs/http.md: its examples run, in their order, and its table has every operation."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from faceward.service import roles, v1
from faceward.service.paths import plain

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_examples_run(
    world: Any, service_kit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    system = world.open()
    folder = world.folder / "shop"
    folder.mkdir()
    (folder / "key.txt").write_text(system.api_keys.create("shop").secret_access_key)
    for name in ("grace.png", "probe.png"):
        (folder / name).write_bytes(world.picture("Grace Hopper").read_bytes())
    monkeypatch.chdir(folder)
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 7
    with service_kit.served(system, world.clock) as served:
        names: dict[str, Any] = {}

        def client(timeout: float, **options: Any) -> TestClient:
            assert timeout
            return TestClient(served.app, **options)

        with mock.patch.object(httpx, "Client", partial(client)):
            for example in examples:
                exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102 - our own documentation
    told = capsys.readouterr().out
    assert "candidates ['Grace Hopper']" in told
    assert "P1" in told
    assert (folder / "receipt.txt").read_text().startswith("c2sp.org/tlog-proof")


def test_every_operation_stands_in_the_table_with_those_who_may() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    v1.include(app)
    there = {f"{one.method} {plain(one.path).removeprefix('/v1')}": one.allowed.who for one in roles.declared(app)}
    rows = re.findall(r"^\| `([A-Z]+ /\S+)` \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: frozenset(who.split(", ")) for name, _, who in rows} == there
    assert len(rows) == len(there)
