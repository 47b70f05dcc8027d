"""Channels at rest: what is open of them, their secrets sealed under the deployment's key, and how they stand.

A channel and its sealed secrets are one document, so that the secrets go when the channel goes. What a channel was told
of each alert is one document too, written as one: no crash leaves half of it.
"""

from __future__ import annotations

import base64
import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faceward.core.canonical import JSONValue, canonical_json
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import normal_name
from faceward.operations.deployment import Deployment
from faceward.policy.alert_events import Queue
from faceward.policy.channels import Channel, Secrets
from faceward.policy.deliveries import Line

_CHANNEL, _LINE, _QUEUE = "channel", "channel-line", "channel-queue"
_NONCE_BYTES, _BLOCK = 12, 256


class ChannelStore:
    """The channels of a deployment.

    Args:
        deployment: The deployment.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def all(self) -> tuple[Channel, ...]:
        """Return all channels by name.

        Raises:
            IntegrityError: One was altered.
        """
        found = self._deployment.kept_all(_CHANNEL)
        return tuple(_channel(found[name]) for name in sorted(found))

    def find(self, name: str) -> Channel:
        """Return a channel.

        Raises:
            UsageError: There is none of that name.
        """
        return _channel(self._kept(name))

    def secrets(self, name: str) -> Secrets:
        """Open the secrets of a channel.

        Raises:
            UsageError: There is none of that name.
            IntegrityError: They were altered.
        """
        kept = self._kept(name)
        channel = _channel(kept)
        try:
            blob = base64.b64decode(str(kept["sealed"] if isinstance(kept, dict) else ""), validate=True)
            text = self._cipher().decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], channel.identifier.encode())
            return Secrets(**{name: str(value) for name, value in json.loads(text).items()})
        except (InvalidTag, KeyError, TypeError, ValueError):
            raise IntegrityError(
                f"the secrets of the channel {channel.name!r} were altered; remove it and add it again"
            ) from None

    def add(self, channel: Channel, secret: Secrets) -> None:
        """Keep a channel with its secrets."""
        plain = canonical_json({n: getattr(secret, n) for n in Secrets.__dataclass_fields__})
        # White space after JSON is legal; without it the length would tell long passwords from short ones.
        padded = plain + b" " * (-len(plain) % _BLOCK)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher().encrypt(nonce, padded, channel.identifier.encode())
        value = {**channel.to_json(), "sealed": base64.b64encode(sealed).decode("ascii")}
        self._deployment.keep(_CHANNEL, channel.name, value)

    def remove(self, channel: Channel) -> None:
        """Forget a channel, its secrets and what it was told."""
        store = self._deployment.store
        store.delete_document(_CHANNEL, channel.name)
        self.forget_line(channel.identifier)
        for name in store.documents(_QUEUE, f"{channel.identifier}/"):
            store.delete_document(_QUEUE, name)

    def lines(self) -> dict[str, Line]:
        """Return how channels stand, by identifier; one that nothing was sent by yet is left out."""
        return {name: Line.from_json(value) for name, value in self._deployment.kept_all(_LINE).items()}

    def line(self, identifier: str) -> Line:
        """Return how a channel stands."""
        kept = self._deployment.kept(_LINE, identifier)
        return Line() if kept is None else Line.from_json(kept)

    def keep_line(self, identifier: str, line: Line) -> None:
        """Keep how a channel stands."""
        self._deployment.keep(_LINE, identifier, line.to_json())

    def forget_line(self, identifier: str) -> None:
        """Forget how a channel stood that is gone."""
        self._deployment.store.delete_document(_LINE, identifier)

    def queues(self) -> dict[tuple[str, str], Queue]:
        """Return what each channel was told and is to be told, by channel's and alert's identifiers."""
        found = (Queue.from_json(value) for value in self._deployment.kept_all(_QUEUE).values())
        return {(queue.channel, queue.alert): queue for queue in found}

    def keep_queue(self, queue: Queue) -> None:
        """Keep a queue, or forget it where nothing of it has to be remembered."""
        name = f"{queue.channel}/{queue.alert}"
        if queue.done:
            self._deployment.store.delete_document(_QUEUE, name)
        else:
            self._deployment.keep(_QUEUE, name, queue.to_json())

    def forget(self, channel: str, alert: str) -> None:
        """Forget the queue of an alert of a channel that is gone."""
        self._deployment.store.delete_document(_QUEUE, f"{channel}/{alert}")

    def _kept(self, name: str) -> JSONValue:
        kept = self._deployment.kept(_CHANNEL, normal_name(name))
        if kept is None:
            raise UsageError(f"there is no channel {normal_name(name)[:80]!r}; 'channel list' names those there are")
        return kept

    def _cipher(self) -> AESGCM:
        root = self._deployment.lasting_secret("documents")
        return AESGCM(HKDF(hashes.SHA256(), 32, salt=None, info=b"faceward/channel-secrets/v1").derive(root))


def _channel(kept: JSONValue) -> Channel:
    public = {key: value for key, value in kept.items() if key != "sealed"} if isinstance(kept, dict) else kept
    return Channel.from_json(public)
