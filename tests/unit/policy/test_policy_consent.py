from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from faceward.core.errors import BadInput, IntegrityError, UsageError
from faceward.policy.consent import Release, closest_release, explain_missing, find_release
from faceward.policy.release_files import MAX_BYTES, parse_releases, render_release

TOML = b'subject = "Grace Hopper"\npurpose = "door"\nsigned = 2026-01-31\nuntil = 2027-01-31\n'
GRACE = Release("Grace Hopper", "door", date(2026, 1, 31), datetime(2027, 2, 1, tzinfo=UTC))


def test_one_release_in_toml() -> None:
    assert parse_releases(TOML, "grace.toml") == (GRACE,)
    assert parse_releases(b"\xef\xbb\xbf" + TOML.replace(b"\n", b"\r\n"), "GRACE.TOML") == (GRACE,)


def test_term_counts_from_the_day_signed() -> None:
    data = TOML.replace(b"until = 2027-01-31", b'term = "365d"')
    assert parse_releases(data, "a.toml")[0].until == datetime(2027, 1, 31, tzinfo=UTC)


def test_several_releases_in_toml_and_json() -> None:
    assert parse_releases(b"[[release]]\n" + TOML + b"[[release]]\n" + TOML, "a.toml") == (GRACE, GRACE)
    one = {"subject": "Grace Hopper", "purpose": "door", "signed": "2026-01-31", "until": "2027-01-31"}
    assert parse_releases(json.dumps(one).encode(), "a.json") == (GRACE,)
    assert parse_releases(json.dumps({"release": [one, one]}).encode(), "a.json") == (GRACE, GRACE)


@pytest.mark.parametrize("comma", [",", ";"])
def test_bulk_releases_in_csv(comma: str) -> None:
    lines = [
        "Subject,Purpose,Signed,Until,Term",
        "Grace Hopper,door,2026-01-31,2027-01-31,",
        "",
        "李雷,门,2026-02-01,,30d",
    ]
    data = "\r\n".join(lines).replace(",", comma).encode("utf-8-sig")
    first, second = parse_releases(data, "all.csv")
    assert first == GRACE
    assert second == Release("李雷", "门", date(2026, 2, 1), datetime(2026, 3, 3, tzinfo=UTC))


def test_moments_are_accepted_as_an_end() -> None:
    end = datetime(2027, 1, 31, 10, 0, tzinfo=UTC)
    assert parse_releases(TOML.replace(b"2027-01-31", b"2027-01-31T12:00:00+02:00"), "a.toml")[0].until == end
    assert parse_releases(TOML.replace(b"2027-01-31", b'"2027-01-31T12:00:00+02:00"'), "a.toml")[0].until == end


def test_statement_and_evidence_are_kept() -> None:
    release = parse_releases(TOML + b'statement = "I agree."\nevidence = "binder 3"\n', "a.toml")[0]
    assert (release.statement, release.evidence) == ("I agree.", "binder 3")


@pytest.mark.parametrize("key", ["subject", "purpose", "signed"])
def test_C1_missing_key_is_named_with_an_example(key: str) -> None:
    data = b"\n".join(line for line in TOML.splitlines() if not line.startswith(key.encode()))
    with pytest.raises(BadInput, match=f"'{key}' is missing; write for example: {key} = ") as caught:
        parse_releases(data, "a.toml")
    assert "\n" not in str(caught.value)


def test_C1_release_without_term_is_refused() -> None:
    with pytest.raises(BadInput, match="either 'until' or 'term'"):
        parse_releases(TOML.replace(b"until = 2027-01-31\n", b""), "a.toml")
    with pytest.raises(BadInput, match="either 'until' or 'term'"):
        parse_releases(TOML + b'term = "1y"', "a.toml")


