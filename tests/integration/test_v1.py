"""The native interface: what a program sees of it, what a limited key may not reach, and what is sent twice."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.service.callers import Kind
from faceward.service.state import Service

ADA, BEN = "Ada Lindqvist", "Ben Ortiz"
SHEET = f"subject,purpose,signed,term\n{ADA},{{}},2026-05-01,365d\n"


@dataclass
class Api:
    """Somebody who calls `/v1` with a key."""

    world: Any
    served: Any
    system: Any

    def key(self, **scope: Any) -> str:
        return str(self.system.api_keys.create(f"k{uuid.uuid4().hex[:8]}", **scope).secret_access_key)

    def call(self, method: str, path: str, *, key: str, **options: Any) -> Any:
        headers = {"x-api-key": key, **options.pop("headers", {})}
        return self.served.client.request(method, f"/v1/{path}", headers=headers, **options)

    def image(self, *people: str, **options: Any) -> tuple[str, bytes]:
        return "p.png", self.world.picture(*people, **options).read_bytes()

    def post(self, path: str, *people: str, key: str, headers: Any = None, **form: Any) -> Any:
        files = {"image": self.image(*people)}
        return self.call("POST", path, key=key, data=form, files=files, headers=headers or {})

    def search(self, *people: str, key: str, **form: Any) -> Any:
        return self.post(
            "identifications", *people, key=key, **{"gallery": "door", "purpose": "door", "reason": "a test", **form}
        )

    def problem(self, answer: Any, status: int, kind: str) -> str:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert told["type"] == f"urn:faceward:{kind}"
        assert told["status"] == status
        return str(told["detail"])


@pytest.fixture
def api(world: Any, service_kit: ModuleType) -> Iterator[Api]:
    with ExitStack() as stack:
        system = world.open()
        served = stack.enter_context(service_kit.served(system, world.clock, max_body=1 << 20))
        yield Api(world, served, system)


@pytest.fixture
def key(api: Api) -> str:
    return api.key()


def test_a_program_enrols_searches_shows_and_erases(api: Api, key: str) -> None:
    added = api.call("POST", "releases", key=key, files={"release": ("r.csv", SHEET.format("door"))})
    assert (added.status_code, added.json()) == (201, {"added": 1, "known": 0, "passed": 0})
    enrolled = api.post("enrolments", ADA, key=key, subject=ADA, purpose="door").json()
    assert (enrolled["enrolled"], enrolled["gallery"]) == (1, "door")
    assert api.post("verifications", ADA, key=key, subject=ADA, purpose="door").json()["decision"] == "match"
    found = api.search(ADA, BEN, key=key).json()
    assert [probe["outcome"] for probe in found["probes"]] == ["candidates", "unknown"]
    assert found["probes"][0]["candidates"][0]["subject"] == ADA
    shown = api.call("GET", f"subjects/{ADA}", key=key).json()
    assert shown == api.system.acting("key").subject(ADA).to_json() | {"history": shown["history"]}
    copy = api.call("GET", f"subjects/{ADA}/copy", key=key)
    assert "index.html" in str(zipfile.ZipFile(io.BytesIO(copy.content)).namelist())
    erased = api.call("DELETE", f"subjects/{ADA}", key=key).json()
    assert erased["references"] == 1
    assert api.call("POST", "log/receipt-checks", key=key, json={"receipt": erased["receipt"]}).json()["verified"]
    api.problem(api.call("GET", "subjects/Nobody", key=key), 404, "unknown")


def test_names_in_any_script_and_with_a_slash_are_in_paths(api: Api, key: str) -> None:
    for name in ("Нина/Петрова", "a?b#c", "50% off", "名前"):
        api.world.enrol(api.system, name)
        answer = api.call("GET", f"subjects/{quote(name, safe='')}/notices", key=key)
        assert answer.status_code == 200, (name, answer.text)
        assert answer.json()["subject"] == name


def test_pictures_are_hidden_and_returned(api: Api, key: str) -> None:
    answer = api.post("redactions", ADA, key=key, mode="fill")
    assert answer.headers["content-type"] == "image/png"
    assert json.loads(answer.headers["faceward-result"]) == {"mode": "fill", "hidden": 1, "kept": [], "entry": 5}
    assert Image.open(io.BytesIO(answer.content)).size == (48, 48)
    raw = api.call(
        "POST", "redactions?mode=blur", key=key, content=api.image(ADA)[1], headers={"content-type": "image/png"}
    )
    assert json.loads(raw.headers["faceward-result"])["mode"] == "blur"
    api.problem(api.post("redactions", ADA, key=key, purpose="door"), 422, "bad-input")


def test_lists_come_in_parts(api: Api, key: str) -> None:
    for name in "abcde":
        api.system.add_purpose(name, basis="consent", fmr=1e-3, retention=timedelta(days=9), alternative="x")
    first = api.call("GET", "purposes?limit=4", key=key)
    assert [one["name"] for one in first.json()["purposes"]] == ["a", "b", "c", "d"]
    assert first.headers["faceward-total"] == "6"
    assert first.headers["link"] == '</v1/purposes?limit=4&offset=4>; rel="next"'
    second = api.served.client.get(first.links["next"]["url"], headers={"x-api-key": key})
    assert [one["name"] for one in second.json()["purposes"]] == ["door", "e"]
    assert "link" not in second.headers
    assert api.call("GET", "purposes?limit=0", key=key).status_code == 422


def test_P1_a_purpose_that_is_not_registered_is_refused(api: Api, key: str) -> None:
    told = api.search(ADA, key=key, purpose="marketing", gallery="marketing")
    api.problem(told, 403, "rule:P1")
    assert told.json()["rule"] == "P1"


def test_P2_S2_people_ask_approve_and_sign_over_HTTP_before_a_key_searches(
    make_world: Any, service_kit: ModuleType
) -> None:
    world = make_world("strict", standard="border", trial=True, jurisdiction="UK")
    root, now = world.open(purpose=None), world.clock.now()
    keys = {name: PrivateKey.generate() for name in ("Ana", "Ben")}
    sessions = {name: OpenSession.begin(name, own, root._deployment.config.origin, now) for name, own in keys.items()}
    trained = date(2099, 1, 1)
    root.people.add("Ana", keys["Ana"].public.line, ("operator", "approver"), trained)
    ana = root.acting("Ana", sessions["Ana"])
    ana.people.add("Ben", keys["Ben"].public.line, ("approver",), trained)
    ana.add_purpose("lane", basis="legal-obligation", fmr=1e-3, retention=timedelta(hours=24), alternative="the desk")
    world.prove(ana)
    secret = ana.api_keys.create("lane-1", purposes=["lane"]).secret_access_key
    root.acting("Ben", sessions["Ben"]).requests.decide(ana.api_keys.admit("lane-1", trained).digest, Decision.APPROVE)
    with service_kit.served(root, world.clock) as served:
        api = Api(world, served, root)
        bearers = {name: served.bearer(name, Kind.PERSON, session=one) for name, one in sessions.items()}

        def signed(person: str, path: str, body: Any) -> Any:
            """Send something that the person has to sign, then again with what they signed."""
            headers = {**bearers[person], "Idempotency-Key": str(uuid.uuid4())}
            asked = served.client.post(f"/v1/{path}", json=body, headers=headers)
            api.problem(asked, 428, "signature-needed")
            told = asked.json()
            made = keys[person].sign(told["namespace"], base64.b64decode(told["message"]))
            more = {
                "Faceward-Prepared": told["prepared"],
                "Faceward-Signature": base64.b64encode(made.encode()).decode(),
            }
            first = served.client.post(f"/v1/{path}", json=body, headers={**headers, **more})
            again = served.client.post(f"/v1/{path}", json=body, headers=headers)
            assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
            return first

        picture = api.post("enrolments", ADA, key=secret, subject=ADA, purpose="lane")
        assert picture.status_code == 200, picture.text
        search = {"gallery": "lane", "purpose": "lane"}
        told = api.search(ADA, key=secret, **search)
        assert (told.status_code, told.json()["rule"]) == (403, "P2")
        body = {
            "purpose": "lane",
            "galleries": ["lane"],
            "place": "lane 1",
            "case": "K-1",
            "basis": "a law",
            "until": (now + timedelta(hours=12)).isoformat(),
            "searches": 5,
            "operators": ["key lane-1"],
        }
        mandate = signed("Ana", "mandates", body)
        assert (mandate.status_code, mandate.json()["state"]) == (202, "waiting")
        digest = mandate.json()["request"]
        refused = api.search(ADA, key=secret, mandate=digest, **search)
        assert refused.status_code == 403
        approved = signed("Ben", f"mandates/{digest}/decisions", {"decision": "approve"})
        assert approved.json()["state"] == "approved"
        found = api.search(ADA, key=secret, mandate=digest[:12], **search)
        assert found.json()["probes"][0]["candidates"][0]["subject"] == ADA
        shown = served.client.get(f"/v1/mandates/{digest}", headers=bearers["Ben"]).json()
        assert shown["spent"] == 1


def test_P5_nothing_is_fetched_and_no_field_takes_an_address(api: Api, key: str) -> None:
    for path in ("enrolments", "detections", "verifications", "identifications", "redactions", "comparisons"):
        answer = api.call(
            "POST", path, key=key, data={"image": "http://example.org/face.jpg"}, files={"other": ("a", b"")}
        )
        assert answer.status_code == 422, path
        answer = api.call("POST", path, key=key, json={"image_url": "http://example.org/face.jpg"})
        assert answer.status_code == 422, path
    whole = api.call("GET", "openapi.json", key=key).text.lower()
    assert "url" not in set(whole.replace("_", '"').split('"'))


# --- What a limited key may not reach, also by detours ---


@pytest.fixture
def two(api: Api) -> Api:
    """Return a deployment with two purposes; Ada is enrolled for both, Ben for the gate alone."""
    api.system.add_purpose("gate", basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a badge")
    api.world.enrol(api.system, ADA)
    api.world.enrol(api.system, ADA, BEN, purpose="gate")
    return api


@pytest.mark.parametrize("scope", [{"purposes": ["door"]}, {"galleries": ["door"]}])
def test_K2_a_limited_key_reaches_its_own_and_nothing_else(two: Api, scope: dict[str, Any]) -> None:
    key = two.key(**scope)
    # A gallery of another purpose is refused whatever the key.
    assert two.search(ADA, key=key, gallery="gate").status_code == 403
    assert two.post("verifications", ADA, key=key, subject=ADA, purpose="door").json()["decision"] == "match"
    assert two.search(ADA, key=key).status_code == 200
    for answer in (
        two.post("verifications", ADA, key=key, subject=ADA, purpose="gate"),
        two.search(ADA, key=key, gallery="gate", purpose="gate"),
        two.post("enrolments", ADA, key=key, subject=ADA, purpose="gate"),
        two.post("redactions", ADA, key=key, keep=ADA, purpose="gate"),
        two.call("DELETE", f"subjects/{ADA}/releases/gate", key=key),
        two.call("POST", "releases", key=key, files={"release": ("r.csv", SHEET.format("gate"))}),
        two.call("GET", f"subjects/{ADA}/export", key=key),
        two.call("GET", f"subjects/{ADA}/copy", key=key),
        two.call("DELETE", f"subjects/{ADA}", key=key),
        two.call("DELETE", f"subjects/{BEN}", key=key),
        two.call("GET", "log/entries", key=key),
        two.call("GET", "status", key=key),
        two.call("GET", "complaints", key=key),
        two.call("POST", "stop", key=key, json={"reason": "x"}),
    ):
        two.problem(answer, 403, "forbidden")
    assert two.post("redactions", ADA, key=key, keep=ADA).status_code == 422
    assert len(two.system.subject(ADA).references) == 2


@pytest.mark.parametrize("scope", [{"purposes": ["door"]}, {"galleries": ["door"]}])
def test_K2_a_limited_key_sees_of_a_subject_what_is_its_own(two: Api, scope: dict[str, Any]) -> None:
    limited = two.key(**scope)
    two.search(ADA, key=two.key(), gallery="gate", purpose="gate")
    two.search(ADA, key=limited)
    shown = two.call("GET", f"subjects/{ADA}", key=limited)
    assert [one["gallery"] for one in shown.json()["references"]] == ["door"]
    assert shown.json()["history"]
    assert '"gate"' not in shown.text
    assert len(two.call("GET", f"subjects/{ADA}/notices", key=limited).json()["notices"]) == 1
    # Whoever is enrolled elsewhere alone is told of as whoever is not enrolled at all.
    elsewhere, nowhere = (two.call("GET", f"subjects/{who}", key=limited) for who in (BEN, "Nobody"))
    assert two.problem(elsewhere, 404, "unknown") == two.problem(nowhere, 404, "unknown").replace("Nobody", BEN)
    rows = two.call("GET", "galleries", key=limited).json()["galleries"]
    assert [row["gallery"] for row in rows] == ["door"]


def test_K2_a_claim_is_compared_in_all_galleries_of_a_purpose_so_all_must_be_the_keys(two: Api) -> None:
    sheet = two.world.release(BEN, evidence="sheet of the annexe")
    two.system.enrol([two.world.picture(BEN)], subject=BEN, purpose="door", releases=sheet, gallery="annexe")
    key = two.key(galleries=["door"], purposes=["door"])
    two.problem(two.post("verifications", BEN, key=key, subject=BEN, purpose="door"), 403, "forbidden")
    two.problem(two.call("DELETE", f"subjects/{BEN}/releases/door", key=key), 403, "forbidden")


def test_K2_without_a_key_nothing_is_told(api: Api) -> None:
    for secret in ("", "x" * 40):
        answer = api.call("GET", "purposes", key=secret)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


# --- Sent twice ---


def _gate(api: Api, key: str, token: str, **changes: Any) -> Any:
    body = {"name": "gate", "basis": "consent", "fmr": 1e-3, "retention": "90d", "alternative": "x", **changes}
    return api.call("POST", "purposes", key=key, json=body, headers={"Idempotency-Key": token})


def test_a_request_is_carried_out_once_for_its_key(api: Api, key: str) -> None:
    token = str(uuid.uuid4())
    first, second = _gate(api, key, token), _gate(api, key, f'"{token}"')
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"] == "/v1/purposes/gate"
    assert (first.headers.get("idempotency-replayed"), second.headers["idempotency-replayed"]) == (None, "true")
    assert api.problem(_gate(api, key, token, fmr=1e-4), 422, "bad-input").startswith("this Idempotency-Key was used")
    # Another caller's key of the same text is another key.
    assert _gate(api, api.key(), token).status_code == 422
    assert _gate(api, key, "short").status_code == 422
    api.world.clock.advance(timedelta(hours=25))
    assert "idempotency-replayed" not in _gate(api, key, token).headers


def test_a_form_that_is_sent_again_is_the_same_whatever_its_boundary(api: Api, key: str) -> None:
    api.system.releases.add(api.world.release(ADA))
    image, headers = api.image(ADA), {"Idempotency-Key": str(uuid.uuid4())}
    form = {"data": {"subject": ADA, "purpose": "door"}, "files": {"image": image}, "headers": headers}
    answers = [api.call("POST", "enrolments", key=key, **form) for _ in range(2)]
    assert [one.headers.get("idempotency-replayed") for one in answers] == [None, "true"]
    assert answers[0].json()["enrolled"] == answers[1].json()["enrolled"] == 1
    form["files"] = {"image": api.image(ADA)}
    assert api.call("POST", "enrolments", key=key, **form).status_code == 422


def test_a_refusal_is_given_again_and_a_busy_service_is_not(api: Api, key: str) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    form = {"data": {"subject": ADA, "purpose": "door"}, "files": {"image": api.image(ADA)}, "headers": headers}
    assert api.call("POST", "enrolments", key=key, **form).json()["rule"] == "C1"
    api.system.releases.add(api.world.release(ADA))
    again = api.call("POST", "enrolments", key=key, **form)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (403, "true")
    service: Service = api.served.service
    token = str(uuid.uuid4())
    service.work._queue = -1
    service.work._taken = 2
    try:
        assert _gate(api, key, token).status_code == 429
    finally:
        service.work._queue, service.work._taken = 64, 0
    assert _gate(api, key, token).status_code == 201


def test_a_request_that_is_still_carried_out_is_no_second_one(api: Api, key: str) -> None:
    entered, go = threading.Event(), threading.Event()

    def watch() -> None:
        entered.set()
        assert go.wait(20)

    token = {"Idempotency-Key": str(uuid.uuid4())}
    image = api.image(ADA)
    form = {"gallery": "door", "purpose": "door", "reason": "a test"}

    def search() -> Any:
        return api.call("POST", "identifications", key=key, data=form, files={"image": image}, headers=token)

    api.world.enrol(api.system, ADA)
    api.world.fake(api.system).watch = watch
    with ThreadPoolExecutor() as pool:
        first = pool.submit(search)
        assert entered.wait(20)
        try:
            api.problem(search(), 409, "conflict")
        finally:
            go.set()
        assert first.result().status_code == 200
    assert "another key" in api.problem(search(), 409, "conflict")


def test_T2_what_is_kept_of_answers_names_nobody_and_opens_for_nobody(api: Api, key: str) -> None:
    token = str(uuid.uuid4())
    api.system.releases.add(api.world.release(ADA))
    done = api.post("enrolments", ADA, key=key, subject=ADA, purpose="door", headers={"Idempotency-Key": token})
    assert ADA in done.text
    api.call("DELETE", f"subjects/{ADA}", key=key, headers={"Idempotency-Key": str(uuid.uuid4())})
    # Whoever has the file and every secret of the deployment opens the vault, and learns nothing of her.
    kept = api.served.service.vault.all("idempotency")
    assert len(kept) == 2
    text = json.dumps(kept)
    for secret in (ADA, token, "Lindqvist"):
        assert secret not in text
    for file in api.world.home.glob("service.db*"):
        assert ADA.encode() not in file.read_bytes()
        assert token.encode() not in file.read_bytes()


# --- Limits ---


def test_a_body_is_measured_before_it_is_decoded(api: Api, key: str) -> None:
    large = b"\xff" * ((1 << 20) + 1)
    api.problem(
        api.call("POST", "detections", key=key, content=large, headers={"content-type": "image/png"}), 413, "too-large"
    )
    api.problem(api.call("POST", "detections", key=key, files={"image": ("a.png", large)}), 413, "too-large")

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"\xff" * (1 << 15)

    told = api.call("POST", "detections", key=key, content=pieces(), headers={"content-type": "image/png"})
    api.problem(told, 413, "too-large")
    # Nobody who has not shown a key makes it read anything.
    assert api.call("POST", "detections", key="no", content=large).status_code == 401


def test_a_picture_that_would_fill_the_memory_is_refused(api: Api, key: str) -> None:
    made = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(made, "PNG")
    assert len(made.getvalue()) < 1 << 20
    began = time.monotonic()
    answer = api.call("POST", "detections", key=key, files={"image": ("bomb.png", made.getvalue())})
    api.problem(answer, 422, "bad-input")
    assert time.monotonic() - began < 5


def test_JSON_that_is_deep_or_strange_is_refused(api: Api, key: str) -> None:
    for body in (b"[" * 100_000, b'{"name": NaN}', b'{"name": "\\ud800"}', b"\xff\xfe", b"[]", b'{"a": 1e999}'):
        answer = api.call("POST", "purposes", key=key, content=body)
        assert answer.status_code == 422, body[:20]


def test_who_comes_when_all_wait_is_told_when_to_come_again(world: Any, service_kit: ModuleType) -> None:
    system = world.open()
    world.enrol(system, ADA)
    entered, go = threading.Semaphore(0), threading.Event()

    def watch() -> None:
        entered.release()
        assert go.wait(20)

    with service_kit.served(system, world.clock, queue=1) as served:
        api = Api(world, served, system)
        key = api.key()
        world.fake(system).watch = watch
        with ThreadPoolExecutor(8) as pool:
            running = [pool.submit(api.search, f"P{number}", key=key) for number in range(2)]
            for _ in running:
                assert entered.acquire(timeout=20)
            waiting = pool.submit(api.search, "P2", key=key)
            _until(lambda: served.service.work.waiting == 1)
            refused = api.search("P3", key=key)
            api.problem(refused, 429, "busy")
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            # What asks for no thread is answered.
            assert served.client.get("/healthz").status_code == 200
            go.set()
            assert [one.result().status_code for one in (*running, waiting)] == [200] * 3


def test_what_a_client_no_longer_waits_for_is_never_begun(world: Any, service_kit: ModuleType) -> None:
    system = world.open()
    world.enrol(system, ADA)
    entered, go = threading.Semaphore(0), threading.Event()

    def watch() -> None:
        entered.release()
        assert go.wait(20)

    with service_kit.served(system, world.clock) as served:
        api = Api(world, served, system)
        key = api.key()
        fake = world.fake(system)
        fake.watch = watch
        before = len(fake.extracted)
        token = str(uuid.uuid4())
        with ThreadPoolExecutor(8) as pool:
            running = [pool.submit(api.search, f"P{number}", key=key) for number in range(2)]
            for _ in running:
                assert entered.acquire(timeout=20)
            status = served.client.portal.call(_asked_and_left, served, key, token, api.image("Leaver")[1])
            assert status == 499
            assert served.service.work.waiting == 0
            go.set()
            assert [one.result().status_code for one in running] == [200] * 2
        assert len(fake.extracted) == before + 2
        # The same request may be sent again.
        fake.watch = None
        assert _gate(api, key, token).status_code == 201


async def _asked_and_left(served: Any, key: str, token: str, picture: bytes) -> int:
    """Send a request, and go away while it waits; return the status that nobody reads any more."""
    told: list[int] = []
    work = served.service.work
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": picture, "more_body": False}
        while not work.waiting:  # noqa: ASYNC110 - the pool has no event for it
            await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    headers = {"host": "localhost", "x-api-key": key, "content-type": "image/png", "idempotency-key": token}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/detections",
        "raw_path": b"/v1/detections",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 8000),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    await asyncio.wait_for(served.app(scope, receive, send), 20)
    return told[0]


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_answers_carry_strict_headers(api: Api, key: str) -> None:
    answer = api.call("GET", "purposes", key=key)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
