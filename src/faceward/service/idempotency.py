"""A request that is sent again is not carried out again (draft-ietf-httpapi-idempotency-key-header-07).

The client names a request with the header `Idempotency-Key`. Its answer is kept for a day, for the same caller, and
given again with `Idempotency-Replayed: true`. Answers hold personal data, so that each is sealed under a key drawn from
the client's own: the service keeps that as a digest alone, and can open no answer while the client does not ask again.
A copy of the file and of all of the deployment's secrets opens none either, also after an erasure (rule T2).

Of recognition nothing is given again: only that it was done, and in which entry of the log. Nothing else is either once
anything was erased, withdrawn, locked or stopped meanwhile, by whatever process (rules T2, C2, P7, W7), save for
receipts, which are their subjects' to keep; and nothing to a caller whose key or roles are for something else by now.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from anyio import to_thread
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.responses import Response

from faceward.core.canonical import JSONValue, sha256_hex
from faceward.core.errors import BadInput, FacewardError
from faceward.service.errors import Conflict
from faceward.service.problems import MEDIA_TYPE, problem

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.service.callers import Caller
    from faceward.service.state import Service

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
KEPT = timedelta(hours=24)
"""How long an answer is kept."""
LEASE = timedelta(minutes=15)
"""How long a request counts as running whose process may have died."""
_KIND = "idempotency"
_SHAPE = re.compile(r'"?([\x21\x23-\x7e]{16,255}?)"?')
_MOST = 1 << 20
_NONCE = 12
_UNDER_WAY: set[asyncio.Task[Response]] = set()
# Answers that another attempt may change, though the request is the same.
_PASSING = frozenset({401, 408, 409, 413, 425, 428, 429, 499})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept.

    Attributes:
        status: HTTP's status.
        content: The body.
        media: Its media type.
        headers: Headers of its own.
        entry: Index of the log entry, where there is one.
        lasting: Whether it is given again whatever was erased or stopped since.
    """

    status: int
    content: bytes = field(repr=False)
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    entry: int | None = None
    lasting: bool = False

    def response(self, *, replayed: bool = False) -> Response:
        """Return it as it is sent."""
        again = {REPLAYED: "true"} if replayed else {}
        return Response(self.content, self.status, {**self.headers, **again}, self.media)


