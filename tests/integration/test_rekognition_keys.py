"""Who may call: keys that are shown, signed with, scoped, expired and revoked, and what the log says of it."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.auth
import httpx
import pytest
from botocore.exceptions import ClientError

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.mandates import Mandate
from faceward.policy.requests import Decision
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.service import keys_auth
from faceward.service.errors import Unauthenticated

DAY = timedelta(days=1)


def _kit() -> ModuleType:
    # Tests are no package, so that a module beside them is loaded by its path, once.
    name = "faceward_test_rekognition_kit"
    if name not in sys.modules:
        path = Path(__file__).resolve().parents[1] / "rekognition_kit.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


make_shop, shop = _kit().make_shop, _kit().shop


def refused(call: Any, **given: Any) -> str:
    """Return the name of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


def denials(shop: Any) -> list[dict[str, Any]]:
    """Return what the log says of keys that were turned away."""
    lines = [line for line in shop.system.log_lines() if line.operation == "key.use"]
    assert {line.phase for line in lines} <= {"denied"}
    return [line.opened["details"] for line in lines]


def test_K2_a_wrong_secret_is_refused_and_logged(shop: Any) -> None:
    wrong = shop.served.client((shop.key.access_key_id, "x" * 40))
    assert refused(wrong.list_collections) == "InvalidSignatureException"
    [denial] = denials(shop)
    assert (denial["key"], denial["rule"]) == (shop.key.access_key_id, "K2")


def test_K2_unknown_keys_are_refused_and_do_not_fill_the_log(shop: Any) -> None:
    unknown = shop.served.client(("FWAK" + "A" * 16, "x" * 40))
    size = shop.system.log_size
    for _ in range(25):
        assert refused(unknown.list_collections) == "UnrecognizedClientException"
    assert [one["attempts"] for one in denials(shop)] == [1, 10]
    assert shop.system.log_size == size + 2


def test_K2_an_unsigned_request_is_refused(shop: Any) -> None:
    answer = httpx.post(shop.served.url, json={}, headers={"x-amz-target": "RekognitionService.ListCollections"})
    assert answer.status_code == 400
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert denials(shop)


def test_K2_a_request_of_another_time_is_refused(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    signing = botocore.auth.SigV4Auth.add_auth
    for shift in (-timedelta(minutes=6), timedelta(minutes=6)):
        moment = _kit().now() + shift
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda moment=moment: moment.replace(tzinfo=None))
        assert refused(shop.aws.list_collections) == "InvalidSignatureException"
    monkeypatch.undo()
    assert botocore.auth.SigV4Auth.add_auth is signing
    assert shop.aws.list_collections()["CollectionIds"] == []


def test_K2_an_altered_body_is_refused(shop: Any) -> None:
    client = shop.served.client(shop.key)
    client.meta.events.register(
        "before-send.rekognition", lambda request, **_: setattr(request, "body", b'{"CollectionId": "other"}')
    )
    assert refused(client.describe_collection, CollectionId="staff") == "InvalidSignatureException"


@pytest.mark.parametrize("name", ["x-faceward-mandate", "x-amz-something"])
def test_K2_what_decides_must_be_signed(shop: Any, name: str) -> None:
    client = shop.served.client(shop.key)
    client.meta.events.register("before-send.rekognition", lambda request, **_: request.headers.update({name: "added"}))
    assert refused(client.list_collections) == "InvalidSignatureException"


def test_K2_a_revoked_key_is_refused_at_once_in_every_process(shop: Any) -> None:
    assert shop.aws.list_collections()["CollectionIds"] == []
    # Another process has the deployment open too.
    other = shop.world.open(purpose=None)
    other.api_keys.revoke("shop")
    assert refused(shop.aws.list_collections) == "UnrecognizedClientException"
    assert ("key.revoke", "end") in shop.log()
    assert denials(shop)[-1]["key"] == shop.key.access_key_id
    with pytest.raises(Unauthenticated):
        keys_auth.by_secret(shop.served.service, shop.key.secret_access_key)


def test_K2_an_expired_key_is_refused(shop: Any) -> None:
    key = shop.system.api_keys.create("brief", term=timedelta(hours=1))
    client = shop.served.client(key)
    assert client.list_collections()["CollectionIds"] == []
    shop.world.clock.advance(timedelta(hours=2))
    assert refused(client.list_collections) == "ExpiredTokenException"


