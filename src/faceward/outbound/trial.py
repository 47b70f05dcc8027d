"""What the command line has sent at once: a test message, and the end of a channel."""

from __future__ import annotations

from datetime import UTC, datetime

from faceward.core.errors import EnvironmentFailure
from faceward.operations.channels import Leaving
from faceward.outbound.errors import NotDelivered
from faceward.outbound.mqtt import MqttSender
from faceward.outbound.webhook import WebhookSender
from faceward.policy.alert_events import Event
from faceward.policy.channel_targets import MQTT, WEBHOOK
from faceward.policy.channels import Channel, Secrets


def send(channel: Channel, secret: Secrets, event: Event) -> None:
    """Send an event by a channel, once.

    Raises:
        EnvironmentFailure: It did not arrive.
    """
    passing = (
        WebhookSender(channel, secret, _now) if channel.kind == WEBHOOK else MqttSender(channel, secret, passing=True)
    )
    try:
        passing.send(event)
    except NotDelivered as failure:
        raise EnvironmentFailure(
            f"channel {channel.name}: {failure.reason}; check {channel.place}, and repeat"
        ) from None
    finally:
        passing.close()


def end(left: Leaving) -> None:
    """Take back what a broker retains of a channel that was removed; a webhook's receiver retains nothing of ours.

    Raises:
        EnvironmentFailure: The broker could not be told.
    """
    channel = left.channel
    if channel.kind != MQTT:
        return
    passing = MqttSender(channel, left.secrets, passing=True)
    try:
        passing.end(left.board)
    except NotDelivered as failure:
        raise EnvironmentFailure(
            f"channel {channel.name} is removed, but {failure.reason}: what it retains under {channel.prefix}/ stays"
        ) from None
    finally:
        passing.close()


def _now() -> datetime:
    return datetime.now(tz=UTC)