@pytest.mark.parametrize(
    "magic", [b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\x00", b"PK\x03\x04", b"\0\0\0\x18ftypheic"]
)
def test_scan_is_told_what_to_do(magic: bytes) -> None:
    with pytest.raises(BadInput, match="keep it as evidence, and write") as caught:
        parse_releases(magic + b"...", "scan.pdf")
    assert 'subject = "Grace Hopper"' in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "a.toml", "empty"),
        (b" \n", "a.csv", "empty"),
        (TOML, "a.yaml", "must end in"),
        (b"\xff\xfe\x00", "a.toml", "UTF-8"),
        (b"subject = ", "a.toml", "not valid TOML"),
        (b"{", "a.json", "not valid JSON"),
        (b'{"subject": "a", "subject": "b"}', "a.json", "given twice"),
        (b"[" * 100_000, "a.json", "not valid JSON"),
        (b"a = " + b"[" * 100_000, "a.toml", "not valid TOML"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a.json", "not valid JSON"),
        (b"[]", "a.json", "expected a table"),
        (b"null", "a.json", "expected a table"),
        (b'{"release": []}', "a.json", "holds no release"),
        (b'{"release": 1}', "a.json", "must be a list"),
        (b'{"release": [1]}', "a.json", "release 1: expected a table"),
        (b'{"release": [], "x": 1}', "a.json", "unknown key 'x'"),
        (TOML + b"extra = 1", "a.toml", "unknown key 'extra'"),
        (TOML.replace(b'"door"', b"1"), "a.toml", "'purpose' must be text"),
        (TOML.replace(b'"door"', b'""'), "a.toml", "purpose name is empty"),
        (TOML.replace(b"Grace", rb"Gr\u202Eace"), "a.toml", "invisible"),
        (TOML.replace(b"2026-01-31", b"5"), "a.toml", "'signed' is no date"),
        (TOML.replace(b"2026-01-31", b"2026-01-31T10:00:00Z"), "a.toml", "'signed' is no date"),
        (TOML.replace(b"2027-01-31", b'"soon"'), "a.toml", "'until' is no date"),
        (TOML.replace(b"2027-01-31", b'"2027-01-31T10:00:00"'), "a.toml", "no timezone"),
        (TOML.replace(b"2027-01-31", b"9999-12-31"), "a.toml", "out of range"),
        (TOML.replace(b"2027-01-31", b"2026-01-30"), "a.toml", "ends before"),
        (TOML.replace(b"until = 2027-01-31", b'term = "forever"'), "a.toml", "not a term"),
        (TOML.replace(b"until = 2027-01-31", b"term = 5"), "a.toml", "must be text"),
        (TOML + b'statement = "' + b"x" * 10_001 + b'"', "a.toml", "longer than"),
        (b"subject,purpose,signed,term\n", "a.csv", "holds no release"),
        (b"subject,purpose,signed,term\na,b\n", "a.csv", "line 2: 2 values for 4 columns"),
        (b",,\n,,\n", "a.csv", "holds no release"),
        (b"subject,subject\na,b\n", "a.csv", "named twice"),
        (b'subject,purpose\n"a', "a.csv", "not valid CSV"),
        (b"subject,purpose,signed,term\n,b,2026-01-01,1y\n", "a.csv", "'subject' is missing"),
        (b"name,purpose,signed,term\na,b,2026-01-01,1y\n", "a.csv", "unknown key 'name'"),
    ],
)
def test_bad_release_file_is_one_clear_line(data: bytes, name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        parse_releases(data, name)
    assert "\n" not in str(caught.value)


def test_too_large_file_is_refused() -> None:
    with pytest.raises(BadInput, match="split it"):
        parse_releases(b" " * (MAX_BYTES + 1), "a.csv")


def signed(template: str, day: str = "2026-01-31") -> bytes:
    """Fill in the day of signature."""
    assert template.count('signed = ""') == 1
    return template.replace('signed = ""', f"signed = {day}").encode()


@pytest.mark.parametrize("name", ["Zoë", 'a "quoted" \\ name', "李雷", "tab\\tname"])
def test_rendered_template_parses_once_it_is_signed(name: str) -> None:
    (release,) = parse_releases(signed(render_release(name, name, date(2027, 1, 31))), "template.toml")
    assert (release.subject, release.purpose) == (name, name)
    assert (release.signed_on, release.until) == (GRACE.signed_on, GRACE.until)
    assert "withdraw" in release.statement


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (render_release("Ada", "door", date(2027, 1, 31)).encode(), "toml"),
        (b'{"subject": "Ada", "purpose": "door", "signed": " ", "term": "1y"}', "json"),
    ],
)
def test_C1_a_template_that_nobody_signed_is_refused(data: bytes, ending: str) -> None:
    with pytest.raises(BadInput, match="the day of signature is missing; write it, for example: signed = ") as caught:
        parse_releases(data, f"ada.{ending}")
    assert "\n" not in str(caught.value)


