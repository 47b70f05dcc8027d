"""What stands around every document, whatever it is written as."""

from __future__ import annotations

from datetime import UTC, datetime

from faceward.documents.content import Document

LEGAL = (
    "This document was written by software from the configuration and the log of one deployment. It is not legal "
    "advice. The judgements in the marked fields are those of the people who answered them."
)


def missing_title(document: Document) -> str:
    """Say how many questions nobody has answered."""
    count = len(document.missing)
    return f"Incomplete: {count} question{'' if count == 1 else 's'} not answered"


def moment(made: datetime) -> str:
    """Write a moment to the minute."""
    return f"{made.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def head(document: Document) -> tuple[tuple[str, str], ...]:
    """Return what stands at the top: whose it is, when it was made, and what it describes."""
    # What describes no deployment need not have a controller.
    whose = (("Controller", document.controller or "not named"),)
    return (
        *(whose if document.controller or not document.notice else ()),
        ("Made", moment(document.made)),
        (f"Describes the {document.describes}", document.configuration),
        ("Software", document.software),
    )


def notice(document: Document) -> str:
    """Return what a document says of itself."""
    return document.notice or LEGAL
