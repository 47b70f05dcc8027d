"""From features to scores: every picture against every other, listed pairs, templates of several samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput
from faceward.core.faces import FloatArray
from faceward.evaluate.pairs import Pairs
from faceward.evaluate.scores import Indices, Scores, Values
from faceward.gallery.fusion import fuse

MOST_COMPARISONS = 100_000_000
"""More do not fit into memory, at twelve bytes each."""
_BLOCK = 256

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Templates:
    """Scores of templates, and what each was made of.

    Attributes:
        scores: The scores; templates are samples that follow on the pictures.
        sources: Of each template the place of its first picture, shape (templates,), int32.
        failed: Templates that could not be made, since none of their samples was acquired.
    """

    scores: Scores
    sources: Indices
    failed: int


def all_pairs(matrix: FloatArray, acquired: Mask, subject_of: Indices) -> Scores:
    """Compare every sample with every other, each pair once.

    Args:
        matrix: Features, shape (n, d), float32.
        acquired: Whether each sample was acquired, shape (n,).
        subject_of: The subject of each, shape (n,).

    Returns:
        All scores. Memory: twelve bytes a comparison, and a few megabytes.

    Raises:
        BadInput: There are too many comparisons, one subject only, or no two samples of one.
    """
    wanted = planned(subject_of)
    rows = np.flatnonzero(acquired).astype(np.int32)
    features, subjects = matrix[rows], subject_of[rows]
    mated_count = _mated_pairs(subjects)
    nonmated_count = len(rows) * (len(rows) - 1) // 2 - mated_count
    mated = _Buffer(mated_count)
    nonmated = _Buffer(nonmated_count)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores = features[block] @ features[start:].T
        later = np.arange(scores.shape[1]) > np.arange(scores.shape[0])[:, None]
        same = subjects[block][:, None] == subjects[start:][None, :]
        for buffer, chosen in ((mated, later & same), (nonmated, later & ~same)):
            first, second = np.nonzero(chosen)
            buffer.add(scores[chosen], rows[start + first], rows[start + second])
    lost_mated, lost_nonmated = wanted[0] - mated_count, wanted[1] - nonmated_count
    return Scores(mated.scores, nonmated.scores, mated.pairs, nonmated.pairs, subject_of, lost_mated, lost_nonmated)


def of_pairs(matrix: FloatArray, acquired: Mask, subject_of: Indices, listed: Pairs) -> Scores:
    """Compare the samples that a file lists.

    Args:
        matrix: Features, shape (n, d), float32.
        acquired: Whether each sample was acquired, shape (n,).
        subject_of: The subject of each, shape (n,).
        listed: The pairs.

    Raises:
        BadInput: No pair of them is mated, or none is non-mated.
    """
    if listed.mated.all() or not listed.mated.any():
        kind = "non-mated" if listed.mated.all() else "mated"
        raise BadInput(f"no pair is {kind}, so half of the errors cannot be measured; list pairs of both kinds")
    values = pair_scores(matrix, listed.pairs)
    both = acquired[listed.pairs].all(axis=1)
    mated, nonmated = both & listed.mated, both & ~listed.mated
    return Scores(
        values[mated],
        values[nonmated],
        listed.pairs[mated],
        listed.pairs[nonmated],
        subject_of,
        int((listed.mated & ~both).sum()),
        int((~listed.mated & ~both).sum()),
    )


def pair_scores(matrix: FloatArray, pairs: Indices) -> Values:
    """Return the inner product of each pair of rows, shape (n,), float32."""
    parts = [
        np.einsum("ij,ij->i", matrix[part[:, 0]], matrix[part[:, 1]])
        for part in np.array_split(pairs, max(1, -(-len(pairs) // 65536)))
    ]
    return np.concatenate(parts).astype(np.float32, copy=False)


def templates(
    matrix: FloatArray, acquired: Mask, subject_of: Indices, counts: Sequence[int], seed: int
) -> tuple[Templates, ...]:
    """Compare samples with templates of several other samples.

    Of each subject with more samples than the largest template takes, every sample is the probe once, and others of the
    subject, drawn at random, make the template: so that a template of fewer samples is made of the first of them, and
    figures of templates of several sizes rest on the same probes. Non-mated comparisons are of each template with every
    sample of the other subjects. Templates of one subject overlap; intervals over subjects take account of that.

    Args:
        matrix: Features, shape (n, d), float32.
        acquired: Whether each sample was acquired, shape (n,); a template is made of those that were.
        subject_of: The subject of each, shape (n,).
        counts: How many samples make a template, for each result.
        seed: Seed of the draw.

    Returns:
        One result for each of `counts`.

    Raises:
        BadInput: No subject has enough samples, there is one subject only, or there are too many comparisons.
    """
    drawn = draw(subject_of, max(counts), seed)
    return tuple(_of_templates(matrix, acquired, subject_of, [(p, m[:count]) for p, m in drawn]) for count in counts)


def _of_templates(
    matrix: FloatArray, acquired: Mask, subject_of: Indices, drawn: Sequence[tuple[int, npt.NDArray[np.int64]]]
) -> Templates:
    count = len(subject_of)
    made = [members[acquired[members]] for _, members in drawn]
    there = np.array([len(members) > 0 for members in made])
    nothing = np.zeros(matrix.shape[1], dtype=np.float32)
    rows = np.stack([fuse(matrix[np.sort(members)]) if len(members) else nothing for members in made])
    probes = np.array([probe for probe, _ in drawn], dtype=np.int32)
    owners = subject_of[probes]
    numbers = np.arange(count, count + len(drawn), dtype=np.int32)
    both = there & acquired[probes]
    mated_pairs = np.stack([numbers, probes], axis=1)
    nonmated_planned = int((owners[:, None] != subject_of[None, :]).sum(dtype=np.int64))
    possible = int((owners[there][:, None] != subject_of[acquired][None, :]).sum(dtype=np.int64))
    nonmated = _Buffer(possible)
    columns = np.flatnonzero(acquired).astype(np.int32)
    for start in range(0, len(drawn), _BLOCK):
        block = slice(start, start + _BLOCK)
        values = rows[block] @ matrix[columns].T
        others = (owners[block][:, None] != subject_of[columns][None, :]) & there[block][:, None]
        first, second = np.nonzero(others)
        nonmated.add(values[others], numbers[start + first], columns[second])
    scores = Scores(
        np.einsum("ij,ij->i", rows[both], matrix[probes[both]]).astype(np.float32),
        nonmated.scores,
        mated_pairs[both],
        nonmated.pairs,
        np.concatenate([subject_of, owners]).astype(np.int32),
        int((~both).sum()),
        nonmated_planned - possible,
    )
    sources = np.array([members[0] for _, members in drawn], dtype=np.int32)
    return Templates(scores, sources, int((~there).sum()))


def draw(subject_of: Indices, most: int, seed: int) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Return each probe with the places of the samples that may make its template, in the order of the draw.

    Args:
        subject_of: The subject of each sample, shape (n,).
        most: Samples that the largest template takes.
        seed: Seed of the draw.

    Raises:
        BadInput: No subject has enough samples, there is one subject only, or there are too many comparisons.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(subject_of, kind="stable")
    found: list[tuple[int, npt.NDArray[np.int64]]] = []
    for places in np.split(order, np.flatnonzero(np.diff(subject_of[order])) + 1):
        if len(places) > most:
            found += [(int(probe), rng.permutation(places[places != probe])[:most]) for probe in places]
    _require_two(subject_of)
    if not found:
        raise BadInput(
            f"no subject has {most + 1} pictures: {most} for a template and one to compare with it; add pictures or "
            "fuse fewer samples"
        )
    if len(found) * len(subject_of) > MOST_COMPARISONS:
        raise BadInput(f"more than {MOST_COMPARISONS:,} comparisons; give fewer pictures, or a file of pairs")
    return found


def planned(subject_of: Indices) -> tuple[int, int]:
    """Return how many mated and non-mated comparisons all pairs make.

    Raises:
        BadInput: There is one subject only, no two samples of one, or there are too many comparisons.
    """
    count = len(subject_of)
    total = count * (count - 1) // 2
    _require_two(subject_of)
    mated = _mated_pairs(subject_of)
    if not mated:
        raise BadInput("no subject has two pictures, so that no mated comparison can be made; add pictures")
    if total > MOST_COMPARISONS:
        raise BadInput(
            f"{count:,} pictures make {total:,} comparisons, and at most {MOST_COMPARISONS:,} are made; give fewer, "
            "or a file of pairs"
        )
    return mated, total - mated


def _require_two(subject_of: Indices) -> None:
    if int(subject_of.max(initial=0)) < 1:
        raise BadInput("the data have one subject only, so that nobody can be mistaken for another; add people")


def _mated_pairs(subject_of: Indices) -> int:
    counts = np.bincount(subject_of)
    return int((counts * (counts - 1) // 2).sum())


class _Buffer:
    """Scores with their pairs, in arrays made once, since lists of parts would take the memory twice."""

    def __init__(self, count: int) -> None:
        self.scores = np.empty(count, dtype=np.float32)
        self.pairs = np.empty((count, 2), dtype=np.int32)
        self._filled = 0

    def add(self, scores: Values, first: Indices, second: Indices) -> None:
        part = slice(self._filled, self._filled + len(scores))
        self.scores[part] = scores
        self.pairs[part, 0], self.pairs[part, 1] = first, second
        self._filled += len(scores)
