"""The interface of CompreFace, without its client: errors, scopes, two faces, what is never told."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from faceward.core.errors import UsageError
from faceward.operations.system import System
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.service.app import create_app
from faceward.service.settings import Settings
from faceward.service.state import Service

ORIGIN = "http://localhost:8000"
RECOGNITION = "/api/v1/recognition"
NOBODY = [{"subject": "unknown", "similarity": 0.0}]
WITHHELD = {"age", "gender", "emotion", "mask", "embedding", "race", "ethnicity"}

ERRORS: list[tuple[str, str, dict[str, Any], tuple[int, int]]] = [
    ("GET", "/faces", {"key": ""}, (400, 20)),
    ("GET", "/faces", {"key": "fwk_nobody"}, (404, 10)),
    ("POST", "/recognize", {}, (400, 34)),
    ("POST", "/recognize", {"files": {"picture": b"x"}}, (400, 34)),
    ("POST", "/recognize", {"data": {"file": "text"}}, (400, 34)),
    ("POST", "/recognize", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}, (400, 0)),
    ("POST", "/recognize", {"files": {"file": b"no picture"}}, (400, 21)),
    ("POST", "/recognize", {"files": {"file": b""}}, (400, 21)),
    ("POST", "/recognize", {"json": {"file": "###"}}, (400, 21)),
    ("POST", "/recognize", {"json": {"file": "AAA A"}}, (400, 21)),
    ("POST", "/recognize", {"json": {"file": 7}}, (400, 5)),
    ("POST", "/recognize", {"json": {}}, (400, 5)),
    ("POST", "/recognize", {"json": []}, (400, 0)),
    ("POST", "/recognize", {"params": {"limit": "-1"}}, (400, 26)),
    ("POST", "/recognize", {"params": {"limit": "ten"}}, (400, 36)),
    ("POST", "/recognize", {"params": {"limit": "9" * 99}}, (400, 36)),
    ("POST", "/recognize", {"params": {"prediction_count": "0"}}, (400, 12)),
    ("POST", "/recognize", {"params": {"det_prob_threshold": "1.1"}}, (400, 26)),
    ("POST", "/recognize", {"params": {"det_prob_threshold": "nan"}}, (400, 26)),
    ("POST", "/recognize", {"params": {"face_plugins": "emotion"}}, (400, 36)),
    ("POST", "/recognize", {"params": {"status": "perhaps"}}, (400, 36)),
    ("POST", "/recognize", {"params": {"detect_faces": "false"}}, (400, 36)),
    ("POST", "/recognize", {"files": {"file": b"x" * (1 << 20)}}, (413, 0)),
    ("POST", "/faces", {}, (400, 33)),
    ("GET", "/faces", {"params": {"page": "-1"}}, (400, 26)),
    ("GET", "/faces", {"params": {"size": "0"}}, (400, 26)),
    ("DELETE", "/faces/nothing", {}, (404, 44)),
    ("DELETE", f"/faces/{uuid.uuid4()}", {}, (404, 44)),
    ("POST", "/faces/delete", {"json": {"ids": []}}, (400, 26)),
    ("POST", "/faces/delete", {"content": b"["}, (400, 26)),
    ("GET", f"/faces/{uuid.uuid4()}/img", {}, (404, 11)),
    ("DELETE", "/subjects/Nobody", {}, (404, 42)),
    ("PUT", "/subjects/Nobody", {"json": {"subject": "Ann"}}, (404, 42)),
    ("POST", "/subjects", {"json": {"subject": ""}}, (400, 26)),
    ("POST", "/subjects", {"json": {}}, (400, 26)),
]


@dataclass
class Shop:
    """A program that calls, with a key for the gallery and the purpose `door`."""

    world: Any
    system: System
    client: TestClient
    key: str

    def call(self, method: str, path: str, *people: str, **options: Any) -> Any:
        """Call, with a picture of some people where any are named."""
        headers = {"x-api-key": options.pop("key", self.key), **options.pop("headers", {})}
        if people:
            options["files"] = {"file": ("a.png", self.world.picture(*people).read_bytes())}
        return self.client.request(method, path, headers=headers, **options)

    def enrol(self, who: str, *, picture: Path | None = None) -> Any:
        """Add an example, under a release that is on file."""
        self.system.releases.add(self.world.release(who))
        files = {"file": ("a.png", (picture or self.world.picture(who)).read_bytes())}
        return self.call("POST", f"{RECOGNITION}/faces", params={"subject": who}, files=files)

    def subjects(self) -> list[str]:
        found: list[str] = self.call("GET", f"{RECOGNITION}/subjects").json()["subjects"]
        return found

    def make_key(self, name: str, **scope: Any) -> str:
        return str(self.system.api_keys.create(name, **scope).secret_access_key)


@contextmanager
def served(world: Any, system: System, key: str) -> Iterator[Shop]:
    """Serve a deployment in this process."""
    service = Service.begin(system, Settings(origin=ORIGIN, threads=2, max_body=1 << 20), world.clock)
    with TestClient(create_app(service), base_url=ORIGIN) as client:
        yield Shop(world, system, client, key)
    service.close()


@pytest.fixture
def shop(world: Any) -> Iterator[Shop]:
    system = world.open()
    key = system.api_keys.create("shop", purposes=["door"], galleries=["door"]).secret_access_key
    with served(world, system, key) as made:
        yield made


def told(response: Any) -> tuple[int, int]:
    """Return status and CompreFace's number of an error."""
    assert set(response.json()) == {"message", "code"}
    assert response.json()["message"]
    return response.status_code, response.json()["code"]


