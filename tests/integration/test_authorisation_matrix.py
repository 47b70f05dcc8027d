"""Everybody asks every route of the service: whoever may not is refused there, and whoever may is not (rule K2).

The list of routes is the application's own, so that a route added tomorrow is asked too. What is asked for is nonsense,
so that little happens; what counts is who gets as far as being told that it is.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceward.policy.people import Role
from faceward.policy.sessions import OpenSession
from faceward.policy.sshsig import PrivateKey
from faceward.service import sessions, subject_links
from faceward.service.callers import Kind
from faceward.service.roles import Declared, declared
from faceward.service.sessions import SignedIn

STAFF = ("operator", "approver", "reviewer", "custodian", "auditor")
REFUSED = "this is for: "
SAFE = ("GET", "OPTIONS")
LEAVING = ("/auth/sign-out", "/auth/sign-out-everywhere", "/v1/sessions")
# Roles, or what else proves who it is, by who asks.
WHO = {
    "nobody": frozenset[str](),
    "expired": frozenset[str](),
    "forged": frozenset[str](),
    **{role: frozenset({role, "signed-in"}) for role in STAFF},
    "account": frozenset({"operator", "signed-in"}),
    "account of nobody": frozenset[str](),
    "subject": frozenset({"subject"}),
    "key": frozenset({"key"}),
    "key out of force": frozenset[str](),
}


@dataclass
class Everybody:
    """A service, and everybody who comes to it."""

    served: Any
    keys: dict[str, PrivateKey]
    account: str
    secrets: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    def headers(self, who: str) -> dict[str, str]:
        """Return what somebody shows."""
        if who in self.secrets:
            return {"x-api-key": self.secrets[who]}
        if who not in self.tokens:
            self.tokens[who] = getattr(self, f"_{who.replace(' ', '_')}", lambda: self.person(who))()
        return {"authorization": f"Bearer {self.tokens[who]}"} if self.tokens[who] else {}

    def person(self, role: str) -> str:
        """Return a token of the person who has one role."""
        service = self.served.service
        system = service.system
        session = OpenSession.begin(role.title(), self.keys[role], system.accounts.origin, service.now())
        return sessions.begin(service, SignedIn(Kind.PERSON, role.title(), service.settings.session, session))

    def _nobody(self) -> str:
        return ""

    def _forged(self) -> str:
        return "fws_" + "A" * 43

    def _expired(self) -> str:
        token = self.person("operator")
        self.served.service.vault.delete("session-alive", sessions._digest(token))
        return token

    def _account(self) -> str:
        who = SignedIn(Kind.ACCOUNT, "Operator", self.served.service.settings.session, account=self.account)
        return sessions.begin(self.served.service, who)

    def _account_of_nobody(self) -> str:
        who = SignedIn(Kind.ACCOUNT, "Operator", self.served.service.settings.session, account="0" * 64)
        return sessions.begin(self.served.service, who)

    def _subject(self) -> str:
        service = self.served.service
        view = service.system.acting("Operator", self._operators())
        link = subject_links.make(view, service.vault, "Cleo")
        visit = subject_links.use(service.system, service.vault, link.token)
        token = sessions.begin(service, SignedIn(Kind.SUBJECT, "Cleo", service.settings.session))
        subject_links.begin(service.vault, token, visit, service.now())
        return token

    def _operators(self) -> OpenSession:
        service = self.served.service
        return OpenSession.begin("Operator", self.keys["operator"], service.system.accounts.origin, service.now())

    def ask(self, route: Declared, headers: dict[str, str], **more: str) -> Any:
        """Ask a route for something that there is not."""
        path = re.sub(r"\{[^}]*\}", "0000000000", route.path)
        sent = {"accept": "application/json", **headers, **more}
        answer = self.served.client.request(route.method, path, headers=sent, follow_redirects=False)
        if route.path in LEAVING:
            self.tokens.clear()
        return answer


@pytest.fixture(scope="module")
def everybody(
    tmp_path_factory: pytest.TempPathFactory, prepared_home: Path, fakes: ModuleType, service_kit: ModuleType
) -> Iterator[Everybody]:
    """Return a service with a person of each role, a program's key, an account and a subject."""
    folder = tmp_path_factory.mktemp("matrix")
    shutil.copytree(prepared_home, folder / "home")
    world = fakes.World(folder / "home", folder)
    system = world.open(purpose=None)
    good, revoked = system.api_keys.create("shop"), system.api_keys.create("gone")
    world.open(purpose="door")
    world.enrol(system, "Cleo")
    keys = {role: PrivateKey.generate() for role in STAFF}
    # Before there is a roster: afterwards nobody links an account to themself, and there is one operator here.
    account = system.accounts.link("https://id.example", "42", "Operator").digest
    system.people.add("Operator", keys["operator"].public.line, ("operator",))
    own = OpenSession.begin("Operator", keys["operator"], system.accounts.origin, world.clock.now())
    acting = system.acting("Operator", own)
    for role in STAFF[1:]:
        acting.people.add(role.title(), keys[role].public.line, (role,))
    acting.api_keys.admit("shop")
    acting.api_keys.revoke("gone")
    secrets = {"key": good.secret_access_key, "key out of force": revoked.secret_access_key}
    with service_kit.served(system, world.clock) as served:
        yield Everybody(served, keys, account, secrets)
    world.close()


