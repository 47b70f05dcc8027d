"""Accounts at a real OpenID provider, started for the test, and attacks on the way there and back (rule K2)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from faceward.operations.accounts import account_digest
from faceward.service import first_start, oidc
from faceward.service.oidc import Provider
from faceward.service.settings import Oidc

pytest.importorskip("oauth2_provider", reason="django-oauth-toolkit is not installed")

CALLBACK = "http://localhost:8000/auth/oidc/callback"
SCRIPT = Path(__file__).resolve().parents[1] / "oidc_provider.py"


@dataclass
class Running:
    """The provider.

    Attributes:
        issuer: Its URL.
        subjects: What it calls its two people.
    """

    issuer: str
    subjects: dict[str, str]

    def signed_in(self, url: str, name: str) -> httpx.URL:
        """Follow a browser's way through the provider, and return where it sends the browser back to."""
        here = httpx.URL(self.issuer)
        with httpx.Client(follow_redirects=False, timeout=20) as client:
            login = here.join(client.get(url).headers["location"])
            page = client.get(login).text
            token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            given = {"csrfmiddlewaretoken": token, "username": name, "password": "correct horse"}
            there = client.post(login, data=given).headers["location"]
            return httpx.URL(client.get(here.join(there)).headers["location"])


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start Django OAuth Toolkit in a process."""
    folder = tmp_path_factory.mktemp("provider")
    command = [sys.executable, str(SCRIPT), str(folder), CALLBACK]
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline() or "null")
    assert told is not None, (folder / "errors").read_text()
    yield Running(told.pop("issuer"), told)
    process.communicate("", timeout=20)


@dataclass
class Altering(httpx.AsyncBaseTransport):
    """The way to the provider, with somebody on it who changes what it answers.

    Attributes:
        answers: By the end of a path, what is said instead, or merged into what the provider said.
        asked: The paths.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        async with httpx.AsyncHTTPTransport() as there:
            response = await there.handle_async_request(request)
            value = json.loads(await response.aread())
        for end, changed in self.answers.items():
            if request.url.path.endswith(end):
                value |= changed
        return httpx.Response(response.status_code, json=value)


@pytest.fixture
def way() -> Altering:
    return Altering()


@pytest.fixture
def served(world: Any, service_kit: ModuleType, provider: Running, way: Altering) -> Iterator[Any]:
    """Return a service that knows the provider; its clock is right, since tokens tell real times."""
    from faceward.core.clock import SystemClock

    settings = Oidc(provider.issuer, "faceward", "a client's secret")
    with service_kit.served(world.open(purpose=None, clock=SystemClock()), SystemClock(), oidc=settings) as one:
        one.app.state.oidc = Provider(settings, way)
        yield one


def _there(browser: Any) -> str:
    begun = browser.client.get("/auth/oidc/begin", follow_redirects=False)
    assert begun.status_code == 303
    return str(begun.headers["location"])


def _back(browser: Any, where: httpx.URL, **changes: str) -> Any:
    params = {**dict(where.params), **changes}
    return browser.client.get(where.path, params=params, headers={"accept": "application/json"}, follow_redirects=False)


def _come(browser: Any, provider: Running, name: str = "ada") -> Any:
    return _back(browser, provider.signed_in(_there(browser), name))


def _link(served: Any, provider: Running, name: str = "ada") -> None:
    served.service.system.accounts.link(provider.issuer, provider.subjects[name], name.title(), ("operator",))


def _add_bea(served: Any, ada: Any) -> None:
    bea = served.browser(11)
    service = served.service
    invitation = first_start.Invitation("Bea", ("operator", "approver"))
    bea.begin(first_start.invite(service.system, service.vault, service.settings.origin, invitation))
    [offer] = first_start.offers(service)
    assert ada.form(f"/auth/offers/{offer['id']}").status_code == 303


