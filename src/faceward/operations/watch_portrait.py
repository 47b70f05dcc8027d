"""What documents say of cameras and channels: all that people are told of them, and neither an address nor a secret."""

from __future__ import annotations

from faceward.core.canonical import JSONObject, JSONValue
from faceward.documents.watch_facts import CameraFacts, ChannelFacts, NoticeFacts, WatchFacts
from faceward.operations import cameras as configured
from faceward.operations.channel_store import ChannelStore
from faceward.operations.deployment import Deployment
from faceward.policy.cameras import LOOK, OPT_OUT, Camera
from faceward.policy.channel_targets import is_loopback
from faceward.policy.channels import Channel, Secrets
from faceward.policy.zone_cover import opted_out

_STATED = ("kind", "place", "origin", "prefix", "discovery", "frigate", "insecure")


def watching(deployment: Deployment) -> WatchFacts:
    """Return what documents say of watching.

    Raises:
        IntegrityError: A camera or a channel was altered.
    """
    store = ChannelStore(deployment)
    return WatchFacts(
        live=deployment.standard.parameters.video.realtime,
        cameras=tuple(_camera(deployment, camera) for camera in configured.every(deployment)),
        channels=tuple(_channel(channel, store.secrets(channel.name)) for channel in store.all()),
    )


def _camera(deployment: Deployment, camera: Camera) -> CameraFacts:
    notice = camera.notice
    return CameraFacts(
        name=camera.name,
        place=camera.place,
        branch=camera.branch,
        camera_class=camera.camera_class,
        rate=camera.rate,
        looks=sum(zone.kind == LOOK for zone in camera.zones),
        opt_outs=sum(zone.kind == OPT_OUT for zone in camera.zones),
        blacked_out=opted_out(camera.zones),
        opts_out=camera.opts_out,
        notice=None
        if notice is None
        else NoticeFacts(**{name: getattr(notice, name) for name in NoticeFacts.__dataclass_fields__}),
        as_recorded=configured.as_recorded(deployment, camera.name),
    )


def _channel(channel: Channel, secrets: Secrets) -> ChannelFacts:
    target = secrets.target()
    return ChannelFacts(
        name=channel.name,
        kind=channel.kind,
        host=target.host,
        encrypted=target.encrypted,
        local=is_loopback(target.host),
        details=channel.details,
        link=bool(channel.origin),
        frigate=channel.frigate,
    )


def stated(deployment: Deployment) -> dict[str, JSONValue]:
    """Return what a sign-off is for of cameras and channels, by name; nothing where there are none.

    A channel's whole address is in it by a keyed digest: behind one host may be many receivers.
    """
    cameras: JSONObject = {
        camera.name: {key: value for key, value in camera.to_json().items() if key not in ("name", "since")}
        for camera in configured.every(deployment)
    }
    store = ChannelStore(deployment)
    channels: JSONObject = {
        channel.name: {
            **{key: getattr(channel, key) for key in _STATED},
            "details": [*channel.details],
            "address": deployment.masked("channel", store.secrets(channel.name).address),
        }
        for channel in store.all()
    }
    return {**({"cameras": cameras} if cameras else {}), **({"channels": channels} if channels else {})}