def names(value: Any) -> set[str]:
    """Return every name in an answer, however deep."""
    if isinstance(value, dict):
        return set(value) | {name for one in value.values() for name in names(one)}
    return {name for one in value for name in names(one)} if isinstance(value, list) else set()


def test_a_face_of_the_gallery_is_named_and_a_stranger_is_unknown_once(shop: Shop) -> None:
    made = shop.enrol("Ann")
    assert made.status_code == 201
    assert made.json()["subject"] == "Ann"
    assert uuid.UUID(made.json()["image_id"])
    [first, second] = shop.call("POST", f"{RECOGNITION}/recognize", "Ann", "Bob").json()["result"]
    [ann] = first["subjects"]
    assert ann["subject"] == "Ann"
    assert 0.9 <= ann["similarity"] <= 1
    assert second["subjects"] == NOBODY
    assert first["box"]["x_max"] <= second["box"]["x_min"]
    [only] = shop.call("POST", f"{RECOGNITION}/recognize", "Bob", "Ann", params={"limit": 1}).json()["result"]
    assert only["subjects"] == NOBODY


def test_before_anybody_is_added_everybody_is_unknown(shop: Shop) -> None:
    assert shop.subjects() == []
    assert shop.call("GET", f"{RECOGNITION}/subjects/").json() == {"subjects": []}
    [face] = shop.call("POST", f"{RECOGNITION}/recognize", "Ann").json()["result"]
    assert face["subjects"] == NOBODY
    assert shop.call("GET", f"{RECOGNITION}/faces").json()["total_elements"] == 0


def test_C1_without_a_release_on_file_nobody_is_added(shop: Shop) -> None:
    refused = shop.call("POST", f"{RECOGNITION}/faces", "Ann", params={"subject": "Ann"})
    assert told(refused) == (403, 1)
    assert "C1" in refused.json()["message"]
    assert shop.world.fake(shop.system).extracted == []


def test_E4_a_picture_that_was_recognised_is_no_example(shop: Shop) -> None:
    shop.enrol("Ann")
    picture = shop.world.picture("Bob")
    files = {"file": ("b.png", picture.read_bytes())}
    assert shop.call("POST", f"{RECOGNITION}/recognize", files=files).status_code == 200
    refused = shop.enrol("Bob", picture=picture)
    assert told(refused) == (403, 1)
    assert "E4" in refused.json()["message"]


