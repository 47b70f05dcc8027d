"""Log entries in the words of whom they concern."""

from __future__ import annotations

from collections.abc import Mapping

from faceward.core.canonical import JSONObject, JSONValue

_SENTENCES = {
    ("enrol", "begin"): "A picture of you was handed in, to be enrolled",
    ("enrol", "end"): "Your picture was enrolled",
    ("enrol", "note"): "A picture that was enrolled already was handed in again",
    ("verify", "begin"): "A picture was compared with yours, to see whether it shows you",
    ("verify", "end"): "That comparison ended",
    ("identify", "end"): "You were among the candidates of a search",
    ("watch.alert", "begin"): "A camera took somebody for you, and people were asked to check it",
    ("watch.suppressed", "begin"): "A camera took somebody for you who cannot have been you; nothing followed",
    ("redact", "begin"): "Pictures were searched for you, to keep you visible in them",
    ("redact", "end"): "That search of pictures ended",
    ("subject.show", "begin"): "What is held about you was looked at",
    ("subject.export", "begin"): "A copy of what is held about you was made",
    ("subject.link", "note"): "A link was made by which you can see for yourself what is held about you",
    ("subject.visit", "note"): "You came by that link",
    ("subject.receipt", "begin"): "A receipt of an entry about you was made",
    ("subject.erase", "begin"): "Your erasure began",
    ("subject.suspend", "begin"): "What is held about you was suspended",
    ("subject.resume", "begin"): "The suspension ended",
    ("subject.request", "begin"): "You asked for something",
    ("subject.answer", "begin"): "What you asked for was answered",
    ("release.withdraw", "begin"): "You withdrew a release",
    ("release.withdraw", "end"): "What rested on that release was erased",
    ("complaint.add", "begin"): "You complained",
    ("complaint.acknowledge", "begin"): "You were told that your complaint came",
    ("complaint.decide", "begin"): "Your complaint was decided",
    ("adverse.note", "begin"): "Something was done to you after a match, and a notice was written",
    ("gallery.export", "note"): "Your reference was handed to somebody outside",
    ("watchlist.entry", "begin"): "Somebody asked for you to be entered on a watchlist",
    ("case.open", "begin"): "People were asked to check whether the search was right about you",
    ("case.answer", "begin"): "A reviewer compared you with the picture that was searched with",
    ("case.amend", "begin"): "A reviewer amended that comparison",
    ("case.sample", "begin"): "A picture of you was added to that review",
    ("case.show", "begin"): "Somebody looked at that review",
    ("case.score", "begin"): "Somebody looked at how alike you were to the picture",
    ("case.export", "begin"): "A copy of that review was made",
    ("case.dismissed", "note"): "Reviewers took nobody there for a lead, so that it counts as a false alert",
    ("case.outcome", "begin"): "That review ended, and what followed was noted",
    ("case.delete", "begin"): "That review was deleted",
}
_DENIED = "Somebody tried this about you and was refused"
SENTENCES = frozenset({*_SENTENCES.values(), _DENIED})
"""Every sentence, for who translates them."""
_TELLING = ("decision", "outcome", "reason", "text", "answer", "kind", "action", "place", "recipient")


def told(line: JSONObject) -> str:
    """Return a log entry as one sentence, with what it says of the subject.

    Args:
        line: As `core.reports.LogLine.to_json` writes it, opened for this subject alone.
    """
    operation, phase = str(line["operation"]), str(line["phase"])
    sentence = sentence_of(operation, phase) or f"{operation}, {phase}"
    if phase == "denied":
        sentence = f"{sentence}: {operation}"
    said = [f"{name}: {value}" for name, value in said_of(line)]
    return f"{sentence} ({'; '.join(said)})" if said else sentence


def sentence_of(operation: str, phase: str) -> str:
    """Return what an entry says to whom it concerns, without what is special to it; empty where nothing is."""
    return _DENIED if phase == "denied" else _SENTENCES.get((operation, phase), "")


def said_of(line: JSONObject) -> list[tuple[str, str]]:
    """Return what an entry, opened for its subject alone, says of them: pairs of a name and a text."""
    opened = line["opened"]
    slots = opened if isinstance(opened, Mapping) else {}
    return [
        (name, str(details[name]))
        for slot, details in slots.items()
        if slot != "details" and isinstance(details, Mapping)
        for name in _TELLING
        if _tells(details.get(name))
    ]


def _tells(value: JSONValue) -> bool:
    return isinstance(value, str) and bool(value)
