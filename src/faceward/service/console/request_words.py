"""What a request asks for, in words: a title, a sentence on what it would allow, and its particulars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from faceward.core.errors import FacewardError
from faceward.core.request_results import RequestView
from faceward.policy.sshsig import PublicKey
from faceward.service.console.i18n import N_, Translator
from faceward.service.console.rendering import day, moment, person, short

KINDS: Mapping[str, str] = {
    "mandate": N_("Mandate to search"),
    "person.add": N_("Person"),
    "person.remove": N_("Removal of a person"),
    "standard": N_("Changed standard"),
    "pack": N_("Other model pack"),
    "restart": N_("Restart of recognition"),
    "entry": N_("Entry on a watchlist"),
    "export": N_("Export"),
    "witness.trust": N_("Trusted witness"),
    "rates": N_("Rates of a purpose"),
    "evidence": N_("Evidence"),
}
STATES: Mapping[str, tuple[str, str]] = {
    "waiting": (N_("waiting"), "warning"),
    "approved": (N_("approved"), "good"),
    "refused": (N_("refused"), "bad"),
    "revoked": (N_("revoked"), "bad"),
    "carried out": (N_("carried out"), "good"),
    "ended": (N_("ended"), "neutral"),
}
"""How a request stands: the word for it, and how it is coloured."""


@dataclass(frozen=True, slots=True)
class Told:
    """A request in words.

    Attributes:
        kind: What kind it is of.
        subject: What it is about, in a word or two: a case number, a name.
        allows: What an approval would bring about, in a sentence.
        facts: Its particulars, as pairs.
    """

    kind: str
    subject: str
    allows: str
    facts: Sequence[tuple[str, object]] = field(default=())


def told(t: Translator, request: RequestView) -> Told:
    """Return a request in words of a language.

    Args:
        t: Says them.
        request: The request; a body that is none of its kind is shown as it is.
    """
    kind = t(KINDS.get(request.kind, request.kind))
    try:
        subject, allows, facts = _WORDS[request.kind](t, request.body)
    except (KeyError, TypeError, ValueError):
        subject, allows, facts = "", t("See below what is signed."), []
    return Told(kind, subject, allows, facts)


_Said = tuple[str, str, list[tuple[str, object]]]


def _mandate(t: Translator, body: Mapping[str, Any]) -> _Said:
    searches = t.count(int(body["searches"]), "once", "{count} times")
    allows = t(
        "{operators} may search {galleries} {searches} until {until}.",
        operators=_names(body["operators"]),
        galleries=_names(body["galleries"]),
        searches=searches,
        until=moment(body["until"]),
    )
    facts: list[tuple[str, object]] = [
        (t("Purpose"), person(body["purpose"])),
        (t("Place"), body["place"]),
        (t("Case number"), body["case"]),
        (t("Legal basis"), body["basis"]),
        (t("From"), moment(body["starts"])),
        (t("Until"), moment(body["until"])),
        (t("Searches"), t.number(int(body["searches"]))),
        (t("Operators"), _names(body["operators"])),
        (t("Galleries"), _names(body["galleries"])),
        (t("Cameras"), _names(body["cameras"]) or t("none: pictures that are handed in")),
        (t("Operations"), ", ".join(body["operations"])),
    ]
    if body["recipient"]:
        facts.append((t("Who receives what leaves"), body["recipient"]))
    if body["urgent"]:
        facts.append((t("Urgent"), t("yes: it may be used before it is approved")))
    return str(body["case"]), allows, facts


def _person_add(t: Translator, body: Mapping[str, Any]) -> _Said:
    roles = ", ".join(t(role) for role in body["roles"])
    facts: list[tuple[str, object]] = [
        (t("Name"), person(body["name"])),
        (t("Roles"), roles),
        (t("Trained until"), day(body["trained"])),
        (t("Key"), _key(body["key"])),
    ]
    facts += [(t("Further key"), _key(one)) for one in body.get("further", ())]
    if body.get("responsible"):
        facts.append((t("Who answers for this program"), person(body["responsible"])))
    allows = t("{name} could act with these roles: {roles}.", name=person(body["name"]), roles=roles)
    return str(body["name"]), allows, facts


def _key(line: str) -> Markup:
    """Return a key as people compare it, by its fingerprint, with its line beneath."""
    try:
        shown = PublicKey.parse(line).fingerprint
    except FacewardError:
        return Markup("<code>{}</code>").format(line)
    return Markup('<code class="digest">{}</code><br><small><code>{}</code></small>').format(shown, line)


def _person_remove(t: Translator, body: Mapping[str, Any]) -> _Said:
    allows = t("{name} could not act any more.", name=person(body["name"]))
    return str(body["name"]), allows, [(t("Name"), person(body["name"]))]


def _adopt(t: Translator, body: Mapping[str, Any]) -> _Said:
    allows = t("From then on the deployment runs by {name}, exactly as it is here now.", name=person(body["name"]))
    return str(body["name"]), allows, [(t("Name"), person(body["name"])), (t("Digest"), short(body["digest"], 64))]


def _restart(t: Translator, _: Mapping[str, Any]) -> _Said:
    return "", t("Recognition, which is stopped, goes on."), []


def _entry(t: Translator, body: Mapping[str, Any]) -> _Said:
    allows = t(
        "Pictures of one more person may be enrolled in {gallery}, who was not asked.", gallery=person(body["gallery"])
    )
    facts: list[tuple[str, object]] = [
        (t("Purpose"), person(body["purpose"])),
        (t("Gallery"), person(body["gallery"])),
        (t("Log entry"), t.number(int(body["entry"]))),
        (t("Digest of what is said of the person"), short(body["particulars"], 64)),
    ]
    return str(body["gallery"]), allows, facts


def _export(t: Translator, body: Mapping[str, Any]) -> _Said:
    facts: list[tuple[str, object]] = [(name, str(value)) for name, value in sorted(body.items())]
    return "", t("What is named below may leave this system."), facts


def _witness(t: Translator, body: Mapping[str, Any]) -> _Said:
    name = str(body["vkey"]).partition("+")[0]
    trusted = t("The word of {name} counts on the state of the log.", name=person(name))
    ended = t("The word of {name} on the state of the log does not count any more.", name=person(name))
    return name, trusted if body["trust"] else ended, [(t("Key"), Markup("<code>{}</code>").format(body["vkey"]))]


def _rates(t: Translator, body: Mapping[str, Any]) -> _Said:
    before, after = body["before"], body["after"]
    words = {"fmr": t("False-match rate"), "fpir": t("False alerts a search"), "camera_class": t("Camera class")}
    facts: list[tuple[str, object]] = [
        (words[name], f"{before[name]} → {after[name]}") for name in words if before[name] != after[name]
    ]
    allows = t("Searches for {purpose} would go by these rates.", purpose=person(body["purpose"]))
    return str(body["purpose"]), allows, facts


def _evidence(t: Translator, body: Mapping[str, Any]) -> _Said:
    added = t("An evaluation is put on record, and thresholds may follow from it.")
    gone = t("An evaluation is taken off the record, and thresholds may follow from others.")
    facts: list[tuple[str, object]] = [
        (t("Evaluation"), short(body["evaluation"], 64)),
        (t("Data"), body["data"]["name"]),
        (t("People in the data"), t.number(int(body["subjects"]))),
        (t("Camera class"), body["camera_class"]),
        (t("Own cameras"), t("yes") if body["own"] else t("no")),
        (t("Made"), moment(body["made"])),
    ]
    if body["reason"]:
        facts.append((t("Reason"), body["reason"]))
    return str(body["data"]["name"]), added if body["act"] == "add" else gone, facts


def _names(names: Sequence[str]) -> Markup:
    return Markup(", ").join(person(name) for name in names)


_WORDS: Mapping[str, Callable[[Translator, Mapping[str, Any]], _Said]] = {
    "mandate": _mandate,
    "person.add": _person_add,
    "person.remove": _person_remove,
    "standard": _adopt,
    "pack": _adopt,
    "restart": _restart,
    "entry": _entry,
    "export": _export,
    "witness.trust": _witness,
    "rates": _rates,
    "evidence": _evidence,
}
