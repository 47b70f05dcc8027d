"""Connecting to a receiver: the address that a name resolves to is looked at before anything is sent to it.

Who configures a channel chooses its receiver, inner networks included. Addresses that only mean the link or the host
itself are refused whatever a name resolves to: clouds give out credentials there to whoever asks.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable

from faceward.outbound.errors import NotDelivered
from faceward.policy.channel_targets import Address, Target, is_loopback, refusal

Resolve = Callable[[str, int], list[str]]
"""Returns the addresses of a name."""

CONNECT_SECONDS = 5.0
"""Longest wait for one address."""


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which they are to be tried.

    Raises:
        OSError: It has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def connect(target: Target, *, private: bool, resolve: Resolve = resolved, limit: float | None = None) -> socket.socket:
    """Connect to a receiver.

    Args:
        target: The receiver.
        private: Whether what is sent must not be read on its way, so that without TLS only this machine will do.
        resolve: How names are resolved.
        limit: When to have connected, by the monotonic clock; None for no limit but that for each address.

    Returns:
        A connected socket, blocking.

    Raises:
        NotDelivered: The name has no address, none that may be connected to, or nobody answers there.
    """
    try:
        addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in resolve(target.host, target.port)]
    except (OSError, UnicodeError, ValueError):
        raise NotDelivered("the receiver's name has no address") from None
    reason = "nobody answers there"
    for address in addresses:
        why = refusal(address) or _open_refusal(target, address, private=private)
        if why:
            reason = f"the receiver's address {why}: refused"
            continue
        left = CONNECT_SECONDS if limit is None else min(CONNECT_SECONDS, limit - time.monotonic())
        if left <= 0:
            break
        try:
            return _connected(address, target.port, left)
        except TimeoutError:
            reason = "nobody answers there in time"
        except OSError:
            reason = "nobody answers there"
    raise NotDelivered(reason)


def context_of(authority: str) -> ssl.SSLContext:
    """Return how TLS is spoken: by the authorities of the system, or by one's own alone.

    Args:
        authority: Certificates (PEM), or empty.

    Raises:
        NotDelivered: The certificates cannot be read.
    """
    try:
        return ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError):
        raise NotDelivered(
            "the certificates of its authority cannot be read; remove the channel and add it again"
        ) from None


def _connected(address: Address, port: int, seconds: float) -> socket.socket:
    made = socket.create_connection((str(address), port), timeout=seconds)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _open_refusal(target: Target, address: Address, *, private: bool) -> str:
    """Say why an address will not do without TLS: `localhost` is a name too, and may resolve to anything."""
    if target.encrypted or not private or is_loopback(str(address)):
        return ""
    return "is not of this machine, and the way there is open"