def _routes(everybody: Everybody, which: Callable[[Declared], bool]) -> list[Declared]:
    found = [route for route in declared(everybody.served.app) if which(route)]
    assert len(found) > 10
    return found


def test_the_matrix_asks_as_everybody_there_is() -> None:
    # Nobody is registered as a subject here: subjects come by a link, and have no key.
    assert {role.value for role in Role} - {"subject"} <= set(WHO)
    assert set().union(*WHO.values()) == {*STAFF, "signed-in", "subject", "key"}


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
def test_K2_everybody_gets_as_far_as_each_route_says(everybody: Everybody, who: str) -> None:
    wrong = []
    for route in _routes(everybody, lambda one: not one.allowed.elsewhere and not one.allowed.public):
        answer = everybody.ask(route, everybody.headers(who))
        let_in = bool(route.allowed.who & WHO[who])
        refused = answer.status_code == 403 and REFUSED in answer.text
        turned_away = refused if WHO[who] else answer.status_code == 401
        expected = not refused and answer.status_code != 401 if let_in else turned_away
        if not expected or answer.status_code >= 500:
            wrong.append(f"{who} {route.method} {route.path}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []


@pytest.mark.parametrize("who", ["nobody", "forged", "expired", "operator", "subject", "key out of force"])
def test_K2_routes_with_a_door_of_their_own_refuse_whoever_shows_no_key_in_force(
    everybody: Everybody, who: str
) -> None:
    wrong = []
    for route in _routes(everybody, lambda one: one.allowed.elsewhere):
        assert route.allowed.who == {"key"}
        answer = everybody.ask(route, everybody.headers(who))
        # CompreFace itself says 404, with a code of its own, of a key that it does not know.
        unknown = answer.status_code == 404 and answer.json().get("code") == 10
        if answer.status_code not in (400, 401, 403) and not unknown:
            wrong.append(f"{who} {route.method} {route.path}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []


@pytest.mark.parametrize("who", ["nobody", "forged", "auditor", "subject"])
def test_public_routes_let_everybody_as_far_as_what_they_ask_for(everybody: Everybody, who: str) -> None:
    for route in _routes(everybody, lambda one: one.allowed.public):
        answer = everybody.ask(route, everybody.headers(who))
        assert REFUSED not in answer.text
        assert answer.status_code < 500 or route.path.startswith("/auth/oidc")


def test_what_is_public_is_a_short_list(everybody: Everybody) -> None:
    found = {route.path for route in _routes(everybody, lambda one: one.allowed.public)}
    entering = re.compile(r"/auth/(sign-in|begin|oidc)(/[a-z]+)?|/me/link|/v1/sessions(/prepare)?")
    others = {path for path in found if not entering.fullmatch(path)}
    known = {"/healthz", "/readyz", "/preferences", "/v1/openapi.json"}
    assert others <= known | PUBLISHED, "whatever is added here tells nobody anything of anybody"


PUBLISHED = {"/log/checkpoint", "/log/cosigned", "/log/vkey", "/log/tile/{path:path}", "/log/verify"}
"""The published log, which is for everybody."""


@pytest.mark.parametrize("who", ["operator", "approver"])
def test_K2_no_route_that_changes_anything_rests_on_a_cookie_alone(everybody: Everybody, who: str) -> None:
    wrong = []
    changing = _routes(
        everybody,
        lambda one: not one.allowed.elsewhere and one.method not in SAFE and bool(one.allowed.who & WHO[who]),
    )
    client = everybody.served.client
    client.cookies.set("faceward_session", everybody.person(who))
    for route in changing:
        for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "http://localhost:8000"}):
            answer = everybody.ask(route, headers)
            if answer.status_code != 403 or "page of this service" not in answer.text:
                wrong.append(f"{route.method} {route.path}: {answer.status_code} {answer.text[:100]}")
    client.cookies.clear()
    assert wrong == []


