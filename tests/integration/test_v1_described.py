"""What the command line does, over HTTP, each answer held against the description of the interface."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from jsonschema_rs import validator_for

from faceward.core.canonical import canonical_json
from faceward.service.callers import Kind

ADA = "Ada Lindqvist"
PERSONS = frozenset(
    {("PATCH", "gate"), ("POST", "decision"), ("POST", "restart"), ("POST", "evidence"), ("POST", "withdrawal")}
)
"""What a program may not do: method, and last part of the path."""


class Described:
    """Calls with a key, or as an operator what keys may not, and checks every answer."""

    def __init__(self, served: Any, key: str) -> None:
        self._client, self._key = served.client, key
        account = served.service.system.accounts.link("https://id.example", "1", "ann", ("operator",))
        self._operator = served.bearer("ann", Kind.ACCOUNT, account=account.digest)
        self._whole = served.app.openapi()
        self.done: set[str] = set()

    def __call__(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        headers = self._operator if (method, path.rsplit("/", 1)[-1]) in PERSONS else {"x-api-key": self._key}
        answer = self._client.request(method, f"/v1/{path}", headers=headers, **options)
        assert answer.status_code == status, (method, path, answer.text[:500])
        operation = self._operation(method, answer.request.url.path)
        content = operation["responses"][str(status)].get("content", {})
        media = answer.headers["content-type"].partition(";")[0]
        assert media in content, (method, path, media)
        if media == "application/json":
            schema = {**content[media]["schema"], "components": self._whole["components"]}
            errors = [one.message for one in validator_for(schema).iter_errors(answer.json())]
            assert not errors, (method, path, errors[0])
            return answer.json()
        return answer

    def _operation(self, method: str, path: str) -> Any:
        for pattern, item in self._whole["paths"].items():
            found = re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path)
            if found and method.lower() in item and (pattern == path or path not in self._whole["paths"]):
                self.done.add(f"{method} {pattern}")
                return item[method.lower()]
        raise AssertionError(f"{method} {path} is not described")


@pytest.fixture
def call(world: Any, service_kit: ModuleType) -> Iterator[Described]:
    system = world.open()
    key = system.api_keys.create("shop").secret_access_key
    with service_kit.served(system, world.clock) as served:
        yield Described(served, key)


def test_questions(call: Described, world: Any) -> None:
    for path in (
        "status", "purposes", "galleries", "people", "requests", "mandates", "cases", "complaints", "subject-requests",
        "recipients", "deletion-notices", "evidence", "monitoring", "monitoring/outcomes", "log/entries", "documents",
        "packs", "standards", "standards/retail", "standards/retail?part=rules", "standards/retail?part=parameters",
        "standards/workplace/differences/retail", "standards/retail/files", "watchlist-reviews",
        "document-template?name=dpia", f"release-template?subject={ADA}&purpose=door", "log/entries/0/receipt",
    ):  # fmt: skip
        call("GET", path)
    whole = call("GET", "evidence")["evidence"][0]["evaluation"]
    call("GET", f"evidence/{whole[:12]}")
    proof = call("GET", "log/entries/1/receipt")["proof"]
    assert call("POST", "log/receipt-checks", json={"receipt": proof})["entry"] == 1
    assert call("POST", "log/verification", json={})["verified"]


def test_acts(call: Described, world: Any) -> None:
    picture = ("p.png", world.picture(ADA).read_bytes())
    image = {"image": picture}
    purpose = {"name": "gate", "basis": "consent", "fmr": 1e-3, "retention": "90d", "alternative": "x"}
    call("POST", "purposes", 201, json=purpose)
    call("PATCH", "purposes/gate", json={"fmr": 1e-4})
    sheet = f"subject,purpose,signed,term\n{ADA},door,2026-05-01,365d\n"
    call("POST", "releases", 201, files={"release": ("r.csv", sheet)})
    call("POST", "enrolments", data={"subject": ADA, "purpose": "door"}, files=image)
    call("POST", "verifications", data={"subject": ADA, "purpose": "door"}, files=image)
    call("POST", "comparisons", files=[("image", picture), ("image", picture)])
    call("POST", "detections", files=image)
    call("POST", "redactions", data={"keep": ADA}, files=image)
    for part in ("", "/export", "/copy", "/notices"):
        call("GET", f"subjects/{ADA}{part}")
    call("PUT", f"subjects/{ADA}/suspension", json={"reason": "x"})
    call("POST", f"subjects/{ADA}/resumption", json={"reason": "x"})
    asked = call("POST", f"subjects/{ADA}/requests", 201, json={"kind": "access"})
    call("POST", f"subject-requests/{asked['identifier']}/answer", json={"text": "sent"})
    told = {"action": "asked to leave", "place": "the shop", "time": "2026-05-30T14:30:00Z"}
    call("POST", f"subjects/{ADA}/adverse-actions", 201, json=told)
    said = call("POST", "complaints", 201, json={"subject": ADA, "text": "not me"})
    call("POST", f"complaints/{said['identifier']}/acknowledgement")
    call("POST", f"complaints/{said['identifier']}/decision", json={"upheld": False, "reason": "it was"})
    call("POST", "recipients", 201, json={"name": "Police", "contact": "desk@police.example"})
    papers = call("POST", "documents", data={"name": "dpia"})
    assert json.loads(papers.headers["faceward-result"])["files"][0]["document"] == "dpia"
    call("POST", "galleries/door/migrations", data={})
    call("DELETE", f"subjects/{ADA}/releases/door")
    call("DELETE", f"subjects/{ADA}")
    call("POST", "tick")
    call("POST", "stop", json={"reason": "x"})
    call("POST", "restart", 202)
    assert len(call.done) > 25


def test_H3_a_case_from_search_to_a_deletion_that_is_refused(call: Described, world: Any) -> None:
    image = {"image": ("p.png", world.picture(ADA).read_bytes())}
    call(
        "POST",
        "releases",
        201,
        files={"release": ("r.csv", f"subject,purpose,signed,term\n{ADA},door,2026-05-01,365d\n")},
    )
    call("POST", "enrolments", data={"subject": ADA, "purpose": "door"}, files=image)
    probe = {"image": ("probe.png", world.picture(ADA).read_bytes())}
    search = call("POST", "identifications", data={"gallery": "door", "purpose": "door", "reason": "x"}, files=probe)
    case = call("POST", "cases", 201, data={"search": search["entry"], "kind": "photograph"}, files=probe)
    where = f"cases/{case['case']}"
    edited = call(
        "POST",
        f"{where}/edits",
        201,
        data={"change": "crop"},
        files={"image": ("e.png", world.picture(ADA).read_bytes())},
    )
    call("POST", f"{where}/samples", 201, data={"candidate": "1"}, files=image)
    assert [one["case"] for one in call("GET", "cases")["cases"]] == [case["case"]]
    call("GET", where)
    got = call("GET", f"{where}/pictures/{edited['probe'][0]['sha256']}")
    assert got.content == probe["image"][1]
    assert call("GET", f"{where}/export?originals=true").content.startswith(b"PK")
    # By hand it is deleted only after its finding, and that needs reviewers.
    assert call("POST", f"{where}/deletion", 403, json={"reason": "done"}).json()["rule"] == "H3"


def test_an_evaluation_is_brought_and_withdrawn(call: Described, world: Any, fakes: ModuleType) -> None:
    data = canonical_json(fakes.own_evaluation(world.systems[0]).to_json())
    added = call("POST", "evidence", 202, content=data)
    assert added["state"] == "done"
    call("POST", f"evidence/{added['evaluation']}/withdrawal", json={"reason": "a test"})
