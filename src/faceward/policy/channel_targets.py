"""Where alerts may be sent: addresses and secrets of webhooks and brokers, taken apart; nothing is resolved here."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from faceward.core.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

WEBHOOK, MQTT = "webhook", "mqtt"

SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a secret (Standard Webhooks), not one
LEAST_SECRET, MOST_SECRET = 24, 64
MOST_ADDRESS = 2048
# Scheme of the address: kind, whether it is encrypted, and the usual port.
_SCHEMES = {
    "https": (WEBHOOK, True, 443),
    "http": (WEBHOOK, False, 80),
    "mqtts": (MQTT, True, 8883),
    "mqtt": (MQTT, False, 1883),
}
# Addresses of metadata services that are not link-local: of AWS over IPv6, of Alibaba, of Oracle.
_METADATA = frozenset(ipaddress.ip_address(one) for one in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_FORMS = "give https://host/path for a webhook, or mqtts://host for a broker"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a channel leads.

    Attributes:
        kind: `webhook` or `mqtt`.
        encrypted: Whether it is spoken to by TLS.
        host: Name or address.
        port: Port.
        path: What follows in the address of a webhook, at least `/`.
    """

    kind: str
    encrypted: bool
    host: str
    port: int
    path: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """The address as it is shown: scheme, host and port; the path of a webhook often is a secret."""
        scheme = next(s for s, (kind, tls, _) in _SCHEMES.items() if (kind, tls) == (self.kind, self.encrypted))
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def parse_target(address: str) -> Target:
    """Take an address apart; nothing is resolved. No message repeats it, since it may hold a secret.

    Raises:
        UsageError: It is none that alerts can be sent to.
    """
    text = address.strip()
    if len(text) > MOST_ADDRESS or not text.isascii() or any(sign <= " " or sign in '\\"<>^`{|}\x7f' for sign in text):
        raise UsageError(f"the channel's address is too long, or holds a character that no address has; {_FORMS}")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host, parts = None, None, SplitResult("", "", "", "", "")
    if parts.scheme not in _SCHEMES or not host or parts.fragment or "#" in text:
        raise UsageError(f"the channel's address cannot be read; {_FORMS}")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise UsageError("the channel's address holds a user or password; give them by --user and --password-file")
    kind, encrypted, usual = _SCHEMES[parts.scheme]
    if kind == MQTT and (parts.path not in ("", "/") or parts.query):
        raise UsageError("a broker's address has no path; topics begin with --prefix")
    if port == 0:
        raise UsageError("port 0 is nobody's; give another one")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(kind, encrypted, host, port or usual, path if kind == WEBHOOK else "")


def is_loopback(host: str) -> bool:
    """Tell whether a host's name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(address: Address) -> str:
    """Say why nothing is sent to an address; empty if something may be."""
    inner = _inner(address)
    if inner is not None:
        return refusal(inner)
    if address.is_link_local or address in _METADATA:
        return "is link-local, where clouds keep credentials"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "is no receiver's"
    return ""


def check_host(host: str) -> None:
    """Refuse an address that nothing would be sent to; a name is resolved when something is.

    Raises:
        UsageError: It is such an address.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    why = refusal(address)
    if why:
        raise UsageError(f"the receiver's address {why}: refused; give the address of the receiver itself")


def _inner(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address stands for, or None."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def parse_secret(text: str) -> bytes:
    """Return the key that a secret stands for: `whsec_` and base64 of 24 to 64 bytes (Standard Webhooks).

    Raises:
        UsageError: It is none.
    """
    try:
        key = base64.b64decode(text.strip().removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.strip().startswith(SECRET_PREFIX) or not LEAST_SECRET <= len(key) <= MOST_SECRET:
        raise UsageError(
            f"the secret is no webhook's; take {SECRET_PREFIX} and base64 of {LEAST_SECRET} to {MOST_SECRET} bytes"
        )
    return key


def written_secret(key: bytes) -> str:
    """Return the text of a secret, as receivers enter it."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def check_origin(text: str) -> str:
    """Return where browsers find the console, without a path.

    Raises:
        UsageError: It is no origin.
    """
    origin = text.strip().rstrip("/")
    if not origin:
        return ""
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, SplitResult("", "", "", "", "")
    extra = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("https", "http") or not host or extra or not origin.isascii():
        raise UsageError("--origin is no origin; write it as https://faces.example.org")
    return origin
