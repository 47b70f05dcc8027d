"""Walls of the service that stand behind other walls: each is tried by itself, with the others out of the way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import BadInput, IntegrityError
from faceward.service import first_start, idempotency, subject_links
from faceward.service.callers import Caller, Kind
from faceward.service.errors import Unauthenticated
from faceward.service.first_start import Invitation
from faceward.service.vault import FILE, Vault

ADA = "Ada Lovelace"
SHORT = timedelta(minutes=5)


@pytest.fixture
def empty(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    """Return a service whose deployment has nobody yet."""
    with service_kit.served(world.open(purpose=None), world.clock) as one:
        yield one


@pytest.fixture
def served(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    """Return a service of a deployment with the purpose `door`."""
    with service_kit.served(world.open(), world.clock) as one:
        yield one


@pytest.fixture
def ada(empty: Any) -> Any:
    """Return the browser of the first person, who has just signed in."""
    browser = empty.browser()
    assert browser.begin(empty.first_link(), "Ada").json()["state"] == "founded"
    assert browser.sign_in("Ada").status_code == 200
    return browser


def _link(served: Any, name: str) -> str:
    service = served.service
    return first_start.invite(service.system, service.vault, service.settings.origin, Invitation(name, ("operator",)))


# ---- the name that it was asked under ------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8000", "", "[2001:db8::1]"])
def test_K2_who_asks_under_another_sites_name_is_told_nothing(empty: Any, ada: Any, host: str) -> None:
    for path in ("/healthz", "/v1/sessions", "/auth/account"):
        assert ada.client.get(path).status_code == 200
        answer = ada.client.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "Ada" not in answer.text
    signed_out = ada.client.delete("/v1/sessions", headers={"host": host})
    assert signed_out.status_code == 421
    assert ada.client.get("/v1/sessions").status_code == 200


# ---- what the service remembers ------------------------------------------------------------------


@pytest.mark.parametrize(
    "moved",
    [
        "UPDATE thing SET sealed = (SELECT sealed FROM thing WHERE kind = 'offer') WHERE kind = 'link'",
        "UPDATE thing SET sealed = (SELECT sealed FROM thing WHERE kind = 'other') WHERE kind = 'link'",
        "UPDATE thing SET expires = expires + 1 WHERE kind = 'link'",
    ],
    ids=["from another kind", "from another name", "to another term"],
)
@pytest.mark.parametrize("way", ["get", "take", "all"])
def test_K2_what_is_sealed_opens_in_its_own_place_alone(world: Any, served: Any, moved: str, way: str) -> None:
    vault, until = served.service.vault, served.service.now() + SHORT
    vault.put("link", "mine", "mine", until)
    vault.put("offer", "mine", "of another kind", until)
    vault.put("link", "another", "of another name", until)
    path = served.service.system.home / FILE
    digest = vault._digest("link", "another")
    with sqlite3.connect(path) as connection:
        # One row of the kind is left, so that each change is to a single one.
        connection.execute(
            "INSERT INTO thing SELECT 'other', name, expires, sealed FROM thing WHERE kind = 'link' AND name = ?",
            (digest,),
        )
        connection.execute("DELETE FROM thing WHERE kind = 'link' AND name = ?", (digest,))
        assert connection.execute(moved).rowcount == 1
    connection.close()
    with pytest.raises(IntegrityError, match="altered"):
        vault.all("link") if way == "all" else getattr(vault, way)("link", "mine")


def test_K2_what_is_moved_to_another_kind_is_none_of_that_kind(served: Any) -> None:
    vault = served.service.vault
    vault.put("link", "mine", "mine", served.service.now() + SHORT)
    with sqlite3.connect(served.service.system.home / FILE) as connection:
        assert connection.execute("UPDATE thing SET kind = 'offer' WHERE kind = 'link'").rowcount == 1
    connection.close()
    assert vault.all("link") == []
    with pytest.raises(IntegrityError, match="altered"):
        vault.all("offer")


def test_K2_what_has_expired_is_given_to_nobody(world: Any, served: Any) -> None:
    vault: Vault = served.service.vault
    vault.put("link", "mine", "a value", served.service.now() + SHORT)
    vault.put("link", "another", "a value", served.service.now() + SHORT)
    world.clock.advance(SHORT - timedelta(seconds=1))
    assert vault.take("link", "another") == "a value"
    world.clock.advance(timedelta(seconds=1))
    assert vault.take("link", "mine") is None
    assert vault.get("link", "mine") is None
    assert vault.all("link") == []


# ---- who it was prepared for ---------------------------------------------------------------------


def test_S2_what_one_session_prepared_another_of_the_same_person_cannot_use(
    empty: Any, ada: Any, service_kit: ModuleType
) -> None:
    eve = empty.browser(8)
    eve.begin(_link(empty, "Eve"))
    [offer] = first_start.offers(empty.service)
    elsewhere = service_kit.Browser(empty.browser().client, ada.phone)
    assert elsewhere.sign_in("Ada").status_code == 200

    def headers(browser: Any) -> dict[str, str]:
        return {**service_kit.SAME_SITE, **service_kit.JSON, "faceward-csrf": browser.csrf}

    def prepared() -> dict[str, str]:
        told = ada.client.post(f"/auth/offers/{offer['id']}", headers=headers(ada)).json()
        signed = service_kit.b64(json.dumps(ada.phone.get(told["publicKey"])).encode())
        return {"faceward-prepared": told["prepared"], "faceward-assertion": signed}

    refused = elsewhere.client.post(f"/auth/offers/{offer['id']}", headers={**headers(elsewhere), **prepared()})
    assert refused.status_code == 422
    assert len(empty.service.system.people.roster()) == 1
    own = {**headers(ada), **prepared()}
    assert ada.client.post(f"/auth/offers/{offer['id']}", headers=own, follow_redirects=False).status_code == 303
    assert len(empty.service.system.people.roster()) == 2


def test_K2_an_invitation_brings_one_passkey(empty: Any, ada: Any) -> None:
    link = _link(empty, "Eve")
    eve, late, again = empty.browser(8), empty.browser(9), empty.browser(10)
    # Begun while the link was good, and answered when it is spent.
    begun = late.post("/auth/begin/options", {"token": link.partition("#")[2], "person": ""}).json()
    assert eve.begin(link).json()["state"] == "offered"
    credential = late.phone.create(begun["publicKey"])
    assert late.post("/auth/begin", {"ceremony": begun["ceremony"], "credential": credential}).status_code == 422
    assert again.begin(link).status_code == 422
    with pytest.raises(BadInput, match="used already"):
        first_start.about(empty.service, link.partition("#")[2])
    [offer] = first_start.offers(empty.service)
    assert offer["fingerprint"] == eve.phone.public.fingerprint


def test_K2_who_an_account_was_before_is_signed_out_when_it_becomes_somebody_elses(empty: Any) -> None:
    accounts = empty.service.system.accounts
    account = accounts.link("https://id.example", "42", "Ada", ("operator",))
    bearer = empty.bearer("Ada", Kind.ACCOUNT, account=account.digest)
    assert empty.client.get("/v1/sessions", headers=bearer).json()["name"] == "Ada"
    accounts.link("https://id.example", "42", "Bea", ("operator",))
    assert empty.client.get("/v1/sessions", headers=bearer).status_code == 401


@pytest.mark.parametrize("who", [ADA, "Ben", "erased"])
def test_K2_a_visit_is_checked_again_at_each_request(world: Any, served: Any, who: str) -> None:
    system, vault = served.service.system, served.service.vault
    world.enrol(system, ADA, "Ben")
    visit = subject_links.use(system, vault, subject_links.make(system, vault, ADA).token)
    subject_links.begin(vault, "a session's token", visit, served.service.now())
    caller = Caller(Kind.SUBJECT, ADA if who == "erased" else who, token=subject_links._digest("a session's token"))
    if who == ADA:
        assert subject_links.visiting(system, vault, caller).subject(ADA).subject == ADA
        return
    if who == "erased":
        system.erase(ADA)
    with pytest.raises(Unauthenticated, match="your visit has ended"):
        subject_links.visiting(system, vault, caller)


# ---- what is one's own ---------------------------------------------------------------------------


def test_an_idempotency_key_names_a_request_with_its_query(served: Any) -> None:
    key = served.service.system.api_keys.create("lane").secret_access_key
    caller = Caller(Kind.KEY, "key lane")

    def place(query: bytes) -> str:
        from starlette.requests import Request

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/x",
            "query_string": query,
            "headers": [],
            "app": served.app,
        }
        return str(idempotency._Place.of(Request(scope), caller, key).digest)

    assert place(b"dry=1") == place(b"dry=1")
    assert len({place(b""), place(b"dry=1"), place(b"dry=2")}) == 3


@pytest.mark.parametrize("scope", [{"purposes": ["door"]}, {"galleries": ["door"]}])
def test_K2_a_limited_key_sees_no_entry_that_does_not_say_whose_it_is(
    world: Any, served: Any, scope: dict[str, Any]
) -> None:
    system = served.service.system
    world.enrol(system, ADA)
    whole, limited = (
        system.api_keys.create(name, **more).secret_access_key for name, more in (("a", {}), ("b", scope))
    )
    assert served.client.get(f"/v1/subjects/{ADA}/export", headers={"x-api-key": whole}).status_code == 200

    def history(key: str) -> list[dict[str, Any]]:
        told = served.client.get(f"/v1/subjects/{ADA}", headers={"x-api-key": key})
        return list(told.json()["history"])

    silent = [
        line
        for line in history(whole)
        if not any({"purpose", "gallery"} & set(told) for told in line["opened"].values())
    ]
    assert silent
    shown = history(limited)
    assert shown
    assert not [line for line in shown if line["index"] in {one["index"] for one in silent}]
