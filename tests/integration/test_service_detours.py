"""Detours to recognition, to what others hold, and to what was erased: each was open once."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from faceward.operations import case_end
from faceward.policy.rights import RequestKind
from faceward.service.callers import Kind

ADA, BEN = "Ada Lindqvist", "Ben Ortiz"
SUBJECTS = "/api/v1/recognition/subjects"
GATE = {"X-Faceward-Gallery": "gate", "X-Faceward-Purpose": "gate"}


@dataclass
class Site:
    """A deployment with two purposes: Ada is enrolled for the door, Ben for the gate."""

    world: Any
    served: Any
    system: Any

    def key(self, **scope: Any) -> str:
        return str(self.system.api_keys.create(f"k{uuid.uuid4().hex[:8]}", **scope).secret_access_key)

    def call(self, method: str, path: str, *, key: str, **options: Any) -> Any:
        headers = {"x-api-key": key, **options.pop("headers", {})}
        return self.served.client.request(method, path, headers=headers, **options)

    def image(self, *people: str, **options: Any) -> tuple[str, bytes]:
        return "p.png", self.world.picture(*people, **options).read_bytes()

    def post(self, path: str, *people: str, key: str, headers: Any = None, **form: Any) -> Any:
        files = {"image": self.image(*people)}
        return self.call("POST", f"/v1/{path}", key=key, data=form, files=files, headers=headers or {})

    def compare(self, *pictures: bytes, key: str, **form: Any) -> Any:
        files = [("image", ("p.png", one)) for one in pictures]
        return self.call("POST", "/v1/comparisons", key=key, data=form, files=files)

    def both(self, *pictures: bytes, key: str, headers: Any = None) -> Any:
        files = {name: ("p.png", one) for name, one in zip(("source_image", "target_image"), pictures, strict=True)}
        return self.call("POST", "/api/v1/verification/verify", key=key, files=files, headers=headers or {})

    def chain(self, subject: str) -> int:
        """Return how many entries of the log are about a subject."""
        deployment, journal = self.system._deployment, self.system._desk.journal
        found = journal.subject_key_id(subject)
        return 0 if found is None else len(list(deployment.log.entries_of(found)))

    def review(self) -> None:
        """Ask for two reviewers, as the standard `investigation` does."""
        standard = self.system._deployment.standard
        people = replace(standard.parameters.people, reviewers=2)
        self.system._deployment.standard = replace(standard, parameters=replace(standard.parameters, people=people))


@pytest.fixture
def site(world: Any, service_kit: ModuleType) -> Iterator[Site]:
    with ExitStack() as stack:
        system = world.open()
        system.add_purpose("gate", basis="consent", fmr=1e-3, retention=timedelta(days=365), alternative="a badge")
        world.enrol(system, ADA)
        world.enrol(system, BEN, purpose="gate")
        yield Site(world, stack.enter_context(service_kit.served(system, world.clock)), system)


# --- Two pictures in somebody's hand ---


def test_L1_comparisons_detections_and_redactions_over_HTTP_are_in_the_log(site: Site) -> None:
    key, (_, ada) = site.key(), site.image(ADA)
    found = site.compare(ada, ada, key=key, purpose="door").json()
    assert (found["decision"], found["purpose"]) == ("match", "door")
    assert found["score"] == round(found["score"], 3)
    assert site.world.log(site.system)[-2:] == [("verify-pair", "begin"), ("verify-pair", "end")]
    assert site.post("detections", ADA, key=key).status_code == 200
    assert site.world.log(site.system)[-1] == ("detect", "end")
    assert site.post("redactions", ADA, key=key).status_code == 200
    assert site.world.log(site.system)[-1] == ("redact", "end")
    assert site.compare(ada, ada, key=key, purpose="marketing").json()["rule"] == "P1"
    assert site.world.log(site.system)[-1] == ("verify-pair", "denied")


def test_W7_a_stop_ends_comparisons_of_two_pictures_in_every_interface(site: Site) -> None:
    key, (_, ada) = site.key(), site.image(ADA)
    assert site.both(ada, ada, key=key).status_code == 200
    site.system.control.stop("a test")
    assert site.compare(ada, ada, key=key).json()["rule"] == "W7"
    refused = site.both(ada, ada, key=key)
    assert refused.status_code == 403
    assert "W7" in refused.json()["message"]
    # Faces are found and hidden, which recognises nobody.
    assert site.post("detections", ADA, key=key).status_code == 200
    assert site.post("redactions", ADA, key=key).status_code == 200


def test_H2_no_score_of_two_pictures_leaves_where_reviewers_answer_first(site: Site) -> None:
    site.review()
    key, (_, ada), (_, eve) = site.key(), site.image(ADA), site.image("Eve")
    found = site.compare(ada, ada, key=key).json()
    assert (found["decision"], found["score"]) == ("match", None)
    assert site.compare(ada, eve, key=key).json()["decision"] == "non-match"
    # Many rates would find the score by halving.
    assert site.compare(ada, ada, key=key, fmr="0.01").json()["rule"] == "H2"
    assert site.world.log(site.system)[-1] == ("verify-pair", "denied")
    [told] = site.both(ada, ada, key=key).json()["result"]
    calibration = site.system._deployment.pipeline.calibration
    from faceward.service.compreface.shapes import similarity

    assert [one["similarity"] for one in told["face_matches"]] == [similarity(calibration.default_fmr)]


def test_H2_pictures_of_a_case_are_compared_with_nothing(site: Site) -> None:
    site.review()
    key, probe = site.key(), site.image(ADA, name="probe.png")[1]
    form = {"gallery": "door", "purpose": "door", "reason": "a test"}
    answer = site.call("POST", "/v1/identifications", key=key, data=form, files={"image": ("p.png", probe)})
    case = answer.json()["case"]
    assert case is not None
    sample = site.image(ADA, "Eve")[1]
    site.system.cases.add_edit(case, _upload(sample), change="crop", note="a test")
    again = io.BytesIO()
    Image.open(io.BytesIO(probe)).save(again, "PNG", compress_level=1, pnginfo=_note())
    assert again.getvalue() != probe
    eve = site.image("Eve")[1]
    for picture in (probe, again.getvalue(), sample):
        for pair in ((picture, eve), (eve, picture)):
            assert site.compare(*pair, key=key).json()["rule"] == "H2"
            assert site.both(*pair, key=key).status_code == 403
    assert site.world.log(site.system)[-1] == ("verify-pair", "denied")
    # As a case ends whose term is over: by hand it does only after its finding (rule H3).
    case_end._delete_all(site.system._deployment, site.system._desk, lambda held: held.id == case, "its term has ended")
    assert site.compare(probe, eve, key=key).status_code == 200
    assert site.system._deployment.store.documents("case-print") == {}


def _upload(data: bytes) -> Any:
    from faceward.core.sources import upload

    return upload("edit.png", data)


def _note() -> Any:
    from PIL.PngImagePlugin import PngInfo

    made = PngInfo()
    made.add_text("comment", "the same pixels")
    return made


def test_K2_only_operators_and_keys_compare_detect_and_redact(site: Site) -> None:
    (_, ada) = site.image(ADA)
    files = [("image", ("p.png", ada)), ("image", ("p.png", ada))]

    def account(*roles: str) -> dict[str, str]:
        name = f"Person {len(roles)} {roles}"
        linked = site.system.accounts.link("https://id.example", uuid.uuid4().hex, name, roles).digest
        headers: dict[str, str] = site.served.bearer(name, Kind.ACCOUNT, account=linked)
        return headers

    for roles in (("reviewer",), ("auditor",), ("approver",)):
        headers = account(*roles)
        for path, sent in (("comparisons", files), ("detections", files[:1]), ("redactions", files[:1])):
            assert site.served.client.post(f"/v1/{path}", files=sent, headers=headers).status_code == 403
    headers = account("operator")
    assert site.served.client.post("/v1/comparisons", files=files, headers=headers).status_code == 200
    standard = site.system._deployment.standard
    people = replace(standard.parameters.people, sign_in="always")
    site.system._deployment.standard = replace(standard, parameters=replace(standard.parameters, people=people))
    answer = site.served.client.post("/v1/comparisons", files=files, headers=headers)
    assert answer.json()["rule"] == "K2"


@pytest.mark.parametrize("path", ["v1", "compreface"])
def test_P1_a_limited_key_compares_for_one_of_its_purposes(site: Site, path: str) -> None:
    (_, ada) = site.image(ADA)

    def compare(key: str, purpose: str = "") -> int:
        if path == "v1":
            return int(site.compare(ada, ada, key=key, **({"purpose": purpose} if purpose else {})).status_code)
        return int(site.both(ada, ada, key=key, headers={"X-Faceward-Purpose": purpose}).status_code)

    for one in (site.key(purposes=["door"]), site.key(galleries=["door"])):
        assert [compare(one), compare(one, "door"), compare(one, "gate")] == [200, 200, 403]
    several = site.key(purposes=["door", "gate"])
    assert [compare(several), compare(several, "gate")] == [403, 200]
    assert compare(site.key()) == 200


# --- What a limited key learns and ends ---


@pytest.mark.parametrize("scope", [{"purposes": ["door"]}, {"galleries": ["door"]}])
def test_K2_a_limited_key_is_told_of_people_enrolled_elsewhere_as_of_nobody(site: Site, scope: dict[str, Any]) -> None:
    key, before = site.key(**scope), site.chain(BEN)

    def asked(who: str) -> list[tuple[int, str]]:
        answers = [
            site.post("verifications", who, key=key, subject=who, purpose="door"),
            site.post("redactions", ADA, key=key, keep=who, purpose="door"),
            site.call("GET", f"/v1/subjects/{who}", key=key),
            site.call("GET", f"/v1/subjects/{who}/notices", key=key),
            site.call("DELETE", f"/v1/subjects/{who}/releases/door", key=key),
            site.call("DELETE", f"{SUBJECTS}/{who}", key=key, headers={"X-Faceward-Gallery": "door"}),
            site.call("GET", "/api/v1/recognition/faces", key=key, params={"subject": who}, headers=GATE),
        ]
        return [(one.status_code, one.text.replace(who, "X")) for one in answers]

    assert asked(BEN) == asked("Nobody")
    assert [status for status, _ in asked(BEN)] == [404, 404, 404, 404, 404, 404, 403]
    assert site.chain(BEN) == before
    assert [one.gallery for one in site.system.subject(BEN).references] == ["gate"]
    # Without a release of theirs for the door there is none, whatever else is on file.
    site.system.releases.add(site.world.release(BEN, purpose="gate"))
    refusals = [site.post("enrolments", who, key=key, subject=who, purpose="door") for who in (BEN, "Nobody")]
    assert refusals[0].status_code == 403
    assert refusals[0].text.replace(BEN, "X") == refusals[1].text.replace("Nobody", "X")
    # What is its own it reaches.
    assert site.post("verifications", ADA, key=key, subject=ADA, purpose="door").json()["decision"] == "match"
    assert site.call("DELETE", f"/v1/subjects/{ADA}/releases/door", key=key).json()["references"] == 1


def test_K2_a_release_without_a_reference_is_withdrawn_by_a_key_for_its_purpose(site: Site) -> None:
    site.system.releases.add(site.world.release("Cem"))
    key = site.key(purposes=["door"])
    assert site.call("DELETE", "/v1/subjects/Cem/releases/door", key=key).status_code == 200


def test_P1_a_key_for_a_gallery_puts_no_release_on_file_for_a_purpose_that_no_gallery_serves(site: Site) -> None:
    site.system.add_purpose("new", basis="consent", fmr=1e-3, retention=timedelta(days=9), alternative="a badge")
    sheet = f"subject,purpose,signed,term\n{ADA},new,2026-05-01,365d\n"
    for scope, status in (({"galleries": ["door"]}, 403), ({"galleries": ["new"]}, 201), ({"purposes": ["new"]}, 201)):
        answer = site.call("POST", "/v1/releases", key=site.key(**scope), files={"release": ("r.csv", sheet)})
        assert answer.status_code == status
    shown = site.call("GET", "/v1/purposes", key=site.key(galleries=["door"])).json()
    assert [one["name"] for one in shown["purposes"]] == ["door"]


def test_D1_a_limited_key_ends_no_complaint_release_or_request_of_a_subject(site: Site) -> None:
    key = site.key(purposes=["gate"])
    site.system.rights.complain("Carl", "your camera stopped me")
    assert site.call("POST", SUBJECTS, key=key, json={"subject": "Carl"}, headers=GATE).status_code == 201
    renamed = site.call("PUT", f"{SUBJECTS}/Carl", key=key, json={"subject": "Carla"}, headers=GATE)
    assert renamed.status_code == 200
    assert site.call("POST", SUBJECTS, key=key, json={"subject": "Carl"}, headers=GATE).status_code == 201
    site.system.rights.complain(BEN, "wrong")
    assert site.call("DELETE", SUBJECTS, key=key, headers=GATE).json() == {"deleted": 3}
    assert {one.subject for one in site.system.rights.complaints()} == {"Carl", BEN}
    assert site.system.subject(BEN).references == ()
    assert ("subject.erase", "end") not in site.world.log(site.system)


@pytest.mark.parametrize("matter", ["complaint", "request", "suspension"])
def test_D1_no_key_erases_a_subject_with_an_open_matter_by_another_interface(site: Site, matter: str) -> None:
    key = site.key()
    if matter == "complaint":
        site.system.rights.complain(BEN, "wrong")
    elif matter == "request":
        site.system.rights.ask(BEN, RequestKind.ACCESS)
    else:
        site.system.rights.suspend(BEN, "a test")
    refused = site.call("DELETE", f"{SUBJECTS}/{BEN}", key=key, headers=GATE)
    assert (refused.status_code, refused.json()["code"]) == (405, 32)
    assert len(site.system.subject(BEN).references) == 1
    site.call("DELETE", SUBJECTS, key=key, headers=GATE)
    assert len(site.system.subject(BEN).references) == 1
    assert site.call("DELETE", f"/v1/subjects/{BEN}", key=key).json()["references"] == 1


def test_D1_without_an_open_matter_a_key_for_all_erases_a_subject_wholly(site: Site) -> None:
    assert site.call("DELETE", f"{SUBJECTS}/{BEN}", key=site.key(), headers=GATE).status_code == 200
    assert ("subject.erase", "end") in site.world.log(site.system)


# --- What is sent again ---


def _again(site: Site, key: str, token: str, picture: tuple[str, bytes]) -> Any:
    form = {"gallery": "door", "purpose": "door", "reason": "a test"}
    headers = {"Idempotency-Key": token}
    return site.call("POST", "/v1/identifications", key=key, data=form, files={"image": picture}, headers=headers)


def test_T2_W7_recognition_that_is_sent_again_names_nobody(site: Site) -> None:
    key, token, picture = site.key(), str(uuid.uuid4()), site.image(ADA)
    first = _again(site, key, token, picture)
    assert ADA in first.text
    for step in (lambda: None, lambda: site.system.erase(ADA), lambda: site.system.control.stop("a test")):
        step()
        answer = _again(site, key, token, picture)
        assert answer.status_code == 409
        assert f"entry {first.json()['entry']}" in answer.json()["detail"]
        assert ADA not in answer.text


@pytest.mark.parametrize("ends", ["erase", "withdraw", "stop"])
def test_T2_W7_answers_about_people_are_not_given_again_after_an_erasure_or_a_stop(site: Site, ends: str) -> None:
    site.system.releases.add(site.world.release("Cem"))
    key, headers = site.key(), {"Idempotency-Key": str(uuid.uuid4())}
    files = {"image": site.image("Cem")}

    def enrol() -> Any:
        form = {"subject": "Cem", "purpose": "door"}
        return site.call("POST", "/v1/enrolments", key=key, data=form, files=files, headers=headers)

    assert enrol().status_code == 200
    assert enrol().headers["idempotency-replayed"] == "true"
    if ends == "erase":
        site.system.erase("Cem")
    elif ends == "withdraw":
        site.system.rights.withdraw("Cem", "door")
    else:
        site.system.control.stop("a test")
    assert enrol().status_code == 409
    assert "Cem" not in enrol().text


def test_T2_a_receipt_of_an_erasure_is_given_again_whatever_was_erased_since(site: Site) -> None:
    key, headers = site.key(), {"Idempotency-Key": str(uuid.uuid4())}
    first = site.call("DELETE", f"/v1/subjects/{ADA}", key=key, headers=headers)
    site.system.erase(BEN)
    again = site.call("DELETE", f"/v1/subjects/{ADA}", key=key, headers=headers)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


def test_W7_a_stop_that_is_sent_again_is_answered_as_before(site: Site) -> None:
    key, headers = site.key(), {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (
        site.call("POST", "/v1/stop", key=key, json={"reason": "a test"}, headers=headers) for _ in range(2)
    )
    assert (first.status_code, again.content) == (200, first.content)


def test_K2_an_answer_is_not_given_again_to_somebody_whose_roles_are_others_by_now(site: Site) -> None:
    def account(*roles: str) -> dict[str, str]:
        linked = site.system.accounts.link("https://id.example", "42", "Ola", roles).digest
        headers: dict[str, str] = site.served.bearer("Ola", Kind.ACCOUNT, account=linked)
        return headers

    token, body = {"Idempotency-Key": str(uuid.uuid4())}, {"subject": ADA, "text": "wrong"}

    def complain(headers: dict[str, str]) -> Any:
        return site.served.client.post("/v1/complaints", json=body, headers={**headers, **token})

    before = account("operator")
    assert complain(before).status_code == 201
    assert complain(before).headers["idempotency-replayed"] == "true"
    other = complain(account("operator", "auditor"))
    assert (other.status_code, "idempotency-replayed" in other.headers) == (422, False)
