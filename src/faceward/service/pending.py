"""What has begun and waits for an answer, kept with who began it: sealed, so that beginning leaves nothing here.

Anybody may begin to sign in, as often as they like. Were each attempt remembered, they could fill the disk, and a limit
on how many may begin would let them keep others out. Only what was answered, with a proof, is remembered: that it was.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from faceward.core.clock import from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from faceward.core.canonical import JSONValue
    from faceward.service.state import Service

LONGEST = 16 * 1024
"""Most characters that are looked at."""

_USED = "answered"


def sealed(service: Service, kind: str, value: dict[str, JSONValue], term: timedelta) -> str:
    """Return a text that stands for a value, for so long, and that only this deployment opens or makes.

    Args:
        service: The service.
        kind: What it is; it opens as nothing else.
        value: What is kept in it.
        term: How long.
    """
    return service.vault.seal(kind, {"value": value, "until": to_rfc3339(service.now() + term)})


def opened(service: Service, kind: str, text: str) -> dict[str, JSONValue] | None:
    """Return the value that a text stands for, or None where it is over, was answered, or never was one."""
    found = service.vault.unseal(kind, text) if len(text) <= LONGEST else None
    if not isinstance(found, dict) or from_rfc3339(str(found["until"])) <= service.now():
        return None
    value = found["value"]
    if not isinstance(value, dict) or service.vault.get(_USED, _name(kind, text)) is not None:
        return None
    return value


def answered(service: Service, kind: str, text: str, term: timedelta) -> bool:
    """Note that a text was answered by who could, and tell whether it was for the first time.

    Args:
        service: The service.
        kind: As it was sealed.
        text: What `opened` has just opened.
        term: As it was sealed.
    """
    return service.vault.add(_USED, _name(kind, text), True, service.now() + term)


def _name(kind: str, text: str) -> str:
    return f"{kind}/{hashlib.sha256(text.encode()).hexdigest()}"
