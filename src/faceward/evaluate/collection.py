"""The pictures of a data set: whose they are, which are left out, and the labels that came with them."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput
from faceward.core.words import plural
from faceward.evaluate.labels import Labels, read_labels
from faceward.evaluate.protocol import Files
from faceward.evaluate.protocols import read_limited
from faceward.evaluate.scores import Indices
from faceward.policy.strict import decode_text
from faceward.vision.images import SUFFIXES

MAX_CSV_BYTES = 2**28
_MOST_FIELD = 1000


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of the data set.

    Attributes:
        name: `subject/file`, or `file` where pictures lie without subjects.
        subject: The subject's folder, or empty.
        file: Where it is.
    """

    name: str
    subject: str
    file: Path


@dataclass(frozen=True, slots=True)
class Collection:
    """A data set.

    Attributes:
        images: The pictures that take part, in the order of their names.
        subjects: Names of the subjects, in order.
        subject_of: The subject of each picture, shape (images,), int32 indices into `subjects`.
        excluded: Pictures that the list of errata leaves out.
        passed_over: Files that are not pictures by their ending.
        labels: The labels of people that came with the data, or None.
        every: Names of all pictures, those too that take no part.
    """

    images: tuple[Image, ...]
    subjects: tuple[str, ...]
    subject_of: Indices
    excluded: int
    passed_over: int
    labels: Labels | None
    every: frozenset[str]

    def index(self) -> dict[str, int]:
        """Return the place of each picture by what it may be called in a table."""
        places = {image.name: place for place, image in enumerate(self.images)}
        return {spelling: places[name] for spelling, name in _spellings(places).items()}

    def named_subjects(self) -> tuple[str, ...]:
        """Return the subjects; none where pictures lie without subjects."""
        return tuple(subject for subject in self.subjects if subject)

    def only(self, places: Sequence[int]) -> Collection:
        """Return the collection of some of the pictures, given by their places, rising."""
        images = [self.images[place] for place in places]
        made = _collected(images, [image.subject for image in images], self.every, self.passed_over)
        return replace(made, excluded=self.excluded, labels=self.labels)

    def sample_labels(self) -> dict[str, tuple[str | None, ...]]:
        """Return for each labelled attribute the value of each picture, None where it has none.

        Raises:
            BadInput: A label is of a picture or subject that the data do not hold.
        """
        return self.labels.of([image.name for image in self.images], self.every) if self.labels else {}


def collect(folder: Path, files: Files, labels: Path | None = None, *, flat: bool = False) -> Collection:
    """Find the pictures of a data set.

    Args:
        folder: Its folder.
        files: Where things lie in it.
        labels: A CSV of labels from elsewhere, instead of the protocol's.
        flat: Whether pictures may lie in the folder itself, without subjects.

    Raises:
        BadInput: There is no such folder, no picture in it, a name that is no UTF-8 or hides characters, or a CSV that
            does not fit the pictures.
    """
    root = folder / files.images
    images, passed_over = _listed(root, flat=flat)
    if not images:
        where = "no pictures in it" if flat else "no pictures in its sub-folders; make one sub-folder a subject"
        raise BadInput(f"{root}: {where}")
    names = {image.name for image in images}
    left_out = _errata(folder / files.errata, names) if files.errata else frozenset()
    kept = [image for image in images if image.name not in left_out]
    if not kept:
        raise BadInput(f"{folder / files.errata}: leaves out every picture; check the list")
    made = _collected(kept, [image.subject for image in kept], names, passed_over)
    path = labels or _label_file(folder, files)
    return replace(made, excluded=len(left_out), labels=read_labels(path) if path else None)


def digest(collection: Collection, hashes: Sequence[str]) -> str:
    """Return the data set's digest: SHA-256 over the sorted lines `sha256(file) subject/file`.

    Args:
        collection: The data set.
        hashes: The SHA-256 of each picture's file, 64 hexadecimal digits, in the order of `images`.
    """
    pairs = zip(hashes, collection.images, strict=True)
    lines = sorted(f"{found} {image.name}\n".encode() for found, image in pairs)
    return sha256_hex(b"".join(lines))


