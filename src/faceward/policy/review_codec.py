"""Read back strictly what a case wrote of itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from faceward.core.canonical import JSONValue
from faceward.core.errors import IntegrityError
from faceward.policy.review_fields import box, moment, optional_text, tables, whole
from faceward.policy.review_model import (
    VERSION,
    Answer,
    Candidate,
    Case,
    Comparison,
    Finding,
    Outcome,
    Search,
    Version,
)
from faceward.policy.strict import Table


def read_case(value: JSONValue) -> Case:
    """Read what `Case.to_json` made.

    Raises:
        IntegrityError: It is something else, or of a newer version.
    """
    table = Table(value, "a case of review", IntegrityError)
    table.only(("version", *Case.__dataclass_fields__))
    if whole(table, "version") != VERSION:
        raise table.error("is of a version that this program does not know; update it")
    return Case(
        id=table.text("id"),
        opened=moment(table, "opened"),
        opener=table.text("opener"),
        expires=moment(table, "expires"),
        kind=table.text("kind"),
        search=_search(table.table("search")),
        versions=tuple(_version(item) for item in tables(table, "versions")),
        candidates=tuple(_candidate(item) for item in tables(table, "candidates")),
        answers=tuple(_answer(item) for item in tables(table, "answers")),
        outcomes=tuple(_outcome(item) for item in tables(table, "outcomes")),
    )


def _search(table: Table) -> Search:
    names = ("operator", "gallery", "purpose", "mandate", "reason")
    table.only(("entry", *names))
    return Search(whole(table, "entry"), *(table.text(name) for name in names))


def _version(table: Table) -> Version:
    table.only(Version.__dataclass_fields__)
    return Version(
        sha256=table.text("sha256"),
        parent=optional_text(table, "parent"),
        change=table.text("change"),
        note=table.text("note"),
        by=table.text("by"),
        when=moment(table, "when"),
        name=table.text("name"),
    )


def _candidate(table: Table) -> Candidate:
    table.only(Candidate.__dataclass_fields__)
    return Candidate(
        number=whole(table, "number"),
        subject=optional_text(table, "subject"),
        reference=optional_text(table, "reference"),
        score=None if table.value("score") is None else table.number("score"),
        face=None if table.value("face") is None else box(table, "face"),
        enrolled=optional_text(table, "enrolled"),
        sample=optional_text(table, "sample"),
    )


def _answer(table: Table) -> Answer:
    table.only(Answer.__dataclass_fields__)
    return Answer(
        reviewer=table.text("reviewer"),
        when=moment(table, "when"),
        comparisons=tuple(_comparison(item) for item in tables(table, "comparisons")),
        amendment=table.flag("amendment"),
        salt=table.text("salt"),
        session=table.text("session"),
        signature=table.text("signature"),
        erased=table.names("erased"),
    )


def _comparison(table: Table) -> Comparison:
    table.only(Comparison.__dataclass_fields__)
    return Comparison(
        candidate=whole(table, "candidate"),
        features=findings(table.table("features")),
        conclusion=table.text("conclusion"),
        notes=table.text("notes"),
    )


def findings(table: Table) -> Mapping[str, Finding]:
    """Read findings by feature; a word that is no finding is refused."""
    found: dict[str, Finding] = {}
    for key in table.keys():  # noqa: SIM118 - not a mapping
        word = table.text(key)
        if word not in {finding.value for finding in Finding}:
            raise table.error(f"{key!r} is {word!r}; write {', '.join(finding.value for finding in Finding)}")
        found[key] = Finding(word)
    return MappingProxyType(found)


def _outcome(table: Table) -> Outcome:
    table.only(Outcome.__dataclass_fields__)
    return Outcome(
        by=table.text("by"),
        when=moment(table, "when"),
        accuracy=table.text("accuracy"),
        finding=table.text("finding"),
        action=table.text("action"),
        # Outcomes recorded before false alerts were counted do not have it.
        false_alerts=_stated(table) if table.has("false_alerts") else None,
    )


def _stated(table: Table) -> int | None:
    return None if table.value("false_alerts") is None else whole(table, "false_alerts")
