"""A release file either parses or is refused in one line; what the template writes is read back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.errors import BadInput, UsageError
from faceward.core.names import check_name
from faceward.policy.consent import Release, find_release
from faceward.policy.release_files import parse_releases, render_release

endings = st.sampled_from(["toml", "json", "csv", "txt"])
keys = st.sampled_from(["subject", "purpose", "signed", "until", "term", "statement", "evidence", "release", "x"])
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from(["2026-01-01", "9999-12-31", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+10:00", "1y", "100y"]),
)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=8))


def is_name(text: str) -> bool:
    try:
        check_name(text, "subject")
    except UsageError:
        return False
    return True


def parse_or_refuse(data: bytes, name: str) -> tuple[Release, ...]:
    try:
        return parse_releases(data, name)
    except BadInput as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome of the call is checked
        return ()


@settings(deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), ending=endings)
def test_any_bytes_parse_or_are_refused_in_one_line(data: bytes, ending: str) -> None:
    parse_or_refuse(data, f"a.{ending}")


@settings(deadline=None)
@given(tree=trees)
def test_any_json_parses_or_is_refused_and_survives_storage(tree: object) -> None:
    for release in parse_or_refuse(json.dumps(tree).encode(), "a.json"):
        assert Release.from_json(release.to_json()) == release


@settings(deadline=None)
@given(rows=st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=5))
def test_any_csv_parses_or_is_refused(rows: list[list[str]]) -> None:
    lines = ["subject,purpose,signed,until,term", *(",".join(row) for row in rows)]
    parse_or_refuse("\n".join(lines).encode(), "a.csv")


@settings(deadline=None)
@given(
    subject=st.text(min_size=1, max_size=40).filter(is_name),
    purpose=st.text(min_size=1, max_size=40).filter(is_name),
    signed=st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    days=st.integers(0, 3650),
)
def test_template_is_read_back_and_found(subject: str, purpose: str, signed: date, days: int) -> None:
    until = signed + timedelta(days=days)
    text = render_release(subject, purpose, until)
    filled = text.replace('\nsigned = ""', f"\nsigned = {signed.isoformat()}", 1)
    releases = parse_releases(filled.encode(), "a.toml")
    noon = datetime(until.year, until.month, until.day, 12, tzinfo=UTC)
    assert find_release(releases, subject, purpose, noon) == releases[0]
    assert find_release(releases, subject, purpose, noon + timedelta(days=1)) is None
