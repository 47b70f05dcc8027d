"""One run of a protocol over a data set with one pack: from files to an evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from faceward.core.canonical import JSONObject, JSONValue, sha256_hex
from faceward.core.errors import BadInput
from faceward.evaluate import beyond as beyond_data
from faceward.evaluate import comparing, detection, fairness, quality, reviewed, searches, speed, summaries
from faceward.evaluate.collection import Collection, collect, digest
from faceward.evaluate.contents import content
from faceward.evaluate.features import Features, Progress, extract, processors
from faceward.evaluate.intervals import ROUNDS, SubjectBootstrap
from faceward.evaluate.metrics import auc, eer, points
from faceward.evaluate.outcome import Hardest, Outcome
from faceward.evaluate.protocol import Kind, Protocol, Terms, Trials
from faceward.evaluate.protocols import of_data
from faceward.evaluate.searching import SearchScores, identification_points
from faceward.policy.evaluation import DataSet, Evaluation, Fairness, IdentificationPoint, Point
from faceward.vision.pipeline import Pipeline

RANK = 10
"""Length of the candidate list that searches are measured with."""
# Groups are compared at the operating point nearest to this rate.
_GROUPS_AT = 1e-3

Stage = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run.

    Attributes:
        data: Folder of the data.
        protocol: The protocol.
        made: The time that the evaluation carries, UTC.
        software: Name and version of what runs it.
        command: The command that reproduces it.
        labels: A CSV of labels from elsewhere, instead of the protocol's, or None.
        rounds: Rounds of the bootstrap over subjects.
        cache: Folder where features are kept, or None.
        threads: How many pictures are worked on at once; as many as there are processors if None.
    """

    data: Path
    protocol: Protocol
    made: datetime
    software: str
    command: str
    labels: Path | None = None
    rounds: int = ROUNDS
    cache: Path | None = None
    threads: int | None = None


def run(order: Order, pipeline: Pipeline, progress: Stage) -> Outcome:
    """Run a protocol.

    Args:
        order: What is to be run.
        pipeline: The pack at work.
        progress: Called with what begins, in a word or two; the context it returns gives what is called with the steps
            done and their number, or None.

    Raises:
        BadInput: The data do not fit the protocol, or support no figure at all.
        PolicyRefusal: They are used on no ground that rule V3 accepts.
        EnvironmentFailure: The disk fails or is full.
        IntegrityError: The pack is damaged.
    """
    return _Run(order, pipeline, progress).outcome()


@dataclass(frozen=True, slots=True)
class _Measured:
    """What one kind of evaluation adds to what all have.

    Attributes:
        details: Plain values.
        failed: Failures to acquire.
        hashes: SHA-256 of each picture's file.
        counts: Mated and non-mated comparisons, or searches.
    """

    details: JSONObject
    failed: int
    hashes: Sequence[str]
    counts: tuple[int, int] = (0, 0)
    compared: comparing.Compared | None = None
    searched: tuple[SearchScores, ...] = ()
    points: tuple[Point, ...] = ()
    identification: tuple[IdentificationPoint, ...] = ()
    fairness: tuple[Fairness, ...] = ()
    likelihood: tuple[tuple[float, float], ...] = ()


