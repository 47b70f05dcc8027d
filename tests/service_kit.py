"""A service of one test: its application in this process, browsers and passkeys that come to it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import cbor2
from faceward_test_passkey_kit import PRESENT, VERIFIED, SoftPasskey
from fastapi import FastAPI
from starlette.testclient import TestClient

from faceward.operations.system import System
from faceward.service import sessions
from faceward.service.app import create_app
from faceward.service.callers import Kind
from faceward.service.first_start import first_link
from faceward.service.sessions import SignedIn
from faceward.service.settings import Settings
from faceward.service.state import Service

ORIGIN = "http://localhost:8000"
SAME_SITE = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
JSON = {"accept": "application/json"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Phone(SoftPasskey):
    """A passkey, with what a browser hands to a page about it.

    Attributes:
        credential: What names it.
        handle: What the service called its owner when it was made.
    """

    rp_id: str = "localhost"
    origin: str = ORIGIN
    credential: bytes = b"\x07" * 32
    handle: str = ""

    def create(self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, **client: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self.handle = options["user"]["id"]
        told = {"type": "webauthn.create", "challenge": options["challenge"], "origin": self.origin, **client}
        site = hashlib.sha256(self.rp_id.encode()).digest()
        head = site + bytes([flags | 0x40]) + self.counter.to_bytes(4, "big")
        data = head + bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + self.cose
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"clientDataJSON": b64(json.dumps(told).encode()), "attestationObject": b64(attested)}
        return self._plain({**response, "transports": ["internal"]})

    def get(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        made = self.answer(unb64(options["challenge"]), **changes)
        return self._plain(
            {
                "clientDataJSON": b64(made.client_data_json),
                "authenticatorData": b64(made.authenticator_data),
                "signature": b64(made.signature),
                "userHandle": self.handle,
            }
        )

    def _plain(self, response: dict[str, Any]) -> dict[str, Any]:
        named = b64(self.credential)
        extensions: dict[str, Any] = {}
        return {
            "id": named,
            "rawId": named,
            "type": "public-key",
            "clientExtensionResults": extensions,
            "response": response,
        }


@dataclass
class Browser:
    """Somebody at a browser, with one passkey.

    Attributes:
        client: What sends requests, with its cookies.
        phone: The passkey.
    """

    client: TestClient
    phone: Phone = field(default_factory=Phone)

    def post(self, path: str, given: dict[str, Any], **headers: str) -> Any:
        """Send JSON as a page's script does."""
        token = {"faceward-csrf": self.csrf} if len(self.client.cookies) else {}
        return self.client.post(path, json=given, headers={**SAME_SITE, **JSON, **token, **headers})

    def begin(self, link: str, person: str = "", **changes: Any) -> Any:
        """Follow a one-time link, and make the passkey."""
        token = link.partition("#")[2]
        step = self.post("/auth/begin/options", {"token": token, "person": person})
        if step.status_code != 200:
            return step
        made = self.phone.create(step.json()["publicKey"], **changes)
        return self.post("/auth/begin", {"ceremony": step.json()["ceremony"], "credential": made})

    def sign_in(self, person: str = "", **changes: Any) -> Any:
        """Sign in, by name or without."""
        step = self.post("/auth/sign-in/options", {"person": person} if person else {})
        if step.status_code == 200 and not person:
            answer = {"ceremony": step.json()["ceremony"], "credential": self.phone.get(step.json()["publicKey"])}
            step = self.post("/auth/sign-in/who", answer)
        if step.status_code != 200:
            return step
        credential = self.phone.get(step.json()["publicKey"], **changes)
        return self.post("/auth/sign-in", {"ceremony": step.json()["ceremony"], "credential": credential})

    @property
    def csrf(self) -> str:
        """What the service's pages hold."""
        page = self.client.get("/auth/account").text
        return page.partition('name="csrf" content="')[2].partition('"')[0]

    def form(self, path: str, **fields: Any) -> Any:
        """Send a form as `passkeys.js` does: what is asked for is signed, and the form is sent again."""
        headers = {**SAME_SITE, "accept": "application/json, text/html;q=0.9", "faceward-csrf": self.csrf}
        for _ in range(4):
            response = self.client.post(path, data=fields, headers=headers, follow_redirects=False)
            if response.status_code != 428:
                return response
            told = response.json()
            answer = json.dumps(self.phone.get(told["publicKey"])).encode()
            headers |= {"faceward-prepared": told["prepared"], "faceward-assertion": b64(answer)}
        raise AssertionError("it asks for ever")


@dataclass
class Served:
    """A service of one test.

    Attributes:
        service: The service.
        app: Its application.
        client: Somebody who has not signed in.
    """

    service: Service
    app: FastAPI
    client: TestClient
    others: list[TestClient] = field(default_factory=list)

    def browser(self, number: int = 7) -> Browser:
        """Return another browser, with a passkey of its own."""
        client = TestClient(self.app, base_url=ORIGIN, raise_server_exceptions=True)
        return Browser(client, Phone(credential=bytes([number]) * 32))

    def first_link(self) -> str | None:
        """Return the link that `faceward serve` prints at its start."""
        return first_link(self.service.system, self.service.vault, ORIGIN)

    def bearer(self, name: str, kind: Kind = Kind.SUBJECT, **more: Any) -> dict[str, str]:
        """Return a header that shows a session, begun without a door."""
        token = sessions.begin(self.service, SignedIn(kind, name, self.service.settings.session, **more))
        return {"authorization": f"Bearer {token}"}

    def denied(self) -> list[dict[str, Any]]:
        """Return what the log says of those who were turned away."""
        lines = self.service.system.log_lines()
        return [dict(line.opened["details"]) for line in lines if line.operation == "service.denied"]


@contextmanager
def served(system: System, clock: Any, **options: Any) -> Iterator[Served]:
    """Serve an open deployment in this process."""
    sessions.forget_roster()
    service = Service.begin(system, Settings(origin=ORIGIN, threads=2, **options), clock)
    app = create_app(service)
    with TestClient(app, base_url=ORIGIN) as client:
        yield Served(service, app, client)
    service.close()
