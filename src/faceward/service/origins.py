"""Where a request comes from: the peer, or what a proxy says that was named as one to be believed."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Scope

    from faceward.service.settings import Address, Settings

_FORWARDED = "x-forwarded-for"


def believe(scope: Scope, settings: Settings) -> None:
    """Put the address that a request comes from in the place of the proxy's.

    Of `X-Forwarded-For` only the end counts, which the proxy itself has written: the last address that is not again one
    of a proxy to be believed. What stands before it the client may have made up. `Forwarded`, `X-Real-IP` and
    `X-Forwarded-Proto` are not read: what browsers see, the origin says.

    Args:
        scope: The request, as ASGI has it; its `client` is changed.
        settings: Whom to believe.
    """
    peer = scope.get("client")
    if not settings.proxies or not peer:
        return
    here = _address(str(peer[0]))
    if here is None or not settings.trusts(here):
        return
    said = [one.strip() for line in Headers(scope=scope).getlist(_FORWARDED) for one in line.split(",")]
    for text in reversed(said):
        found = _address(text)
        if found is None:
            # The hops before one that cannot be read are anybody's.
            return
        scope["client"] = (str(found), 0)
        if not settings.trusts(found):
            return


def address_of(scope: Scope) -> str:
    """Return the caller's network: an IPv4 address, or the /64 of an IPv6 address, which one household has.

    Args:
        scope: The request, as ASGI has it, after `believe`.
    """
    client = scope.get("client")
    found = _address(str(client[0])) if client else None
    if found is None:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return found if mapped is None else mapped