class _Run:
    """The steps, in their order."""

    def __init__(self, order: Order, pipeline: Pipeline, progress: Stage) -> None:
        self._order, self._pipeline, self._progress = order, pipeline, progress
        self._protocol, self._setting = order.protocol, order.protocol.setting
        self._threads = order.threads or processors()

    def outcome(self) -> Outcome:
        # 1. On what ground, and which pictures; what can be refused is refused before hours of work.
        terms, files = of_data(self._protocol, self._order.data)
        if self._protocol.trials is Trials.REVIEWED:
            return self._reviewed(terms)
        flat = self._protocol.trials is Trials.PICTURES
        collection = collect(self._order.data, files, self._order.labels, flat=flat)
        listed = None
        if self._protocol.trials is Trials.PAIRS:
            listed = comparing.read_listed(self._order.data, self._setting, collection)
            collection = listed.collection
        collection.sample_labels()
        # 2. The work of each kind.
        if self._protocol.kind is Kind.DETECTION:
            measured = self._detection(collection, files.boxes)
        elif self._protocol.kind is Kind.SPEED:
            measured = self._speed(collection)
        elif self._protocol.kind is Kind.IDENTIFICATION:
            measured = self._identification(collection)
        else:
            measured = self._comparisons(collection, listed)
        # 3. What all say alike.
        return self._made(terms, collection, measured)

    def _features(self, collection: Collection) -> Features:
        files = [image.file for image in collection.images]
        with self._progress("Extracting") as advance:
            return extract(files, self._pipeline, self._order.cache, advance, self._threads)

    def _comparisons(self, collection: Collection, listed: comparing.Listed | None) -> _Measured:
        comparing.require_trials(collection, self._protocol)
        features = self._features(collection)
        compared = comparing.compare(collection, features, self._protocol, listed)
        scores, rates = compared.scores, self._setting.rates
        bootstrap = SubjectBootstrap(scores, self._order.rounds)
        attempts, failed = len(collection.images), features.failed
        found = points(scores, rates, bootstrap, attempts, failed)
        beyond = beyond_data.beyond(scores, bootstrap, rates, (attempts, failed), found)
        weighed = beyond_data.weigh(scores)
        groups: tuple[Fairness, ...] = ()
        if compared.attributes and found:
            groups = fairness.assess(scores, compared.attributes, _threshold_of_groups(found), self._order.rounds)
        details: dict[str, JSONValue] = {
            **summaries.of_features(collection, features, self._threads),
            **compared.details,
            "auc": auc(scores),
            "eer": eer(scores),
            "tail": beyond.to_json(scores, compared.names),
            **weighed.details,
            "unsupported": [*beyond.unsupported, *weighed.unsupported],
        }
        if self._protocol.kind is Kind.QUALITY:
            if not found:
                raise BadInput(f"no figure is supported: {beyond.unsupported[0]}; give more pictures or a higher rate")
            curves = quality.curves(scores, features, found[-1].threshold)
            details |= quality.as_json(curves, scores, found[-1].threshold)
        return _Measured(
            details,
            features.failed,
            features.hashes,
            (len(scores.mated), len(scores.nonmated)),
            compared,
            points=(*found, *beyond.points),
            fairness=groups,
            likelihood=weighed.table,
        )

    def _identification(self, collection: Collection) -> _Measured:
        searches.split(collection.subject_of, self._setting)
        features = self._features(collection)
        with self._progress("Searching") as advance:
            found, missing = searches.search(
                features.matrix,
                features.acquired,
                collection.subject_of,
                self._setting,
                self._pipeline.pack,
                advance,
            )
        rates = self._setting.rates
        operating = [identification_points(one, rates, RANK, self._order.rounds) for one in found]
        galleries: list[JSONValue] = [summaries.of_searches(one) for one in found]
        details: JSONObject = {
            **summaries.of_features(collection, features, self._threads),
            "galleries": galleries,
            "unsupported": [*missing, *summaries.lacking_searches(found, rates)],
        }
        mated = sum(int(one.enrolled.sum()) for one in found)
        return _Measured(
            details,
            features.failed,
            features.hashes,
            (mated, sum(len(one.enrolled) for one in found) - mated),
            searched=found,
            identification=tuple(point for several in operating for point in several),
        )

    def _detection(self, collection: Collection, boxes: str) -> _Measured:
        truth = detection.read_boxes(self._order.data / boxes, collection) if boxes else {}
        files = [image.file for image in collection.images]
        with self._progress("Detecting") as advance:
            found = detection.detect_all(files, self._pipeline, advance, self._threads)
        failed = sum(not one.boxes for one in found)
        return _Measured({"detection": detection.summary(found, truth), "unsupported": []}, failed, _hashes(files))

    def _speed(self, collection: Collection) -> _Measured:
        files = [image.file for image in collection.images]
        with self._progress("Measuring") as advance:
            found = speed.measure(files, self._pipeline, advance, self._threads)
        return _Measured({"speed": found.to_json(), "unsupported": []}, found.failed, _hashes(files))

    def _reviewed(self, terms: Terms) -> Outcome:
        found = reviewed.read_outcomes(self._order.data / self._setting.outcomes)
        data = _data_set(terms, found.digest, found.faces, 0)
        evaluation = self._evaluation(data, found.faces, _Measured({}, 0, ()))
        lacking: list[JSONValue] = [
            "an FNIR: reviews see nobody whom a search missed",
            "an operating point: the outcomes do not say at which threshold and in how large a gallery each was",
        ]
        details: JSONObject = {"reviewed": {"searches": found.searches, **found.details}, "unsupported": lacking}
        return Outcome(str(self._protocol.kind), evaluation, None, (), (), Hardest((), ()), (), details)

    def _made(self, terms: Terms, collection: Collection, measured: _Measured) -> Outcome:
        images, compared = collection.images, measured.compared
        data = _data_set(terms, digest(collection, measured.hashes), len(images), len(collection.named_subjects()))
        return Outcome(
            str(self._protocol.kind),
            self._evaluation(data, len(images), measured),
            compared.scores if compared else None,
            compared.names if compared else tuple(image.name for image in images),
            compared.files if compared else tuple(image.file for image in images),
            comparing.hardest(compared.scores) if compared else Hardest((), ()),
            measured.searched,
            {**summaries.of_data(collection), **measured.details},
        )

    def _evaluation(self, data: DataSet, attempts: int, measured: _Measured) -> Evaluation:
        return Evaluation(
            pack=self._pipeline.identifier,
            data=data,
            protocol=self._protocol.name,
            protocol_digest=self._protocol.digest(),
            made=self._order.made,
            software=self._order.software,
            command=self._order.command,
            attempts=attempts,
            failed=measured.failed,
            template=self._setting.samples if self._protocol.trials is Trials.TEMPLATES else 1,
            mated=measured.counts[0],
            nonmated=measured.counts[1],
            points=measured.points,
            identification=measured.identification,
            fairness=measured.fairness,
            likelihood=measured.likelihood,
        )


def _data_set(terms: Terms, found: str, images: int, subjects: int) -> DataSet:
    return DataSet(terms.name, found, images, subjects, terms.basis, terms.statement, terms.camera_class, terms.own)


def _hashes(files: Sequence[Path]) -> list[str]:
    return [sha256_hex(content(path)) for path in files]


def _threshold_of_groups(found: Sequence[Point]) -> float:
    """Return where groups are compared: at the operating point nearest to an FMR of 1e-3."""
    nearest = min(found, key=lambda point: abs(math.log(max(point.fmr.estimate, 1e-12) / _GROUPS_AT)))
    return nearest.threshold
