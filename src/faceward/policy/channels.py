"""Channels: where alerts go, what of an alert goes there, and with which secrets; checked, nothing is resolved here."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.policy.channel_targets import (
    MQTT,
    WEBHOOK,
    Target,
    check_host,
    check_origin,
    is_loopback,
    parse_secret,
    parse_target,
)
from faceward.policy.strict import Table

DETAILS = ("place", "branch", "gallery", "purpose")
"""What an alert may say beside its identifier, camera, time, rate, state, flags and link, where it is asked for."""

_PREFIX = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,7}")
MOST_CREDENTIAL, MOST_CA = 1024, 32 * 1024
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PEM = "-----BEGIN CERTIFICATE-----"
_KEYS = (
    *("name", "identifier", "kind", "place", "details", "origin", "prefix", "discovery", "frigate", "insecure"),
    *("authority", "since", "first"),
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What of a channel is sealed at rest and never shown.

    Attributes:
        address: The whole address.
        secret: The secret that signs webhooks, `whsec_…`; empty for a broker.
        user: Who signs in at the broker; may be empty.
        password: With which password.
    """

    address: str = field(repr=False)
    secret: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def target(self) -> Target:
        """Return where it leads; see `parse_target`."""
        return parse_target(self.address)

    def signing_key(self) -> bytes:
        """Return the key that signs, 24 to 64 bytes.

        Raises:
            UsageError: The secret is none.
        """
        return parse_secret(self.secret)


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """A channel as somebody asks for it; see `Channel` for what is not explained here.

    Attributes:
        name: Its name.
        secrets: Address and secrets.
        authority: Certificates (PEM) of the only authority that is trusted; those of the system if empty.
        details: Which of `DETAILS` are sent too.
        origin: Where browsers find the console, for links; empty for none.
        prefix: First part of a broker's topics.
        discovery: Home Assistant's prefix for discovery; empty for none.
        frigate: Whether Frigate-shaped events are sent too.
        insecure: Whether an address without TLS that is not of this machine is accepted.
    """

    name: str
    secrets: Secrets
    authority: str = ""
    details: tuple[str, ...] = ()
    origin: str = ""
    prefix: str = "faceward"
    discovery: str = "homeassistant"
    frigate: bool = False
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that is in use.

    Attributes:
        name: Its name, Unicode NFC.
        identifier: 32 hexadecimal digits, drawn when it was added.
        kind: `webhook` or `mqtt`.
        place: Scheme, host and port; no path, no user.
        details: Which of `DETAILS` are sent too.
        origin: Where browsers find the console, for links; may be empty.
        prefix: First part of a broker's topics.
        discovery: Home Assistant's prefix for discovery; empty for none.
        frigate: Whether Frigate-shaped events are sent too.
        insecure: Whether what is sent may be read on its way.
        authority: Certificates (PEM) that are trusted; those of the system if empty.
        since: When it was added, UTC.
        first: Index of the first log entry whose alert it is told of.
    """

    name: str
    identifier: str
    kind: str
    place: str
    details: tuple[str, ...]
    origin: str
    prefix: str
    discovery: str
    frigate: bool
    insecure: bool
    authority: str
    since: datetime
    first: int

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal; there is no secret in it."""
        plain = {name: getattr(self, name) for name in _KEYS}
        return {**plain, "details": list(self.details), "since": to_rfc3339(self.since)}

    @classmethod
    def from_json(cls, value: object) -> Channel:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored channel", IntegrityError)
        table.only(_KEYS)
        texts = {n: table.text(n) for n in ("name", "identifier", "kind", "place", "origin", "prefix", "discovery")}
        try:
            since = from_rfc3339(table.text("since"))
        except ValueError as error:
            raise table.error(str(error)) from None
        return cls(
            **texts,
            details=table.names("details"),
            frigate=table.flag("frigate"),
            insecure=table.flag("insecure"),
            authority=table.text("authority"),
            since=since,
            first=int(table.number("first")),
        )


def new_channel(request: ChannelRequest, identifier: str, first: int, now: datetime) -> Channel:
    """Return a channel as it is asked for, checked.

    Args:
        request: What is asked for.
        identifier: 32 hexadecimal digits.
        first: Index of the first log entry whose alert it is told of.
        now: The current time, UTC.

    Raises:
        UsageError: The name, the address or another setting cannot be used, or what is sent could be read on its way.
    """
    target = request.secrets.target()
    check_host(target.host)
    _check_open(request, target)
    _check_secrets(request.secrets, target)
    unknown = [name for name in request.details if name not in DETAILS]
    if unknown:
        raise UsageError(f"an alert has no {unknown[0]!r} to tell; choose of {', '.join(DETAILS)}")
    broker = target.kind == MQTT
    if request.frigate and not broker:
        raise UsageError("events in Frigate's form go to a broker; leave the option out, or give mqtts://host")
    return Channel(
        name=check_name(request.name, "channel"),
        identifier=identifier,
        kind=target.kind,
        place=target.place,
        details=tuple(name for name in DETAILS if name in request.details),
        origin=check_origin(request.origin),
        prefix=_topic(request.prefix, "prefix") if broker else "",
        discovery=_topic(request.discovery, "prefix for discovery") if broker and request.discovery else "",
        frigate=request.frigate,
        insecure=request.insecure and not target.encrypted,
        authority=_authority(request.authority),
        since=now,
        first=first,
    )


def slug(name: str) -> str:
    """Return a name as Home Assistant takes it in identifiers, `[a-z0-9_]`; of two names that differ these do too."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if plain == name:
        return plain
    return "_".join(filter(None, (plain[:40], hashlib.sha256(name.encode()).hexdigest()[:8])))


def _check_open(request: ChannelRequest, target: Target) -> None:
    if target.encrypted or request.insecure or is_loopback(target.host):
        return
    safe = "https" if target.kind == WEBHOOK else "mqtts"
    raise UsageError(
        f"alerts could be read on their way to {target.place}; give a {safe}:// address, or accept it: --insecure"
    )


def _check_secrets(secrets: Secrets, target: Target) -> None:
    if target.kind == WEBHOOK:
        secrets.signing_key()
        if secrets.user or secrets.password:
            raise UsageError("a webhook is signed and has no user; leave out --user and --password-file")
        return
    if secrets.secret:
        raise UsageError("a broker has no secret that signs; give --user and --password-file")
    if secrets.password and not secrets.user:
        raise UsageError("a password without a user is nobody's; give --user")
    for text in (secrets.user, secrets.password):
        if len(text.encode()) > MOST_CREDENTIAL or any(unicodedata.category(sign) in _HIDDEN for sign in text):
            raise UsageError(f"user and password are one line of at most {MOST_CREDENTIAL} bytes each")


def _topic(text: str, what: str) -> str:
    if len(text) > MOST_CREDENTIAL or _PREFIX.fullmatch(text) is None:
        raise UsageError(f"the {what} cannot begin a topic; take letters, digits, - and _, with / between its parts")
    return text


def _authority(text: str) -> str:
    if text and (len(text) > MOST_CA or _PEM not in text or not text.isascii() or "PRIVATE KEY" in text):
        raise UsageError("the file of --ca holds no certificates in PEM, or a private key too; give certificates alone")
    return text


def told_details(details: Mapping[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
    """Return of what could be told what a channel wants to be told, in the order of `DETAILS`."""
    return {name: details[name] for name in DETAILS if name in wanted and name in details}
