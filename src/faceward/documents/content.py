"""What a document consists of, whatever it is written as: one model, rendered to HTML and to PDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

NOT_ANSWERED = "NOT ANSWERED"
"""What stands in the place of a judgement that nobody has written down."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of plain sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names with values."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        columns: Headings; one that ends in `#` is over numbers, which stand to the right.
        rows: Cells, as many a row as there are headings.
        empty: What is said where there is no row.
        widths: Shares of the width, one a column; equal ones if empty.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "None."
    widths: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A field that a person fills in.

    Attributes:
        question: What is asked.
        source: The provision that asks it.
        text: The answer, or empty where there is none.
    """

    question: str
    source: str
    text: str


Block = Paragraph | Bullets | Pairs | Grid | Answer


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document with the provision that it follows."""

    title: str
    source: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Attributes:
        name: What it is called on the command line, for example `dpia`.
        title: Its title.
        law: The provision that asks for it.
        about: What it is, in a sentence or two.
        controller: Whose it is; may be empty.
        sections: Its parts.
        made: When it was made, UTC.
        configuration: Digest of the configuration that it describes, 64 hexadecimal digits.
        software: Name and version of the software.
    """

    name: str
    title: str
    law: str
    about: str
    controller: str
    sections: tuple[Section, ...]
    made: datetime
    configuration: str
    software: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The questions that nobody has answered."""
        return tuple(answer.question for answer in self.answers() if not answer.text)

    def answers(self) -> Iterator[Answer]:
        """Iterate over the fields that people fill in."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Answer):
                    yield block
