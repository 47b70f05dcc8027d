"""Files of pairs: those of LFW, and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceward.core.errors import BadInput
from faceward.evaluate.collection import Collection, read_csv
from faceward.evaluate.protocols import read_limited
from faceward.evaluate.scores import Indices
from faceward.policy.strict import decode_text

MAX_BYTES = 2**28
_MOST_FOLDS = 100


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which samples are compared.

    Attributes:
        pairs: Places of the two pictures in the collection, shape (n, 2), int32.
        mated: Whether both are of one subject, shape (n,).
        fold: The part of the file that each stands in, shape (n,), int32, from 0.
    """

    pairs: Indices
    mated: npt.NDArray[np.bool_]
    fold: Indices

    @property
    def folds(self) -> int:
        """Number of parts."""
        return int(self.fold.max()) + 1

    def moved(self, places: npt.NDArray[np.int64]) -> Pairs:
        """Return the pairs with other places: of old place i the new one is `places[i]`."""
        return replace(self, pairs=places[self.pairs].astype(np.int32))


def read_pairs(path: Path, collection: Collection) -> Pairs:
    """Read a file of pairs.

    LFW's form: a first line `n`, or `folds` and `n` (View 2); then, fold after fold, n lines `NAME i j` of mated pairs
    and n lines `NAME i NAME j` of non-mated ones, separated by tabs. A CSV, by its ending: columns `first` and
    `second` with names of pictures (`subject/file`, the ending of the file may be left out) and, if wanted, `fold`,
    from 1.

    Args:
        path: The file.
        collection: The pictures.

    Raises:
        BadInput: It cannot be read, is of another form, names a picture that is not there, compares a picture with
            itself, or has a pair twice, in whichever order.
    """
    rows = _of_csv(path) if path.suffix.lower() == ".csv" else _of_lfw(path)
    index = collection.index()
    found = [(_place(path, index, a), _place(path, index, b)) for a, b, _ in rows]
    pairs = np.array(found, dtype=np.int32)
    same = pairs[:, 0] == pairs[:, 1]
    if same.any():
        first = rows[int(same.argmax())][0]
        raise BadInput(f"{path}: compares {first!r} with itself; remove the pair")
    _, first_at, counts = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True, return_counts=True)
    if counts.max() > 1:
        a, b, _ = rows[int(first_at[counts.argmax()])]
        raise BadInput(f"{path}: the pair {a!r} and {b!r} stands there more than once; remove the others")
    mated = collection.subject_of[pairs[:, 0]] == collection.subject_of[pairs[:, 1]]
    return Pairs(pairs, mated, np.array([fold for _, _, fold in rows], dtype=np.int32))


def _place(path: Path, index: Mapping[str, int], name: str) -> int:
    if name not in index:
        raise BadInput(f"{path}: names the picture {name!r}, which is not there; check the folder of pictures")
    return index[name]


def _of_csv(path: Path) -> list[tuple[str, str, int]]:
    rows = read_csv(path, "pairs")
    if not {"first", "second"} <= set(rows[0]) <= {"first", "second", "fold"}:
        raise BadInput(f"{path}: pairs have the columns 'first' and 'second', and 'fold' if wanted; correct them")
    folds = sorted({row.get("fold", "1") for row in rows}, key=lambda text: (len(text), text))
    if folds != [str(number) for number in range(1, len(folds) + 1)] or len(folds) > _MOST_FOLDS:
        raise BadInput(f"{path}: folds are numbered from 1 without a gap, to {_MOST_FOLDS} at most; correct them")
    return [(row["first"], row["second"], int(row.get("fold", "1")) - 1) for row in rows]


def _of_lfw(path: Path) -> list[tuple[str, str, int]]:
    lines = decode_text(read_limited(path, "pairs", MAX_BYTES), str(path), BadInput).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    head = lines[0].split() if lines else []
    if len(head) not in (1, 2) or not all(_is_count(part) for part in head):
        raise BadInput(
            f"{path}: the first line must be a number of pairs, or of folds and of pairs in each; correct it"
        )
    folds, each = (int(head[0]), int(head[1])) if len(head) == 2 else (1, int(head[0]))
    if folds > _MOST_FOLDS or len(lines) - 1 != 2 * folds * each:
        raise BadInput(
            f"{path}: the first line announces {2 * folds * each:,} pairs, and {len(lines) - 1:,} follow; correct it"
        )
    rows = [_of_line(path, number, line) for number, line in enumerate(lines[1:], 2)]
    for number, (_, _, mated) in enumerate(rows):
        if mated is not (number // each % 2 == 0):
            raise BadInput(f"{path}: line {number + 2} is {_words(mated)} where one of the other kind is announced")
    return [(a, b, number // (2 * each)) for number, (a, b, _) in enumerate(rows)]


def _of_line(path: Path, number: int, line: str) -> tuple[str, str, bool]:
    parts = [part.strip() for part in (line.split("\t") if "\t" in line else line.split())]
    if len(parts) == 3:
        parts = [parts[0], parts[1], parts[0], parts[2]]
    if len(parts) != 4 or not _is_count(parts[1]) or not _is_count(parts[3]):
        raise BadInput(f"{path}: line {number} is neither 'NAME i j' nor 'NAME i NAME j'; correct it")
    first, second = (f"{parts[k]}/{parts[k]}_{int(parts[k + 1]):04d}" for k in (0, 2))
    return first, second, parts[0] == parts[2]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0


def _words(mated: bool) -> str:
    return "a mated pair" if mated else "a non-mated pair"
