"""The comparisons that a protocol asks for, of the features that could be acquired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import BadInput
from faceward.evaluate import accuracy, trials
from faceward.evaluate.collection import Collection
from faceward.evaluate.features import Features
from faceward.evaluate.metrics import fnmr_at, threshold_at_fmr
from faceward.evaluate.outcome import Hardest, ScoredPair
from faceward.evaluate.pairs import Pairs, read_pairs
from faceward.evaluate.protocol import Protocol, Setting, Trials
from faceward.evaluate.scores import Indices, Scores, Values
from faceward.evaluate.steps import is_measured

SHOWN = 12

Attributes = Mapping[str, Sequence[str | None]]


@dataclass(frozen=True, slots=True)
class Listed:
    """Pairs that a protocol's files list, and the pictures that take part in them.

    Attributes:
        collection: The pictures.
        pairs: The pairs that are measured.
        train: The pairs that a threshold is chosen on, or None.
    """

    collection: Collection
    pairs: Pairs
    train: Pairs | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Scores with what their samples are.

    Attributes:
        scores: The scores.
        names: What each sample is called.
        files: The file of each; of a template that of its first sample.
        attributes: Labels of each sample by attribute; empty where the data carry none.
        details: What the trials say beyond the scores, plain values.
    """

    scores: Scores
    names: tuple[str, ...]
    files: tuple[Path, ...]
    attributes: Attributes
    details: JSONObject


def read_listed(folder: Path, setting: Setting, collection: Collection) -> Listed:
    """Read the files of pairs, and leave out the pictures that are in none.

    Raises:
        BadInput: A file does not fit the pictures.
    """
    pairs = read_pairs(folder / setting.pairs, collection)
    train = read_pairs(folder / setting.threshold_pairs, collection) if setting.threshold_pairs else None
    used = np.unique(np.concatenate([part.pairs.ravel() for part in (pairs, train) if part is not None]))
    places = np.full(len(collection.images), -1, dtype=np.int64)
    places[used] = np.arange(len(used))
    return Listed(collection.only(used.tolist()), pairs.moved(places), train.moved(places) if train else None)


def require_trials(collection: Collection, protocol: Protocol) -> None:
    """Refuse data of which a protocol can make no comparison of one of the two kinds, before features are extracted.

    Raises:
        BadInput: There is one subject only, no two pictures of one, too few for a template, or too many comparisons.
    """
    if protocol.trials is Trials.TEMPLATES:
        trials.draw(collection.subject_of, protocol.setting.samples, protocol.setting.seed)
    elif protocol.trials is Trials.ALL_PAIRS:
        trials.planned(collection.subject_of)


def compare(collection: Collection, features: Features, protocol: Protocol, listed: Listed | None) -> Compared:
    """Make the comparisons of a protocol of verification.

    Args:
        collection: The pictures.
        features: Their features.
        protocol: What is compared.
        listed: The pairs, where the protocol lists them.

    Raises:
        BadInput: The data hold no comparison of one of the two kinds, or too many.
    """
    names = tuple(image.name for image in collection.images)
    files = tuple(image.file for image in collection.images)
    attributes = collection.sample_labels()
    of = (features.matrix, features.acquired, collection.subject_of)
    if protocol.trials is Trials.TEMPLATES:
        return _templates(of, protocol.setting, (names, files), attributes)
    details: JSONObject = {}
    if listed is None:
        scores = trials.all_pairs(*of)
    else:
        scores = trials.of_pairs(*of, listed.pairs)
        details = {"accuracy": _accuracy(features, listed)}
    _require(scores)
    return Compared(scores, names, files, attributes, details)


def hardest(scores: Scores, count: int = SHOWN) -> Hardest:
    """Return the mated comparisons with the lowest scores and the non-mated ones with the highest."""
    return Hardest(
        _extremes(scores.mated, scores.mated_pairs, count),
        _extremes(-scores.nonmated, scores.nonmated_pairs, count, -1),
    )


def _templates(
    of: tuple[Values, trials.Mask, Indices],
    setting: Setting,
    samples: tuple[tuple[str, ...], tuple[Path, ...]],
    attributes: Attributes,
) -> Compared:
    sizes = sorted({1, setting.samples})
    found = trials.templates(*of, sizes, setting.seed)
    last = found[-1]
    for one in found:
        _require(one.scores)
    names, files = samples
    more = f" and {setting.samples - 1} more" if setting.samples > 1 else " as a reference"
    by_size: list[JSONValue] = [
        {"samples": size, "failed": one.failed, "points": _fnmr(one.scores, setting.rates)}
        for size, one in zip(sizes, found, strict=True)
    ]
    return Compared(
        last.scores,
        (*names, *(names[place] + more for place in last.sources)),
        (*files, *(files[place] for place in last.sources)),
        {name: (*values, *(values[place] for place in last.sources)) for name, values in attributes.items()},
        {"templates": by_size},
    )


def _fnmr(scores: Scores, rates: Sequence[float]) -> list[JSONValue]:
    """Return the FNMR at each supported FMR, each with the threshold that its own non-mated scores give."""
    rows: list[JSONValue] = []
    for rate in rates:
        if is_measured(rate, len(scores.nonmated)):
            threshold = threshold_at_fmr(scores, rate)
            rows.append({"fmr": rate, "threshold": threshold, "fnmr": float(fnmr_at(scores, [threshold])[0])})
    return rows


def _accuracy(features: Features, listed: Listed) -> JSONValue:
    def scored(pairs: Pairs) -> tuple[Values, trials.Mask]:
        both = features.acquired[pairs.pairs].all(axis=1)
        values = np.where(both, trials.pair_scores(features.matrix, pairs.pairs), np.float32(-np.inf))
        return values.astype(np.float32), pairs.mated

    if listed.train is not None:
        return accuracy.between(scored(listed.train), scored(listed.pairs)).to_json()
    if listed.pairs.folds > 1:
        return accuracy.over_folds(*scored(listed.pairs), listed.pairs.fold).to_json()
    # At a threshold chosen on the very pairs that it is measured on, an accuracy would flatter.
    return None


def _require(scores: Scores) -> None:
    for kind, values in (("mated", scores.mated), ("non-mated", scores.nonmated)):
        if not len(values):
            raise BadInput(f"failures to acquire left no {kind} comparison; look at the pictures, or give more of them")


def _extremes(values: Values, pairs: Indices, count: int, sign: int = 1) -> tuple[ScoredPair, ...]:
    count = min(count, len(values))
    if not count:
        return ()
    lowest = np.argpartition(values, count - 1)[:count]
    places = lowest[np.lexsort((lowest, values[lowest]))]
    return tuple(ScoredPair(int(pairs[k, 0]), int(pairs[k, 1]), sign * float(values[k])) for k in places)