async def once(
    request: Request, caller: Caller, make: Callable[[], Awaitable[Answer]], *, kept: bool = True
) -> Response:
    """Carry a request out, or give its answer again.

    Args:
        request: The request; `request.state.content` is the digest of what it brought.
        caller: Who.
        make: What carries it out.
        kept: Whether the answer itself is kept.

    Raises:
        BadInput: The key is none, or was used for another request.
        Conflict: The same request is being carried out, or its answer was not kept.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return (await make()).response()
    place = _Place.of(request, caller, given)
    task = asyncio.ensure_future(_settled(place, make, kept=kept))
    # The loop itself holds tasks weakly.
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    # Whoever asked may be gone before it ends. What has begun in a thread goes on, and so does this, which keeps what
    # came of it: a place given up meanwhile would have it carried out twice.
    return await asyncio.shield(task)


async def _settled(place: _Place, make: Callable[[], Awaitable[Answer]], *, kept: bool) -> Response:
    before = await to_thread.run_sync(place.begin)
    if before is not None:
        return (await to_thread.run_sync(place.replay, before)).response(replayed=True)
    return await _carried_out(place, make, kept=kept)


async def _carried_out(place: _Place, make: Callable[[], Awaitable[Answer]], *, kept: bool) -> Response:
    # Before it begins, so that what ends meanwhile counts.
    size = await to_thread.run_sync(lambda: place.service.system.log_size)
    try:
        answer = await make()
    except FacewardError as error:
        told = problem(error)
        if told.status < 500 and told.status not in _PASSING:
            content = json.dumps(told.to_json(), ensure_ascii=False).encode()
            refused = Answer(told.status, content, MEDIA_TYPE, dict(told.headers))
            await to_thread.run_sync(place.keep, refused, size)
        else:
            await to_thread.run_sync(place.forget)
        raise
    except Exception:
        # Nothing runs any more; where a service is ended while something does, the place stays taken for its lease.
        await to_thread.run_sync(place.forget)
        raise
    await to_thread.run_sync(place.keep, answer, size if kept else None)
    return answer.response()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the answer to a request lies."""

    service: Service
    name: str
    digest: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, request: Request, caller: Caller, given: str) -> _Place:
        found = _SHAPE.fullmatch(given)
        if found is None:
            raise BadInput(f"{HEADER} must have 16 to 255 printable ASCII characters; send a random UUID")
        service: Service = request.app.state.service
        name = f"{caller.kind.value}\0{caller.name}\0{found[1]}"
        what = f"{request.method}\0{request.url.path}\0{request.url.query}\0{getattr(request.state, 'content', '')}"
        what += f"\0{_scope(caller)}"
        key = hmac.digest(service.system.service_secret(), f"faceward/idempotency/v1\0{name}".encode(), "sha256")
        return cls(service, name, sha256_hex(what.encode()), key)

    def begin(self) -> Mapping[str, JSONValue] | None:
        """Take the place, and return None; or what lies there, if the request that it was for is done."""
        running: JSONValue = {"digest": self.digest, "state": "running"}
        while not self.service.vault.add(_KIND, self.name, running, self.service.now() + LEASE):
            kept = self.service.vault.get(_KIND, self.name)
            if not isinstance(kept, dict):
                # It was given up between the two.
                continue
            if kept["digest"] != self.digest:
                raise BadInput(f"this {HEADER} was used for another request; draw a new one for each")
            if kept["state"] == "running":
                raise Conflict("a request with this key is being carried out; ask again in a while")
            return kept
        return None

    def keep(self, answer: Answer, size: int | None) -> None:
        """Keep the answer; of one too long only that there was one.

        Args:
            answer: The answer.
            size: The log's size before it; None where only that there was one is kept.
        """
        value: dict[str, JSONValue] = {"digest": self.digest, "state": "done", "status": answer.status}
        value |= {"entry": answer.entry, "size": None if answer.lasting else size}
        if size is not None and len(answer.content) <= _MOST:
            plain = json.dumps([answer.media, dict(answer.headers)]).encode() + b"\n" + answer.content
            nonce = secrets.token_bytes(_NONCE)
            sealed = nonce + AESGCM(self.key).encrypt(nonce, plain, self.digest.encode())
            value["sealed"] = base64.b64encode(sealed).decode()
        self.service.vault.put(_KIND, self.name, value, self.service.now() + KEPT)

    def forget(self) -> None:
        """Give the place up, so that the request may be sent again."""
        self.service.vault.delete(_KIND, self.name)

    def replay(self, kept: Mapping[str, JSONValue]) -> Answer:
        """Return what was kept.

        Raises:
            Conflict: The answer was not, or something was erased or stopped since.
        """
        since, entry = kept["size"], kept["entry"]
        if "sealed" not in kept or (isinstance(since, int) and self.service.system.ended_since(since)):
            where = "" if entry is None else f", in entry {entry} of the log"
            raise Conflict(
                f"it was carried out with status {kept['status']}{where}; its answer is not given again: ask anew, "
                "under another key"
            )
        sealed = base64.b64decode(str(kept["sealed"]))
        plain = AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], self.digest.encode())
        head, _, content = plain.partition(b"\n")
        media, headers = json.loads(head)
        return Answer(int(str(kept["status"])), content, media, headers)


def _scope(caller: Caller) -> str:
    """Return what a caller may reach, so that a key made anew under the same name is not given the answers of one."""
    limits = caller.purposes, caller.galleries
    return json.dumps([sorted(caller.roles), *(None if one is None else sorted(one) for one in limits)])