def test_C1_the_statement_claims_an_alternative_only_where_one_is_offered() -> None:
    without = parse_releases(signed(render_release("Ada", "door", date(2027, 1, 31))), "a.toml")[0].statement
    assert "offered" not in without
    text = render_release("Ada", "door", date(2027, 1, 31), 'the bell, "Ring"')
    statement = parse_releases(signed(text), "a.toml")[0].statement
    assert 'I was offered a way without face recognition: the bell, "Ring". I can' in statement
    for bad in ("two\nlines", "x" * 10_000):
        with pytest.raises(UsageError, match="one line"):
            render_release("Ada", "door", date(2027, 1, 31), bad)


def test_C1_find_release_needs_subject_purpose_and_term(now: datetime) -> None:
    assert find_release([GRACE], "Grace Hopper", "door", now) == GRACE
    assert find_release([GRACE], "Eileen Collins", "door", now) is None
    assert find_release([GRACE], "Grace Hopper", "canteen", now) is None
    assert find_release([GRACE], "Grace Hopper", "door", GRACE.until) is None
    assert find_release([GRACE], "Grace Hopper", "door", GRACE.until - timedelta(microseconds=1)) == GRACE
    assert find_release([GRACE], "Grace Hopper", "door", datetime(2026, 1, 30, 9, tzinfo=UTC)) is None
    assert find_release([], "Grace Hopper", "door", now) is None


def test_release_signed_today_in_the_east_is_in_force() -> None:
    assert GRACE.in_force(datetime(2026, 1, 30, 10, tzinfo=UTC))


def test_longest_of_several_releases_is_found(now: datetime) -> None:
    longer = replace(GRACE, until=GRACE.until + timedelta(days=1))
    ended = replace(GRACE, until=now - timedelta(days=1))
    assert find_release([ended, GRACE, longer, ended], "Grace Hopper", "door", now) == longer


def test_names_are_compared_in_one_normal_form(now: datetime) -> None:
    release = replace(GRACE, subject="Zo\u00eb")
    assert find_release([release], "Zoe\u0308", "door", now) == release


def test_explanation_says_what_is_wrong_with_the_closest(now: datetime) -> None:
    assert explain_missing([], "a", "door", now) == "there is no release"
    assert explain_missing([GRACE], "a", "door", now) == "no release names the subject 'a'"
    assert "names the purpose 'door', not 'x'" in explain_missing([GRACE], "Grace Hopper", "x", now)
    assert "ended at 2027-02-01" in explain_missing([GRACE], "Grace Hopper", "door", GRACE.until)
    early = datetime(2025, 1, 1, tzinfo=UTC)
    assert "signed in the future" in explain_missing([GRACE], "Grace Hopper", "door", early)
    assert explain_missing([GRACE], "Grace Hopper", "door", now) == ""
    other = replace(GRACE, subject="a")
    assert closest_release([other, GRACE], "Grace Hopper", "x", now) == GRACE


def test_stored_release_survives_json() -> None:
    full = replace(GRACE, statement="ja", evidence="binder")
    assert Release.from_json(full.to_json()) == full
    assert full.digest() != GRACE.digest()
    for change in ({"until": "x"}, {"signed_on": "x"}, {"subject": ""}, {"more": 1}, {"evidence": None}):
        with pytest.raises(IntegrityError, match="stored release"):
            Release.from_json({**full.to_json(), **change})
