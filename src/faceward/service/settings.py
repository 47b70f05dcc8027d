"""What a service is set to."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from faceward.core.errors import UsageError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened at
_LAST_PORT = 65535
_MIB = 1 << 20

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate that the service shows.

    Attributes:
        certificate: PEM file, with intermediate certificates.
        key: PEM file of its private key.
    """

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID provider that people may sign in with.

    Attributes:
        issuer: Its URL, as its tokens name it.
        client: The client's identifier there.
        secret: The client's secret; empty for a public client.
        factors: Values of `acr` or `amr` that stand for a phishing-resistant factor; with none of them nobody gets in
            (rule K2).
    """

    issuer: str
    client: str
    secret: str = field(default="", repr=False)
    factors: frozenset[str] = frozenset({"phr", "phrh", "hwk", "pop", "fido", "webauthn", "passkey"})


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service runs.

    Attributes:
        host: Address to listen at.
        port: Port; 0 takes a free one.
        origin: The URL that browsers see, without a path; its host is what passkeys are bound to.
        workers: Processes.
        threads: Operations that run at once in a process.
        queue: Operations that may wait for a thread; more are turned away with status 429.
        max_body: Largest body of a request, in bytes.
        session: How long somebody who signed in stays so at most.
        tls: The certificate, or None for plain HTTP.
        oidc: A provider to sign in with, or None.
        proxies: Addresses and networks (CIDR) of proxies that are believed where a request comes from.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    origin: str = ""
    workers: int = 1
    threads: int = field(default_factory=lambda: max(1, os.cpu_count() or 1))
    queue: int = 64
    max_body: int = 32 * _MIB
    session: timedelta = timedelta(hours=8)
    tls: Tls | None = None
    oidc: Oidc | None = None
    proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("threads", 1), ("queue", 0), ("port", 0), ("max_body", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"--{name.replace('_', '-')} must be at least {least}")
        if self.port > _LAST_PORT:
            raise UsageError(f"--port must be at most {_LAST_PORT}")
        if not self.origin and self.host in _ANYWHERE:
            raise UsageError(
                f"--host {self.host} listens at every address, and none of them is a name that browsers can ask for; "
                "give --origin, such as --origin https://faces.example.org"
            )
        if not self.origin:
            host = "localhost" if self.host in _LOOPBACK else self.host
            shown = f"[{host}]" if ":" in host else host
            object.__setattr__(self, "origin", f"{self.scheme}://{shown}:{self.port}")
        parts = urlsplit(self.origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise UsageError(
                f"--origin {self.origin!r} is no URL of a site; give one such as https://faces.example.org"
            )
        object.__setattr__(self, "origin", f"{parts.scheme}://{parts.netloc}".lower())
        for given in self.proxies:
            try:
                ipaddress.ip_network(given)
            except ValueError:
                raise UsageError(
                    f"--trusted-proxy {given!r} is no address and no network; give one such as 10.0.0.7 or 10.0.0.0/24"
                ) from None

    @property
    def scheme(self) -> str:
        """`https` with a certificate of its own, else `http`."""
        return "http" if self.tls is None else "https"

    @property
    def site(self) -> str:
        """The relying party's identifier of passkeys: the origin's host (WebAuthn Level 3 §5.1.2)."""
        return urlsplit(self.origin).hostname or ""

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS only, here or at a proxy before it."""
        return self.origin.startswith("https:")

    @property
    def in_clear(self) -> bool:
        """Whether what browsers send, sessions among it, can be read on its way: no TLS, and not on this machine."""
        return not self.secure and self.site not in _LOOPBACK and not self.site.endswith(".localhost")

    @property
    def named_by_itself(self) -> bool:
        """Whether browsers reach it on this machine, at the port where it listens, with no proxy between."""
        return self.site in _LOOPBACK and not self.proxies and urlsplit(self.origin).port == self.port

    def trusts(self, address: Address) -> bool:
        """Tell whether an address is that of a proxy that is believed."""
        return any(address in ipaddress.ip_network(one) for one in self.proxies)

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may name as its host: the origin's, and where it listens."""
        return frozenset({self.site, self.host, *(_LOOPBACK if self.host in (*_LOOPBACK, *_ANYWHERE) else ())})