def test_P4_no_answer_tells_age_gender_emotion_or_an_embedding(shop: Shop) -> None:
    shop.enrol("Ann")
    image = shop.call("GET", f"{RECOGNITION}/faces").json()["faces"][0]["image_id"]
    everything = {"face_plugins": "age,gender,mask,calculator,landmarks,pose", "status": "true"}
    pair = {name: (name, shop.world.picture("Ann").read_bytes()) for name in ("source_image", "target_image")}
    answers = [
        shop.call("POST", f"{RECOGNITION}/recognize", "Ann", "Bob", params=everything),
        shop.call("POST", f"{RECOGNITION}/faces/{image}/verify", "Ann", params=everything),
        shop.call("POST", "/api/v1/detection/detect", "Ann", params=everything),
        shop.call("POST", "/api/v1/verification/verify", params=everything, files=pair),
    ]
    for answer in answers:
        assert answer.status_code == 200
        found = names(answer.json())
        assert {"box", "landmarks", "execution_time", "plugins_versions"} <= found
        assert not found & WITHHELD
        assert not any("age" in name.split("_") or "embedding" in name for name in found)


def test_two_pictures_are_compared_face_by_face(shop: Shop) -> None:
    pair = {
        "source_image": ("a.png", shop.world.picture("Ann").read_bytes()),
        "target_image": ("b.png", shop.world.picture("Bob", "Ann").read_bytes()),
    }
    [result] = shop.call("POST", "/api/v1/verification/verify", files=pair).json()["result"]
    assert "box" in result["source_image_face"]
    [same, other] = result["face_matches"]
    assert same["similarity"] > 0.9 > other["similarity"]
    assert shop.call("GET", f"{RECOGNITION}/subjects").json() == {"subjects": []}


def test_the_same_in_base_64(shop: Shop) -> None:
    def text(*people: str) -> str:
        return base64.b64encode(shop.world.picture(*people).read_bytes()).decode()

    shop.system.releases.add(shop.world.release("Ann"))
    body: dict[str, Any] = {"file": text("Ann")}
    made = shop.call("POST", f"{RECOGNITION}/faces", params={"subject": "Ann"}, json=body)
    assert made.status_code == 201
    [face] = shop.call("POST", f"{RECOGNITION}/recognize", json={"file": text("Ann")}).json()["result"]
    assert face["subjects"][0]["subject"] == "Ann"
    pair = {"source_image": text("Ann"), "target_image": text("Ann")}
    assert shop.call("POST", "/api/v1/verification/verify", json=pair).status_code == 200
    assert shop.call("POST", "/api/v1/detection/detect", json={"file": text("Ann")}).status_code == 200


def test_an_example_is_compared_and_a_stranger_has_no_similarity(shop: Shop) -> None:
    image = shop.enrol("Ann").json()["image_id"]
    [same] = shop.call("POST", f"{RECOGNITION}/faces/{image}/verify", "Ann").json()["result"]
    [other] = shop.call("POST", f"{RECOGNITION}/faces/{image}/verify", "Bob").json()["result"]
    assert same["similarity"] > 0.9
    assert other["similarity"] == 0
    assert told(shop.call("POST", f"{RECOGNITION}/faces/{image}/verify", "Ann", "Bob")) == (400, 31)


def test_the_same_picture_twice_is_one_example(shop: Shop) -> None:
    picture = shop.world.picture("Ann")
    first, second = shop.enrol("Ann", picture=picture), shop.enrol("Ann", picture=picture)
    assert first.json() == second.json()
    assert shop.call("GET", f"{RECOGNITION}/faces").json()["total_elements"] == 1


def test_examples_are_listed_page_by_page(shop: Shop) -> None:
    for who in ("Ann", "Ann", "Bob"):
        assert shop.enrol(who).status_code == 201
    pages = [
        shop.call("GET", f"{RECOGNITION}/faces", params={"page": number, "size": 2}).json() for number in (0, 1, 2)
    ]
    assert [len(page["faces"]) for page in pages] == [2, 1, 0]
    assert {(page["total_pages"], page["total_elements"], page["page_size"]) for page in pages} == {(2, 3, 2)}
    of_ann = shop.call("GET", f"{RECOGNITION}/faces", params={"subject": "Ann"}).json()
    assert [face["subject"] for face in of_ann["faces"]] == ["Ann", "Ann"]
    assert shop.subjects() == ["Ann", "Bob"]


