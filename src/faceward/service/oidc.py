"""Signing in at an OpenID provider: the authorization code flow with PKCE, and nothing else (rule K2).

OpenID Connect Core 1.0 §3.1; RFC 7636 (PKCE, S256); RFC 9207 (the issuer in the answer); RFC 9700 (what to leave out).
It proves an account to this service. Whose account it is an operator has said before; what that person may do the
roster says. Claims about names, mail and groups are not read.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import anyio
import httpx
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from faceward.core.canonical import JSONValue
from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.operations.accounts import account_digest
from faceward.service import pending
from faceward.service.id_token import Expected, Identity, identity

if TYPE_CHECKING:
    from faceward.service.settings import Oidc
    from faceward.service.state import Service

TERM = timedelta(minutes=10)
"""How long somebody may be at the provider."""

WAITING = timedelta(days=1)
"""How long an account that is nobody's yet is remembered for an operator to link."""

CALLBACK = "/auth/oidc/callback"
_KIND, _WAITING = "oidc", "oidc-waiting"
_KEPT = timedelta(hours=1)
_KEYS_AGAIN = timedelta(minutes=1)
_LARGEST = 1 << 20
# Anybody may come with a code that is none: the provider must not take the whole service for an attack.
_AT_ONCE = 8
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account that signed in at the provider and is nobody's here.

    Attributes:
        digest: What names it here.
        issuer: The provider.
        subject: The account there.
    """

    digest: str
    issuer: str
    subject: str


class Provider:
    """One provider, with what it published of itself kept for an hour.

    Args:
        settings: Which, and as whom this service is known there.
        transport: How it is reached; HTTP if None.
    """

    def __init__(self, settings: Oidc, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings, self._transport = settings, transport
        self._metadata: dict[str, object] = {}
        self._keys: dict[str, object] = {}
        self._read: dict[str, float] = {}
        self._places = anyio.Semaphore(_AT_ONCE)

    async def begin(self, service: Service) -> tuple[str, str]:
        """Return where the browser goes, and the secret that a cookie brings back with it.

        Raises:
            EnvironmentFailure: The provider does not answer, or not as one.
        """
        metadata = await self._published(service)
        nonce, verifier, browser = (secrets.token_urlsafe(48) for _ in range(3))
        kept: dict[str, JSONValue] = {"nonce": nonce, "verifier": verifier, "browser": _digest(browser)}
        state = pending.sealed(service, _KIND, kept, TERM)
        client = OAuth2Client(
            None,
            client_id=self._settings.client,
            redirect_uri=service.settings.origin + CALLBACK,
            scope="openid",
            code_challenge_method="S256",
        )
        url, _ = client.create_authorization_url(
            self._endpoint(metadata, "authorization_endpoint"),
            state=state,
            code_verifier=verifier,
            nonce=nonce,
            acr_values="phrh phr",
        )
        return str(url), browser

    async def finish(self, service: Service, answer: Mapping[str, str], browser: str) -> Identity:
        """Take the browser's way back, and return which account it was, by which factor.

        Args:
            service: The service.
            answer: Parameters of the request.
            browser: The secret of the cookie.

        Raises:
            BadInput: It is not the answer to what this browser asked, or the provider's token does not hold, or tells
                of no phishing-resistant factor (K2).
            EnvironmentFailure: The provider does not answer, or not as one.
        """
        state = answer.get("state", "")
        kept = pending.opened(service, _KIND, state)
        if (
            kept is None
            or not hmac.compare_digest(str(kept["browser"]), _digest(browser))
            or not pending.answered(service, _KIND, state, TERM)
        ):
            raise BadInput("this is no answer to what this browser asked the provider; begin to sign in again")
        metadata = await self._published(service)
        named = answer.get("iss", "" if metadata.get("authorization_response_iss_parameter_supported") else None)
        if named is not None and named != self._settings.issuer:
            raise BadInput("another provider answered than was asked; begin to sign in again")
        if "error" in answer or not answer.get("code"):
            raise BadInput("the provider did not sign you in; begin again")
        token = await self._token(service, metadata, answer["code"], str(kept["verifier"]))
        expected = Expected(self._settings.issuer, self._settings.client, str(kept["nonce"]), self._settings.factors)
        found = identity(token, await self._key_set(service, again=False), expected, service.now())
        if found is None:
            found = identity(token, await self._key_set(service, again=True), expected, service.now())
        if found is None:
            raise BadInput("the provider's token is signed with a key that it does not publish; begin to sign in again")
        return found

    async def _token(
        self, service: Service, metadata: dict[str, object], code: str, verifier: str
    ) -> dict[str, object]:
        callback = service.settings.origin + CALLBACK
        body = prepare_token_request("authorization_code", code=code, redirect_uri=callback, code_verifier=verifier)
        client, secret = self._settings.client, self._settings.secret
        basic = None
        if secret:
            # RFC 6749 §2.3.1: both are form-encoded before they are joined.
            basic = httpx.BasicAuth(quote(client, safe=""), quote(secret, safe=""))
        else:
            body = f"{body}&client_id={quote(client, safe='')}"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        request = httpx.Request(
            "POST", self._endpoint(metadata, "token_endpoint"), content=body.encode("ascii"), headers=headers
        )
        found = await self._sent(request, basic)
        if "id_token" not in found:
            raise BadInput("the provider gave no token for this code; begin to sign in again")
        return found

    async def _published(self, service: Service) -> dict[str, object]:
        if self._old(service, "metadata", _KEPT) or not self._metadata:
            address = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = await self._sent(httpx.Request("GET", _checked(address)))
            if found.get("issuer") != self._settings.issuer:
                raise EnvironmentFailure("the OpenID provider calls itself something else than --oidc-issuer")
            self._metadata = found
        return self._metadata

    async def _key_set(self, service: Service, *, again: bool) -> dict[str, object]:
        # A key that is not known may be new; who invents keys makes us ask once a minute at most.
        if self._old(service, "keys", _KEYS_AGAIN if again else _KEPT) or not self._keys:
            self._keys = await self._sent(httpx.Request("GET", self._endpoint(self._metadata, "jwks_uri")))
        return self._keys

    def _old(self, service: Service, what: str, term: timedelta) -> bool:
        now = service.now().timestamp()
        if what in self._read and self._read[what] <= now < self._read[what] + term.total_seconds():
            return False
        self._read[what] = now
        return True

    def _endpoint(self, metadata: dict[str, object], name: str) -> str:
        found = metadata.get(name)
        if not isinstance(found, str):
            raise EnvironmentFailure(f"the OpenID provider does not say its {name}")
        return _checked(found)

    async def _sent(self, request: httpx.Request, auth: httpx.Auth | None = None) -> dict[str, object]:
        try:
            async with (
                self._places,
                httpx.AsyncClient(transport=self._transport, timeout=10, follow_redirects=False) as client,
            ):
                response = await client.send(request, auth=auth)
                value = response.json() if len(response.content) <= _LARGEST else None
        except (httpx.HTTPError, ValueError):
            raise EnvironmentFailure("the OpenID provider does not answer, or not in JSON; try again later") from None
        if response.status_code >= 500 or not isinstance(value, dict):
            raise EnvironmentFailure("the OpenID provider does not answer as one; try again later")
        return value


def _checked(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise EnvironmentFailure("the OpenID provider is not reached by https; only one on this machine may be")
    return address


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def remember_waiting(service: Service, found: Identity) -> str:
    """Remember an account that is nobody's, for an operator to say whose it is; return its digest."""
    digest = account_digest(found.issuer, found.subject)
    kept: JSONValue = {"digest": digest, "issuer": found.issuer, "subject": found.subject}
    service.vault.put(_WAITING, digest, kept, service.now() + WAITING)
    return digest


def waiting(service: Service) -> tuple[Waiting, ...]:
    """Return the accounts that are nobody's and tried to get in lately."""
    found = (_waiting(value) for value in service.vault.all(_WAITING))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.digest))


def waiting_one(service: Service, digest: str) -> Waiting | None:
    """Return one of them, or None."""
    return _waiting(service.vault.get(_WAITING, digest))


def forget_waiting(service: Service, digest: str) -> None:
    """Forget one of them, now that it is somebody's."""
    service.vault.delete(_WAITING, digest)


def _waiting(value: JSONValue) -> Waiting | None:
    if not isinstance(value, dict):
        return None
    return Waiting(str(value["digest"]), str(value["issuer"]), str(value["subject"]))
