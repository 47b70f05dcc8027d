"""People at a service: the first link, passkeys, sessions, invitations, and who is turned away (rules K2 and S2)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faceward.core.errors import PolicyRefusal
from faceward.policy.people import Role
from faceward.policy.sshsig import PrivateKey
from faceward.service import first_start, limits, sessions
from faceward.service.callers import Kind
from faceward.service.first_start import Invitation

SAME_SITE = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
KEYGEN = shutil.which("ssh-keygen")


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


def _operations(served: Any) -> list[tuple[str, str]]:
    return [(line.operation, line.phase) for line in served.service.system.log_lines()]


def _add(served: Any, asking: Any, browser: Any, name: str, *roles: str) -> Any:
    """Have somebody invited, and added by who asks."""
    made = asking.form("/auth/invitations", name=name, role=list(roles), trained="2027-12-31")
    link = next(part for part in made.text.replace("<", " ").replace(">", " ").split() if "/auth/begin#" in part)
    assert browser.begin(link).json()["state"] == "offered"
    [offer] = first_start.offers(served.service)
    assert offer["fingerprint"] == browser.phone.public.fingerprint
    return asking.form(f"/auth/offers/{offer['id']}")


def _invited(served: Any, name: str) -> str:
    service = served.service
    invitation = Invitation(name, ("operator",))
    return first_start.invite(service.system, service.vault, service.settings.origin, invitation)


def test_K2_the_first_person_comes_by_a_link_that_works_once_and_for_an_hour(served: Any, world: Any) -> None:
    link = served.first_link()
    assert link.startswith("http://localhost:8000/auth/begin#")
    assert len(link.partition("#")[2]) >= 32
    first, second = served.browser(), served.browser(8)
    assert first.post("/auth/begin/about", {"token": link.partition("#")[2]}).json()["founds"] is True
    answered = first.begin(link, "Ada")
    assert answered.json() == {"name": "Ada", "fingerprint": first.phone.public.fingerprint, "state": "founded"}
    [person] = served.service.system.people.roster().people.values()
    assert person.roles == {Role.OPERATOR, Role.APPROVER, Role.REVIEWER, Role.AUDITOR}
    assert second.begin(link, "Eve").status_code == 422
    assert served.first_link() is None
    assert ("person.add", "end") in _operations(served)


def test_K2_a_first_link_is_not_kept_in_clear_and_ends(served: Any, world: Any) -> None:
    link = served.first_link()
    token = link.partition("#")[2].encode()
    assert all(token not in content for content in world.contents().values())
    world.clock.advance(first_start.TERM)
    assert served.browser().begin(link, "Ada").status_code == 422


def test_K2_of_two_who_follow_the_first_link_at_once_one_is_first(served: Any) -> None:
    ended, link, ada, eve = served.first_link(), served.first_link(), served.browser(), served.browser(8)
    assert served.browser(9).begin(ended, "Cem").status_code == 422, "there is one first link, the latest"
    steps = [
        (who, who.post("/auth/begin/options", {"token": link.partition("#")[2], "person": name}).json())
        for who, name in ((ada, "Ada"), (eve, "Eve"))
    ]
    states = [
        who.post("/auth/begin", {"ceremony": step["ceremony"], "credential": who.phone.create(step["publicKey"])})
        for who, step in steps
    ]
    assert [state.status_code for state in states] == [200, 422]
    assert list(served.service.system.people.roster().people) == ["Ada"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flags": 0x01}, "verif"),
        ({"origin": "http://localhost:9000"}, "origin"),
        ({"challenge": "AAAA"}, "challenge"),
        ({"type": "webauthn.get"}, "type"),
    ],
)
def test_K2_a_passkey_that_was_made_otherwise_than_asked_is_refused(
    served: Any, changes: dict[str, Any], words: str
) -> None:
    link = served.first_link()
    answer = served.browser().begin(link, "Ada", **changes)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert not len(served.service.system.people.roster())
    assert served.browser().begin(link, "Ada").status_code == 200, "the link was not spent"


def test_K2_one_signs_in_with_a_passkey_by_name_or_without_and_out_again(served: Any, ada: Any) -> None:
    assert ada.client.get("/v1/sessions").json()["roles"] == ["approver", "auditor", "operator", "reviewer"]
    cookie = ada.client.cookies.jar._cookies["localhost.local"]["/"]["faceward_session"]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert str(cookie._rest.get("SameSite")).lower() == "strict"
    assert ada.form("/auth/sign-out").status_code == 303
    assert ada.client.get("/v1/sessions").status_code == 401
    assert ada.sign_in().json() == {"person": "Ada", "next": "/"}
    assert ada.client.get("/v1/sessions").json()["name"] == "Ada"
    assert _operations(served).count(("sign-in", "note")) == 2
    assert _operations(served).count(("sign-out", "note")) == 1


def test_K2_signing_out_everywhere_ends_every_session(served: Any, ada: Any) -> None:
    other = served.browser()
    other.phone = ada.phone
    assert other.sign_in("Ada").status_code == 200
    assert ada.form("/auth/sign-out-everywhere").status_code == 303
    assert [one.client.get("/v1/sessions").status_code for one in (ada, other)] == [401, 401]


def test_K2_a_session_ends_by_itself_when_idle_and_in_any_case(served: Any, ada: Any, world: Any) -> None:
    world.clock.advance(sessions.IDLE - timedelta(minutes=1))
    assert ada.client.get("/v1/sessions").status_code == 200
    world.clock.advance(sessions.IDLE - timedelta(minutes=1))
    assert ada.client.get("/v1/sessions").status_code == 200
    world.clock.advance(sessions.IDLE)
    assert ada.client.get("/v1/sessions").status_code == 401
    ada.sign_in("Ada")
    for _ in range(16):
        world.clock.advance(timedelta(minutes=30))
        last = ada.client.get("/v1/sessions").status_code
    assert last == 401


def test_K2_a_session_ends_with_its_person(served: Any, ada: Any, service_kit: ModuleType) -> None:
    bob, cem = served.browser(8), served.browser(9)
    assert _add(served, ada, bob, "Bob", "operator").status_code == 303
    bob.sign_in("Bob")
    assert _add(served, ada, cem, "Cem", "approver").status_code == 303
    assert bob.client.get("/v1/sessions").status_code == 200
    token, _ = sessions.token_of(_request(ada, served))
    session = sessions._caller(served.service, token).session
    system = served.service.system.acting("Ada", session)
    with pytest.raises(Exception, match="sign") as needed:
        system.people.remove("Bob")
    signed = session.with_signatures(ada.phone.presign(needed.value))
    asked = served.service.system.acting("Ada", signed).people.remove("Bob")
    cem.sign_in("Cem")
    assert bob.client.get("/v1/sessions").status_code == 200, "nobody has approved it"
    _approve(served, cem, asked.digest)
    sessions.forget_roster()
    assert bob.client.get("/v1/sessions").status_code == 401


def _request(browser: Any, served: Any) -> Any:
    return SimpleNamespace(headers={}, cookies=dict(browser.client.cookies), app=served.app)


def _approve(served: Any, browser: Any, digest: str) -> None:
    from faceward.policy.requests import Decision

    token, _ = sessions.token_of(_request(browser, served))
    caller = sessions._caller(served.service, token)
    with pytest.raises(Exception, match="sign") as needed:
        served.service.acting(caller).requests.decide(digest, Decision.APPROVE)
    signed = caller.session.with_signatures(browser.phone.presign(needed.value))
    served.service.system.acting(caller.name, signed).requests.decide(digest, Decision.APPROVE)


def test_S2_whoever_is_invited_is_added_by_a_signed_request_and_later_by_two_people(served: Any, ada: Any) -> None:
    bob, cem = served.browser(8), served.browser(9)
    assert _add(served, ada, bob, "Bob", "approver").headers["location"].endswith("said=carried-out")
    assert _add(served, ada, cem, "Cem", "reviewer").headers["location"].endswith("said=asked")
    assert cem.sign_in("Cem").status_code == 403, "nobody has approved it yet"
    [waiting] = served.service.system.requests.listed(waiting=True)
    assert bob.sign_in("Bob").status_code == 200
    _approve(served, bob, waiting.digest)
    sessions.forget_roster()
    assert cem.sign_in("Cem").status_code == 200
    assert set(cem.client.get("/v1/sessions").json()["roles"]) == {"reviewer"}


def test_S2_another_passkey_joins_the_first_and_both_sign_in(served: Any, ada: Any) -> None:
    page = ada.form("/auth/passkeys").text
    link = next(part for part in page.replace("<", " ").replace(">", " ").split() if "/auth/begin#" in part)
    tablet = served.browser(8)
    assert tablet.begin(link).json()["state"] == "offered"
    assert tablet.sign_in("Ada").status_code == 403
    [offer] = first_start.offers(served.service)
    assert ada.form(f"/auth/offers/{offer['id']}").status_code == 303
    assert tablet.sign_in("Ada").status_code == 200
    assert tablet.sign_in().status_code == 200
    assert ada.sign_in("Ada").status_code == 200
    assert len(served.service.system.people.roster().person("Ada").keys) == 2


def test_a_declined_passkey_gets_nobody_in(served: Any, ada: Any) -> None:
    eve = served.browser(8)
    link = _invited(served, "Eve")
    assert eve.begin(link).json()["state"] == "offered"
    [offer] = first_start.offers(served.service)
    assert ada.form(f"/auth/offers/{offer['id']}/decline").status_code == 303
    assert first_start.offers(served.service) == []
    assert eve.sign_in("Eve").status_code == 403


@pytest.mark.parametrize(
    "changes",
    [{"flags": 0x01}, {"origin": "http://localhost:9000"}, {"challenge": "AAAA"}, {"type": "webauthn.create"}],
)
def test_K2_an_answer_that_is_not_what_was_asked_signs_nobody_in(
    served: Any, ada: Any, changes: dict[str, Any]
) -> None:
    ada.client.cookies.clear()
    assert ada.sign_in("Ada", **changes).status_code == 403
    assert ada.client.get("/v1/sessions").status_code == 401
    assert [one["attempt"] for one in served.denied()] == ["sign-in", "route"]


def test_K2_an_answer_counts_once(served: Any, ada: Any) -> None:
    step = ada.post("/auth/sign-in/options", {"person": "Ada"}).json()
    answer = {"ceremony": step["ceremony"], "credential": ada.phone.get(step["publicKey"])}
    assert ada.post("/auth/sign-in", answer).status_code == 200
    assert ada.post("/auth/sign-in", answer).status_code == 422


def test_K2_somebody_elses_passkey_signs_nobody_in(served: Any, ada: Any) -> None:
    eve = served.browser(8)
    assert eve.sign_in("Ada").status_code == 403
    eve.phone.handle = ada.phone.handle
    assert eve.sign_in().status_code == 403
    eve.phone.credential = ada.phone.credential
    assert eve.sign_in("Ada").status_code == 403


def test_K2_a_passkey_that_counts_backwards_was_copied_and_is_refused(served: Any, ada: Any) -> None:
    ada.phone.counter = 5
    assert ada.sign_in("Ada").status_code == 200
    assert ada.sign_in("Ada").status_code == 403, "the same number again"
    ada.phone.counter = 4
    assert ada.sign_in("Ada").status_code == 403
    ada.phone.counter = 6
    assert ada.sign_in("Ada").status_code == 200


def test_a_passkey_signs_in_where_the_services_store_is_lost(served: Any, ada: Any) -> None:
    for kind, name in (("passkey", ada.phone.get({"challenge": ""})["id"]), ("passkey-of", ada.phone.public.line)):
        served.service.vault.delete(kind, name)
    ada.client.cookies.clear()
    assert ada.sign_in().status_code == 200


def test_asking_tells_nobody_who_is_registered(served: Any, ada: Any) -> None:
    known, unknown, again = (
        ada.post("/auth/sign-in/options", {"person": name}).json() for name in ("Ada", "Nobody", "Nobody")
    )
    assert known.keys() == unknown.keys()
    assert known["publicKey"].keys() == unknown["publicKey"].keys()
    assert unknown["publicKey"]["allowCredentials"] == again["publicKey"]["allowCredentials"]
    assert len(known["publicKey"]["allowCredentials"][0]["id"]) == len(
        unknown["publicKey"]["allowCredentials"][0]["id"]
    )


def test_K2_no_number_of_failures_keeps_anybody_out(served: Any, ada: Any) -> None:
    # Behind one proxy everybody has one address, and anybody can say anybody's name.
    eve = served.browser(8)
    assert {eve.sign_in("Ada").status_code for _ in range(25)} == {403}
    for _ in range(25):
        assert eve.client.post("/me/link", data={"token": "x"}, headers=SAME_SITE).status_code == 401
        assert eve.post("/auth/begin/about", {"token": "x"}).status_code == 422
    assert ada.sign_in("Ada").status_code == 200
    assert ada.sign_in().status_code == 200
    assert {one["attempt"] for one in served.denied()} == {"sign-in", "link"}


def test_K2_who_begins_without_end_leaves_nothing_behind_and_keeps_nobody_out(served: Any, ada: Any) -> None:
    def held() -> int:
        with served.service.vault._database.snapshot() as connection:
            return int(
                connection.execute("SELECT (SELECT count(*) FROM thing) + (SELECT count(*) FROM count)").fetchone()[0]
            )

    before, eve = held(), served.browser(8)
    for _ in range(320):
        assert eve.post("/auth/sign-in/options", {}).status_code == 200
    assert held() == before
    assert ada.sign_in("Ada").status_code == 200


def test_K2_what_was_signed_counts_once_and_for_its_own_ceremony_alone(served: Any, ada: Any, world: Any) -> None:
    step = ada.post("/auth/sign-in/options", {"person": "Ada"}).json()
    given = {"ceremony": step["ceremony"], "credential": ada.phone.get(step["publicKey"])}
    forged = {**given, "ceremony": step["ceremony"][:-1] + ("A" if step["ceremony"][-1] != "A" else "B")}
    assert ada.post("/auth/sign-in", forged).status_code == 422
    # A failure in between costs nobody the attempt.
    other = served.browser(9).phone.get(step["publicKey"])
    assert ada.post("/auth/sign-in", {**given, "credential": other}).status_code == 403
    assert ada.post("/auth/sign-in", given).status_code == 200
    assert ada.post("/auth/sign-in", given).status_code == 422
    late = ada.post("/auth/sign-in/options", {"person": "Ada"}).json()
    late = {"ceremony": late["ceremony"], "credential": ada.phone.get(late["publicKey"])}
    world.clock.advance(timedelta(minutes=6))
    assert ada.post("/auth/sign-in", late).status_code == 422
    asked = ada.post("/auth/sign-in/options", {}).json()
    assert ada.post("/auth/sign-in", {"ceremony": asked["ceremony"], "credential": {}}).status_code == 422


def test_K2_denied_attempts_are_logged_and_cannot_fill_the_log(served: Any, ada: Any, world: Any) -> None:
    before = served.service.system.log_size
    for number in range(60):
        served.client.get("/auth/people", headers={"authorization": f"Bearer fws_{number:043d}"})
    assert served.service.system.log_size == before + 1
    [one] = served.denied()
    assert (one["attempt"], one["shown"], one["caller"]) == ("route", True, "")
    assert "fws_" not in json.dumps(one)
    assert "testclient" not in json.dumps(one)
    world.clock.advance(limits.WINDOW)
    served.client.get("/auth/people", headers={"authorization": "Bearer fws_x"})
    assert [one.get("more") for one in served.denied()] == [None, 59, None]


def test_K2_the_number_of_denied_attempts_is_written_when_the_service_ends(world: Any, service_kit: ModuleType) -> None:
    system = world.open(purpose=None)
    with service_kit.served(system, world.clock) as served:
        for _ in range(3):
            assert served.client.get("/auth/people").status_code == 401
    details = [dict(line.opened["details"]) for line in system.log_lines() if line.operation == "service.denied"]
    assert [one.get("more") for one in details] == [None, 2]


def test_K2_what_an_attacker_writes_reaches_the_log_bounded_and_printable(served: Any) -> None:
    eve = served.browser()
    served.first_link()
    name = "Ève " + "x" * 200
    assert eve.sign_in(name).status_code == 403
    [one] = served.denied()
    assert one["claimed"] == name[:64] + "…"
    assert limits.bounded("a\x1b[31m\nb") == "a?[31m?b"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "null"},
        {},
    ],
)
def test_K2_a_request_of_another_sites_page_is_refused(served: Any, ada: Any, headers: dict[str, str]) -> None:
    answer = ada.client.post("/auth/sign-out", data={"csrf": ada.csrf}, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert ada.client.get("/v1/sessions").status_code == 200
    assert [one["attempt"] for one in served.denied()] == ["csrf"]
    assert served.client.post("/auth/sign-in/options", json={}, headers=headers).status_code == 403


def test_K2_a_request_without_the_pages_token_is_refused(served: Any, ada: Any, service_kit: ModuleType) -> None:
    own = service_kit.SAME_SITE
    for data in ({}, {"csrf": ""}, {"csrf": "x" * 43}):
        assert ada.client.post("/auth/sign-out", data=data, headers=own, follow_redirects=False).status_code == 403
    fine = ada.client.post("/auth/sign-out", data={"csrf": ada.csrf}, headers=own, follow_redirects=False)
    assert fine.status_code == 303


def test_a_token_in_a_header_needs_no_page(served: Any, ada: Any) -> None:
    token = ada.client.cookies["faceward_session"]
    bearer = {"authorization": f"Bearer {token}"}
    assert served.client.delete("/v1/sessions", headers=bearer).status_code == 204
    assert served.client.get("/v1/sessions", headers=bearer).status_code == 401


@pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen is not installed")
def test_K2_people_whose_key_ssh_keygen_uses_sign_in_over_the_api(served: Any, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    key.write(tmp_path / "bea", None)
    served.service.system.people.add("Bea", key.public.line, ("operator", "approver"))
    sessions.forget_roster()
    told = served.client.post("/v1/sessions/prepare", json={"person": "Bea"}).json()
    (tmp_path / "session").write_text(told["message"])
    command = [
        str(KEYGEN),
        "-Y",
        "sign",
        "-f",
        str(tmp_path / "bea"),
        "-n",
        told["namespace"],
        str(tmp_path / "session"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    given = {"prepared": told["prepared"], "signature": (tmp_path / "session.sig").read_text()}
    begun = served.client.post("/v1/sessions", json=given)
    bearer = {"authorization": f"Bearer {begun.json()['token']}"}
    assert served.client.get("/v1/sessions", headers=bearer).json()["name"] == "Bea"
    assert served.client.post("/v1/sessions", json=given).status_code == 422, "it counts once"
    assert served.client.post("/v1/sessions/prepare", json={"person": "Nobody"}).status_code == 200


def test_K2_another_key_signs_nobody_in_over_the_api(served: Any) -> None:
    mine, other = PrivateKey.generate(), PrivateKey.generate()
    served.service.system.people.add("Bea", mine.public.line, ("operator",))
    sessions.forget_roster()
    told = served.client.post("/v1/sessions/prepare", json={"person": "Bea"}).json()
    for signature in (other.sign(told["namespace"], told["message"].encode()), "", "no signature"):
        again = served.client.post("/v1/sessions/prepare", json={"person": "Bea"}).json()
        given = {"prepared": again["prepared"], "signature": signature}
        assert served.client.post("/v1/sessions", json=given).status_code == 403
    given = {"prepared": told["prepared"], "signature": mine.sign("faceward-request", told["message"].encode())}
    assert served.client.post("/v1/sessions", json=given).status_code == 403


def test_S2_what_was_prepared_is_for_one_session_and_one_request(
    served: Any, ada: Any, service_kit: ModuleType
) -> None:
    eve = served.browser(8)
    for name in ("Eve", "Fay"):
        eve.begin(_invited(served, name))
    one, two = first_start.offers(served.service)
    headers = {**service_kit.SAME_SITE, **service_kit.JSON, "faceward-csrf": ada.csrf}
    told = ada.client.post(f"/auth/offers/{one['id']}", headers=headers).json()
    assert told["type"] == "urn:faceward:signature-needed"
    assert told["shown"]["body"]["name"] == one["name"]
    signed = service_kit.b64(json.dumps(ada.phone.get(told["publicKey"])).encode())
    brought = {**headers, "faceward-prepared": told["prepared"], "faceward-assertion": signed}
    assert ada.client.post(f"/auth/offers/{two['id']}", headers=brought).status_code == 422
    assert ada.client.post(f"/auth/offers/{one['id']}", headers=brought).status_code == 422, "it was spent"
    told = ada.client.post(f"/auth/offers/{one['id']}", headers=headers).json()
    brought["faceward-prepared"] = told["prepared"]
    assert ada.client.post(f"/auth/offers/{one['id']}", headers=brought).status_code == 403, "another signature"
    assert len(served.service.system.people.roster()) == 1


def test_K2_sessions_of_subjects_know_only_whom_they_are_about(served: Any, ada: Any) -> None:
    bearer = served.bearer("Cleo")
    told = served.client.get("/v1/sessions", headers=bearer).json()
    assert (told["kind"], told["name"], told["roles"]) == ("subject", "Cleo", [])
    assert served.client.get("/auth/people", headers=bearer).status_code == 403


def test_K2_with_tls_the_cookie_is_the_hosts_own(world: Any, service_kit: ModuleType) -> None:
    assert sessions.cookie_name(service_kit.Settings(origin="https://faces.example.org")) == "__Host-faceward"
    assert sessions.cookie_name(service_kit.Settings(origin="http://localhost:8000")) == "faceward_session"


def test_K2_a_sealed_session_is_not_in_clear_in_the_store(served: Any, ada: Any, world: Any) -> None:
    token = ada.client.cookies["faceward_session"]
    for content in world.contents().values():
        assert token.encode() not in content


def test_an_account_is_linked_by_an_operator_who_signed_in(served: Any, ada: Any) -> None:
    with pytest.raises(PolicyRefusal, match="signed in"):
        served.service.system.accounts.link("https://id.example", "42", "Ada")
    told = served.bearer("Ada", Kind.ACCOUNT, account="0" * 64)
    assert served.client.get("/v1/sessions", headers=told).status_code == 401


def test_K2_a_subjects_name_stays_out_of_what_is_said_of_a_refusal(served: Any, ada: Any) -> None:
    bearer = served.bearer("Cleo")
    assert served.client.get("/auth/people", headers=bearer).status_code == 403
    assert served.client.delete("/v1/sessions", headers=bearer).status_code == 204
    told = [json.dumps(line.opened.get("details", {})) for line in served.service.system.log_lines()]
    assert not any("Cleo" in one for one in told)
    assert served.denied()[-1]["caller"] == "subject"


def test_signing_in_again_ends_the_session_before(served: Any, ada: Any) -> None:
    before = {"authorization": f"Bearer {ada.client.cookies['faceward_session']}"}
    assert served.client.get("/v1/sessions", headers=before).status_code == 200
    assert ada.sign_in("Ada").status_code == 200
    assert served.client.get("/v1/sessions", headers=before).status_code == 401