def test_K2_what_was_refused_is_in_the_log_and_the_log_is_short(everybody: Everybody) -> None:
    routes = _routes(everybody, lambda one: not one.allowed.elsewhere and one.allowed.who == {"operator", "key"})
    before = everybody.served.service.system.log_size
    for _ in range(5):
        for route in routes:
            assert everybody.ask(route, everybody.headers("auditor")).status_code == 403
    assert everybody.served.service.system.log_size <= before + len(routes)
    denied = [one for one in everybody.served.denied() if one["caller"] == "person Auditor"]
    told = {re.sub(r":\w+}", "}", one["route"]) for one in denied}
    assert told >= {re.sub(r":\w+}", "}", f"{route.method} {route.path}") for route in routes}


HALF = "\\ud800"
"""How JSON writes half of a surrogate pair, which UTF-8 cannot."""
FIELDS = ("token", "person", "ceremony", "prepared", "signature", "name", "subject", "reason", "text", "CollectionId")


def test_half_a_character_is_refused_by_every_route_that_takes_anything(everybody: Everybody) -> None:
    texts = ", ".join(f'"{name}": "{HALF}"' for name in FIELDS)
    body = f'{{{texts}, "credential": {{"id": "{HALF}", "{HALF}": "x"}}}}'.encode()
    raw = body.replace(HALF.encode(), b"\xed\xa0\x80")
    part = b'--b\r\ncontent-disposition: form-data; name="token"\r\n\r\n\\ud800\r\n--b--\r\n'
    sent = [
        (body, "application/json"),
        (raw, "application/json"),
        (part, 'multipart/form-data; boundary=b; charset="unicode_escape"'),
    ]
    same = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin", "accept": "application/json"}
    wrong = []
    for route in _routes(everybody, lambda one: one.method not in SAFE and one.path not in LEAVING):
        who = next((one for one in ("key", "operator", "subject") if route.allowed.who & WHO[one]), "nobody")
        path = re.sub(r"\{[^}]*\}", "0", route.path)
        for content, media in sent:
            headers = {**same, **everybody.headers(who), "content-type": media}
            answer = everybody.served.client.request(route.method, path, content=content, headers=headers)
            if answer.status_code == 500 or (route.allowed.public and answer.status_code == 200):
                wrong.append(f"{route.method} {route.path} {media}: {answer.status_code} {answer.text[:80]}")
    assert wrong == []


def test_what_no_route_asks_for_is_refused_everywhere(everybody: Everybody) -> None:
    client, wrong = everybody.served.client, []
    for route in _routes(everybody, lambda one: one.method == "GET"):
        path = re.sub(r"\{[^}]*\}", "0", route.path)
        for method in ("TRACE", "OPTIONS", "CONNECT", "PROPFIND"):
            answer = client.request(method, path, headers={"x-secret": "c0ffee"})
            if answer.status_code not in (404, 405) or "c0ffee" in answer.text or "x-request-id" not in answer.headers:
                wrong.append(f"{method} {path}: {answer.status_code}")
            # Nothing tells other sites' scripts that they may ask (Fetch §3.3).
            if any(name.startswith("access-control-") for name in answer.headers):
                wrong.append(f"{method} {path}: {dict(answer.headers)}")
    assert wrong == []
