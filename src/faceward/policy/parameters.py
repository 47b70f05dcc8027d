"""The parameters of a standard, typed and strictly parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from faceward.core.errors import IntegrityError
from faceward.policy import tables
from faceward.policy.quality import Floor
from faceward.policy.strict import Table, parse_toml
from faceward.policy.tables import (
    ConsentRules,
    CustodyRules,
    EvidenceRules,
    LogRules,
    MandateRules,
    PeopleRules,
    RightsRules,
    VideoRules,
    WatchlistRules,
)

_FILE = "parameters.toml"
_TABLES = ("people", "mandate", "custody", "log", "watchlist", "rights", "video", "consent", "evidence")


class Basis(StrEnum):
    """The lawful bases of GDPR Art. 6(1)(a) to (f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    VITAL_INTERESTS = "vital-interests"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTERESTS = "legitimate-interests"


@dataclass(frozen=True, slots=True)
class BasisRule:
    """What a standard says of one basis.

    Attributes:
        allowed: It may carry biometric data under this standard.
        release: It rests on a release of the subject (rule C1).
        why: The reason, one line.
    """

    allowed: bool
    release: bool
    why: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a standard.

    Attributes:
        enforced: Rules that the standard's policy must hold.
        maximum_retention: Longest time a reference is kept (rule T1).
        loosest_fmr: Greatest false match rate a purpose may accept, 0 to 1.
        default_fpir: False positive identification rate where a purpose names none, 0 to 1.
        loosest_fpir: Greatest false positive identification rate a purpose may accept, 0 to 1.
        bases: What is said of each lawful basis; all six are there.
        enrolment_floors: Quality floors of a sample to be enrolled (rule E2).
        probe_floors: Quality floors of a probe.
        people: Sign-in, reviewers, training.
        mandate: When a mandate is needed, and its limits.
        custody: Who holds the keys, and for how long they are lent.
        log: Witnesses of the log.
        watchlist: Whether there are watchlists, and who enters them.
        rights: Terms of complaints.
        video: Live cameras.
        consent: What makes consent free.
        evidence: What an evaluation must show before anybody is identified on the strength of it.
    """

    enforced: tuple[str, ...]
    maximum_retention: timedelta
    loosest_fmr: float
    default_fpir: float
    loosest_fpir: float
    bases: Mapping[Basis, BasisRule]
    enrolment_floors: tuple[Floor, ...]
    probe_floors: tuple[Floor, ...]
    people: PeopleRules
    mandate: MandateRules
    custody: CustodyRules
    log: LogRules
    watchlist: WatchlistRules
    rights: RightsRules
    video: VideoRules
    consent: ConsentRules
    evidence: EvidenceRules


def parse_parameters(data: bytes, where: str) -> Parameters:
    """Parse a standard's parameters.toml.

    Args:
        data: The file, TOML 1.0 in UTF-8.
        where: Names the standard in messages.

    Raises:
        IntegrityError: A key is missing, unknown, of another type or out of range.
    """
    place = f"{where}: {_FILE}"
    root = Table(parse_toml(data, place, IntegrityError), place, IntegrityError)
    root.only(("enforced", "retention", "accuracy", "bases", "quality", *_TABLES))
    retention = root.table("retention")
    retention.only(("maximum",))
    accuracy = root.table("accuracy")
    accuracy.only(("loosest_fmr", "default_fpir", "loosest_fpir"))
    quality = root.table("quality")
    quality.only(("enrolment", "probe"))
    parameters = Parameters(
        enforced=root.names("enforced"),
        maximum_retention=retention.span("maximum"),
        loosest_fmr=_rate(accuracy, "loosest_fmr"),
        default_fpir=_rate(accuracy, "default_fpir"),
        loosest_fpir=_rate(accuracy, "loosest_fpir"),
        bases=_bases(root.table("bases")),
        enrolment_floors=_floors(quality.table("enrolment")),
        probe_floors=_floors(quality.table("probe")),
        people=tables.people_rules(root.table("people")),
        mandate=tables.mandate_rules(root.table("mandate")),
        custody=tables.custody_rules(root.table("custody")),
        log=tables.log_rules(root.table("log")),
        watchlist=tables.watchlist_rules(root.table("watchlist")),
        rights=tables.rights_rules(root.table("rights")),
        video=tables.video_rules(root.table("video")),
        consent=tables.consent_rules(root.table("consent")),
        evidence=tables.evidence_rules(root.table("evidence")),
    )
    if parameters.default_fpir > parameters.loosest_fpir:
        raise accuracy.error("'default_fpir' is looser than 'loosest_fpir'; lower it")
    return parameters


def _rate(table: Table, key: str) -> float:
    value = table.number(key)
    if not 0 < value < 1:
        raise table.error(f"{key!r} must lie between 0 and 1")
    return value


def _bases(table: Table) -> Mapping[Basis, BasisRule]:
    table.only([basis.value for basis in Basis])
    rules: dict[Basis, BasisRule] = {}
    for basis in Basis:
        entry = table.table(basis.value)
        entry.only(("allowed", "release", "why"))
        rules[basis] = BasisRule(entry.flag("allowed"), entry.flag("release"), entry.text("why"))
    return MappingProxyType(rules)


def _floors(table: Table) -> tuple[Floor, ...]:
    if not table.keys():
        raise table.error("names no component; give at least one floor")
    return tuple(_floor(name, table.table(name)) for name in table.keys())  # noqa: SIM118 - not a mapping


def _floor(name: str, table: Table) -> Floor:
    table.only(("min", "max", "advice"))
    if table.has("min") == table.has("max"):
        raise table.error("give either 'min' or 'max'")
    minimum = table.number("min") if table.has("min") else None
    maximum = table.number("max") if table.has("max") else None
    return Floor(name, minimum, maximum, table.text("advice"))
