"""Where somebody is sent who asks at the wrong place: another name, an address for forms alone, a session's end."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from faceward.core.errors import UsageError
from faceward.service.settings import Settings

PAGE = {"accept": "text/html"}


@pytest.fixture
def served(world: Any, service_kit: ModuleType) -> Iterator[Any]:
    """Return a service of a deployment with nobody in it."""
    with service_kit.served(world.open(), world.clock) as one:
        yield one


def test_a_form_that_failed_leads_back_to_its_page_and_never_to_where_forms_go(served: Any) -> None:
    sent = {**PAGE, "content-type": "application/x-www-form-urlencoded"}
    origin = served.service.settings.origin
    failed = served.client.post("/mandates", headers={**sent, "referer": f"{origin}/mandates/new?purpose=x"})
    assert failed.status_code == 401
    # The session has ended: the way in, and back to where the form is; nobody's menu.
    assert "/auth/sign-in?next=%2Fmandates%2Fnew%3Fpurpose%3Dx" in failed.text
    assert 'action="/auth/sign-out"' not in failed.text
    assert 'name="next" value="/mandates/new?purpose=x"' in failed.text
    elsewhere = served.client.post("/galleries/purposes", headers={**sent, "referer": "https://evil.example/search"})
    assert "/auth/sign-in?next=%2F&#34;" not in elsewhere.text
    assert 'href="/auth/sign-in?next=%2F"' in elsewhere.text


def test_an_address_that_takes_forms_alone_says_so_and_names_what_it_takes(served: Any) -> None:
    shown = served.client.get("/galleries/purposes", headers=PAGE)
    assert shown.status_code == 405
    assert shown.headers["allow"] == "POST"
    assert 'class="button" href="/"' in shown.text
    missing = served.client.get("/nowhere", headers={**PAGE, "accept-language": "de"})
    assert (missing.status_code, "Unter dieser Adresse gibt es keine Seite." in missing.text) == (404, True)
    both = served.client.put("/auth/begin", headers=PAGE)
    assert {"GET", "POST"} <= set(both.headers["allow"].split(", "))


def test_who_reads_at_this_machines_other_name_is_sent_to_the_one_of_the_passkeys(served: Any) -> None:
    service = served.service
    origin = service.settings.origin
    host = {"host": f"127.0.0.1:{service.settings.port}"}
    moved = served.client.get("/auth/sign-in?next=%2F", headers={**PAGE, **host}, follow_redirects=False)
    local = service.settings.named_by_itself
    assert (moved.status_code, moved.headers.get("location")) == (
        (307, f"{origin}/auth/sign-in?next=%2F") if local else (200, None)
    )
    assert served.client.get("/healthz", headers=host).status_code == 200
    other = served.client.get("/", headers={"host": "evil.example"})
    assert (other.status_code, origin in other.text) == (421, True)


def test_a_services_settings_say_what_is_missing() -> None:
    with pytest.raises(UsageError, match="--port must be at most 65535"):
        Settings(port=99999)
    with pytest.raises(UsageError, match="--origin"):
        Settings(host="0.0.0.0")  # noqa: S104
    assert "127.0.0.1" in Settings(host="0.0.0.0", origin="https://faces.example.org").hosts  # noqa: S104
    assert Settings().named_by_itself
    assert not Settings(origin="https://faces.example.org").named_by_itself


def test_pages_files_and_the_description_are_logged_by_their_route(served: Any) -> None:
    assert served.client.get("/static/console.css").status_code == 200
    assert served.client.get("/v1/openapi.json").status_code == 200
    counted = served.service.metrics.text().decode()
    assert 'route="/static/{file}"' in counted
    assert 'route="/v1/openapi.json"' in counted
    assert "unmatched" not in counted