def test_K2_a_key_serves_its_own_purposes_and_galleries_alone(shop: Any) -> None:
    shop.system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=DAY)
    shop.indexed("ana")
    for scope in ({"purposes": ["law"]}, {"galleries": ["other"]}):
        client = shop.served.client(shop.system.api_keys.create(next(iter(scope)), **scope))
        assert client.list_collections()["CollectionIds"] == []
        for call, given in (
            (client.describe_collection, {}),
            (client.list_faces, {}),
            (client.delete_collection, {}),
            (client.search_faces_by_image, {"Image": shop.picture("ana")}),
        ):
            assert refused(call, CollectionId="staff", **given) == "AccessDeniedException"
        assert (
            refused(client.create_collection, CollectionId="new", Tags={"purpose": "door"}) == "AccessDeniedException"
        )
    assert "not its own" in denials(shop)[-1]["reason"]
    own = shop.served.client(shop.system.api_keys.create("lawyer", purposes=["law"], galleries=["court"]))
    # A key of one purpose needs no tag: its purpose is the collection's.
    assert own.create_collection(CollectionId="court")["StatusCode"] == 200
    assert own.list_collections()["CollectionIds"] == ["court"]
    assert shop.system.collections.get("court").purpose == "law"


def test_keys_are_shown_once_and_lie_sealed(shop: Any) -> None:
    keys = shop.system.api_keys
    made = keys.create("gate", purposes=["door"], galleries=["staff"], term=90 * DAY)
    assert len(made.access_key_id) == 20
    assert len(made.secret_access_key) == 40
    shown = {one.note.name: one for one in keys.listed()}
    assert "secret" not in str(shown["gate"].to_json())
    assert made.secret_access_key not in repr((made, shown, keys.by_id(made.access_key_id)))
    secret = made.secret_access_key.encode()
    assert not [file for file, content in shop.world.contents().items() if secret in content]
    found = keys.by_secret(made.secret_access_key)
    assert found is not None
    assert (found.name, found.purposes, found.galleries) == ("gate", frozenset({"door"}), frozenset({"staff"}))
    assert keys.by_secret("x" * 40) is None
    assert keys.by_secret("") is None
    assert keys.by_id("nothing") is None
    with pytest.raises(UsageError, match="already"):
        keys.create("gate")
    with pytest.raises(UsageError, match="no purpose"):
        keys.create("other", purposes=["marketing"])
    assert keys.create().note.name.startswith("program-")


def test_K2_where_people_sign_in_a_key_acts_once_the_roster_knows_it(shop: Any) -> None:
    office = Office(shop)
    assert refused(shop.aws.list_collections) == "AccessDeniedException"
    asked = office.ana.api_keys.admit("shop")
    assert asked.state == "waiting"
    assert refused(shop.aws.list_collections) == "AccessDeniedException"
    office.ben.requests.decide(asked.digest, Decision.APPROVE)
    shop.aws.create_collection(CollectionId="staff", Tags=_kit().TAGS)
    lines = [line for line in shop.system.log_lines() if line.operation == "gallery.create"]
    assert lines[-1].opened["details"]["operator"] == "key shop"
    assert [line for line in shop.system.log_lines() if line.operation == "sign-in"][-1].phase == "note"
    # The session is begun once, not for each request.
    before = sum(operation == "sign-in" for operation, _ in shop.log())
    shop.aws.list_collections()
    assert sum(operation == "sign-in" for operation, _ in shop.log()) == before
    gone = office.ana.people.remove("key shop")
    office.ben.requests.decide(gone.digest, Decision.APPROVE)
    assert refused(shop.aws.create_collection, CollectionId="b", Tags=_kit().TAGS) == "AccessDeniedException"


