"""Who asks, and for which gallery and purpose: a key that is for one of each says it all; with others headers do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import to_thread

from faceward.core.names import normal_name
from faceward.service import keys_auth, work
from faceward.service.compreface.errors import Code, Failure

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.service.callers import Caller

KEY, GALLERY, PURPOSE = "x-api-key", "X-Faceward-Gallery", "X-Faceward-Purpose"
MANDATE, REASON, ENTRY = "X-Faceward-Mandate", "X-Faceward-Reason", "X-Faceward-Entry"
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request rests on.

    Attributes:
        caller: The program.
        gallery: What CompreFace calls the face collection.
        purpose: What for; None where neither the key nor a header says it, so that the gallery's own is meant.
        reason: Why people are to be identified, for the log.
        mandate: Digest of a mandate, or its first digits, where the standard asks for one (rule P2).
        entry: Digest of an approved entry on a watchlist, where the gallery is one (rule E1).
    """

    caller: Caller
    gallery: str
    purpose: str | None
    reason: str
    mandate: str | None = None
    entry: str | None = None


async def program(request: Request) -> Caller:
    """Return the program that calls.

    Raises:
        Failure: It shows no key.
        Unauthenticated: The key is not in force; that is in the log.
        PolicyRefusal: The roster does not know the key, where it must (K2).
    """
    secret = request.headers.get(KEY, "")
    if not secret:
        raise Failure(Code.MISSING_REQUEST_HEADER, f"Missing header: {KEY}")
    caller = await to_thread.run_sync(keys_auth.by_secret, request.app.state.service, secret)
    request.state.caller = caller
    work.LANE.set(caller.lane)
    return caller


async def asked(request: Request) -> Asked:
    """Return who asks, and what for.

    Raises:
        Failure: No key is shown, or one for several galleries and none is named.
        Forbidden: The key is for other galleries or purposes.
        Unauthenticated: See `program`.
    """
    caller = await program(request)
    gallery = named(request, GALLERY) or _only(caller.galleries)
    if gallery is None:
        raise Failure(
            Code.MISSING_REQUEST_HEADER,
            f"Missing header: {GALLERY}; this key is not for one gallery alone, so name the one that is meant",
        )
    purpose = named(request, PURPOSE) or _only(caller.purposes)
    caller.require_gallery(gallery)
    if purpose is not None:
        caller.require_purpose(purpose)
    reason = _header(request, REASON) or f"standing order of the program that holds the {caller.name}"
    return Asked(caller, gallery, purpose, reason, _header(request, MANDATE), _header(request, ENTRY))


def named(request: Request, header: str) -> str | None:
    """Return the name that a header gives, or None."""
    value = _header(request, header)
    return None if value is None else normal_name(value)


def _header(request: Request, header: str) -> str | None:
    value = request.headers.get(header, "")[:_LONGEST].strip()
    if not value:
        return None
    try:
        # Names are of any script, and HTTP clients send UTF-8 where they may.
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _only(names: frozenset[str] | None) -> str | None:
    return next(iter(names)) if names is not None and len(names) == 1 else None
