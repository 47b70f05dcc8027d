"""Evidence (rule V1): which evaluation a purpose relies on, and whether it is good enough to search by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from faceward.core.clock import to_rfc3339
from faceward.policy.evaluation import DataBasis, Evaluation
from faceward.policy.purposes import ANY_CAMERA
from faceward.policy.stated_rates import extent, fnmr_at, supports
from faceward.policy.tables import EvidenceRules

FACTS = ("present", "of_pack", "of_camera_class", "own", "fresh", "supports_rate", "within_limits")
"""What rules ask of the evidence for a search, in the order in which its lack is told."""

_DAYS = 86400
_OWN_BASES = frozenset({DataBasis.CONSENTED, DataBasis.REVIEWED})
_OTHER_BASES = frozenset({DataBasis.CONSENTED, DataBasis.PUBLIC_RESEARCH, DataBasis.SYNTHETIC})


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluation that a deployment could rely on.

    Attributes:
        evaluation: What was measured.
        digest: SHA-256 of its canonical JSON, 64 hexadecimal digits.
        shipped: It comes with the model pack and is pinned with it; others were recorded by people.
        since: When the deployment came to know it, UTC: when it was recorded, or the pack came into use; None where
            that is not known.
    """

    evaluation: Evaluation
    digest: str
    shipped: bool
    since: datetime | None = None

    @property
    def date(self) -> datetime:
        """The date that it is judged by: when it was made, yet not after the deployment came to know it.

        Whoever writes an evaluation writes its date too, and one that lies ahead would outlive what came meanwhile.
        """
        made = self.evaluation.made
        return made if self.since is None else min(made, self.since)

    @property
    def own(self) -> bool:
        """Whether the deployment's own cameras took the pictures; what comes with a pack cannot know them."""
        return self.evaluation.data.own and not self.shipped


@dataclass(frozen=True, slots=True)
class Need:
    """What a purpose wants to search by.

    Attributes:
        pack: Identifier of the model pack in use.
        camera_class: The purpose's camera class.
        fmr: The FMR that the search needs of one comparison, above 0.
        trial: The deployment is for trial, and may go by what comes with the pack.
        void_before: Reviewers' findings showed then that it errs more than was accepted, so that what was measured
            before is void; None where they showed nothing such.
    """

    pack: str
    camera_class: str
    fmr: float
    trial: bool = False
    void_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """How the evidence for a purpose stands.

    Attributes:
        good: Identification may rest on it.
        facts: The answers to `FACTS`.
        reason: What is missing, a sentence; empty where nothing is.
        remedy: What helps, a sentence.
        chosen: The evaluation that the purpose relies on, or None.
    """

    good: bool
    facts: Mapping[str, bool]
    reason: str
    remedy: str
    chosen: Candidate | None


def data_accepted(evaluation: Evaluation) -> bool:
    """Tell whether people's pictures became test data on a ground that goes with where they were taken (rule V3).

    Pictures of a deployment's own cameras are no public research set; those of others are no outcomes of its reviews.
    """
    return evaluation.data.basis in (_OWN_BASES if evaluation.data.own else _OTHER_BASES)


def choose(candidates: Iterable[Candidate], pack: str, camera_class: str) -> Candidate | None:
    """Return the evaluation that a purpose relies on: the newest of its own cameras, else the newest there is.

    Neither age nor results decide. An evaluation that has become too old is not quietly replaced by another, by whose
    thresholds scores might count more; somebody must evaluate anew.

    Args:
        candidates: The evaluations on record, and the pack's own.
        pack: Identifier of the model pack in use.
        camera_class: The purpose's camera class.
    """
    fitting = [one for one in candidates if one.evaluation.pack == pack and _of_class(one, camera_class)]
    return max(fitting, key=_rank, default=None)


def _of_class(candidate: Candidate, camera_class: str) -> bool:
    return camera_class in (ANY_CAMERA, candidate.evaluation.data.camera_class)


def _rank(candidate: Candidate) -> tuple[bool, datetime, str]:
    return candidate.own, candidate.date, candidate.digest


def assess(candidates: Sequence[Candidate], need: Need, rules: EvidenceRules, now: datetime) -> Evidence:
    """Say whether a search may rest on what is on record.

    Args:
        candidates: The evaluations on record, and the pack's own.
        need: What the purpose wants to search by.
        rules: The standard's limits.
        now: The current time, UTC.
    """
    chosen = choose(candidates, need.pack, need.camera_class)
    mixed = _mixed(candidates, need, rules)
    if chosen is None or mixed:
        facts = {
            "present": bool(candidates),
            "of_pack": any(one.evaluation.pack == need.pack for one in candidates),
            "of_camera_class": False,
        }
        told = mixed or _absent(facts, need, rules)
    else:
        problems = _problems(chosen, need, rules, now)
        facts = {fact: fact not in problems for fact in FACTS}
        told = next((problems[fact] for fact in FACTS if fact in problems), ("", ""))
    answers = MappingProxyType({fact: facts.get(fact, False) for fact in FACTS})
    return Evidence(all(answers.values()), answers, *told, chosen=chosen)


