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


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing: as SVG where a page is read on a screen, as PNG where it is printed.

    Attributes:
        title: What it shows, a phrase that stands above it.
        alt: What it shows to somebody who does not see it: the figures that a reader takes from it.
        svg: One `svg` element with nothing but shapes; colours may be the page's `var(--fig-…)`.
        png: The same, at 150 dots per inch or more over the width of a page's text.
        note: How to read it, a sentence or two below it; may be empty.
    """

    title: str
    alt: str
    svg: str
    png: bytes
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Pictures that stand side by side, with what is to be said of them.

    Attributes:
        pictures: JPEG or PNG files, of equal size.
        alt: What they show to somebody who does not see them.
        caption: What stands below them.
    """

    pictures: tuple[bytes, ...]
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Exhibits, several to a row, with the paragraph that leads to them."""

    lead: str
    exhibits: tuple[Exhibit, ...]


Block = Paragraph | Bullets | Pairs | Grid | Answer | Figure | Pictures


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
        configuration: Digest of what it describes, 64 hexadecimal digits.
        software: Name and version of the software.
        describes: What the digest is of.
        notice: What it says of itself in place of the words on legal advice that stand in a deployment's documents.
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
    describes: str = "configuration"
    notice: str = ""

    @property
    def pictured(self) -> bool:
        """Whether it shows pictures."""
        return any(isinstance(block, Pictures) for section in self.sections for block in section.blocks)

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
