"""Open-set searches: subjects who are enrolled, probes of them, and probes of people whom the gallery does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput
from faceward.core.faces import FloatArray
from faceward.core.words import plural
from faceward.evaluate.protocol import Setting
from faceward.evaluate.scores import Indices
from faceward.evaluate.searching import Searches, SearchScores
from faceward.vision.packs import Pack
from faceward.vision.population import Population

# A probe of somebody unknown is searched in so many galleries at most: more trials of one person add little.
_GALLERIES = 5
_BLOCK = 8192
_SIMULATED = -1

Mask = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Split:
    """Who is enrolled and who is not.

    Attributes:
        references: The picture that each enrolled subject is enrolled with, in a random order, shape (e,), int32.
        mated: Probes of enrolled subjects, shape (m,), int32.
        nonmated: Probes of the others, shape (n,), int32.
    """

    references: Indices
    mated: Indices
    nonmated: Indices


def split(subject_of: Indices, setting: Setting) -> Split:
    """Draw half of the subjects to be enrolled, with one picture each; further pictures are mated probes.

    Args:
        subject_of: The subject of each picture, shape (n,).
        setting: Seed, and how many probes of one subject are taken at most.

    Raises:
        BadInput: There are fewer than four subjects, or no enrolled one has a second picture.
    """
    rng = np.random.default_rng(setting.seed)
    subjects = int(subject_of.max(initial=-1)) + 1
    if subjects < 4:
        raise BadInput(
            f"the data have {plural(subjects, 'subject')}; a search needs two to enrol and two whom the gallery does "
            "not know"
        )
    order = np.argsort(subject_of, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(subject_of[order])) + 1)
    drawn = [rng.permutation(places[number]) for number in rng.permutation(subjects)]
    enrolled, strangers = drawn[: subjects // 2], drawn[subjects // 2 :]
    mated = [place for found in enrolled for place in found[1 : setting.probes + 1]]
    if not mated:
        raise BadInput("no enrolled subject has a second picture to search with; add pictures")
    nonmated = [place for found in strangers for place in found[: setting.probes]]
    return Split(*(_places(part) for part in ([found[0] for found in enrolled], mated, nonmated)))


def search(
    matrix: FloatArray,
    acquired: Mask,
    subject_of: Indices,
    setting: Setting,
    pack: Pack,
    progress: Progress | None = None,
) -> tuple[tuple[SearchScores, ...], tuple[str, ...]]:
    """Search galleries of each size.

    Of sizes smaller than the number of enrolled subjects there are several galleries, of different people. Where the
    protocol allows it, simulated references fill a gallery up to a size that the data have not people for.

    Args:
        matrix: Features, shape (n, d), float32.
        acquired: Whether each sample was acquired, shape (n,).
        subject_of: The subject of each, shape (n,).
        setting: Sizes, number of probes, how many references may be simulated, seed.
        pack: The pack, for the distribution of simulated features.
        progress: Called with the sizes done and their number.

    Returns:
        The searches of each size that can be made, sizes rising, and a sentence for each that cannot.

    Raises:
        BadInput: No size can be made, or the data are not fit for searches.
    """
    who = split(subject_of, setting)
    real = len(who.references)
    found, missing = [], []
    for number, size in enumerate(setting.gallery_sizes):
        short = max(0, size - real)
        if short > setting.simulated:
            allowed = f"and at most {setting.simulated:,} references may be simulated" if setting.simulated else ""
            missing.append(f"a gallery of {size:,}: the data enrol {real:,} subjects {allowed}".rstrip())
        else:
            trial = _Trial(matrix, acquired, subject_of, who)
            simulated = Population.of(pack, setting.seed) if short else None
            found.append(trial.at(size, simulated))
        if progress is not None:
            progress(number + 1, len(setting.gallery_sizes))
    if not found:
        raise BadInput(f"no gallery can be made: {missing[0]}; give smaller sizes, or allow simulated references")
    return tuple(found), tuple(missing)


class _Trial:
    """Searches of the galleries of one size."""

    def __init__(self, matrix: FloatArray, acquired: Mask, subject_of: Indices, who: Split) -> None:
        self._matrix, self._acquired, self._subject_of, self._who = matrix, acquired, subject_of, who

    def at(self, size: int, population: Population | None) -> SearchScores:
        references = self._who.references
        galleries = [references[start : start + size] for start in range(0, len(references) - size + 1, size)]
        galleries = galleries or [references]
        strangers = self._who.nonmated
        turns = min(len(galleries), _GALLERIES)
        parts = []
        for number, gallery in enumerate(galleries):
            mine = [(place - number) % len(galleries) < turns for place in range(len(strangers))]
            enrolled = np.isin(self._subject_of[self._who.mated], self._subject_of[gallery])
            found = self._searched(gallery, self._who.mated[enrolled], strangers[mine], (size, population))
            if found is not None:
                parts.append(found)
        return _joined(parts)

    def _searched(
        self, gallery: Indices, mated: Indices, nonmated: Indices, fill: tuple[int, Population | None]
    ) -> SearchScores | None:
        """Search one gallery, filled up to a size with simulated references."""
        probes = np.concatenate([mated, nonmated])
        if not len(probes):
            return None
        subjects = self._subject_of
        reference_of = {int(subjects[place]): place for place in gallery}
        # Without an acquired reference a subject is not in the gallery: a failure to enrol, so a miss of every probe.
        able = [bool(self._acquired[place] and self._acquired[reference_of[int(subjects[place])]]) for place in mated]
        mated_there = mated[able]
        nonmated_there = nonmated[self._acquired[nonmated]]
        own = [float(self._matrix[p] @ self._matrix[reference_of[int(subjects[p])]]) for p in mated_there]
        there = np.concatenate([mated_there, nonmated_there])
        searches = Searches(subjects[there], np.array([*own, *[np.nan] * len(nonmated_there)], dtype=np.float32))
        rows = self._matrix[there]
        kept = gallery[self._acquired[gallery]]
        for start in range(0, len(kept), _BLOCK):
            block = kept[start : start + _BLOCK]
            searches.add(rows @ self._matrix[block].T, subjects[block])
        size, population = fill
        missing = size - len(gallery)
        while population is not None and missing > 0:
            drawn = population.draw(min(_BLOCK, missing))
            searches.add(rows @ drawn.T, np.full(len(drawn), _SIMULATED), simulated=True)
            missing -= len(drawn)
        lost_mated = subjects[mated[~np.array(able, dtype=np.bool_)]].tolist()
        lost_nonmated = subjects[nonmated[~self._acquired[nonmated]]].tolist()
        return searches.scores(lost_mated, lost_nonmated)


def _joined(parts: Sequence[SearchScores]) -> SearchScores:
    """Put the searches of several galleries of one size together."""
    first = max(parts, key=lambda part: part.references)
    return SearchScores(
        np.concatenate([part.subjects for part in parts]),
        np.concatenate([part.enrolled for part in parts]),
        np.concatenate([part.mated for part in parts]),
        np.concatenate([part.best for part in parts]),
        np.concatenate([part.rank for part in parts]),
        first.references,
        first.simulated,
    )


def _places(found: Sequence[int]) -> Indices:
    return np.array(found, dtype=np.int32)
