"""What every page of the console has: the way in, the menu, language, appearance, errors, keys."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_home_in_both_themes(site: Any, console: Any) -> None:
    site.people(Ana=(), Ben=())
    page = site.enter("Ana")
    page.goto("/")
    assert page.locator("h1").inner_text() == "Home"
    console.check(page)
