from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.policy.jurisdiction import Jurisdiction, jurisdictions, load_jurisdiction, parse_jurisdictions
from faceward.policy.parameters import Basis
from faceward.policy.purposes import Purpose, PurposeRequest, changed_purpose, new_purpose, parse_basis
from faceward.policy.standard import Standard

GOOD = PurposeRequest("door", "consent", 1e-4, timedelta(days=365))


def test_new_purpose_takes_the_standards_fpir(workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    purpose = new_purpose(GOOD, workplace, eu, now)
    assert (purpose.fpir, purpose.basis, purpose.created) == (0.01, Basis.CONSENT, now)
    assert new_purpose(replace(GOOD, fpir=0.001), workplace, eu, now).fpir == 0.001


@pytest.mark.parametrize("basis", Basis)
def test_all_six_bases_of_article_6_parse(basis: Basis) -> None:
    assert parse_basis(f" {basis.value.upper()} ") is basis


def test_unknown_basis_lists_the_six() -> None:
    with pytest.raises(UsageError, match="consent, contract, legal-obligation, vital-interests, public-task, legit"):
        parse_basis("because")


@pytest.mark.parametrize("basis", ["contract", "vital-interests", "public-task", "legitimate-interests"])
def test_P1_basis_without_exception_of_article_9_is_refused_with_the_reason(
    basis: str, workplace: Standard, eu: Jurisdiction, now: datetime
) -> None:
    with pytest.raises(PolicyRefusal) as caught:
        new_purpose(replace(GOOD, basis=basis), workplace, eu, now)
    assert caught.value.rule == "P1"
    assert "Art. 9(2)" in caught.value.reason
    assert "consent, legal-obligation" in caught.value.remedy


def test_T1_retention_over_the_limit_is_refused(
    workplace: Standard, eu: Jurisdiction, illinois: Jurisdiction, now: datetime
) -> None:
    for place, years in ((eu, 5), (illinois, 3)):
        longest = timedelta(days=years * 365)
        assert new_purpose(replace(GOOD, retention=longest), workplace, place, now).retention == longest
        with pytest.raises(PolicyRefusal, match=f"{years * 365}d") as caught:
            new_purpose(replace(GOOD, retention=longest + timedelta(hours=1)), workplace, place, now)
        assert caught.value.rule == "T1"


@pytest.mark.parametrize("retention", [timedelta(0), timedelta(days=-1), timedelta(minutes=90), timedelta(minutes=5)])
def test_retention_is_whole_hours(retention: timedelta, workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    with pytest.raises(UsageError, match="whole hours"):
        new_purpose(replace(GOOD, retention=retention), workplace, eu, now)


@pytest.mark.parametrize("rate", [0.0, -1e-4, 0.011, 1.0, float("nan"), float("inf")])
def test_fmr_out_of_range_is_a_usage_error(rate: float, workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    with pytest.raises(UsageError, match="--fmr"):
        new_purpose(replace(GOOD, fmr=rate), workplace, eu, now)


@pytest.mark.parametrize("rate", [0.0, 0.051, float("nan")])
def test_fpir_out_of_range_is_a_usage_error(rate: float, workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    with pytest.raises(UsageError, match="--fpir"):
        new_purpose(replace(GOOD, fpir=rate), workplace, eu, now)


def test_there_is_no_strictest_fmr(workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    assert new_purpose(replace(GOOD, fmr=1e-12), workplace, eu, now).fmr == 1e-12


@pytest.mark.parametrize("alternative", ["x" * 501, "a\nb", "a\x00"])
def test_alternative_is_one_line(alternative: str, workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    with pytest.raises(UsageError, match="alternative"):
        new_purpose(replace(GOOD, alternative=alternative), workplace, eu, now)


def test_empty_name_is_a_usage_error(workplace: Standard, eu: Jurisdiction, now: datetime) -> None:
    with pytest.raises(UsageError, match="purpose name"):
        new_purpose(replace(GOOD, name=" "), workplace, eu, now)


def test_purpose_survives_json(door: Purpose) -> None:
    odd = replace(door, name="门", retention=timedelta(hours=25), alternative="ask at the desk", fmr=1e-9)
    for purpose in (door, odd):
        assert Purpose.from_json(purpose.to_json()) == purpose


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": 1},
        {"basis": "whim"},
        {"fmr": 0},
        {"fmr": "0.1"},
        {"fpir": 1},
        {"fpir": 10**400},
        {"retention": "soon"},
        {"created": "yesterday"},
        {"created": "2026-01-01T00:00:00"},
        {"created": "0001-01-01T00:00:00+23:59"},
        {"surprise": 1},
        {"alternative": None},
    ],
)
def test_malformed_stored_purpose_is_an_integrity_error(change: dict[str, object], door: Purpose) -> None:
    with pytest.raises(IntegrityError, match="stored purpose"):
        Purpose.from_json({**door.to_json(), **change})


def test_stored_purpose_with_a_missing_key_is_an_integrity_error(door: Purpose) -> None:
    for key in door.to_json().keys() - {"camera_class"}:
        with pytest.raises(IntegrityError, match=key):
            Purpose.from_json({k: v for k, v in door.to_json().items() if k != key})
    for value in (None, [], "x"):
        with pytest.raises(IntegrityError):
            Purpose.from_json(value)


def test_purposes_stored_by_an_earlier_version_name_no_camera_class(door: Purpose) -> None:
    older = {key: value for key, value in door.to_json().items() if key != "camera_class"}
    assert Purpose.from_json(older) == door
    named = replace(door, camera_class="door")
    assert Purpose.from_json(named.to_json()) == named
    with pytest.raises(IntegrityError, match="camera class"):
        Purpose.from_json({**older, "camera_class": ""})


def test_S1_a_purpose_is_changed_within_the_limits_of_its_standard(door: Purpose, workplace: Standard) -> None:
    changed = changed_purpose(door, workplace, 1e-3, 0.02, "door")
    assert (changed.fmr, changed.fpir, changed.camera_class) == (1e-3, 0.02, "door")
    assert replace(changed, fmr=door.fmr, fpir=door.fpir, camera_class="any") == door
    assert changed_purpose(door, workplace, None, None, "gate").fmr == door.fmr
    for fmr, fpir, camera in ((0.02, None, None), (None, 0.06, None), (float("nan"), None, None), (None, None, "")):
        with pytest.raises(UsageError):
            changed_purpose(door, workplace, fmr, fpir, camera)
    with pytest.raises(UsageError, match="so already"):
        changed_purpose(door, workplace, door.fmr, None, None)


def test_P3_unknown_jurisdiction_is_refused_and_known_ones_are_listed() -> None:
    with pytest.raises(PolicyRefusal, match="EU, UK, CH, NZ, US, US-IL") as caught:
        load_jurisdiction("Atlantis")
    assert caught.value.rule == "P3"
    assert load_jurisdiction(" us-il ").code == "US-IL"


def test_P3_illinois_requires_releases_and_shortens_retention(eu: Jurisdiction, illinois: Jurisdiction) -> None:
    assert illinois.release_required
    assert illinois.shorten(timedelta(days=2000)) == timedelta(days=1095)
    assert illinois.shorten(timedelta(days=20)) == timedelta(days=20)
    assert eu.shorten(timedelta(days=2000)) == timedelta(days=2000)
    assert set(jurisdictions()) == {"EU", "UK", "CH", "NZ", "US", "US-IL"}


@pytest.mark.parametrize("data", [b"[X]\ntitle = 1", b"X = 1", b"[X", b'[X]\ntitle="a"\nlaw="b"\nextra=1'])
def test_malformed_profiles_are_an_integrity_error(data: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"jurisdictions\.toml"):
        parse_jurisdictions(data)