def read_csv(path: Path, what: str) -> list[dict[str, str]]:
    """Read a small CSV with a line of headings.

    Raises:
        BadInput: It cannot be read, is no UTF-8, has a heading twice or a row of another length.
    """
    text = decode_text(read_limited(path, what, MAX_CSV_BYTES), str(path), BadInput)
    if "\0" in text:
        raise BadInput(f"{path}: not a text file; give a CSV in UTF-8")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise BadInput(f"{path}: not a CSV ({error}); correct it") from None
    if len(rows) < 2:
        raise BadInput(f"{path}: the {what} has no rows; the first line names the columns")
    head = [cell.strip() for cell in rows[0]]
    if len(set(head)) < len(head) or not all(head):
        raise BadInput(f"{path}: a column is named twice or not at all; correct the first line")
    for number, row in enumerate(rows, 1):
        if len(row) != len(head) or any(len(cell) > _MOST_FIELD for cell in row):
            raise BadInput(
                f"{path}: row {number} does not have {plural(len(head), 'column')}, as the first line has; correct it"
            )
    return [{key: cell.strip() for key, cell in zip(head, row, strict=True)} for row in rows[1:]]


def _listed(root: Path, *, flat: bool) -> tuple[list[Image], int]:
    try:
        folders = [("", root)] if flat else []
        with os.scandir(root) as entries:
            folders += sorted((e.name, Path(e.path)) for e in entries if e.name[0] != "." and e.is_dir())
        found, passed_over = [], 0
        for subject, folder in folders:
            with os.scandir(folder) as entries:
                files = sorted(e.name for e in entries if e.name[0] != "." and e.is_file())
            pictures = [name for name in files if Path(name).suffix.lower() in SUFFIXES]
            passed_over += len(files) - len(pictures)
            found += [Image(f"{subject}/{name}" if subject else name, subject, folder / name) for name in pictures]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise BadInput(f"{root}: the folder of pictures cannot be read: {reason}; check the path") from None
    for image in found:
        _check(image)
    return sorted(found, key=lambda image: image.name), passed_over


def _check(image: Image) -> None:
    try:
        image.name.encode()
    except UnicodeEncodeError:
        shown = image.name.encode("utf-8", "replace").decode()
        raise BadInput(f"{shown}: the name of the file or its folder is not UTF-8; rename it") from None
    if not image.name.replace("\u200c", "").replace("\u200d", "").isprintable():
        raise BadInput(f"{image.name!r}: the name holds control or invisible characters; rename it")


def _collected(images: Sequence[Image], subjects: Sequence[str], every: Iterable[str], passed_over: int) -> Collection:
    names, numbers = np.unique(np.array(subjects, dtype=object), return_inverse=True)
    return Collection(
        tuple(images),
        tuple(str(name) for name in names),
        numbers.astype(np.int32),
        0,
        passed_over,
        None,
        frozenset(every),
    )


def _errata(path: Path, names: set[str]) -> frozenset[str]:
    rows = read_csv(path, "list of errata")
    if "image" not in rows[0]:
        raise BadInput(f"{path}: no column 'image'; name the pictures that are left out in one")
    known = _spellings(names)
    found = [_known(row["image"], known, path) for row in rows]
    _refuse_repeated(found, path)
    return frozenset(found)


def _label_file(folder: Path, files: Files) -> Path | None:
    if files.labels:
        return folder / files.labels
    found = folder / files.labels_if_present
    return found if files.labels_if_present and found.exists() else None


def _known(name: str, known: Mapping[str, str], path: Path) -> str:
    if name not in known:
        raise BadInput(f"{path}: {name!r} is not among the pictures; correct the name or remove the row")
    return known[name]


def _spellings(names: Iterable[str]) -> dict[str, str]:
    """Return what a picture may be called in a table → its name.

    `subject/file`, or the file alone; the ending may be left out. What several pictures could be called names none.
    """
    full = {name: name for name in names}
    short = [
        (text, name) for name in full for leaf in [name.rpartition("/")[2]] for text in {_stem(name), leaf, _stem(leaf)}
    ]
    times = Counter(text for text, _ in short)
    return {**{text: name for text, name in short if times[text] == 1}, **full}


def _refuse_repeated(found: Sequence[str], path: Path) -> None:
    repeated = [name for name, count in Counter(found).items() if count > 1]
    if repeated:
        raise BadInput(f"{path}: {repeated[0]!r} stands there more than once; remove the other rows")


def _stem(name: str) -> str:
    return name[: -len(Path(name).suffix)] if Path(name).suffix else name
