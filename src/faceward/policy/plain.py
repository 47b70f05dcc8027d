"""Standards in plain words: what their parameters say, and in what two of them differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from faceward.policy.parameters import Basis, Parameters
from faceward.policy.quality import Floor
from faceward.policy.standard import Rule, Standard
from faceward.policy.tables import SignIn

ACTIONS = {
    "enrol": "enrolling a person",
    "admit": "storing the reference",
    "watchlist.entry": "asking for an entry on a watchlist",
    "verify": "verifying a person",
    "identify": "identifying a face",
    "watch": "comparing faces before a camera",
    "verify-pair": "comparing two pictures in hand",
    "detect": "finding faces",
    "redact": "redacting pictures",
    "purpose.add": "registering a purpose",
    "purpose.change": "changing a purpose's rates",
    "evidence.add": "putting an evaluation on record",
    "evidence.withdraw": "taking an evaluation off the record",
    "gallery.create": "creating a gallery",
    "gallery.migrate": "making references anew with another pack",
    "gallery.export": "handing over a gallery",
    "gallery.delete": "deleting a gallery",
    "gallery.end": "giving a gallery an end",
    "camera.add": "configuring a camera",
    "camera.change": "changing a camera",
    "camera.remove": "removing a camera",
    "channel.change": "adding or removing where alerts go",
    "release.add": "putting a release on file",
    "key.create": "giving a program a key",
    "key.revoke": "taking a program's key away",
    "recipient.confirm": "confirming an erasure elsewhere",
    "simulate": "filling a gallery with simulated references",
    "rotate": "changing keys",
    "tick": "the clock of retention",
    "rights": "the subject's rights: showing, exporting, erasing, withdrawing, complaining",
    "complaint.decide": "deciding a complaint",
    "person.add": "registering a person",
    "person.remove": "removing a person",
    "request.approve": "approving a request",
    "standard.adopt": "adopting a standard",
    "stop": "stopping",
    "restart": "restarting",
    "mandate.request": "asking for a mandate",
    "mandate.approve": "approving a mandate",
    "mandate.revoke": "revoking a mandate",
    "case.open": "opening a case",
    "case.answer": "answering a review",
    "case.decide": "deciding a case",
    "adverse.note": "noting an action against a person",
    "document.make": "making a document",
    "document.sign": "signing a document",
    "audit.show": "reading the log",
}
"""The actions that policies permit, in words."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter in words.

    Attributes:
        key: Where it stands in parameters.toml, for example `people.reviewers`.
        meaning: What it decides.
        value: What it says, in words.
        note: Why; empty where the value speaks for itself.
    """

    key: str
    meaning: str
    value: str
    note: str = ""

    def __str__(self) -> str:
        """Return the value with the reason."""
        return f"{self.value}: {self.note}" if self.note else self.value


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter on which two standards differ.

    Attributes:
        key: Where it stands in parameters.toml.
        meaning: What it decides.
        first: What the first says; empty where it says nothing.
        second: What the second says; empty where it says nothing.
    """

    key: str
    meaning: str
    first: str
    second: str


def summary(standard: Standard) -> str:
    """Return for whom a standard is: the beginning of its README, up to the first colon or full stop."""
    paragraphs = [block for block in standard.readme.split("\n\n") if block and not block.startswith("#")]
    first = " ".join((paragraphs or [""])[0].split())
    return min((first.partition(mark)[0] for mark in (":", ". ")), key=len).rstrip(".")