def test_P2_where_the_standard_asks_for_a_mandate_a_key_needs_one(make_shop: Any) -> None:
    """In the tags of the collection, or in a header that is signed with the rest."""
    shop = make_shop(standard="border", trial=True, jurisdiction="UK")
    office = Office(shop)
    office.ana.add_purpose("gate", basis="legal-obligation", fmr=1e-3, retention=timedelta(hours=24), alternative="x")
    shop.world.prove(office.ana)
    key = office.ana.api_keys.create("gate-1", purposes=["gate"])
    asked = office.ana.api_keys.admit("gate-1", date.fromisoformat("2099-01-01"))
    office.ben.requests.decide(asked.digest, Decision.APPROVE)
    aws = shop.served.client(key)
    aws.create_collection(CollectionId="flight", Tags={"basis": "legal-obligation"})
    aws.index_faces(CollectionId="flight", Image=shop.picture("ana"), ExternalImageId="ana")
    with pytest.raises(aws.exceptions.AccessDeniedException, match="rule P2"):
        aws.search_faces_by_image(CollectionId="flight", Image=shop.picture("ana"))
    assert shop.log()[-1] == ("identify", "denied")
    now = shop.world.clock.now()
    mandate = office.ana.mandates.request(
        Mandate(
            purpose="gate", operations=("identify",), galleries=("flight",), cameras=(), place="gate 1", case="K-1",
            basis="a law", starts=now, until=now + timedelta(hours=12), searches=5, operators=("key gate-1",),
            urgent=False, recipient="",
        )
    ).digest  # fmt: skip
    office.ben.requests.decide(mandate, Decision.APPROVE)
    with_header = shop.served.client(key)
    with_header.meta.events.register(
        "before-sign.rekognition", lambda request, **_: request.headers.add_header("X-Faceward-Mandate", mandate)
    )
    found = with_header.search_faces_by_image(CollectionId="flight", Image=shop.picture("ana"))
    assert [one["Face"]["ExternalImageId"] for one in found["FaceMatches"]] == ["ana"]
    aws.delete_collection(CollectionId="flight")
    aws.create_collection(CollectionId="flight", Tags={"mandate": mandate, "reason": "boarding"})
    aws.search_faces_by_image(CollectionId="flight", Image=shop.picture("ana"))
    line = [one for one in shop.system.log_lines() if one.operation == "identify" and one.phase == "begin"][-1]
    assert line.opened["details"]["reason"] == "boarding"
    assert line.opened["details"]["mandate"] == mandate


class Office:
    """Ana, who asks, and Ben, who approves, each in a view of their own."""

    def __init__(self, shop: Any) -> None:
        self._system, self._shop = shop.system, shop
        self._keys = {name: PrivateKey.generate() for name in ("ana", "ben", "cem")}
        trained = date.fromisoformat("2099-01-01")
        roles = {"ana": ("operator", "approver"), "ben": ("approver",)}
        acting = shop.system
        for name, own in roles.items():
            acting.people.add(name, self._keys[name].public.line, own, trained)
            acting = self.as_person("ana")

    def as_person(self, name: str) -> Any:
        deployment = self._system._deployment
        session = OpenSession.begin(name, self._keys[name], deployment.config.origin, deployment.now())
        return self._system.acting(name, session)

    @property
    def ana(self) -> Any:
        return self.as_person("ana")

    @property
    def ben(self) -> Any:
        return self.as_person("ben")


def test_K2_only_operators_make_and_revoke_keys(shop: Any) -> None:
    office = Office(shop)
    for act in (
        lambda: office.ben.api_keys.create("other"),
        lambda: office.ben.api_keys.revoke("shop"),
        lambda: shop.system.api_keys.create("other"),
    ):
        with pytest.raises(PolicyRefusal, match="rule K2"):
            act()
    assert [(one.note.name, one.state, one.admitted) for one in shop.system.api_keys.listed()] == [
        ("shop", "in force", False)
    ]


def test_T2_what_a_program_deleted_stays_deleted_when_keys_are_restored(shop: Any) -> None:
    """An older keys.db is brought up to the log, whatever deleted the references."""
    faces = shop.indexed("ana", "ben")
    deployment = shop.system._deployment
    keys = set(deployment.store.keys("staff").values())
    copied = shop.world.copy("keys.db", "gallery.db")
    shop.aws.delete_faces(CollectionId="staff", FaceIds=faces[:1])
    shop.aws.delete_collection(CollectionId="staff")
    shop.stop()
    shop.world.close()
    for path in copied.iterdir():
        (shop.world.home / path.name).write_bytes(path.read_bytes())
    system = shop.world.open(purpose=None)
    assert system._deployment.keys.destroyed(keys) == keys
