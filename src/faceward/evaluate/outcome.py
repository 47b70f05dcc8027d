"""What a run of a protocol hands on: the evaluation, and what a report shows beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faceward.core.canonical import JSONObject
from faceward.evaluate.scores import Scores
from faceward.evaluate.searching import SearchScores
from faceward.policy.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """One comparison.

    Attributes:
        first: Its first sample, an index into `Outcome.sample_names`.
        second: Its second sample.
        score: The score.
    """

    first: int
    second: int
    score: float


@dataclass(frozen=True, slots=True)
class Hardest:
    """The comparisons that came nearest to an error, or made one.

    Attributes:
        mated: Mated comparisons with the lowest scores, lowest first.
        nonmated: Non-mated comparisons with the highest scores, highest first.
    """

    mated: tuple[ScoredPair, ...]
    nonmated: tuple[ScoredPair, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run.

    Attributes:
        kind: What was evaluated: `verification`, `identification`, `quality`, `detection` or `speed`.
        evaluation: What was measured.
        scores: Scores of comparisons, or None where the protocol compares nothing one to one.
        sample_names: Every sample, `subject/file`; `Scores.subject_of` is in the same order.
        sample_files: The file of each sample; of a template of several samples, that of the first.
        hardest: The comparisons nearest to an error; empty where `scores` is None.
        searches: Open-set searches, one for each size of gallery, sizes rising.
        details: Plain values by kind, as `docs/evaluation.md` describes them; `unsupported` lists in words the figures
            that the data cannot support.
    """

    kind: str
    evaluation: Evaluation
    scores: Scores | None
    sample_names: tuple[str, ...]
    sample_files: tuple[Path, ...]
    hardest: Hardest
    searches: tuple[SearchScores, ...]
    details: JSONObject