def settings(parameters: Parameters) -> tuple[Setting, ...]:
    """Return every parameter in words, in the order in which people ask for them."""
    rows: dict[str, tuple[str, str] | tuple[str, str, str]] = {
        "people.sign_in": ("who must sign in", _sign_in(parameters.people.sign_in)),
        "people.reviewers": ("reviewers before a result is actionable", str(parameters.people.reviewers or "none")),
        "people.trained": ("training on record is needed", _yes(parameters.people.trained)),
        "mandate.required": ("what needs a mandate", in_words(sorted(parameters.mandate.required))),
        "mandate.longest": ("longest mandate", words(parameters.mandate.longest)),
        "mandate.searches": ("most searches of a mandate", f"{parameters.mandate.searches:,}"),
        "mandate.urgent": ("search before an urgent mandate is approved", words(parameters.mandate.urgent)),
        "custody.separate": ("keys are held by a custodian apart", _yes(parameters.custody.separate)),
        "custody.lease": ("a released key is lent for", words(parameters.custody.lease)),
        "log.witnesses": ("witnesses of the log before a search", str(parameters.log.witnesses or "none")),
        "log.freshest": ("a witness's signature is good for", words(parameters.log.freshest)),
        "watchlist.allowed": ("watchlists", "allowed" if parameters.watchlist.allowed else "none"),
        "watchlist.entry_approval": ("an entry needs a second person", _yes(parameters.watchlist.entry_approval)),
        "watchlist.minimum_age": ("youngest on a watchlist, in years", str(parameters.watchlist.minimum_age)),
        "video.realtime": ("faces are compared as they pass a camera", _yes(parameters.video.realtime)),
        "video.dwell": ("one person is followed for at most", words(parameters.video.dwell)),
        "consent.alternative": ("consent needs a way without biometrics", _yes(parameters.consent.alternative)),
        "retention.maximum": ("a reference is kept for at most", words(parameters.maximum_retention)),
        "accuracy.loosest_fmr": ("false matches of a comparison, at most", one_in(parameters.loosest_fmr)),
        "accuracy.default_fpir": (
            "false alerts of a search, where a purpose says nothing",
            one_in(parameters.default_fpir),
        ),
        "accuracy.loosest_fpir": ("false alerts of a search, at most", one_in(parameters.loosest_fpir)),
        "evidence.longest": ("an evaluation is evidence for", words(parameters.evidence.longest)),
        "evidence.own": ("evidence from the deployment's own cameras", _yes(parameters.evidence.own)),
        "evidence.least_subjects": ("people in an evaluation, at least", f"{parameters.evidence.least_subjects:,}"),
        "evidence.least_mated": ("mated comparisons in it, at least", f"{parameters.evidence.least_mated:,}"),
        "evidence.loosest_fnmr": ("people whom a search may miss, at most", f"{parameters.evidence.loosest_fnmr:.0%}"),
        "evidence.worst_group": (
            "false matches of the worst group, to the mean of groups, at most",
            f"{parameters.evidence.worst_group:g} times" if parameters.evidence.worst_group else "not asked for",
        ),
        "rights.acknowledge": ("a complaint is acknowledged within", words(parameters.rights.acknowledge)),
        "rights.decide": ("a complaint is decided within", words(parameters.rights.decide)),
        **_bases(parameters),
        **_floors("enrolment", parameters.enrolment_floors),
        **_floors("probe", parameters.probe_floors),
    }
    return tuple(Setting(key, *said) for key, said in rows.items())


def differences(first: Parameters, second: Parameters) -> tuple[Difference, ...]:
    """Return the parameters on which two standards differ, in the order of `settings`."""
    left, right = ({row.key: row for row in settings(each)} for each in (first, second))
    found = []
    for key in dict.fromkeys((*left, *right)):
        one, other = left.get(key), right.get(key)
        known = one or other
        if known is not None and (one and one.value) != (other and other.value):
            found.append(Difference(key, known.meaning, str(one or ""), str(other or "")))
    return tuple(found)


def rules_only_in(first: Standard, second: Standard) -> tuple[Rule, ...]:
    """Return the refusals of one standard that the other lacks; a rule is the same if it says the same."""
    theirs = {(rule.rule, rule.reason) for rule in second.rules}
    return tuple(rule for rule in first.rules if rule.forbids and (rule.rule, rule.reason) not in theirs)


def permitted(standard: Standard) -> tuple[str, ...]:
    """Return the actions, and groups of actions, that a standard permits, sorted."""
    return tuple(sorted({action for rule in standard.rules if not rule.forbids for action in rule.actions}))


def in_words(actions: Iterable[str]) -> str:
    """Name actions in words, separated by commas."""
    return ", ".join(ACTIONS.get(action, action) for action in actions)


def words(span: timedelta) -> str:
    """Write a span in its largest exact unit; zero is "not at all"."""
    seconds = int(span.total_seconds())
    for size, unit in ((365 * 86400, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, rest = divmod(seconds, size)
        if count and not rest:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "not at all"


def one_in(rate: float) -> str:
    """Write a rate as people say it: 1 in 1,000."""
    return f"1 in {round(1 / rate):,}"


def _sign_in(rule: SignIn) -> str:
    return "everybody" if rule is SignIn.ALWAYS else "everybody, once anybody is registered"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _bases(parameters: Parameters) -> Mapping[str, tuple[str, str, str]]:
    rows = {}
    for basis in Basis:
        rule = parameters.bases[basis]
        answer = ("allowed, with a release" if rule.release else "allowed") if rule.allowed else "refused"
        rows[f"bases.{basis.value}"] = (f"lawful basis {basis.value}", answer, rule.why)
    return rows


def _floors(group: str, floors: tuple[Floor, ...]) -> Mapping[str, tuple[str, str]]:
    what = "reference" if group == "enrolment" else "probe"
    return {
        f"quality.{group}.{floor.component}": (
            f"quality of a {what}: {floor.component.replace('_', ' ')}",
            f"at least {floor.minimum:g}" if floor.minimum is not None else f"at most {floor.maximum:g}",
        )
        for floor in floors
    }
