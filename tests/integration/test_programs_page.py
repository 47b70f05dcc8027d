"""A program's key, made before there were people, goes on working once the first person admits it on a page (K2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from faceward.policy.sshsig import PublicKey


@pytest.fixture
def served(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    """Return a service whose deployment has a key, and nobody yet."""
    system = world.open()
    with service_kit.served(system, world.clock) as one:
        yield one


def _key(served: Any, name: str = "shop") -> dict[str, str]:
    made = served.service.system.api_keys.create(name, purposes=("door",))
    return {"x-api-key": made.secret_access_key}


def _works(served: Any, key: dict[str, str]) -> Any:
    return served.client.get("/v1/galleries", headers=key)


def _first(served: Any) -> Any:
    browser = served.browser()
    assert browser.begin(served.first_link(), "Ada").json()["state"] == "founded"
    assert browser.sign_in("Ada").status_code == 200
    return browser


def _id(served: Any, name: str = "shop") -> str:
    [found] = [one.note.id for one in served.service.system.api_keys.listed() if one.note.name == name]
    return str(found)


def test_K2_a_key_that_worked_before_the_first_person_works_again_once_it_is_admitted_on_the_page(served: Any) -> None:
    key, ended = _key(served), _key(served, "gone")
    served.service.system.api_keys.revoke("gone")
    assert _works(served, key).status_code == 200
    link = served.first_link()
    token = link.partition("#")[2]
    told = served.browser().post("/auth/begin/about", {"token": token}).json()
    assert (told["founds"], told["programs"]) == (True, ["shop"])
    ada = served.browser()
    assert ada.begin(link, "Ada").json()["state"] == "founded"
    refused = _works(served, key)
    assert refused.status_code == 403
    assert refused.json()["rule"] == "K2"
    assert "/programs" in refused.json()["remedy"]
    assert ada.sign_in("Ada").status_code == 200
    home = ada.client.get("/").text
    assert "One program&#39;s key does not work until it is admitted" in home
    assert "shop" in home
    page = ada.client.get("/programs").text
    assert f"/programs/{_id(served)}/admission" in page
    answer = ada.form(f"/programs/{_id(served)}/admission")
    assert (answer.status_code, answer.headers["location"]) == (303, "/programs?said=carried-out")
    assert _works(served, key).status_code == 200
    assert _works(served, ended).status_code == 401
    assert "does not work until" not in ada.client.get("/").text
    roster = served.service.system.people.roster()
    assert roster.people["key shop"].responsible == "Ada"


def test_K2_a_key_is_admitted_over_v1_with_the_same_signature(served: Any, service_kit: ModuleType) -> None:
    key, ada = _key(served), _first(served)
    path, given = "/v1/keys/shop/admission", {"trained_until": "2027-06-30"}
    first = ada.post(path, given)
    assert first.status_code == 428
    told = first.json()
    key_of_program = served.service.system.api_keys.listed()[0].note.person
    assert told["fingerprints"] == [PublicKey.parse(key_of_program).fingerprint]
    signed = service_kit.b64(json.dumps(ada.phone.get(told["publicKey"])).encode())
    answer = ada.post(path, given, **{"faceward-prepared": told["prepared"], "faceward-assertion": signed})
    assert (answer.status_code, answer.json()["state"]) == (202, "carried out")
    assert _works(served, key).status_code == 200
    assert served.service.system.people.roster().people["key shop"].trained.isoformat() == "2027-06-30"


def test_K2_a_key_is_made_on_the_page_shown_once_and_taken_away(served: Any) -> None:
    ada = _first(served)
    made = ada.form("/programs", name="till", purposes="door", days="30")
    assert made.status_code == 200
    [note] = [one.note for one in served.service.system.api_keys.listed()]
    assert (note.name, note.purposes, note.by) == ("till", frozenset({"door"}), "Ada")
    assert (note.expires - note.created).days == 30
    record = served.service.system.api_keys.by_id(note.id)
    assert record.secret in made.text
    page = ada.client.get("/programs").text
    assert note.id in page
    assert record.secret not in page
    assert ada.form(f"/programs/{note.id}/admission").status_code == 303
    assert _works(served, {"x-api-key": record.secret}).status_code == 200
    assert ada.form(f"/programs/{note.id}/revocation").headers["location"] == "/programs?said=key-revoked"
    assert _works(served, {"x-api-key": record.secret}).status_code == 401
    assert ada.form("/programs", name="till", days="0").status_code == 422
