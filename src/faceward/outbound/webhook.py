"""Webhooks, signed as Standard Webhooks says: one POST an event, no redirect followed, the answer's body not read."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import httpcore
from standardwebhooks.webhooks import Webhook

from faceward.outbound.connecting import Resolve, connect, context_of, resolved
from faceward.outbound.errors import NotDelivered
from faceward.policy.alert_events import Board, Event
from faceward.policy.channel_targets import Target
from faceward.policy.channels import Channel, Secrets

Headers = Mapping[bytes | str, bytes | str]

SECONDS = 10.0
"""Longest time for one attempt, from the name's resolution to the answer's status."""

# How often a wait for bytes looks whether the sender is to end.
_SLICE = 0.2


def never() -> bool:
    """Tell that nobody asks a sender to end."""
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """How a receiver is spoken to; tests give others.

    Attributes:
        seconds: Longest time for one attempt.
        ended: Tells whether the sender is to end at once.
        resolve: How names are resolved.
    """

    seconds: float = SECONDS
    ended: Callable[[], bool] = never
    resolve: Resolve = resolved


class WebhookSender:
    """Sends events by one channel; each over a connection of its own.

    Args:
        channel: The channel.
        secret: Its address and the secret that signs.
        now: Returns the current time, UTC, for the signature.
        terms: How the receiver is spoken to.
    """

    def __init__(
        self, channel: Channel, secret: Secrets, now: Callable[[], datetime], terms: Terms | None = None
    ) -> None:
        self._channel, self._target = channel, secret.target()
        self._signer, self._now = Webhook(secret.signing_key()), now
        self._terms = terms or Terms()

    def present(self, board: Board) -> bool:  # noqa: ARG002
        """Return False: states are for brokers, a webhook is told of events alone."""
        return False

    def send(self, event: Event) -> None:
        """Deliver an event.

        Raises:
            NotDelivered: The receiver did not take it.
        """
        body = event.body()
        status, asked = self._posted(body, self._headers(event, body))
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status == HTTPStatus.GONE:
            raise NotDelivered("the receiver wants nothing more (status 410)", closed=True)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise NotDelivered(f"the receiver sends on to elsewhere (status {status}): not followed")
        raise NotDelivered(f"the receiver did not take it (status {status})", pause=asked)

    def close(self, *, gone: bool = False) -> None:
        """Nothing is open between two events."""

    def _headers(self, event: Event, body: bytes) -> Headers:
        now = self._now().replace(microsecond=0)
        return {
            "content-type": "application/json",
            "user-agent": "faceward",
            "connection": "close",
            "webhook-id": event.identifier,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(event.identifier, now, body.decode()),
        }

    def _posted(self, body: bytes, headers: Headers) -> tuple[int, timedelta | None]:
        limit = _Limit(time.monotonic() + self._terms.seconds, self._terms.ended)
        target, private = self._target, not self._channel.insecure
        tls = context_of(self._channel.authority) if target.encrypted else None
        backend = _Backend(target, limit, self._terms.resolve, private=private)
        url = httpcore.URL(
            scheme=b"https" if target.encrypted else b"http",
            host=target.host.encode("ascii"),
            port=target.port,
            target=target.path.encode("ascii"),
        )
        try:
            with (
                httpcore.ConnectionPool(ssl_context=tls, network_backend=backend) as pool,
                pool.stream("POST", url, headers=headers, content=body) as response,
            ):
                return response.status, _asked(response.headers)
        except ssl.SSLCertVerificationError:
            raise NotDelivered(
                "the receiver's certificate is not valid for its name, or of no trusted authority"
            ) from None
        except ssl.SSLError:
            raise NotDelivered("the receiver does not speak TLS as it must") from None
        except TimeoutError:
            raise NotDelivered("the receiver did not answer in time") from None
        except (OSError, httpcore.NetworkError):
            raise NotDelivered("the connection to the receiver broke") from None
        except httpcore.ProtocolError:
            raise NotDelivered("the receiver does not speak HTTP") from None


@dataclass(frozen=True, slots=True)
class _Limit:
    """When an attempt must be over."""

    end: float
    ended: Callable[[], bool]

    def left(self) -> float:
        """Return seconds that are left; raises TimeoutError where none are."""
        left = self.end - time.monotonic()
        if left <= 0 or self.ended():
            raise TimeoutError
        return left


class _Stream(httpcore.NetworkStream):
    """A connection on which everything together takes no longer than the limit.

    A timeout for each read alone would let a receiver that sends byte after byte hold the sender for ever.
    """

    def __init__(self, connected: socket.socket, limit: _Limit) -> None:
        self._socket, self._limit = connected, limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - one limit is for all
        """Return what comes next."""
        while True:
            self._socket.settimeout(min(_SLICE, self._limit.left()))
            try:
                return self._socket.recv(max_bytes)
            except TimeoutError:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of it."""
        self._socket.settimeout(self._limit.left())
        self._socket.sendall(buffer)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on."""
        self._socket.settimeout(self._limit.left())
        try:
            return _Stream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._limit)
        except BaseException:
            self._socket.close()
            raise

    def get_extra_info(self, info: str) -> object:  # noqa: ARG002
        """Return nothing: no other protocol is negotiated, and no connection is used twice."""
        return None


class _Backend(httpcore.NetworkBackend):
    """Connects as `connecting` does, to the target and to nothing else."""

    def __init__(self, target: Target, limit: _Limit, resolve: Resolve, *, private: bool) -> None:
        self._target, self._limit, self._resolve, self._private = target, limit, resolve, private

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the target says it
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect."""
        made = connect(self._target, private=self._private, resolve=self._resolve, limit=self._limit.end)
        return _Stream(made, self._limit)


def _asked(headers: Iterable[tuple[bytes, bytes]]) -> timedelta | None:
    """Return how long the receiver asks to wait (Retry-After, in seconds), or None."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 6:
            return timedelta(seconds=int(value))
    return None