def test_T2_deleted_examples_and_subjects_cannot_be_opened_any_more(shop: Shop) -> None:
    images = [shop.enrol(who).json()["image_id"] for who in ("Ann", "Ann", "Bob", "Bob", "Cem", "Dee")]
    keys = shop.system._deployment.store.keys("door")
    gone = shop.call("DELETE", f"{RECOGNITION}/faces/{images[0]}")
    assert gone.json() == {"image_id": images[0], "subject": "Ann"}
    some = shop.call("POST", f"{RECOGNITION}/faces/delete", json=[images[1], str(uuid.uuid4())])
    assert some.json() == [{"image_id": images[1], "subject": "Ann"}]
    assert shop.call("DELETE", f"{RECOGNITION}/faces", params={"subject": "Bob"}).json() == {"deleted": 2}
    assert shop.call("DELETE", f"{RECOGNITION}/subjects/Cem").json() == {"subject": "Cem"}
    assert shop.subjects() == ["Dee"]
    assert shop.call("DELETE", f"{RECOGNITION}/subjects").json() == {"deleted": 1}
    assert shop.system._deployment.keys.destroyed(list(keys.values())) == frozenset(keys.values())
    done = shop.world.log(shop.system)
    # A key for some galleries has no say in what else is held of a subject.
    assert done.count(("subject.erase", "end")) == 0
    assert done.count(("reference.erase", "end")) == 5
    assert shop.system.subject("Cem").references == ()
    shop.enrol("Eve")
    whole = {"key": shop.make_key("whole"), "headers": {"X-Faceward-Gallery": "door"}}
    assert shop.call("DELETE", f"{RECOGNITION}/subjects/Eve", **whole).status_code == 200
    with pytest.raises(UsageError, match="nothing is held"):
        shop.system.subject("Eve")


def test_a_subject_who_is_elsewhere_too_stays_there(shop: Shop) -> None:
    shop.enrol("Ann")
    shop.system.enrol(
        [shop.world.picture("Ann")], subject="Ann", purpose="door", gallery="back", releases=shop.world.release("Ann")
    )
    assert shop.call("DELETE", f"{RECOGNITION}/subjects/Ann").json() == {"subject": "Ann"}
    assert shop.subjects() == []
    assert [one.gallery for one in shop.system.subject("Ann").references] == ["back"]
    # Added by name alone here, or there: what is elsewhere stays.
    assert shop.call("POST", f"{RECOGNITION}/subjects", json={"subject": "Ann"}).status_code == 201
    assert shop.subjects() == ["Ann"]
    assert shop.call("DELETE", f"{RECOGNITION}/subjects/Ann").json() == {"subject": "Ann"}
    assert shop.subjects() == []
    shop.system.collections.users("back").create("Bob")
    assert shop.enrol("Bob").status_code == 201
    assert shop.call("DELETE", f"{RECOGNITION}/subjects").json() == {"deleted": 1}
    assert [user.name for user in shop.system.collections.users("back").all()] == ["Bob"]
    assert shop.system.subject("Ann").references


def test_all_examples_are_deleted_only_where_no_name_is_given_at_all(shop: Shop) -> None:
    for who in ("Ann", "Bob"):
        shop.enrol(who)
    assert told(shop.call("DELETE", f"{RECOGNITION}/faces", params={"subject": ""})) == (400, 26)
    assert told(shop.call("DELETE", f"{RECOGNITION}/subjects/")) == (400, 26)
    assert shop.subjects() == ["Ann", "Bob"]
    assert shop.call("DELETE", f"{RECOGNITION}/faces").json() == {"deleted": 2}


