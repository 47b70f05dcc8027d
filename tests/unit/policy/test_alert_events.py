"""What a channel is told of an alert, and in which order: pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from faceward.core.errors import IntegrityError
from faceward.policy.alert_events import Event, Fact, Queue, new_queue, told, trial_event
from faceward.policy.channel_targets import written_secret
from faceward.policy.channels import Channel, ChannelRequest, Secrets, new_channel

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FACT = Fact("a" * 32, 9, "door", "2026-06-01T12:00:00.000000Z", 0.001, "waiting", details={"place": "the door"})


def channel(identifier: str = "0" * 32, **options: object) -> Channel:
    request = ChannelRequest("shop", Secrets("https://shop.example/", secret=written_secret(bytes(32))), **options)  # type: ignore[arg-type]
    return new_channel(request, identifier, 0, NOW)


def test_H4_every_state_says_that_it_is_a_lead_only_or_that_nobody_is_to_act() -> None:
    for state, words in (
        ("waiting", "two trained people"),
        ("in-review", "two trained people"),
        ("confirmed", "no action may rest on it alone"),
        ("dismissed", "nobody is to act on it"),
    ):
        data = told(Fact(FACT.alert, 9, "door", FACT.captured, 0.001, state), channel())
        assert data["lead_only"] is True
        assert words in str(data["notice"])


def test_events_follow_from_what_was_told_and_are_known_by_what_they_say() -> None:
    one, other = channel(), channel("1" * 32)
    data = told(FACT, one)
    queue = new_queue(one, FACT.alert).following(data, "t1", 1)
    changed = queue.following({**data, "state": "confirmed"}, "t2", 2)
    assert [event.type for event in changed.events] == ["alert.raised", "alert.changed"]
    assert changed.events[1].before == data
    assert changed.told["state"] == "confirmed"
    again = new_queue(one, FACT.alert).following(data, "later", 5)
    assert again.events[0].identifier == queue.events[0].identifier
    elsewhere = new_queue(other, FACT.alert).following(data, "t1", 1)
    assert elsewhere.events[0].identifier != queue.events[0].identifier
    assert changed.without(changed.events[0]).events == changed.events[1:]


def test_an_alert_that_is_gone_is_told_as_gone_and_nothing_else_is() -> None:
    data = {**told(FACT, channel(details=("place",))), "link": "x"}
    queue = new_queue(channel(), FACT.alert).following(data, "t1", 1).over("t2", 2)
    [event] = queue.events
    assert event.type == "alert.ended"
    assert set(event.data) == {"alert", "camera", "state", "notice"}
    assert queue.ended
    assert not queue.done
    assert queue.without(event).done


def test_queues_are_read_back_equal_and_strictly() -> None:
    queue = new_queue(channel(), FACT.alert).following(told(FACT, channel()), "t1", 1)
    value = json.loads(json.dumps(queue.to_json()))
    assert Queue.from_json(value) == queue
    for bad in ({}, {**value, "events": {}}, {**value, "told": []}, {**value, "more": 1}):
        with pytest.raises(IntegrityError):
            Queue.from_json(bad)
    with pytest.raises(IntegrityError):
        Event.from_json({**value["events"][0], "data": 7})


def test_a_body_is_canonical() -> None:
    body = trial_event("msg_1", "2026-06-01T12:00:00Z").body()
    assert body == (
        b'{"data":{"notice":"A test of this channel: nobody was seen."},'
        b'"timestamp":"2026-06-01T12:00:00Z","type":"channel.test"}'
    )
