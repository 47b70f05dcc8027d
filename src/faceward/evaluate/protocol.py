"""What a protocol says, once it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import UsageError
from faceward.policy.evaluation import DataBasis

MOST_SAMPLES = 50
MOST_REFERENCES = 1_000_000
RATES = (1e-2, 1e-3, 1e-4)
_SEED = 20260101


class Kind(StrEnum):
    """What is evaluated."""

    VERIFICATION = "verification"
    IDENTIFICATION = "identification"
    QUALITY = "quality"
    DETECTION = "detection"
    SPEED = "speed"


class Trials(StrEnum):
    """How comparisons are made of the pictures."""

    ALL_PAIRS = "all-pairs"
    PAIRS = "pairs"
    TEMPLATES = "templates"
    SEARCH = "search"
    REVIEWED = "reviewed"
    PICTURES = "pictures"


ALLOWED: Mapping[Kind, tuple[Trials, ...]] = {
    Kind.VERIFICATION: (Trials.ALL_PAIRS, Trials.PAIRS, Trials.TEMPLATES),
    Kind.IDENTIFICATION: (Trials.SEARCH, Trials.REVIEWED),
    Kind.QUALITY: (Trials.ALL_PAIRS, Trials.PAIRS),
    Kind.DETECTION: (Trials.PICTURES,),
    Kind.SPEED: (Trials.PICTURES,),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the pictures are, and on what ground they are used (rule V3).

    Attributes:
        name: What the data are called.
        basis: The ground.
        statement: Where they come from and under which terms.
        camera_class: What kind of pictures they are.
        own: Whether the deployment's own cameras took them.
    """

    name: str
    basis: DataBasis
    statement: str
    camera_class: str
    own: bool


@dataclass(frozen=True, slots=True)
class Files:
    """Where things lie in the folder of the data; empty text where there is none.

    Attributes:
        images: Folder with a sub-folder for each subject, or with pictures (`detection`, `speed`).
        labels: CSV of labels of people.
        labels_if_present: The same, used only where it is there.
        errata: CSV of pictures that are left out, and counted.
        boxes: CSV of boxes of faces.
    """

    images: str = "."
    labels: str = ""
    labels_if_present: str = ""
    errata: str = ""
    boxes: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """The numbers of a protocol; those that its trials do not use stay as they are.

    Attributes:
        rates: False-match rates to report the operating points of, falling; for searches, false-positive
            identification rates.
        seed: Seed of what is drawn.
        pairs: File of pairs, in the folder of the data.
        threshold_pairs: File of the pairs that the threshold is chosen on, or empty.
        samples: Samples that are fused into a template.
        gallery_sizes: Numbers of references that are searched, rising.
        probes: Most probes taken of one subject.
        simulated: Most simulated references that may fill a gallery up; 0: none.
        outcomes: File of review outcomes, in the folder of the data.
    """

    rates: tuple[float, ...] = RATES
    seed: int = _SEED
    pairs: str = ""
    threshold_pairs: str = ""
    samples: int = 3
    gallery_sizes: tuple[int, ...] = ()
    probes: int = 3
    simulated: int = 0
    outcomes: str = ""


KEYS: Mapping[Trials, tuple[str, ...]] = {
    Trials.ALL_PAIRS: (),
    Trials.PAIRS: ("pairs", "threshold_pairs"),
    Trials.TEMPLATES: ("samples", "seed"),
    Trials.SEARCH: ("gallery_sizes", "probes", "simulated", "seed"),
    Trials.REVIEWED: ("outcomes",),
    Trials.PICTURES: (),
}


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol.

    Attributes:
        name: Its name, in small letters.
        kind: What is evaluated.
        trials: How comparisons are made.
        about: What it is, a sentence or two.
        terms: What the data are; None where the data's own folder must say it.
        files: Where things lie in the folder of the data.
        setting: Its numbers.
    """

    name: str
    kind: Kind
    trials: Trials
    about: str
    terms: Terms | None
    files: Files
    setting: Setting

    def digest(self) -> str:
        """Return the SHA-256 of it as canonical JSON, 64 hexadecimal digits."""
        fields = asdict(self)
        plain = {key: str(value) if isinstance(value, StrEnum) else value for key, value in fields.items()}
        if self.terms is not None:
            plain["terms"] = {**asdict(self.terms), "basis": str(self.terms.basis)}
        return sha256_hex(canonical_json(plain))

    def with_setting(self, **changes: object) -> Protocol:
        """Return the protocol with numbers that the caller named; None leaves one as it is.

        Raises:
            UsageError: A number is out of its range, or the trials have no use for it.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        unused = [key for key in given if key not in ("rates", *KEYS[self.trials])]
        if unused:
            option = "--" + unused[0].replace("_", "-")
            raise UsageError(f"{option} has no meaning for the protocol {self.name!r} ({self.trials}); leave it out")
        setting = replace(self.setting, **given)  # type: ignore[arg-type]
        problem = problem_of(setting, self.trials)
        if problem:
            raise UsageError(problem)
        return replace(self, setting=setting)


def problem_of(setting: Setting, trials: Trials) -> str:
    """Say what is wrong with the numbers, or nothing."""
    rates, sizes = setting.rates, setting.gallery_sizes
    if not rates or any(not 0 < rate < 1 for rate in rates) or len(set(rates)) < len(rates):
        return "the rates must lie between 0 and 1, each once"
    if list(rates) != sorted(rates, reverse=True):
        return "the rates must fall, for example 1e-2,1e-3"
    if not 1 <= setting.samples <= MOST_SAMPLES or not 1 <= setting.probes <= MOST_SAMPLES:
        return f"the number of samples and that of probes must lie between 1 and {MOST_SAMPLES}"
    if not 0 <= setting.simulated <= MOST_REFERENCES:
        return f"the number of simulated references must lie between 0 and {MOST_REFERENCES:,}"
    if any(not 2 <= size <= MOST_REFERENCES for size in sizes) or list(sizes) != sorted(set(sizes)):
        return f"the gallery sizes must rise and lie between 2 and {MOST_REFERENCES:,}"
    wanted = {Trials.PAIRS: "pairs", Trials.SEARCH: "gallery_sizes", Trials.REVIEWED: "outcomes"}.get(trials)
    return f"the key {wanted!r} is missing; add it" if wanted and not getattr(setting, wanted) else ""