def test_subjects_are_added_by_name_and_renamed_while_there_is_no_example(shop: Shop) -> None:
    path = f"{RECOGNITION}/subjects"
    assert shop.call("POST", path, json={"subject": "Ann"}).status_code == 201
    assert told(shop.call("POST", path, json={"subject": "Ann"})) == (400, 43)
    assert shop.subjects() == ["Ann"]
    assert shop.call("PUT", f"{path}/Ann", json={"subject": "Anna"}).json() == {"updated": True}
    assert shop.subjects() == ["Anna"]
    shop.enrol("Bob")
    assert told(shop.call("PUT", f"{path}/Bob", json={"subject": "Rob"})) == (405, 32)
    assert told(shop.call("PUT", f"{path}/Anna", json={"subject": "Bob"})) == (400, 43)
    assert shop.call("PUT", f"{path}/Bob", json={"subject": "Bob"}).json() == {"updated": True}
    assert shop.subjects() == ["Anna", "Bob"]
    assert shop.call("DELETE", f"{path}/Anna").json() == {"subject": "Anna"}
    assert shop.subjects() == ["Bob"]


def test_names_that_are_none(shop: Shop) -> None:
    for name in ("unknown", "Unknown", " ", "a\u200bb", "x" * 300):
        assert told(shop.call("POST", f"{RECOGNITION}/subjects", json={"subject": name})) == (400, 26)


def test_errors_have_the_numbers_of_compreface(shop: Shop) -> None:
    for method, path, options, expected in ERRORS:
        assert told(shop.call(method, RECOGNITION + path, **options)) == expected, (method, path, options)


