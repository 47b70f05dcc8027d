"""Whatever the facts, Cedar's answer equals an independent statement of the rules in Python."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from faceward.core.errors import PolicyRefusal
from faceward.policy.rules import Request, Rules
from faceward.policy.standard import load_standard

RULES = Rules(load_standard("workplace"))
KNOWN = ("EU", "UK", "CH", "US", "US-IL")
places = st.sampled_from((*KNOWN, "XX", ""))
# Truth is the likely value, so that a good share of the requests is allowed.
likely = st.sampled_from([True, True, True, True, True, True, True, False])
kinds = st.sampled_from(["file", "file", "file", "stream", "url", "cctv", "search", "", "FILE"])
bases = st.sampled_from(["consent", "consent", "legal-obligation", "contract", "none"])
purpose = {"purpose_registered": likely, "purpose_basis": bases, "purpose_basis_allowed": likely}
enrolment = {
    **purpose,
    "gallery_purpose_matches": likely,
    "release_required": st.booleans(),
    "release_present": likely,
    "release_names_subject": likely,
    "release_names_purpose": likely,
    "release_in_force": likely,
    "source_kind": kinds,
    "source_recorded": likely,
    "sample_was_probe": likely.map(lambda value: not value),
    "retention_within_limit": likely,
    "pack_verified": likely,
    "quality_acceptable": likely,
}
Facts = Mapping[str, bool | str]


def allowed(action: str, place: str, facts: Facts) -> bool:
    try:
        RULES.authorise(Request("operator", action, place, facts))
    except PolicyRefusal:
        return False
    return True


def purpose_holds(facts: Facts) -> bool:
    return bool(facts["purpose_registered"] and facts["purpose_basis_allowed"] and facts["gallery_purpose_matches"])


@settings(deadline=None)
@given(facts=st.fixed_dictionaries(enrolment), place=places)
def test_reference_is_admitted_exactly_when_every_rule_holds(facts: dict[str, bool | str], place: str) -> None:
    release = (
        facts["release_present"]
        and facts["release_names_subject"]
        and facts["release_names_purpose"]
        and facts["release_in_force"]
    )
    before = bool(
        place in KNOWN
        and purpose_holds(facts)
        and facts["source_kind"] in ("file", "stream")
        and (release or (not facts["release_required"] and place != "US-IL"))
        and facts["source_recorded"]
        and not facts["sample_was_probe"]
        and facts["retention_within_limit"]
        and facts["pack_verified"]
    )
    assert allowed("admit", place, facts) == (before and facts["quality_acceptable"])
    early = {name: value for name, value in facts.items() if name != "quality_acceptable"}
    assert allowed("enrol", place, early) == before


@settings(deadline=None)
@given(
    facts=st.fixed_dictionaries(
        {
            **purpose,
            "gallery_purpose_matches": likely,
            "source_kind": kinds,
            "pack_verified": likely,
            "reason_given": likely,
            "reference_in_force": likely,
        }
    ),
    place=places,
)
def test_recognition_is_allowed_exactly_when_every_rule_holds(facts: dict[str, bool | str], place: str) -> None:
    both = (
        place in KNOWN
        and purpose_holds(facts)
        and facts["source_kind"] in ("file", "stream")
        and facts["pack_verified"]
    )
    verify = {name: value for name, value in facts.items() if name != "reason_given"}
    identify = {name: value for name, value in facts.items() if name != "reference_in_force"}
    assert allowed("verify", place, verify) == (both and facts["reference_in_force"])
    lawful = place != "US-IL" or facts["purpose_basis"] == "consent"
    assert allowed("identify", place, identify) == (both and facts["reason_given"] and lawful)


scalars = st.one_of(st.booleans(), st.text(max_size=8), st.integers(), st.none(), st.floats())


@settings(deadline=None)
@given(
    action=st.one_of(st.text(max_size=12), st.sampled_from(["enrol", "admit", "verify", "identify", "located"])),
    place=st.one_of(places, st.text(max_size=5)),
    facts=st.dictionaries(st.one_of(st.sampled_from(sorted(enrolment)), st.text(max_size=8)), scalars, max_size=16),
    name=st.text(max_size=20),
)
def test_malformed_requests_are_refused_and_never_crash(
    action: str, place: str, facts: dict[str, bool | str], name: str
) -> None:
    try:
        RULES.authorise(Request(name, action, place, facts))
    except PolicyRefusal as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017 - either outcome of the call is checked
    else:
        assert action in ("rotate", "show", "export", "erase")
