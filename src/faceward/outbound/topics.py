"""What is published where: events, states that brokers retain, Home Assistant's discovery, Frigate's form of events.

Everything here is pure. Topics begin with the channel's prefix; no name of a camera has a meaning in topics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from faceward.core.canonical import JSONObject, JSONValue, canonical_json
from faceward.core.clock import from_rfc3339
from faceward.policy.alert_events import (
    DISMISSED,
    ENDED,
    OPEN_STATES,
    RAISED,
    TEST,
    Board,
    Data,
    Event,
    Fact,
    Rate,
    told,
)
from faceward.policy.channels import Channel, slug

Messages = Mapping[str, bytes]
"""Payloads by topic."""

ONLINE, OFFLINE = b"online", b"offline"
_ON, _OFF = b"ON", b"OFF"
_NODE_DIGITS = 12


def availability(channel: Channel) -> str:
    """Return the topic that says whether somebody sends by this channel."""
    return f"{channel.prefix}/availability"


def node(channel: Channel) -> str:
    """Return the identifier of this channel as a device and as a client."""
    return f"faceward_{channel.identifier[:_NODE_DIGITS]}"


def events(event: Event, channel: Channel) -> Messages:
    """Return what tells of an event; nothing of it is retained."""
    if event.type == TEST:
        return {f"{channel.prefix}/test": _numbered(event)}
    plain = {f"{channel.prefix}/alerts": _numbered(event)}
    return {**plain, f"{channel.prefix}/events": canonical_json(frigate(event))} if channel.frigate else plain


def frigate(event: Event) -> JSONObject:
    """Return an event in the form of Frigate's `events` topic.

    Frigate's boxes, scores and snapshots stay empty. `sub_label`, where Frigate puts a recognised person's name, does
    too: nobody is named before two people looked.
    """
    over = event.type == ENDED or event.data["state"] not in OPEN_STATES
    kind = "end" if over else "new" if event.type == RAISED else "update"
    ended = from_rfc3339(event.made).timestamp() if over else None
    # One that is no longer kept says no more of its time.
    known = event.data if event.type != ENDED else {**(event.before or {}), **event.data}
    before = event.before if event.before is not None else known
    return {"type": kind, "before": _object(before, None), "after": _object(known, ended)}


def states(board: Board, channel: Channel) -> Messages:
    """Return what a broker retains: for each camera whether an alert waits, for each purpose how many were false."""
    found: dict[str, bytes] = {}
    for camera in board.cameras:
        waiting = [one for one in board.waiting if one.camera == camera]
        found[_camera_topic(channel, camera)] = _ON if waiting else _OFF
        found[f"{_camera_topic(channel, camera)}/attributes"] = _attributes(waiting, channel)
    return {**found, **{_rate_topic(channel, one): _rate(one) for one in board.rates}}


def discovery(board: Board, channel: Channel) -> Messages:
    """Return what Home Assistant is told of these states, to be retained; nothing where discovery is off."""
    if not channel.discovery:
        return {}
    found: dict[str, bytes] = {}
    for camera in board.cameras:
        topic, name = _camera_topic(channel, camera), f"{slug(camera)}_alert"
        own: JSONObject = {
            "name": f"{camera}: alert waiting",
            "state_topic": topic,
            "payload_on": _ON.decode(),
            "payload_off": _OFF.decode(),
            "json_attributes_topic": f"{topic}/attributes",
            "icon": "mdi:account-alert",
        }
        found[_config_topic(channel, "binary_sensor", name)] = _config(channel, name, own)
    for rate in board.rates:
        topic, name = _rate_topic(channel, rate), f"{slug(rate.purpose)}_false_alerts"
        own = {
            "name": f"{rate.purpose}: false alerts",
            "state_topic": topic,
            "value_template": "{{ value_json.per_thousand }}",
            "json_attributes_topic": topic,
            "unit_of_measurement": "per 1000 faces",
            "state_class": "measurement",
            "icon": "mdi:alert-circle-check-outline",
        }
        found[_config_topic(channel, "sensor", name)] = _config(channel, name, own)
    return found


def _numbered(event: Event) -> bytes:
    """Return the event with its identifier, which webhooks have in a header."""
    value: JSONObject = {"id": event.identifier, "type": event.type, "timestamp": event.made, "data": event.data}
    return canonical_json(value)


def _camera_topic(channel: Channel, camera: str) -> str:
    return f"{channel.prefix}/{camera}/alert"


def _rate_topic(channel: Channel, rate: Rate) -> str:
    return f"{channel.prefix}/purposes/{slug(rate.purpose)}/false_alerts"


def _config_topic(channel: Channel, component: str, name: str) -> str:
    return f"{channel.discovery}/{component}/{node(channel)}/{name}/config"


def _config(channel: Channel, name: str, own: JSONObject) -> bytes:
    device: dict[str, JSONValue] = {
        "identifiers": [node(channel)],
        "name": "Faceward",
        "manufacturer": "Faceward",
        "model": "Alerts",
    }
    if channel.origin:
        device["configuration_url"] = channel.origin
    shared: JSONObject = {
        "unique_id": f"{node(channel)}_{name}",
        "availability_topic": availability(channel),
        "payload_available": ONLINE.decode(),
        "payload_not_available": OFFLINE.decode(),
        "qos": 1,
        "device": device,
        "origin": {"name": "faceward"},
    }
    return canonical_json({**own, **shared})


def _attributes(waiting: Iterable[Fact], channel: Channel) -> bytes:
    facts = [*waiting]
    latest = told(facts[-1], channel) if facts else None
    return canonical_json({"waiting": len(facts), "latest": latest})


def _rate(rate: Rate) -> bytes:
    value: JSONObject = {
        "purpose": rate.purpose,
        "per_thousand": round(1000 * rate.rate, 4),
        "accepted_per_thousand": round(1000 * rate.accepted, 4),
        "halted": rate.halted,
    }
    return canonical_json(value)


def _object(data: Data, ended: float | None) -> JSONObject:
    captured = data.get("captured")
    time = from_rfc3339(str(captured)).timestamp() if captured else None
    return {
        "id": data["alert"],
        "camera": data["camera"],
        "frame_time": time,
        "snapshot_time": None,
        "label": "person",
        "sub_label": None,
        "top_score": None,
        "false_positive": data["state"] == DISMISSED,
        "start_time": time,
        "end_time": ended,
        "score": None,
        "box": [],
        "area": None,
        "ratio": None,
        "region": [],
        "active": ended is None,
        "stationary": False,
        "motionless_count": 0,
        "position_changes": 0,
        "attributes": {},
        "current_attributes": [],
        "current_zones": [],
        "entered_zones": [],
        "thumbnail": None,
        "has_snapshot": False,
        "has_clip": False,
        "max_severity": "alert",
        "faceward": data,
    }