def test_hostile_texts_are_answered_and_never_fail(shop: Shop) -> None:
    shop.enrol("Ann")
    surrogate = b'"\\ud800"'
    headers = {"content-type": "application/json"}
    answers = [
        shop.call("DELETE", f"{RECOGNITION}/subjects/a%00b"),
        shop.call("DELETE", f"{RECOGNITION}/subjects/%ff%fe"),
        shop.call("DELETE", f"{RECOGNITION}/subjects/..%2f..%2fetc"),
        shop.call("GET", f"{RECOGNITION}/faces?subject=%ff%00"),
        shop.call("DELETE", f"{RECOGNITION}/faces?subject=%00"),
        shop.call("POST", f"{RECOGNITION}/faces", "Ann", params={"subject": "a\nb"}),
        shop.call("POST", f"{RECOGNITION}/subjects", content=b'{"subject": ' + surrogate + b"}", headers=headers),
        shop.call("POST", f"{RECOGNITION}/faces/delete", content=b"[" + surrogate + b"]", headers=headers),
        shop.call("POST", f"{RECOGNITION}/faces/delete", content=b"[" * 100_000, headers=headers),
        shop.call("POST", f"{RECOGNITION}/recognize", content=b'{"file": ' * 100_000, headers=headers),
        shop.call("POST", f"{RECOGNITION}/recognize", "Ann", headers={"X-Faceward-Mandate": "zz" * 900}),
        shop.call("POST", f"{RECOGNITION}/recognize", "Ann", headers={"X-Faceward-Reason": b"\xff\xfe"}),
        shop.call("POST", f"{RECOGNITION}/faces", "Bob", params={"subject": "Bob"}, headers={"X-Faceward-Entry": "zz"}),
        shop.call("GET", f"{RECOGNITION}/subjects", headers={"X-Faceward-Gallery": b"\xff" * 400}),
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
    assert shop.subjects() == ["Ann"]
    several = shop.make_key("several")
    for name in (b"x" * 300, "a\u200bb".encode(), b"\x7f"):
        named = {"X-Faceward-Gallery": name, "X-Faceward-Purpose": "door"}
        answer = shop.call("POST", f"{RECOGNITION}/subjects", key=several, headers=named, json={"subject": "Ann"})
        assert told(answer) == (400, 36)


def test_errors_about_faces(shop: Shop) -> None:
    empty = shop.world.picture()
    for path in (f"{RECOGNITION}/recognize", "/api/v1/detection/detect"):
        assert told(shop.call("POST", path, files={"file": ("a.png", empty.read_bytes())})) == (400, 28)
        assert told(shop.call("POST", path, "Ann", params={"det_prob_threshold": "0.99"})) == (400, 28)
    pair = {name: (name, empty.read_bytes()) for name in ("source_image", "target_image")}
    assert told(shop.call("POST", "/api/v1/verification/verify", files=pair)) == (400, 28)
    shop.system.releases.add(shop.world.release("Ann"))
    add = {"params": {"subject": "Ann"}}
    assert told(shop.call("POST", f"{RECOGNITION}/faces", "Ann", "Bob", **add)) == (400, 31)
    sure = {"params": {"subject": "Ann", "det_prob_threshold": "0.99"}}
    assert told(shop.call("POST", f"{RECOGNITION}/faces", "Ann", **sure)) == (400, 28)
    blurred = {"file": ("a.png", shop.world.picture("Ann", blurred=True).read_bytes())}
    assert told(shop.call("POST", f"{RECOGNITION}/faces", files=blurred, **add)) == (400, 36)
    assert shop.subjects() == []


def test_K2_a_key_reaches_its_own_gallery_and_purpose_only(shop: Shop) -> None:
    shop.enrol("Ann")
    shop.system.add_purpose("till", basis="consent", fmr=1e-3, retention=timedelta(days=9), alternative="cash")
    foreign = shop.make_key("foreign", purposes=["till"], galleries=["tills"])
    other_purpose = shop.make_key("other", purposes=["till"], galleries=["door"])
    path = f"{RECOGNITION}/subjects"
    assert told(shop.call("GET", path, key=foreign, headers={"X-Faceward-Gallery": "door"})) == (403, 1)
    assert told(shop.call("GET", path, key=foreign, headers={"X-Faceward-Purpose": "door"})) == (403, 1)
    refused = shop.call("GET", path, key=other_purpose)
    assert told(refused) == (403, 1)
    assert shop.call("GET", path, key=foreign).json() == {"subjects": []}
    # What another gallery holds is as if it were not there.
    assert told(shop.call("DELETE", f"{path}/Ann", key=foreign)) == (404, 42)
    image = shop.call("GET", f"{RECOGNITION}/faces").json()["faces"][0]["image_id"]
    assert told(shop.call("DELETE", f"{RECOGNITION}/faces/{image}", key=foreign)) == (404, 44)
    assert shop.subjects() == ["Ann"]
    assert ("key.use", "denied") in shop.world.log(shop.system)


def test_K2_a_key_for_several_galleries_names_one(shop: Shop) -> None:
    shop.enrol("Ann")
    several = shop.make_key("several")
    path = f"{RECOGNITION}/subjects"
    missing = shop.call("GET", path, key=several)
    assert told(missing) == (400, 20)
    assert "X-Faceward-Gallery" in missing.json()["message"]
    named = {"X-Faceward-Gallery": "door"}
    assert shop.call("GET", path, key=several, headers=named).json() == {"subjects": ["Ann"]}
    new = {"X-Faceward-Gallery": "new"}
    missing = shop.call("GET", path, key=several, headers=new)
    assert told(missing) == (400, 20)
    assert "X-Faceward-Purpose" in missing.json()["message"]
    both = {**new, "X-Faceward-Purpose": "door"}
    assert shop.call("GET", path, key=several, headers=both).json() == {"subjects": []}
    assert told(shop.call("POST", f"{RECOGNITION}/recognize", "Ann", key=several)) == (400, 20)
    assert shop.call("POST", "/api/v1/detection/detect", "Ann", key=several).status_code == 200


def test_K2_a_key_that_is_taken_away_is_refused_at_once(shop: Shop) -> None:
    assert shop.subjects() == []
    shop.system.api_keys.revoke("shop")
    refused = shop.call("GET", f"{RECOGNITION}/subjects")
    assert told(refused) == (404, 10)
    assert shop.key not in refused.text


def test_a_claim_is_not_compared_with_galleries_that_the_key_is_not_for(shop: Shop) -> None:
    image = shop.enrol("Ann").json()["image_id"]
    shop.system.enrol(
        [shop.world.picture("Ann")], subject="Ann", purpose="door", gallery="back", releases=shop.world.release("Ann")
    )
    assert told(shop.call("POST", f"{RECOGNITION}/faces/{image}/verify", "Ann")) == (403, 1)


def test_P1_an_unregistered_purpose_is_refused_and_logged(shop: Shop) -> None:
    key = shop.make_key("any", galleries=["fresh"])
    refused = shop.call("POST", f"{RECOGNITION}/recognize", "Ann", key=key, headers={"X-Faceward-Purpose": "marketing"})
    assert told(refused) == (403, 1)
    assert "P1" in refused.json()["message"]


def test_P2_where_the_standard_asks_for_a_mandate_a_header_names_it(make_world: Any) -> None:
    world = make_world("strict", standard="border", trial=True, jurisdiction="UK")
    root = world.open(purpose=None)
    keys = {name: PrivateKey.generate() for name in ("ana", "ben")}

    def person(name: str) -> System:
        deployment = root._deployment
        session = OpenSession.begin(name, keys[name], deployment.config.origin, deployment.now())
        acting: System = root.acting(name, session)
        return acting

    def approve(digest: str) -> str:
        person("ben").requests.decide(digest, Decision.APPROVE)
        return digest

    trained, now = date(2099, 1, 1), world.clock.now()
    root.people.add("ana", keys["ana"].public.line, ("operator", "approver"), trained)
    ana = person("ana")
    ana.people.add("ben", keys["ben"].public.line, ("approver",), trained)
    ana.add_purpose("gate", basis="legal-obligation", fmr=1e-3, retention=timedelta(hours=24), alternative="the desk")
    world.prove(ana)
    secret = ana.api_keys.create("gate-1", purposes=["gate"], galleries=["flight"]).secret_access_key
    with served(world, root, secret) as shop:
        assert told(shop.call("GET", f"{RECOGNITION}/faces", key="nobody")) == (404, 10)
        unknown = shop.call("GET", f"{RECOGNITION}/faces")
        assert told(unknown) == (403, 1)
        assert "K2" in unknown.json()["message"]
        approve(ana.api_keys.admit("gate-1", trained).digest)
        added = shop.call("POST", f"{RECOGNITION}/faces", "Ann", params={"subject": "Ann"})
        assert added.status_code == 201
        refused = shop.call("POST", f"{RECOGNITION}/recognize", "Ann")
        assert told(refused) == (403, 1)
        assert "P2" in refused.json()["message"]
        mandate = Mandate(
            purpose="gate", operations=("identify",), galleries=("flight",), cameras=(), place="gate 1", case="K-1",
            basis="a law", starts=now, until=now + timedelta(hours=12), searches=5, operators=("key gate-1",),
            urgent=False, recipient="",
        )  # fmt: skip
        named = {"X-Faceward-Mandate": approve(ana.mandates.request(mandate).digest)}
        [face] = shop.call("POST", f"{RECOGNITION}/recognize", "Ann", headers=named).json()["result"]
        assert face["subjects"][0]["subject"] == "Ann"


def test_galleries_of_any_script_are_named_in_a_header(shop: Shop) -> None:
    key = shop.make_key("several")
    headers = {"X-Faceward-Gallery": "Tür 門".encode(), "X-Faceward-Purpose": b"door"}
    body = {"subject": "Ann"}
    assert shop.call("POST", f"{RECOGNITION}/subjects", key=key, headers=headers, json=body).status_code == 201
    assert "Tür 門" in shop.system.gallery_purposes()


def test_a_reason_goes_to_the_log(shop: Shop) -> None:
    shop.enrol("Ann")
    shop.call("POST", f"{RECOGNITION}/recognize", "Ann")
    shop.call("POST", f"{RECOGNITION}/recognize", "Bob", headers={"X-Faceward-Reason": "lost property"})
    reasons = [
        line.opened["details"]["reason"]
        for line in shop.system.log_lines()
        if (line.operation, line.phase) == ("identify", "begin")
    ]
    assert reasons == ["standing order of the program that holds the key shop", "lost property"]
    by = {line.opened["details"].get("operator") for line in shop.system.log_lines() if line.operation == "identify"}
    assert "key shop" in by


def test_a_picture_is_not_kept(shop: Shop) -> None:
    image = shop.enrol("Ann").json()["image_id"]
    missing = shop.call("GET", f"{RECOGNITION}/faces/{image}/img")
    assert told(missing) == (404, 11)
    assert "not kept" in missing.json()["message"]
