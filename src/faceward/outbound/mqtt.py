"""Sending by a broker (MQTT 5): connected as long as somebody sends by it; else its last will says that nobody does."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from faceward.outbound import topics
from faceward.outbound.connecting import connect, context_of
from faceward.outbound.errors import NotDelivered
from faceward.outbound.webhook import Terms
from faceward.policy.alert_events import Board, Event
from faceward.policy.channel_targets import Target
from faceward.policy.channels import Channel, Secrets

KEEP_ALIVE = 30
"""Seconds of silence after which broker and client look whether the other is there."""

_LOST = "the broker ended the connection, or does not speak MQTT 5"
_SLICE = 0.2
# Longest wait for the broker to close a connection that was ended.
_FAREWELL = 2.0


class _Client(paho.Client):
    """A client that connects as `connecting` does: the library itself would take whatever the name resolves to."""

    def __init__(self, name: str, channel: Channel, target: Target, terms: Terms) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5, reconnect_on_failure=False)
        self._faceward = (target, terms, not channel.insecure)
        self._tls = context_of(channel.authority) if target.encrypted else None

    def _create_socket(self) -> socket.socket:
        target, terms, private = self._faceward
        limit = time.monotonic() + terms.seconds
        made = connect(target, private=private, resolve=terms.resolve, limit=limit)
        if self._tls is None:
            return made
        try:
            # The handshake together takes no longer than this, byte by byte or not.
            made.settimeout(max(0.01, limit - time.monotonic()))
            return self._tls.wrap_socket(made, server_hostname=target.host)
        except BaseException:
            made.close()
            raise


class MqttSender:
    """Sends events by one channel, and keeps its states.

    Args:
        channel: The channel.
        secret: Its address, user and password.
        terms: How the broker is spoken to.
        passing: For a test message or an end alone: under a name of its own, without a will and without states.
    """

    def __init__(self, channel: Channel, secret: Secrets, terms: Terms | None = None, *, passing: bool = False) -> None:
        self._channel, self._secret, self._target = channel, secret, secret.target()
        self._terms, self._passing = terms or Terms(), passing
        self._client: _Client | None = None
        self._shown: dict[str, bytes] = {}
        # What the library's thread tells this one.
        self._heard = threading.Condition()
        self._connected: str | None = None
        self._acknowledged: dict[int, str] = {}

    def present(self, board: Board) -> bool:
        """Have the broker retain how cameras and rates stand, and what Home Assistant is to know of that.

        Returns:
            True.

        Raises:
            NotDelivered: The broker did not take it.
        """
        self._connect()
        wanted = {**topics.discovery(board, self._channel), **topics.states(board, self._channel)}
        for topic in self._shown.keys() - wanted.keys():
            self._publish({topic: b""}, retain=True)
            del self._shown[topic]
        for topic, payload in wanted.items():
            if self._shown.get(topic) != payload:
                self._publish({topic: payload}, retain=True)
                self._shown[topic] = payload
        return True

    def send(self, event: Event) -> None:
        """Deliver an event: the broker has acknowledged it when this returns.

        Raises:
            NotDelivered: The broker did not take it.
        """
        self._connect()
        self._publish(topics.events(event, self._channel), retain=False)

    def end(self, board: Board) -> None:
        """Take back what the broker retains of this channel.

        Raises:
            NotDelivered: The broker did not take it.
        """
        self._connect()
        held = {*self._shown, *topics.discovery(board, self._channel), *topics.states(board, self._channel)}
        self._publish(dict.fromkeys(sorted({*held, topics.availability(self._channel)}), b""), retain=True)
        self._shown.clear()

    def close(self, *, gone: bool = False) -> None:
        """Say that nobody sends any more, and disconnect.

        Args:
            gone: Whether the channel was removed, so that nothing of it may stay.
        """
        if self._client is None:
            return
        try:
            if gone:
                self.end(Board())
            elif not self._passing and self._client.is_connected():
                self._publish({topics.availability(self._channel): topics.OFFLINE}, retain=True)
        except NotDelivered:
            # The broker tells it by the last will.
            pass
        finally:
            self._drop(politely=True)

    def _connect(self) -> None:
        if self._client is not None and self._client.is_connected():
            return
        self._drop()
        client = self._new_client()
        self._client = client
        try:
            client.connect(self._target.host, self._target.port, KEEP_ALIVE, clean_start=True)
            client.loop_start()
            self._greet()
            if not self._passing:
                self._publish({topics.availability(self._channel): topics.ONLINE}, retain=True)
        except ssl.SSLCertVerificationError:
            self._drop()
            raise NotDelivered(
                "the broker's certificate is not valid for its name, or of no trusted authority"
            ) from None
        except (OSError, ValueError):
            self._drop()
            raise NotDelivered("the broker cannot be spoken to: no TLS there, or no MQTT") from None
        except NotDelivered:
            self._drop()
            raise

    def _greet(self) -> None:
        """Wait until the broker has taken this client in."""
        self._wait(lambda: self._connected is not None, "the broker did not answer in time")
        if self._connected:
            raise NotDelivered(self._connected)

    def _new_client(self) -> _Client:
        name = topics.node(self._channel)
        if self._passing:
            name = f"{name}_{secrets.token_hex(4)}"
        client = _Client(name, self._channel, self._target, self._terms)
        if self._secret.user:
            client.username_pw_set(self._secret.user, self._secret.password or None)
        if not self._passing:
            client.will_set(topics.availability(self._channel), topics.OFFLINE, qos=1, retain=True)
        client.on_connect, client.on_publish, client.on_disconnect = (
            self._on_connect,
            self._on_publish,
            self._on_disconnect,
        )
        with self._heard:
            self._connected = None
            self._acknowledged.clear()
            self._shown.clear()
        return client

    def _publish(self, messages: Mapping[str, bytes], *, retain: bool) -> None:
        """Publish messages in order, and wait until each was acknowledged."""
        client = self._client
        if client is None:
            raise NotDelivered(_LOST)
        for topic, payload in messages.items():
            made = client.publish(topic, payload, qos=1, retain=retain)
            if made.rc != paho.MQTT_ERR_SUCCESS:
                raise NotDelivered(_LOST)
            number = made.mid
            self._wait(partial(self._acknowledged.__contains__, number), "the broker did not acknowledge in time")
            with self._heard:
                refused = self._acknowledged.pop(number)
            if refused:
                raise NotDelivered(f"the broker refuses a message: {refused}")

    def _wait(self, done: Callable[[], bool], late: str) -> None:
        limit = time.monotonic() + self._terms.seconds
        with self._heard:
            while not done():
                left = limit - time.monotonic()
                if left <= 0 or self._terms.ended():
                    raise NotDelivered(late)
                if self._connected == _LOST:
                    raise NotDelivered(_LOST)
                self._heard.wait(min(_SLICE, left))

    def _drop(self, *, politely: bool = False) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if politely and client.disconnect() == paho.MQTT_ERR_SUCCESS:
            with self._heard:
                self._heard.wait_for(lambda: self._connected == _LOST, _FAREWELL)
        # The library's loop ends with the connection only. Without a farewell the broker publishes the last will.
        _shut(client.socket())
        client.loop_stop()
        client._reset_sockets()  # noqa: SLF001 - what it opened to wake its loop, nothing else closes

    def _on_connect(self, *told: Any) -> None:  # noqa: ANN401 - the library's type of it is of several versions at once
        code: ReasonCode = told[3]
        with self._heard:
            self._connected = f"the broker refuses: {code.getName().lower()}" if code.is_failure else ""
            self._heard.notify_all()

    def _on_publish(self, *told: Any) -> None:  # noqa: ANN401
        number: int = told[2]
        code: ReasonCode = told[3]
        with self._heard:
            self._acknowledged[number] = code.getName().lower() if code.is_failure else ""
            self._heard.notify_all()

    def _on_disconnect(self, *_: Any) -> None:  # noqa: ANN401
        with self._heard:
            # What the broker refused for is told, and not that it hung up then.
            self._connected = self._connected or _LOST
            self._heard.notify_all()


def _shut(connected: Any) -> None:  # noqa: ANN401 - the library's sockets have no type of their own
    if isinstance(connected, socket.socket):
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)
