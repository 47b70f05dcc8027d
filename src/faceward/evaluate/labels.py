"""Labels of people, as the data set's own authors gave them (rules V3 and P4).

A label is read from a file and never made from a picture: nothing here, and nothing that uses it, takes one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceward.core.errors import BadInput
from faceward.core.words import plural

_KEYS = ("image", "subject")
_MOST_BYTES = 64 * 2**20
_MOST_VALUES = 30
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of images or of subjects.

    Attributes:
        origin: The file, for messages.
        by: What a row labels: `image` or `subject`.
        attributes: What is labelled, for example `("sex",)`.
        rows: Values by image or subject, as many as there are attributes; None where a row leaves one open.
    """

    origin: str
    by: str
    attributes: tuple[str, ...]
    rows: Mapping[str, tuple[str | None, ...]]

    def of(self, samples: Sequence[str], known: Iterable[str] | None = None) -> dict[str, tuple[str | None, ...]]:
        """Return each sample's labels.

        Args:
            samples: Samples as `subject/file`.
            known: Every image of the data set as `subject/file`, those that could not be acquired too; the samples
                themselves if None.

        Returns:
            For each attribute a value for each sample, None where the sample has no label.

        Raises:
            BadInput: A row names an image or subject that the data do not hold, or a file that several subjects have.
        """
        every = set(samples) | set(known or ())
        names = self._names(every)
        strange = sorted(row for row in self.rows if row not in names)
        if strange:
            raise BadInput(
                f"{self.origin}: labels {plural(len(strange), self.by)} that the data do not hold, the first is "
                f"{strange[0]!r}; give the data that these labels belong to, or take the rows out"
            )
        row_of = {sample: row for row in self.rows for sample in names[row]}
        found = [self.rows[row_of[sample]] if sample in row_of else None for sample in samples]
        return {
            attribute: tuple(None if row is None else row[k] for row in found)
            for k, attribute in enumerate(self.attributes)
        }

    def _names(self, samples: set[str]) -> dict[str, list[str]]:
        """Return the samples that each name stands for."""
        names: dict[str, list[str]] = {}
        for sample in sorted(samples):
            subject, _, file = sample.rpartition("/")
            for name in (sample, file) if self.by == "image" else (subject,):
                names.setdefault(name, []).append(sample)
        if self.by == "image":
            shared = next((row for row in self.rows if len(names.get(row, ())) > 1), None)
            if shared is not None:
                raise BadInput(
                    f"{self.origin}: several subjects have an image {shared!r}; write it as {names[shared][0]!r}"
                )
        return names


def read_labels(path: Path) -> Labels:
    """Read labels from a CSV file in UTF-8 whose first line is `image,ATTRIBUTE,…` or `subject,ATTRIBUTE,…`.

    An empty cell means that nothing is known. Values are names of classes: an attribute of many different values, such
    as an age in years, is refused, since no group of people would be large enough.

    Args:
        path: The file.

    Raises:
        BadInput: It cannot be read, has another form, labels something twice, or an attribute has too many values.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path}: larger than {_MOST_BYTES // 2**20} MiB; that is no table of labels")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a CSV file in UTF-8") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return _parse(str(path), [[cell.strip() for cell in line] for line in lines if line])
    except csv.Error as error:
        raise BadInput(f"{path}: line {lines.line_num} is no CSV: {error}") from None


def _parse(origin: str, lines: list[list[str]]) -> Labels:
    head = lines[0] if lines else []
    if len(head) < 2 or head[0] not in _KEYS or len(set(head)) < len(head) or not all(map(_is_word, head)):
        raise BadInput(
            f"{origin}: the first line must be 'image,ATTRIBUTE' or 'subject,ATTRIBUTE', with a name for each column"
        )
    rows: dict[str, tuple[str | None, ...]] = {}
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(head):
            found = plural(len(line), "cell")
            raise BadInput(f"{origin}: row {number} has {found} where the first line has {len(head)}; correct it")
        if not line[0]:
            raise BadInput(f"{origin}: row {number} names no {head[0]}; name one, or take the row out")
        if not all(map(_is_word, filter(None, line[1:]))):
            raise BadInput(f"{origin}: row {number} has a label that is no short name without = and commas")
        if line[0] in rows:
            raise BadInput(f"{origin}: row {number} labels {line[0]!r} a second time; keep one")
        rows[line[0]] = tuple(cell or None for cell in line[1:])
    if not rows:
        raise BadInput(f"{origin}: has no labels below its first line")
    for k, attribute in enumerate(head[1:]):
        values = {row[k] for row in rows.values()} - {None}
        if len(values) > _MOST_VALUES:
            raise BadInput(
                f"{origin}: {attribute} has {len(values)} different values and at most {_MOST_VALUES} can be groups; "
                "sort the people into classes first"
            )
    return Labels(origin, head[0], tuple(head[1:]), rows)


def _is_word(cell: str) -> bool:
    return bool(cell) and cell.isprintable() and len(cell) <= _LONGEST and not set(cell) & {"=", ","}