def _absent(facts: Mapping[str, bool], need: Need, rules: EvidenceRules) -> tuple[str, str]:
    if not facts["present"]:
        reason = "no evaluation is on record"
    elif not facts["of_pack"]:
        reason = f"no evaluation on record is of the model pack {need.pack}"
    else:
        reason = f"no evaluation on record is of the camera class {need.camera_class!r}"
    return f"{reason}, so nobody knows how often a search here would be wrong.", _remedy(need, rules)


def _mixed(candidates: Iterable[Candidate], need: Need, rules: EvidenceRules) -> tuple[str, str] | None:
    """Say what is wrong where evaluations of several of one's own cameras are on record and the purpose names none."""
    if not rules.own or need.camera_class != ANY_CAMERA:
        return None
    classes = sorted(
        {one.evaluation.data.camera_class for one in candidates if one.own and one.evaluation.pack == need.pack}
    )
    if len(classes) < 2:
        return None
    return (
        f"evaluations of several camera classes are on record ({', '.join(classes)}), and the purpose names none.",
        "Name one: 'faceward purpose change NAME --camera-class CLASS'.",
    )


def _problems(chosen: Candidate, need: Need, rules: EvidenceRules, now: datetime) -> dict[str, tuple[str, str]]:
    """Return what is wrong with an evaluation, by the fact that fails: reason and remedy."""
    found: dict[str, tuple[str, str]] = {}
    evaluation, remedy = chosen.evaluation, _remedy(need, rules)
    what = f"the evaluation {chosen.digest[:12]} on {evaluation.data.name!r}"
    if rules.own and not (chosen.own or need.trial):
        found["own"] = (
            f"this standard asks for an evaluation on the deployment's own cameras, and {what} is on other pictures.",
            remedy,
        )
    stale = _stale(chosen.date, need, rules, now)
    if stale:
        found["fresh"] = (f"{what} {stale}.", remedy)
    if not supports(evaluation, need.fmr):
        least, most = extent(evaluation)
        rates = f"a false match rate of {need.fmr:.1e}, and {what} reaches down to {least:.1e}"
        if need.fmr > most:
            rates = f"a false match rate of {need.fmr:.1e}, and {what} states none above {most:.1e}"
        found["supports_rate"] = (
            f"this search needs {rates}.",
            "Search a smaller gallery, accept a higher rate, or evaluate on more people: "
            + _uncapitalised(_remedy(need, rules, f" --rates 1e-1,1e-2,1e-3,{need.fmr:.0e}")),
        )
    beyond = _beyond(chosen, need, rules)
    if beyond:
        better = "Use a better model pack, or evaluate on pictures that serve: " if "misses" in beyond else ""
        found["within_limits"] = (f"{what} {beyond}.", better + (_uncapitalised(remedy) if better else remedy))
    return found


def _stale(date: datetime, need: Need, rules: EvidenceRules, now: datetime) -> str:
    if now >= date + rules.longest:
        return (
            f"is of {to_rfc3339(date)[:10]}, older than {rules.longest.total_seconds() / _DAYS:.0f} days, "
            "so it is no evidence any more"
        )
    if need.void_before is not None and date <= need.void_before:
        return f"is void: reviewers' findings of {to_rfc3339(need.void_before)[:10]} show more errors than it foresaw"
    return ""


def _beyond(chosen: Candidate, need: Need, rules: EvidenceRules) -> str:
    evaluation = chosen.evaluation
    if evaluation.data.subjects < rules.least_subjects:
        return f"has {evaluation.data.subjects:,} people, and this standard asks for {rules.least_subjects:,}"
    if evaluation.mated < rules.least_mated:
        return f"has {evaluation.mated:,} mated comparisons, and this standard asks for {rules.least_mated:,}"
    missed = fnmr_at(evaluation.points, need.fmr)
    if missed > rules.loosest_fnmr:
        return (
            f"misses {missed:.0%} of mated comparisons at the rate that this search needs, and this standard allows "
            f"{rules.loosest_fnmr:.0%}"
        )
    # How evenly other people's pictures are told apart says little of one's own, so a trial is not asked for it.
    return "" if need.trial and chosen.shipped else _uneven(evaluation, rules)


def _uneven(evaluation: Evaluation, rules: EvidenceRules) -> str:
    if not rules.worst_group:
        return ""
    found = [one for part in evaluation.fairness for one in part.differentials if one.measure == "fmr"]
    if not found:
        return "compares no groups of people, which this standard asks for: give the data labels"
    worst = max(found, key=lambda one: one.ratio.estimate)
    if worst.ratio.estimate <= rules.worst_group:
        return ""
    return (
        f"confuses {worst.worst} {worst.ratio.estimate:.1f} times as often as the geometric mean of all groups, and "
        f"this standard allows {rules.worst_group:g} times"
    )


def _remedy(need: Need, rules: EvidenceRules, rates: str = "") -> str:
    pictures = "pictures of your own cameras (own = true in data.toml)" if rules.own and not need.trial else "test data"
    named = "" if need.camera_class == ANY_CAMERA else f", camera_class = {need.camera_class!r}"
    return (
        f"Run 'faceward evaluate verification --data FOLDER --protocol folder --pack {need.pack.split('@')[0]}{rates} "
        f"--out evaluation.json' on {pictures}{named}, then 'faceward evidence add evaluation.json'."
    )


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]
