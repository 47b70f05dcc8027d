"""What documents are written from: a deployment's configuration and counts, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from faceward.core.rates import Rate
from faceward.documents.watch_facts import NOTHING_WATCHED, WatchFacts


@dataclass(frozen=True, slots=True)
class PurposeFacts:
    """A purpose and what its rates mean with the pack at work.

    Attributes:
        name: Its name, in any script.
        basis: The lawful basis.
        fmr: False match rate that a verification accepts.
        fpir: False positive identification rate that a search accepts.
        retention: How long references are kept at most.
        alternative: The way without biometrics; may be empty.
        created: Day of its registration.
        release: Whether people are enrolled under their signed release alone.
        threshold: Threshold of a verification, with its interval and the FNMR seen there, or why there is none.
    """

    name: str
    basis: str
    fmr: float
    fpir: float
    retention: str
    alternative: str
    created: date
    release: bool
    threshold: tuple[float, float, float, float] | str


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """A gallery: its purpose, the mode of protection, how many references are in force, and its end, UTC, if any."""

    name: str
    purpose: str
    mode: str
    references: int
    simulated: int
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class CalibrationFacts:
    """What a pack's scores mean; rows of FMR, its 95 % interval's ends, threshold and FNMR.

    Rows whose FMR is below `measured_to` are extrapolated.
    """

    data: str
    mated: int
    nonmated: int
    default_fmr: float
    rows: tuple[tuple[float, float, float, float, float], ...]
    measured_to: float = 0.0


@dataclass(frozen=True, slots=True)
class PointFacts:
    """An operating point that was measured: threshold, FMR and FNMR, and whether the FMR is extrapolated."""

    threshold: float
    fmr: Rate
    fnmr: Rate
    extrapolated: bool


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """A measured point of searches: gallery, how much of it is simulated, threshold, FPIR, FNIR, length of the list."""

    references: int
    simulated: int
    threshold: float
    fpir: Rate
    fnir: Rate
    rank: int


@dataclass(frozen=True, slots=True)
class DifferentialFacts:
    """How unevenly an error falls: `fmr` or `fnmr`, the worst group, and its rate to the groups' geometric mean."""

    measure: str
    worst: str
    ratio: Rate


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Errors by groups of people.

    Attributes:
        attributes: The data set's own labels.
        threshold: Where groups are compared.
        rows: Name, people, FMR and FNMR of each group; None where it is too small for a claim.
        differentials: How unevenly errors fall.
        worst: The threshold that holds the worst group to the rate of all, and the FNMR of all there; or None.
    """

    attributes: tuple[str, ...]
    threshold: float
    rows: tuple[tuple[str, int, Rate | None, Rate | None], ...]
    differentials: tuple[DifferentialFacts, ...]
    worst: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """An evaluation that stands for a pack (rule V1).

    Attributes:
        digest: SHA-256 of its canonical JSON.
        shipped: It comes with the pack; others were recorded by people of the deployment.
        made: When it was measured, UTC.
        protocol: Name of the protocol.
        data: Name of the test data.
        statement: Where they come from.
        basis: On what ground they were used.
        camera_class: What kind of pictures they are.
        own: Whether they are of the deployment's own cameras.
        counts: Images, subjects, mated and non-mated comparisons.
        attempts: Samples that were to be acquired.
        failed: Failures to acquire among them.
        points: Operating points.
        searches: Operating points of searches.
        groups: Errors by groups.
    """

    digest: str
    shipped: bool
    made: datetime
    protocol: str
    data: str
    statement: str
    basis: str
    camera_class: str
    own: bool
    counts: tuple[int, int, int, int]
    attempts: int
    failed: int
    points: tuple[PointFacts, ...]
    searches: tuple[SearchFacts, ...]
    groups: tuple[GroupFacts, ...]


@dataclass(frozen=True, slots=True)
class PackFacts:
    """A model pack as its manifest describes it; `files` are role, name, SHA-256 and distribution."""

    name: str
    identifier: str
    document: str
    licence: str
    commercial: bool
    source: str
    training_data: str
    dimension: int
    chip: int
    files: tuple[tuple[str, str, str, str], ...]
    calibration: CalibrationFacts | None


@dataclass(frozen=True, slots=True)
class StandardFacts:
    """A standard.

    Attributes:
        name: Its name.
        digest: SHA-256 of its files.
        bases: Each lawful basis: whether it is accepted, whether it needs a release, and why.
        floors: For enrolments and probes each component of quality with its limit and the advice.
        parameters: Its other parameters in words.
        refusals: What it refuses, as rule and reason.
        mandated: The operations that need a mandate.
        reviewers: How many people must review before a result is actionable.
    """

    name: str
    digest: str
    bases: tuple[tuple[str, bool, bool, str], ...]
    floors: tuple[tuple[str, str, str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    refusals: tuple[tuple[str, str], ...]
    mandated: tuple[str, ...]
    reviewers: int

    def enforces(self, rule: str) -> bool:
        """Tell whether the standard refuses something under a rule."""
        return any(known == rule for known, _ in self.refusals)


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """A jurisdiction profile; `maximum_retention` is empty where the place sets none."""

    code: str
    title: str
    law: str
    maximum_retention: str
    release_required: bool
    complaints: str


@dataclass(frozen=True, slots=True)
class CustodyFacts:
    """Who holds the keys, and who may act.

    Attributes:
        separate: Whether a process of its own holds the galleries' keys.
        trial: Whether the deployment is for trial only.
        stopped: Whether searching is stopped.
        roles: How many people hold each role; nobody is named.
        people: How many people there are.
        witnesses: Names of the witnesses that are trusted to cosign the log.
    """

    separate: bool
    trial: bool
    stopped: bool
    roles: Mapping[str, int]
    people: int
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of the log over a period. Nobody can be told from them by name.

    Attributes:
        first: First day, UTC.
        last: Last day, UTC, inclusive.
        whole: Whether the period has ended.
        entries: Entries of the period.
        operations: For each operation how often it began, ended, failed, was refused and was noted.
        refusals: For each operation and rule how often it was refused.
        purposes: For each registered purpose how many verifications, searches and enrolments.
        figures: Counts by name; see `operations.tally`.
    """

    first: date
    last: date
    whole: bool
    entries: int
    operations: tuple[tuple[str, int, int, int, int, int], ...]
    refusals: tuple[tuple[str, str, int], ...]
    purposes: tuple[tuple[str, int, int, int], ...]
    figures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that documents say of a deployment.

    Attributes:
        software: Name and version.
        made: When they were gathered, UTC.
        configuration: Digest of the configuration.
        controller: Who decides about the data; may be empty.
        contact: How to reach the controller; may be empty.
        origin: The log's identity.
        created: Day of the set-up.
        standard: The standard.
        place: The jurisdiction profile.
        pack: The model pack.
        purposes: Registered purposes by name.
        galleries: Galleries by name.
        custody: Keys and people.
        entries: Entries of the log so far.
        tally: Counts, where the document tells them.
        evaluations: Those that purposes rely on, or the pack's own.
        watching: Cameras and channels.
    """

    software: str
    made: datetime
    configuration: str
    controller: str
    contact: str
    origin: str
    created: date
    standard: StandardFacts
    place: PlaceFacts
    pack: PackFacts
    purposes: tuple[PurposeFacts, ...]
    galleries: tuple[GalleryFacts, ...]
    custody: CustodyFacts
    entries: int
    tally: Tally | None = None
    evaluations: tuple[EvaluationFacts, ...] = ()
    watching: WatchFacts = NOTHING_WATCHED
