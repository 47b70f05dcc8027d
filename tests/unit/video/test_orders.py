"""What goes between a decoder and its reader."""

from __future__ import annotations

import json

import pytest

from faceward.policy.zones import Zone
from faceward.video.backoff import Patience
from faceward.video.frames import FeedSpec
from faceward.video.orders import MOST_LINE, Order, news_line, read_news


def test_an_order_is_read_as_it_was_given() -> None:
    zone = Zone("opt-out", ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)))
    spec = FeedSpec("door", "rtsp://u:p@h/x", 2.5, (zone,), paced=False, loop=True, max_pixels=4096)
    order = Order.read(Order((spec, FeedSpec("gate", "/film.mp4")), Patience(most=3), 5.0, again=True).line())
    assert order.patience == Patience(most=3)
    assert (order.still, order.again) == (5.0, True)
    first, second = order.specs
    assert (first.zones[0].kind, first.zones[0].points) == ("opt-out", zone.points)
    assert (first.camera, first.source, first.rate, first.paced, first.loop, first.max_pixels) == (
        "door",
        "rtsp://u:p@h/x",
        2.5,
        False,
        True,
        4096,
    )
    assert second == FeedSpec("gate", "/film.mp4")


def test_a_spec_does_not_show_its_source() -> None:
    assert "secret" not in repr(FeedSpec("door", "rtsp://u:secret@h/x"))


def test_news_are_read_as_they_were_told() -> None:
    news = read_news(news_line("Tür", "lost", "gone — it is tried again", 1.5), {"Tür"})
    assert news is not None
    assert (news.camera, news.state, news.message, news.time.timestamp()) == (
        "Tür",
        "lost",
        "gone — it is tried again",
        1.5,
    )


@pytest.mark.parametrize("message", ["x" * 10**5, "\U0001f600" * 10**5])
def test_news_are_short_enough_to_be_written_whole(message: str) -> None:
    line = news_line("d" * 80, "lost", message, 1.5)
    assert len(line) <= MOST_LINE
    assert read_news(line, {"d" * 80}) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"3",
        b'{"camera": "door"}',
        b"[" * 100_000,
        json.dumps({"camera": "other", "state": "lost", "message": "", "time": 1}).encode(),
        json.dumps({"camera": "door", "state": "invented", "message": "", "time": 1}).encode(),
        json.dumps({"camera": "door", "state": ["lost"], "message": "", "time": 1}).encode(),
        json.dumps({"camera": ["door"], "state": "lost", "message": "", "time": 1}).encode(),
        json.dumps({"camera": "door", "state": "lost", "message": 5, "time": 1}).encode(),
        json.dumps({"camera": "door", "state": "lost", "message": "", "time": 1e300}).encode(),
        json.dumps({"camera": "door", "state": "lost", "message": "", "time": "now"}).encode(),
    ],
)
def test_what_no_decoder_of_ours_would_tell_is_no_news(line: bytes) -> None:
    assert read_news(line, {"door"}) is None


def test_a_decoder_that_was_taken_over_writes_nothing_to_the_terminal() -> None:
    line = json.dumps({"camera": "door", "state": "lost", "message": "\x1b[2J\x07ok\n", "time": 1}).encode()
    news = read_news(line, {"door"})
    assert news is not None
    assert news.message.isprintable()
