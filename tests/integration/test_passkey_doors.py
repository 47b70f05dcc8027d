"""What a passkey signed at another page opens no door here, and one key is nobody's second person (rules K2, S2)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal, SignatureNeeded, UsageError
from faceward.policy.asking import APPROVAL_NAMESPACE, SignedRequest, new_request
from faceward.policy.people import Person, Role
from faceward.policy.sshsig import PrivateKey
from faceward.service import first_start, keys_auth, passkeys, sessions
from faceward.service.first_start import Invitation

DAY = timedelta(days=1)
# The service is http://localhost:8000; the first is what any other program of the same machine may serve.
ELSEWHERE = ("http://localhost:9999", "https://evil.localhost", "https://localhost:8443")


@pytest.fixture
def served(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    """Return a service whose deployment has nobody yet."""
    with service_kit.served(world.open(purpose=None), world.clock) as one:
        yield one


@pytest.fixture
def ada(served: Any) -> Any:
    """Return the browser of the first person, who has just signed in."""
    browser = served.browser()
    assert browser.begin(served.first_link(), "Ada").json()["state"] == "founded"
    assert browser.sign_in("Ada").status_code == 200
    return browser


def _offered(served: Any, browser: Any, name: str, *roles: str, replaces: bool = False) -> Any:
    service = served.service
    invitation = Invitation(name, roles, "2027-12-31", replaces=replaces)
    link = first_start.invite(service.system, service.vault, service.settings.origin, invitation)
    return browser.begin(link)


@pytest.fixture
def bob(served: Any, ada: Any) -> Any:
    """Return the browser of the second approver, who has just signed in."""
    browser = served.browser(8)
    assert _offered(served, browser, "Bob", "operator", "approver").status_code == 200
    [offer] = first_start.offers(served.service)
    assert ada.form(f"/auth/offers/{offer['id']}").status_code == 303
    assert browser.sign_in("Bob").status_code == 200
    return browser


def _send(browser: Any, path: str, given: dict[str, Any] | None = None, **headers: str) -> Any:
    """Do something over `/v1`, and sign what is asked for."""
    answer = browser.post(path, given or {}, **headers)
    if answer.status_code != 428:
        return answer
    told = answer.json()
    signed = base64.b64encode(json.dumps(browser.phone.get(told["publicKey"])).encode()).decode()
    return browser.post(path, given or {}, **{"faceward-prepared": told["prepared"], "faceward-assertion": signed})


def _asked(ada: Any) -> str:
    person = {"name": "Cem", "keys": [PrivateKey.generate().public.line], "roles": ["reviewer"]}
    answer = _send(ada, "/v1/people", person)
    assert answer.status_code == 202
    return str(answer.json()["request"])


@pytest.mark.parametrize("origin", [*ELSEWHERE, "http://localhost:8000"])
def test_K2_what_a_passkey_signed_at_a_page_is_no_signature_of_ssh_keygen(served: Any, ada: Any, origin: str) -> None:
    told = served.client.post("/v1/sessions/prepare", json={"person": "Ada"}).json()
    try:
        signature = ada.phone.sign(told["namespace"], told["message"].encode(), origin=origin)
    except PolicyRefusal:
        pytest.fail("the attacker's browser makes it, whatever we think of it")
    answer = served.client.post("/v1/sessions", json={"prepared": told["prepared"], "signature": signature})
    assert (answer.status_code, "token" in answer.json()) == (403, False)
    assert served.denied()[-1]["attempt"] == "sign-in"


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_K2_a_decision_that_was_signed_at_another_page_approves_nothing(
    served: Any, ada: Any, bob: Any, origin: str
) -> None:
    digest = _asked(ada)
    told = ada.client.get(f"/v1/requests/{digest}/message", params={"approver": "Bob"}).json()["message"]
    signature = bob.phone.sign(APPROVAL_NAMESPACE, told.encode(), origin=origin)
    given = {"decision": "approve", "message": told, "signature": signature}
    for path in (f"/v1/requests/{digest}/decisions", f"/v1/mandates/{digest}/decisions"):
        assert ada.post(path, given).status_code == 403
    assert [one["attempt"] for one in served.denied()] == ["signature"] * len(served.denied())
    # Nor in the header that is for `ssh-keygen`, in the name of who signed.
    asked = bob.post(f"/v1/requests/{digest}/decisions", {"decision": "approve"}).json()
    message = base64.b64decode(asked["message"])
    brought = base64.b64encode(bob.phone.sign(asked["namespace"], message, origin=origin).encode()).decode()
    shown = {"faceward-prepared": asked["prepared"], "faceward-signature": brought}
    assert bob.post(f"/v1/requests/{digest}/decisions", {"decision": "approve"}, **shown).status_code == 403
    assert ada.client.get(f"/v1/requests/{digest}").json()["state"] == "waiting"
    done = _send(bob, f"/v1/requests/{digest}/decisions", {"decision": "approve"})
    assert done.json()["state"] == "carried out"


def test_K2_a_copied_passkey_cannot_hide_its_count_behind_another_name(served: Any, ada: Any) -> None:
    own = ada.phone.credential
    ada.phone.counter = 50
    assert ada.sign_in("Ada").status_code == 200
    ada.phone.counter, ada.phone.credential = 3, b"\x99" * 32
    assert ada.sign_in("Ada").status_code == 403
    assert ada.sign_in().status_code == 403
    ada.phone.counter = 60
    assert ada.sign_in("Ada").status_code == 403, "whatever it counts, that is not its name"
    [kept] = passkeys.credentials_of(served.service, [ada.phone.public])
    assert base64.urlsafe_b64decode(kept + "=") == own
    ada.phone.credential = own
    assert ada.sign_in("Ada").status_code == 200


def test_K2_only_a_passkey_that_was_asked_answers(served: Any, ada: Any) -> None:
    step = ada.post("/auth/sign-in/options", {"person": "Ada"}).json()
    credential = ada.phone.get(step["publicKey"])
    credential["id"] = credential["rawId"] = base64.urlsafe_b64encode(b"\x99" * 33).decode()
    answer = ada.post("/auth/sign-in", {"ceremony": step["ceremony"], "credential": credential})
    assert answer.status_code == 403
    assert "another passkey answered" in answer.json()["detail"]


def test_K2_a_new_passkey_does_not_take_the_name_of_another(served: Any, ada: Any) -> None:
    eve = served.browser(7)
    refused = _offered(served, eve, "Eve", "operator")
    assert refused.status_code == 422
    assert "another passkey is known" in refused.json()["detail"]
    assert first_start.offers(served.service) == []
    assert ada.sign_in("Ada").status_code == 200


def test_a_passkey_that_is_offered_twice_is_said_to_be_there(served: Any, ada: Any) -> None:
    assert _offered(served, ada, "Ada", "operator", "approver").json()["state"] == "offered"
    [offer] = first_start.offers(served.service)
    refused = ada.form(f"/auth/offers/{offer['id']}")
    assert refused.status_code == 422
    assert "already" in refused.json()["detail"]


def test_K2_a_first_link_that_a_rule_refused_ends_when_it_was_to_end(
    served: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = served.first_link()
    world.clock.advance(first_start.TERM - timedelta(minutes=1))

    def refuse(*_: Any) -> None:
        raise PolicyRefusal("S2", "no.", "Not now.")

    with monkeypatch.context() as patch:
        patch.setattr(first_start, "found", refuse)
        assert served.browser().begin(link, "Ada").status_code == 403
    assert served.browser().post("/auth/begin/about", {"token": link.partition("#")[2]}).status_code == 200
    world.clock.advance(timedelta(minutes=1))
    assert served.browser().begin(link, "Ada").status_code == 422


def test_S2_whoever_comes_second_founds_nothing(served: Any, ada: Any) -> None:
    """The custodian itself refuses it, whatever the service was made to believe."""
    system = served.service.system
    now = served.service.now()
    body = Person("Eve", PrivateKey.generate().public, frozenset({Role.APPROVER}), None, now).to_json()
    forged = SignedRequest(new_request("person.add", body, "Eve", system.accounts.origin, (now, now + DAY)), "")
    with pytest.raises(PolicyRefusal, match="not in the roster"):
        system._deployment.custody.decide(forged, ())
    with pytest.raises(PolicyRefusal, match="nobody has signed in"):
        system.acting("Eve").people.add("Eve", PrivateKey.generate().public.line, ("approver",))
    assert list(system.people.roster().people) == ["Ada"]


@pytest.fixture
def bot(served: Any, ada: Any, bob: Any) -> dict[str, str]:
    """Return what a program sends whose key Ada made, Bob had taken on, and Ada approved."""
    made = _send(ada, "/v1/keys", {"name": "gate"}).json()
    [view] = served.service.system.api_keys.listed()
    person = {"name": "key gate", "keys": [view.note.person], "roles": ["operator"]}
    asked = _send(bob, "/v1/people", person).json()["request"]
    assert _send(ada, f"/v1/requests/{asked}/decisions", {"decision": "approve"}).json()["state"] == "carried out"
    sessions.forget_roster()
    return {"x-api-key": made["secret_access_key"]}


def test_S2_the_roster_says_who_made_a_programs_key_whoever_asked_for_it(served: Any, bot: dict[str, str]) -> None:
    assert served.service.system.people.roster().person("key gate").responsible == "Ada"
    [shown] = [one for one in served.service.system.people.listed() if one.name == "key gate"]
    assert shown.to_json()["responsible"] == "Ada"


def test_S2_one_person_with_a_programs_key_is_one_person(served: Any, ada: Any, bot: dict[str, str]) -> None:
    assert _send(ada, "/v1/stop", {"reason": "a test"}).status_code == 200
    for _ in range(2):  # a session that has just begun, and the same one found again
        assert served.client.post("/v1/restart", headers=bot).status_code == 403
    assert served.service.system.requests.listed(waiting=True) == ()
    assert served.service.system.control.stopped


@pytest.mark.parametrize("call", [1, 2])
def test_S2_a_programs_session_signs_nothing_in_its_name(served: Any, bot: dict[str, str], call: int) -> None:
    for _ in range(call):
        caller = keys_auth.by_secret(served.service, bot["x-api-key"])
    assert caller.session is not None
    with pytest.raises(SignatureNeeded):
        caller.session.sign("faceward-request", b"x")
    answer = served.client.post("/v1/stop", json={"reason": "x"}, headers=bot)
    assert answer.status_code == 403
    assert "a person's own signature" in answer.json()["detail"]
    assert served.client.get("/v1/status", headers=bot).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/restart"),
        ("POST", "/v1/requests/00/decisions"),
        ("POST", "/v1/mandates"),
        ("POST", "/v1/mandates/00/decisions"),
        ("POST", "/v1/mandates/00/revocation"),
        ("POST", "/v1/complaints/00/decision"),
        ("POST", "/v1/documents/dpia/sign-off"),
        ("POST", "/v1/evidence"),
        ("POST", "/v1/evidence/00/withdrawal"),
        ("PATCH", "/v1/purposes/door"),
        ("POST", "/v1/people"),
    ],
)
def test_S2_a_program_decides_and_asks_for_none_of_these(served: Any, method: str, path: str) -> None:
    made = served.service.system.api_keys.create("gate")
    answer = served.client.request(method, path, headers={"x-api-key": made.secret_access_key}, json={})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:faceward:forbidden")


def test_S2_a_programs_key_is_taken_on_as_a_program(served: Any, ada: Any) -> None:
    _send(ada, "/v1/keys", {"name": "gate"})
    [view] = served.service.system.api_keys.listed()
    system = served.service.system.acting("Ada")
    with pytest.raises(UsageError, match="key of a program"):
        system.people.add("Zed", view.note.person, ("operator",))
    with pytest.raises(PolicyRefusal, match="is a program"):
        system.people.add("key gate", view.note.person, ("operator", "approver"))
