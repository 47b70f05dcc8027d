"""An evaluation: what was measured, of which pack, on which data; the object that evidence is made of (rule V1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.rates import Rate

FORMAT = 1


class DataBasis(StrEnum):
    """On what ground pictures of people were used as test data (rule V3)."""

    CONSENTED = "consented"
    PUBLIC_RESEARCH = "public-research"
    SYNTHETIC = "synthetic"
    REVIEWED = "reviewed-operation"


@dataclass(frozen=True, slots=True)
class DataSet:
    """The test data.

    Attributes:
        name: What they are called.
        digest: SHA-256 over the sorted lines `sha256(file) subject/file`, 64 hexadecimal digits.
        images: Number of images.
        subjects: Number of subjects.
        basis: On what ground they were used.
        statement: Where they come from and under which terms, a sentence.
        camera_class: What kind of pictures they are: a name such as `press-photographs`, `door`, `cctv`.
        own: Whether they were taken by the deployment's own cameras.
    """

    name: str
    digest: str
    images: int
    subjects: int
    basis: DataBasis
    statement: str
    camera_class: str
    own: bool


@dataclass(frozen=True, slots=True)
class Point:
    """An operating point (ISO/IEC 19795-1).

    Attributes:
        threshold: Scores at or above it are a match.
        fmr: False-match rate of comparisons of acquired samples.
        fnmr: False-non-match rate of them.
        gfar: Generalised false-acceptance rate, failures to acquire included.
        gfrr: Generalised false-rejection rate.
        extrapolated: The FMR lies below what was seen, so it is estimated from the tail; `fmr.high` bounds it.
    """

    threshold: float
    fmr: Rate
    fnmr: Rate
    gfar: Rate
    gfrr: Rate
    extrapolated: bool = False


@dataclass(frozen=True, slots=True)
class IdentificationPoint:
    """An operating point of an open-set search.

    Attributes:
        references: Subjects in the gallery.
        simulated: How many of them are simulated.
        threshold: Scores at or above it are a candidate.
        fpir: False-positive identification rate of non-mated probes.
        fnir: False-negative identification rate of mated probes, candidates up to rank `rank`.
        rank: Length of the candidate list.
    """

    references: int
    simulated: int
    threshold: float
    fpir: Rate
    fnir: Rate
    rank: int


@dataclass(frozen=True, slots=True)
class Group:
    """Errors of one group of people.

    Attributes:
        name: Attribute and value, for example `sex=female`; several are joined by `, `.
        subjects: Subjects of the group.
        samples: Their samples.
        supported: Whether the group is large enough for a claim on both rates.
        fmr: Within-group FMR at the operating point; None where the group is too small for a claim: there is no figure.
        fnmr: FNMR; None likewise.
        note: What a claim would need, in words, where one of the rates is None.
    """

    name: str
    subjects: int
    samples: int
    supported: bool
    fmr: Rate | None
    fnmr: Rate | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Differential:
    """How unevenly an error falls on groups (ISO/IEC 19795-10).

    Attributes:
        measure: `fmr` or `fnmr`.
        worst: The group with the highest rate.
        ratio: Worst to geometric mean; its `errors` and `trials` are those of the worst group.
        gini: Gini coefficient over groups, 0 (even) to 1.
        inequity: Highest to lowest rate.
        gini_interval: Ends of its 95 % interval, by bootstrap over subjects.
        inequity_interval: Likewise.
        chance: The ratio of worst to geometric mean that groups of these sizes would exceed in one of twenty data sets
            although they do not differ; a ratio below it shows nothing.
    """

    measure: str
    worst: str
    ratio: Rate
    gini: float
    inequity: float
    gini_interval: tuple[float, float] = (0.0, 1.0)
    inequity_interval: tuple[float, float] | None = None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Fairness:
    """Errors by group at one operating point (rule V2).

    Attributes:
        attributes: The labels that the groups come from, for example `sex`.
        threshold: Where the groups are compared.
        groups: The groups, the unsupported ones too.
        differentials: Computed over the groups that have the rate; empty where there are fewer than two.
        worst_threshold: The threshold at which the worst supported group meets the overall FMR, or None.
        worst_fnmr: The FNMR over all people there: what that costs; None where `worst_threshold` is.
    """

    attributes: tuple[str, ...]
    threshold: float
    groups: tuple[Group, ...]
    differentials: tuple[Differential, ...]
    worst_threshold: float | None
    worst_fnmr: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured.

    Attributes:
        pack: Identifier of the model pack (`name@digest`).
        data: The test data.
        protocol: Name of the protocol.
        protocol_digest: SHA-256 of the protocol as data, 64 hexadecimal digits.
        made: When, UTC.
        software: Name and version.
        command: The command that reproduces it.
        attempts: Samples that were to be acquired.
        failed: Failures to acquire among them.
        template: Samples that were fused into a reference; thresholds serve as evidence only where it is 1.
        mated: Mated comparisons scored.
        nonmated: Non-mated comparisons scored.
        points: Operating points, FMR falling and threshold rising.
        identification: Open-set operating points; may be empty.
        fairness: Errors by groups; empty where the data carry no labels.
        likelihood: Pairs of score and log10 likelihood ratio, score rising; may be empty.
    """

    pack: str
    data: DataSet
    protocol: str
    protocol_digest: str
    made: datetime
    software: str
    command: str
    attempts: int
    failed: int
    mated: int
    nonmated: int
    points: tuple[Point, ...]
    identification: tuple[IdentificationPoint, ...] = ()
    fairness: tuple[Fairness, ...] = ()
    likelihood: tuple[tuple[float, float], ...] = ()
    template: int = 1

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        fields = {**asdict(self), "format": FORMAT, "made": to_rfc3339(self.made)}
        return {key: _plain(value) for key, value in fields.items()}

    @classmethod
    def from_json(cls, value: object) -> Evaluation:
        """Read what `to_json` wrote; see `policy.evaluation_reading.read_evaluation`.

        Raises:
            BadInput: It is no evaluation, or says what cannot have been measured.
        """
        from faceward.policy.evaluation_reading import read_evaluation  # noqa: PLC0415 - it reads what stands here

        return read_evaluation(value)

    def digest(self) -> str:
        """Return the SHA-256 of its canonical JSON, 64 hexadecimal digits."""
        return sha256_hex(canonical_json(self.to_json()))


def _plain(value: object) -> JSONValue:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, StrEnum) else value
    raise TypeError(f"an evaluation holds plain values, not {type(value).__name__}")
