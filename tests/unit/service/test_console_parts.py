"""The parts that pages are made of: lists page by page, addresses, how values are shown, requests in words."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image
from starlette.requests import Request

from faceward.core.errors import BadInput, UsageError
from faceward.core.request_results import RequestView
from faceward.operations.request_views import APPROVED, DONE, ENDED, REFUSED, REVOKED, WAITING
from faceward.policy.requests import KINDS
from faceward.service.console import i18n, request_words
from faceward.service.console.paging import paged
from faceward.service.console.pictures import displayable
from faceward.service.console.problem_pages import wants_page
from faceward.service.console.rendering import (
    back,
    day,
    environment,
    moment,
    one_in,
    percent,
    person,
    safe_address,
    short,
)

DIGEST = "ab" * 32
NAME = "عبد <b>"
EN = i18n.translator("en")


def request(path: str = "/", query: Mapping[str, str] | None = None, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "query_string": urlencode(query or {}).encode(), "headers": raw}
    return Request({**scope, "method": "GET", "scheme": "http", "server": ("localhost", 80)})


@pytest.mark.parametrize(
    ("asked", "number", "first", "until"),
    [
        ("1", 1, 1, 50),
        ("3", 3, 101, 120),
        ("0", 1, 1, 50),
        ("99", 3, 101, 120),
        ("-1", 1, 1, 50),
        ("x", 1, 1, 50),
        ("9" * 400, 1, 1, 50),
        ("٣", 1, 1, 50),
    ],
)
def test_a_list_is_shown_page_by_page(asked: str, number: int, first: int, until: int) -> None:
    pages = paged(range(120), request(query={"page": asked, "show": "all"}))
    assert (pages.number, pages.last, pages.total, pages.first, pages.until) == (number, 3, 120, first, until)
    assert list(pages.items) == list(range(first - 1, until))
    assert pages.link(2) == "?show=all&page=2"


def test_a_list_of_nothing_has_one_empty_page() -> None:
    pages = paged([], request())
    assert (pages.number, pages.last, pages.first, pages.until, pages.numbers) == (1, 1, 0, 0, (1,))


def test_of_many_pages_the_first_the_last_and_the_next_are_offered() -> None:
    assert paged(range(1000), request(query={"page": "10"})).numbers == (1, 0, 9, 10, 11, 0, 20)
    assert paged(range(1000), request()).numbers == (1, 2, 0, 20)


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil", "\\\\evil", "", "x", "/a\r\nb"]
)
def test_an_address_of_elsewhere_is_not_followed(address: str) -> None:
    assert safe_address(address) == "/"


def test_an_address_of_here_is() -> None:
    assert safe_address("/review/ab?show=mine#x") == "/review/ab?show=mine#x"


def test_what_was_done_is_named_by_a_known_word_alone() -> None:
    assert back("/a?b=c", "saved").headers["location"] == "/a?b=c&said=saved"
    assert back("/a").headers["location"] == "/a"
    with pytest.raises(ValueError, match="NOTICES"):
        back("/a", "<script>")


def test_values_are_shown_so_that_nothing_in_them_is_read_as_markup() -> None:
    assert person(NAME) == '<bdi class="name">عبد &lt;b&gt;</bdi>'
    assert "&lt;b&gt;" in short("<b>" + DIGEST)
    assert ">abababababab<" in short(DIGEST)
    assert DIGEST in short(DIGEST)


def test_times_are_shown_in_utc() -> None:
    east = datetime(2026, 6, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert "2026-05-31 23:30 UTC" in moment(east)
    assert moment("2026-06-01T12:00:00.000000Z") == moment(datetime(2026, 6, 1, 12, tzinfo=UTC))
    assert ">2026-05-31<" in day(east)
    assert day(date(2026, 6, 1)) == day("2026-06-01") == day("2026-06-01T12:00:00Z")
    assert moment(None) == day("") == "&ndash;"


def test_rates_are_shown_as_people_read_them() -> None:
    assert percent(0.0012345) == "0.123 %"
    assert one_in(EN, 0.00123) == "one in 810 pairs"
    shown = environment().from_string("{{ t.number(3.7) }}; {{ 0.2034 | percent }}; {{ 0.00025 | rate }}")
    assert shown.render(t=EN) == "3.7; 20.3 %; 2.5e-4"
    assert shown.render(t=i18n.translator("de")) == "3,7; 20,3 %; 2,5e-4"
    assert one_in(i18n.translator("de"), 1e-6) == "eines von 1.000.000 Paaren"


@pytest.mark.parametrize(
    ("path", "accept", "page"),
    [
        ("/status", "text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("/status", "application/json", False),
        ("/status", "application/problem+json, text/html", False),
        ("/status", "*/*", False),
        ("/v1/cases", "text/html", False),
        ("/v1", "text/html", False),
        ("/v1x", "text/html", True),
        ("/metrics", "text/html", False),
    ],
)
def test_browsers_get_pages_and_programs_get_problem_details(path: str, accept: str, page: bool) -> None:
    assert wants_page(request(path, accept=accept)) is page


BODIES: Mapping[str, Mapping[str, Any]] = {
    "mandate": {
        "purpose": "door",
        "operations": ["identify"],
        "galleries": ["door"],
        "cameras": [],
        "place": "hall",
        "case": "K-1",
        "basis": "act",
        "starts": "2026-06-01T12:00:00Z",
        "until": "2026-06-08T12:00:00Z",
        "searches": 5,
        "operators": [NAME],
        "urgent": True,
        "recipient": "police",
    },
    "person.add": {"name": NAME, "key": "ssh-ed25519 AA", "roles": ["operator"], "trained": None, "further": ["k"]},
    "person.remove": {"name": NAME},
    "standard": {"name": "retail", "digest": DIGEST},
    "pack": {"name": "pack", "digest": DIGEST},
    "restart": {},
    "entry": {"purpose": "p", "gallery": NAME, "entry": 7, "particulars": DIGEST, "subject": DIGEST},
    "export": {"gallery": "g"},
    "witness.trust": {"vkey": f"{NAME}+1+2", "trust": True},
    "rates": {
        "purpose": NAME,
        "before": {"fmr": 1e-4, "fpir": 0.01, "camera_class": "any"},
        "after": {"fmr": 1e-3, "fpir": 0.01, "camera_class": "any"},
    },
    "evidence": {
        "act": "add",
        "reason": "r",
        "evaluation": DIGEST,
        "data": {"name": NAME},
        "subjects": 3,
        "camera_class": "any",
        "own": True,
        "made": "2026-06-01T12:00:00Z",
    },
}


def _asked(kind: str, body: Mapping[str, Any]) -> RequestView:
    return RequestView(DIGEST, kind, "Ana", "", "", "waiting", dict(body), "{}", "", (), None, ())


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_request_is_said_in_words(kind: str, language: str) -> None:
    t = i18n.translator(language)
    told = request_words.told(t, _asked(kind, BODIES[kind]))
    assert told.allows != t("See below what is signed.")
    assert told.kind == t(request_words.KINDS[kind])
    assert "<b>" not in told.allows
    assert "<b>" not in "".join(str(value) for _, value in told.facts if hasattr(value, "__html__"))


def test_a_request_that_is_none_of_its_kind_is_shown_as_it_is() -> None:
    assert request_words.told(EN, _asked("mandate", {"x": 1})).allows == "See below what is signed."
    assert request_words.told(EN, _asked("unheard.of", {})).kind == "unheard.of"


def test_every_state_of_a_request_has_a_word() -> None:
    assert set(request_words.STATES) == {WAITING, APPROVED, REFUSED, REVOKED, DONE, ENDED}


def test_a_picture_of_any_kind_is_shown_as_jpeg_without_metadata() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken by somebody"
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), (9, 99, 9)).save(buffer, "TIFF", exif=exif)
    with Image.open(io.BytesIO(displayable(buffer.getvalue()))) as shown:
        assert shown.format == "JPEG"
        assert shown.size == (20, 40)
        assert not shown.getexif()


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(BadInput):
        displayable(b"no picture")


def test_a_mandate_is_read_from_its_form() -> None:
    from starlette.datastructures import FormData

    from faceward.service.console.mandate_form import asked_mandate

    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    filled = [
        ("purpose", "missing"),
        ("gallery", "missing"),
        ("operator", "Ana"),
        ("operator", "Ben"),
        ("place", " hall "),
        ("case", "K-1"),
        ("basis", "act"),
        ("until", "2026-06-03"),
        ("searches", "4"),
        ("cameras", "north, south"),
        ("starts", "2026-06-01T11:59:00+00:00"),
    ]
    made = asked_mandate(FormData(filled), now)
    assert (made.operators, made.cameras, made.place) == (("Ana", "Ben"), ("north", "south"), "hall")
    assert made.starts == now - timedelta(minutes=1)
    assert made.until == datetime(2026, 6, 4, tzinfo=UTC)
    later = asked_mandate(FormData([*filled, ("from", "2026-06-02")]), now)
    assert later.starts == datetime(2026, 6, 2, tzinfo=UTC)
    for field, value in (("until", "tomorrow"), ("searches", "-1"), ("searches", "9" * 99), ("searches", "٤")):
        with pytest.raises(UsageError):
            asked_mandate(FormData([(k, v) for k, v in filled if k != field] + [(field, value)]), now)
