"""Acts that need a signature of the person's own key, asked for and then repeated (rule S2).

A route that may need one runs its operation through `repeatable`:

    async def approve(request: Request, digest: str, caller: Annotated[Caller, Depends(known)]) -> Response:
        act = lambda system: system.requests.decide(digest, Decision.APPROVE)
        shown = await repeatable(request, caller, act)

`act` gets the deployment as the caller acts in it, runs in the pool, and must do nothing that may not be done twice
before the operation that signs. Where the signature is not there yet, the answer is status 428 with

    {"type": "urn:faceward:signature-needed", "namespace": …, "message": BASE64, "prepared": ID, "shown": {…},
     "fingerprints": […], "publicKey": {…}}

`fingerprints` is there where somebody would be added to the roster: people compare keys by them, and a decision's
message names its request by the digest alone. `publicKey` (for `navigator.credentials.get`) is there where a key of the
person is a passkey. The request is then sent again with `Faceward-Prepared: ID` and one of

- `Faceward-Assertion`: `PublicKeyCredential.toJSON()` as JSON, in Base 64 for URLs without padding;
- `Faceward-Signature`: what `ssh-keygen -Y sign -n NAMESPACE` wrote, in Base 64.

`static/passkeys.js` does all this for every `<form method="post" data-sign>` and, for other scripts, as
`faceward.send(url, options)`. An act that needs two signatures answers 428 twice.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import to_thread

from faceward.core.canonical import JSONValue
from faceward.core.errors import BadInput, FacewardError, SignatureNeeded
from faceward.policy.passkeys import challenge
from faceward.policy.sessions import Presigned
from faceward.policy.sshsig import PASSKEY, PublicKey
from faceward.policy.sshwire import BadSignature
from faceward.service import bodies, limits, passkeys, sessions
from faceward.service.callers import Kind
from faceward.service.errors import Forbidden, SignatureAsked

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.operations.system import System
    from faceward.service.callers import Caller
    from faceward.service.state import Service

T = TypeVar("T")

TERM = timedelta(minutes=10)
"""How long somebody may take to read and sign; operations take nothing older (`operations.signing.FRESH`)."""

PREPARED, SIGNATURE, ASSERTION = "Faceward-Prepared", "Faceward-Signature", "Faceward-Assertion"
_KIND = "signing"
_LONGEST = 8192


async def repeatable(request: Request, caller: Caller, act: Callable[[System], T]) -> T:
    """Do something in a caller's name, with what they signed for it if this is the second time.

    Args:
        request: The request, whose headers bring what was signed.
        caller: Who.
        act: What to do; it is given the deployment as the caller acts in it.

    Raises:
        SignatureAsked: A signature is needed; status 428.
        Forbidden: It is, and a program calls, which has none to give.
        BadSignature: What was brought is no good (S2); the attempt is in the log.
        BadInput: What was brought was not asked for, here, of this session, within ten minutes.
    """
    service: Service = request.app.state.service
    had = await _brought(request, service, caller)
    session = caller.session
    if session is not None and had:
        session = session.with_signatures(*had)
    try:
        return await service.work.run(_done, service, replace(caller, session=session), act)
    except SignatureNeeded as needed:
        if caller.kind is Kind.KEY:
            raise Forbidden("this needs a person's own signature, which a program has not; do it yourself") from None
        asked = await to_thread.run_sync(_prepare, service, caller, _place(request), needed, had)
        raise asked from None


def _done(service: Service, caller: Caller, act: Callable[[System], T]) -> T:
    return act(service.acting(caller))


def _prepare(
    service: Service, caller: Caller, place: str, needed: SignatureNeeded, had: tuple[Presigned, ...]
) -> SignatureAsked:
    name = secrets.token_urlsafe(24)
    value: JSONValue = {
        "session": caller.token,
        "place": place,
        "namespace": needed.namespace,
        "message": needed.message.decode(),
        "had": [
            {"namespace": one.namespace, "message": one.message.decode(), "signature": one.signature} for one in had
        ],
    }
    service.vault.put(_KIND, name, value, service.now() + TERM)
    shown = json.loads(needed.message)
    more: dict[str, JSONValue] = {"prepared": name, "shown": shown}
    if found := _fingerprints(service, shown):
        more["fingerprints"] = found
    keys = sessions.roster(service).person(caller.name).keys
    if any(key.algorithm == PASSKEY for key in keys):
        asked, allowed = challenge(needed.namespace, needed.message), passkeys.credentials_of(service, keys)
        more["publicKey"] = passkeys.request_options(service, asked, allowed)
    return SignatureAsked(needed, more)


def _fingerprints(service: Service, shown: Mapping[str, Any]) -> list[JSONValue]:
    """Return the fingerprints of the keys that a person would be added with; none where it is about something else."""
    kind, body = shown.get("kind"), shown.get("body")
    if kind is None and isinstance(shown.get("request"), str):
        try:
            asked = service.system.requests.show(shown["request"])
        except FacewardError:
            return []
        kind, body = asked.kind, asked.body
    if kind != "person.add" or not isinstance(body, dict):
        return []
    return [PublicKey.parse(str(line)).fingerprint for line in (body["key"], *body.get("further", ()))]


async def _brought(request: Request, service: Service, caller: Caller) -> tuple[Presigned, ...]:
    name = request.headers.get(PREPARED)
    # A browser that is led on from what was signed takes its headers along to the page that it then shows.
    if name is None or caller.kind is Kind.KEY or caller.session is None or request.method in ("GET", "HEAD"):
        return ()
    kept = await to_thread.run_sync(service.vault.take, _KIND, name)
    if not isinstance(kept, dict) or kept["session"] != caller.token or kept["place"] != _place(request):
        raise BadInput("nothing waits here for this signature, or not any more; begin again")
    earlier = kept["had"] if isinstance(kept["had"], list) else []
    had = tuple(
        Presigned(str(one["namespace"]), str(one["message"]).encode(), str(one["signature"]))
        for one in earlier
        if isinstance(one, dict)
    )
    try:
        new = await to_thread.run_sync(
            _signed, request, service, caller, str(kept["namespace"]), str(kept["message"]).encode()
        )
    except BadSignature as refusal:
        await limits.denied(request, "signature", refusal.reason, caller=caller)
        raise
    return (*had, new)


def _signed(request: Request, service: Service, caller: Caller, namespace: str, message: bytes) -> Presigned:
    assertion, signature = request.headers.get(ASSERTION), request.headers.get(SIGNATURE)
    if assertion is not None:
        try:
            credential = bodies.parsed(_decoded(assertion))
        except BadInput:
            raise BadInput(f"{ASSERTION} is no JSON in Base 64; send what the browser's passkey answered") from None
        if not isinstance(credential, dict):
            raise BadInput(f"{ASSERTION} is no JSON object; send what the browser's passkey answered")
        return passkeys.signed(service, credential, sessions.roster(service).person(caller.name), namespace, message)
    if signature is None:
        raise BadInput(f"{PREPARED} came without a signature; send {ASSERTION} or {SIGNATURE} with it")
    try:
        armoured = _decoded(signature).decode("ascii")
    except ValueError:
        raise BadInput(f"{SIGNATURE} is no armoured signature in Base 64") from None
    passkeys.not_by_browser(armoured)
    return Presigned(namespace, message, armoured)


def _decoded(text: str) -> bytes:
    if len(text) > _LONGEST:
        raise BadInput("the signature is longer than any; send what was asked for")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("the signature is not Base 64; send what was asked for") from None


def _place(request: Request) -> str:
    return f"{request.method} {request.url.path}?{request.url.query}"