def test_K2_an_account_gets_in_once_an_operator_said_whose_it_is(served: Any, provider: Running) -> None:
    browser = served.browser()
    assert browser.begin(served.first_link(), "Ada").status_code == 200
    account = served.browser(8)
    unknown = _come(account, provider)
    assert unknown.status_code == 403
    digest = account_digest(provider.issuer, provider.subjects["ada"])
    assert digest[:12] in unknown.text
    assert account.client.get("/v1/sessions").status_code == 401
    assert browser.sign_in("Ada").status_code == 200
    assert digest[:12] in browser.client.get("/auth/people").text
    refused = browser.form("/auth/accounts", account=digest, name="Ada")
    assert (refused.status_code, refused.json()["rule"]) == (403, "K2"), "nobody links an account to themself"
    _add_bea(served, browser)
    assert browser.form("/auth/accounts", account=digest, name="Bea").status_code == 303
    answer = _come(account, provider)
    assert answer.status_code == 200
    told = account.client.get("/v1/sessions").json()
    # Not what the provider said of roles: what the roster says.
    assert (told["kind"], told["name"]) == ("account", "Bea")
    assert told["roles"] == ["approver", "operator"]
    assert browser.form(f"/auth/accounts/{digest}/unlink").status_code == 303
    assert account.client.get("/v1/sessions").status_code == 401


def test_K2_an_account_opens_pages_and_signs_nothing(served: Any, provider: Running) -> None:
    ada, account, eve = served.browser(), served.browser(8), served.browser(9)
    ada.begin(served.first_link(), "Ada")
    ada.sign_in("Ada")
    _come(account, provider)
    _add_bea(served, ada)
    digest = account_digest(provider.issuer, provider.subjects["ada"])
    ada.form("/auth/accounts", account=digest, name="Bea")
    assert _come(account, provider).status_code == 200
    assert account.client.get("/auth/people").status_code == 200
    service = served.service
    invitation = first_start.Invitation("Eve", ("operator",))
    eve.begin(first_start.invite(service.system, service.vault, service.settings.origin, invitation))
    [offer] = first_start.offers(service)
    refused = account.form(f"/auth/offers/{offer['id']}")
    assert refused.status_code == 403
    assert refused.json()["rule"] in ("K2", "S2")
    size = served.service.system.log_size
    for path, fields in (
        ("/auth/invitations", {"name": "Mallory", "role": ["operator", "approver"]}),
        (f"/auth/offers/{offer['id']}/decline", {}),
        ("/auth/accounts", {"account": digest, "name": "Ada"}),
    ):
        assert account.form(path, **fields).status_code == 403
    assert [one["attempt"] for one in served.denied()[-1:]] == ["route"]
    assert "person.invite" not in [line.operation for line in list(service.system.log_lines())[size:]]
    assert first_start.offers(service) == [offer]
    assert account.form("/auth/passkeys").status_code == 403, (
        "who signs nothing cannot bring a passkey in another's name"
    )


def test_K2_a_password_is_no_factor(served: Any, provider: Running) -> None:
    _link(served, provider, "pat")
    browser = served.browser()
    refused = _come(browser, provider, "pat")
    assert refused.status_code == 422
    assert "phishing-resistant" in refused.json()["detail"]
    assert browser.client.get("/v1/sessions").status_code == 401
    assert [one["attempt"] for one in served.denied()] == ["oidc", "route"]


