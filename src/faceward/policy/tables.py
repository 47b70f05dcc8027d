"""The tables of a standard's parameters beyond retention, bases and quality: people, mandates, custody and the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from faceward.policy.strict import Table

MANDATED = ("verify", "identify", "watch", "redact", "gallery.export")
"""The actions for which a standard may ask for a mandate."""
REVIEWERS = (0, 2)
_SPAN = re.compile(r"(\d{1,5})(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_MOST_SEARCHES = 1_000_000
_MOST_WITNESSES = 9
_ADULT = range(14, 31)
_MOST_COMPARISONS = 10**9
_FEWEST_SUBJECTS = 2
_LARGEST_RATIO = 100


class SignIn(StrEnum):
    """When people must sign in."""

    ALWAYS = "always"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class PeopleRules:
    """Who may act (rules K2 and H1).

    Attributes:
        sign_in: `ALWAYS`, or `REGISTERED`: only from the first registered person on.
        reviewers: People who must answer before a result is actionable, 0 or 2.
        trained: Only people whose training is on record may enrol, recognise and approve.
    """

    sign_in: SignIn
    reviewers: int
    trained: bool


@dataclass(frozen=True, slots=True)
class MandateRules:
    """When a mandate is needed, and how far it may go (rules P2 and P7).

    Attributes:
        required: Actions that need one, among `MANDATED`.
        longest: Longest window of time of a mandate.
        searches: Most searches that one mandate may allow.
        urgent: For how long after an urgent request may be searched before it is approved; zero: not at all.
    """

    required: frozenset[str]
    longest: timedelta
    searches: int
    urgent: timedelta


@dataclass(frozen=True, slots=True)
class CustodyRules:
    """Who holds the keys (rule L2).

    Attributes:
        separate: The custodian must be a process of its own.
        lease: For how long a released key may be used.
    """

    separate: bool
    lease: timedelta


@dataclass(frozen=True, slots=True)
class LogRules:
    """Who watches the log (rule L3).

    Attributes:
        witnesses: Witnesses who must have signed a checkpoint before anybody is identified.
        freshest: How old that checkpoint may be.
    """

    witnesses: int
    freshest: timedelta


@dataclass(frozen=True, slots=True)
class WatchlistRules:
    """Galleries whose people were not asked (rules E1 and E3).

    Attributes:
        allowed: The standard knows watchlists.
        entry_approval: An entry needs the approval of somebody else than the one who enrols.
        minimum_age: Who is stated to be younger is not entered, save for safeguarding; years.
    """

    allowed: bool
    entry_approval: bool
    minimum_age: int


@dataclass(frozen=True, slots=True)
class RightsRules:
    """How fast complaints are answered (rule D1).

    Attributes:
        acknowledge: Until a complaint is acknowledged.
        decide: Until it is decided.
    """

    acknowledge: timedelta
    decide: timedelta


@dataclass(frozen=True, slots=True)
class VideoRules:
    """Live cameras (rules P6 and W9).

    Attributes:
        realtime: Faces may be compared as they pass a camera.
        dwell: For how long one person may be followed in one camera's view.
    """

    realtime: bool
    dwell: timedelta


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """What an evaluation must show before anybody is identified on the strength of it (rule V1).

    Attributes:
        longest: How old it may be.
        own: It must have been made on pictures of the deployment's own cameras.
        least_subjects: Fewest people in its data.
        least_mated: Fewest mated comparisons in it.
        loosest_fnmr: Greatest FNMR at the rate that a search needs, above 0 and at most 1.
        worst_group: Greatest ratio of the worst group's FMR to the geometric mean of all groups (rule V2); 0 where no
            comparison of groups is asked for.
    """

    longest: timedelta
    own: bool
    least_subjects: int
    least_mated: int
    loosest_fnmr: float
    worst_group: float


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """What makes consent free (rule C3).

    Attributes:
        alternative: A purpose on consent must name a way without biometrics.
    """

    alternative: bool


def people_rules(table: Table) -> PeopleRules:
    """Read `[people]`."""
    table.only(("sign_in", "reviewers", "trained"))
    text = table.text("sign_in")
    if text not in [choice.value for choice in SignIn]:
        raise table.error(f"'sign_in' must be {' or '.join(repr(choice.value) for choice in SignIn)}")
    reviewers = _count(table, "reviewers", max(REVIEWERS))
    if reviewers not in REVIEWERS:
        raise table.error(f"'reviewers' must be {' or '.join(str(choice) for choice in REVIEWERS)}")
    return PeopleRules(SignIn(text), reviewers, table.flag("trained"))


def mandate_rules(table: Table) -> MandateRules:
    """Read `[mandate]`."""
    table.only(("required", "longest", "searches", "urgent"))
    required = table.names("required")
    unknown = [name for name in required if name not in MANDATED]
    if unknown:
        raise table.error(f"no mandate can be asked for {unknown[0]!r}; choose among {', '.join(MANDATED)}")
    if "gallery.export" not in required:
        raise table.error("'required' lacks 'gallery.export', which needs a mandate everywhere (rule S4)")
    searches = _count(table, "searches", _MOST_SEARCHES)
    longest = _brief(table, "longest")
    if not searches or not longest:
        raise table.error("'searches' and 'longest' must be above zero")
    return MandateRules(frozenset(required), longest, searches, _brief(table, "urgent"))


def custody_rules(table: Table) -> CustodyRules:
    """Read `[custody]`."""
    table.only(("separate", "lease"))
    return CustodyRules(table.flag("separate"), _some(table, "lease"))


def log_rules(table: Table) -> LogRules:
    """Read `[log]`."""
    table.only(("witnesses", "freshest"))
    return LogRules(_count(table, "witnesses", _MOST_WITNESSES), _some(table, "freshest"))


def watchlist_rules(table: Table) -> WatchlistRules:
    """Read `[watchlist]`."""
    table.only(("allowed", "entry_approval", "minimum_age"))
    years = _count(table, "minimum_age", max(_ADULT))
    if years not in _ADULT:
        raise table.error(f"'minimum_age' must lie between {min(_ADULT)} and {max(_ADULT)} years")
    return WatchlistRules(table.flag("allowed"), table.flag("entry_approval"), years)


def rights_rules(table: Table) -> RightsRules:
    """Read `[rights]`."""
    table.only(("acknowledge", "decide"))
    rules = RightsRules(_some(table, "acknowledge"), _some(table, "decide"))
    if rules.acknowledge > rules.decide:
        raise table.error("'acknowledge' is later than 'decide'; shorten it")
    return rules


def video_rules(table: Table) -> VideoRules:
    """Read `[video]`."""
    table.only(("realtime", "dwell"))
    return VideoRules(table.flag("realtime"), _some(table, "dwell"))


def consent_rules(table: Table) -> ConsentRules:
    """Read `[consent]`."""
    table.only(("alternative",))
    return ConsentRules(table.flag("alternative"))


def evidence_rules(table: Table) -> EvidenceRules:
    """Read `[evidence]`."""
    table.only(EvidenceRules.__dataclass_fields__)
    subjects, mated = (_count(table, key, _MOST_COMPARISONS) for key in ("least_subjects", "least_mated"))
    fnmr, ratio = table.number("loosest_fnmr"), table.number("worst_group")
    if subjects < _FEWEST_SUBJECTS or mated < _FEWEST_SUBJECTS:
        raise table.error(f"'least_subjects' and 'least_mated' must be at least {_FEWEST_SUBJECTS}")
    if not 0 < fnmr <= 1:
        raise table.error("'loosest_fnmr' must lie above 0 and be at most 1")
    if ratio and not 1 <= ratio <= _LARGEST_RATIO:
        raise table.error(f"'worst_group' must be 0, or lie between 1 and {_LARGEST_RATIO}")
    return EvidenceRules(_some(table, "longest"), table.flag("own"), subjects, mated, fnmr, ratio)


def _count(table: Table, key: str, most: int) -> int:
    value = table.number(key)
    if not value.is_integer() or not 0 <= value <= most:
        raise table.error(f"{key!r} must be a whole number from 0 to {most}")
    return int(value)


def _brief(table: Table, key: str) -> timedelta:
    # Terms of retention read `m` as months; these are shorter, so that the unit of minutes is spelled out.
    found = _SPAN.fullmatch(table.text(key))
    if found is None:
        raise table.error(f"{key!r} must be a number and s, min, h or d, for example 30s, 15min, 48h or 30d")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _some(table: Table, key: str) -> timedelta:
    span = _brief(table, key)
    if not span:
        raise table.error(f"{key!r} must be above zero")
    return span