def test_the_way_there_asks_for_a_code_with_pkce_and_nothing_else(served: Any, provider: Running) -> None:
    asked = {name: one for name, [one] in parse_qs(urlsplit(_there(served.browser())).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    assert asked["redirect_uri"] == CALLBACK


def test_K2_a_code_counts_once(served: Any, provider: Running) -> None:
    _link(served, provider)
    browser = served.browser()
    where = provider.signed_in(_there(browser), "ada")
    assert _back(browser, where).status_code == 200
    assert _back(browser, where).status_code == 422, "its state was spent"
    again = provider.signed_in(_there(browser), "ada")
    assert _back(browser, again, code=where.params["code"]).status_code == 422, "the provider's code was spent"


def test_K2_another_browsers_answer_signs_nobody_in(served: Any, provider: Running) -> None:
    _link(served, provider)
    eve, ada = served.browser(), served.browser(8)
    where = provider.signed_in(_there(eve), "ada")
    _there(ada)
    assert _back(ada, where).status_code == 422, "somebody was sent a link that would sign them in as somebody else"
    assert _back(served.browser(9), where).status_code == 422


@pytest.mark.parametrize("changes", [{"state": "x" * 43}, {"state": ""}, {"code": ""}, {"iss": "https://evil.example"}])
def test_K2_an_answer_to_something_else_signs_nobody_in(
    served: Any, provider: Running, changes: dict[str, str]
) -> None:
    _link(served, provider)
    browser = served.browser()
    assert _back(browser, provider.signed_in(_there(browser), "ada"), **changes).status_code == 422
    assert browser.client.get("/v1/sessions").status_code == 401


def test_K2_a_code_of_another_attempt_does_not_fit_this_ones_pkce(served: Any, provider: Running) -> None:
    _link(served, provider)
    eve, ada = served.browser(), served.browser(8)
    stolen = provider.signed_in(_there(eve), "ada").params["code"]
    where = provider.signed_in(_there(ada), "ada")
    assert _back(ada, where, code=stolen).status_code == 422


def test_K2_a_token_for_another_client_is_refused(served: Any, provider: Running) -> None:
    _link(served, provider)
    theirs = Provider(Oidc(provider.issuer, "another", "a client's secret"))
    browser = served.browser()
    ours, served.app.state.oidc = served.app.state.oidc, theirs
    there = _there(browser)
    served.app.state.oidc = ours
    # The code is the other client's, so the provider itself gives nothing for it.
    assert _back(browser, provider.signed_in(there, "ada")).status_code == 422


def test_K2_tokens_that_were_changed_on_the_way_are_refused(served: Any, provider: Running, way: Altering) -> None:
    _link(served, provider)
    browser = served.browser()
    where = provider.signed_in(_there(browser), "ada")
    way.answers["/token/"] = {"id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."}
    refused = _back(browser, where)
    assert refused.status_code == 422
    assert "RS256" in refused.json()["detail"]


def test_a_provider_that_is_another_than_was_named_is_not_used(served: Any, way: Altering) -> None:
    way.answers["/openid-configuration"] = {"issuer": "https://evil.example"}
    assert served.browser().client.get("/auth/oidc/begin").status_code == 503


@pytest.mark.parametrize("address", ["http://id.example.org/token", "ftp://127.0.0.1/", "//x"])
def test_a_provider_is_reached_by_https(served: Any, way: Altering, address: str) -> None:
    way.answers["/openid-configuration"] = {"authorization_endpoint": address}
    assert served.browser().client.get("/auth/oidc/begin").status_code == 503


def test_what_a_provider_publishes_is_asked_for_once(served: Any, provider: Running, way: Altering) -> None:
    _link(served, provider)
    for _ in range(2):
        assert _come(served.browser(), provider).status_code == 200
    assert sum(path.endswith("jwks.json") for path in way.asked) == 1
    assert sum(path.endswith("openid-configuration") for path in way.asked) == 1


def test_without_a_provider_there_is_none(world: Any, service_kit: ModuleType) -> None:
    with service_kit.served(world.open(purpose=None), world.clock) as served:
        assert served.client.get("/auth/oidc/begin").status_code in (404, 422)
        assert "organisation" not in served.client.get("/auth/sign-in").text


def test_a_provider_that_is_not_there_is_told(served: Any) -> None:
    served.app.state.oidc = Provider(Oidc("http://127.0.0.1:9", "faceward"))
    answer = served.browser().client.get("/auth/oidc/begin")
    assert answer.status_code == 503
    assert oidc.waiting(served.service) == ()
