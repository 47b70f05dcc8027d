"""The main job, step by step. Nothing here decides anything: the library does, and the story notes what it said."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cast
import erasure
from cast import Cast
from faceward import bootstrap, standalone
from faceward.audit.verifier import verify_receipt
from faceward.core.errors import FacewardError, PolicyRefusal, UsageError
from faceward.core.reports import EnrolledSample
from faceward.core.results import IdentificationResult
from faceward.operations.system import System
from faceward.policy.consent import Release
from pictures import Person, Probe, write_release
from story import Comparison, Enrolled, Options, Pair, Record, Refusal, Story, recognised
from teller import Teller

PURPOSE = "front door"
REASON = "Who of our people is in the group picture?"
_RETENTION = timedelta(days=365)


class Job:
    """One run."""

    def __init__(self, cast_: Cast, options: Options, teller: Teller) -> None:
        self._cast, self._options, self._tell = cast_, options, teller
        self._passphrase = secrets.token_urlsafe(24)
        self._known: list[tuple[Person, tuple[Probe, ...]]] = []

    def run(self) -> Story:
        """Run everything.

        Raises:
            FacewardError: A step failed that should not.
        """
        system, story = self._set_up()
        try:
            self._fill(system, story)
            self._enrol(system, story)
            self._verify(system, story)
            self._identify(system, story)
            self._redact(system, story)
            self._log(system, story)
            self._erase(system, story)
        finally:
            system.close()
        return story

    def _set_up(self) -> tuple[System, Story]:
        home = self._options.out / "home"
        self._tell.step("A deployment under the standard 'workplace'")
        about = ("Faceward demonstration", "whoever ran it")
        bootstrap.create(home, standard="workplace", secret=bootstrap.Secret(self._passphrase), about=about)
        key = self._options.out / "passphrase"
        key.touch(mode=0o600)
        key.write_text(self._passphrase + "\n", encoding="utf-8")
        system = bootstrap.open_system(home, passphrase=self._passphrase, operator="demo")
        purpose = system.add_purpose(
            PURPOSE,
            basis="consent",
            fmr=self._options.fmr,
            retention=_RETENTION,
            alternative="ring the bell, and a person opens",
        )
        self._tell.note(f"purpose {purpose.name!r}: consent, FMR {purpose.fmr:g}, FPIR {purpose.fpir:g}, kept 365 days")
        return system, Story(self._options.own, purpose, home)

    def _fill(self, system: System, story: Story) -> None:
        self._tell.step(f"{self._options.strangers:,} simulated strangers, so that a search is a search")
        with story.timed("references simulated, sealed and stored"), self._tell.progress("sealing") as progress:
            story.strangers = system.simulate(
                PURPOSE, purpose=PURPOSE, count=self._options.strangers, progress=progress
            )
        seconds = story.timings["references simulated, sealed and stored"]
        self._tell.note(f"{story.strangers:,} references sealed, with a key for each reference, in {seconds:.1f} s")

    def _enrol(self, system: System, story: Story) -> None:
        self._tell.step("Enrolment: no release, no features (rule C1)")
        name, portrait = cast.first_usable(self._cast.people)
        self._refused(
            story,
            "C1",
            f"to enrol {name} without a release",
            lambda: system.enrol([portrait], subject=name, purpose=PURPOSE),
        )
        folder = self._options.out / "releases"
        folder.mkdir()
        for person in self._cast.people:
            release = write_release(person, PURPOSE, folder, datetime.now(UTC))
            self._enrol_person(system, story, person, release)
        if not story.enrolled:
            raise UsageError(f"nobody could be enrolled: {story.left_out[0]}")

    def _enrol_person(self, system: System, story: Story, person: Person, release: Release) -> None:
        reason = ""
        for portrait in person.portraits:
            try:
                with story.timed("faces enrolled"):
                    result = system.enrol([portrait], subject=person.name, purpose=PURPOSE, releases=[release])
            except FacewardError as error:
                reason = str(error)
                continue
            self._note_enrolled(system, story, person, (portrait, release, result.samples[0]))
            rest = tuple(path for path in person.portraits if path != portrait)
            own_probes = tuple(Probe(path.name, path) for path in rest)
            self._known.append((person, person.probes or own_probes))
            return
        story.left_out.append(f"{person.name}: {reason}")
        self._tell.note(f"{person.name} was not enrolled: {reason}")

    def _note_enrolled(
        self, system: System, story: Story, person: Person, what: tuple[Path, Release, EnrolledSample]
    ) -> None:
        portrait, release, sample = what
        faces = standalone.detect(portrait).faces
        notice = system.notice(person.name)[0]
        face = faces[0] if faces else None
        story.enrolled.append(Enrolled(person.name, portrait, face, sample, release, notice, person.credit))
        self._tell.outcome(f"{person.name} enrolled until {str(sample.expires)[:10]}, a notice was written", good=True)

    def _verify(self, system: System, story: Story) -> None:
        self._tell.step("Verification: is this who they claim to be?")
        names = [person.name for person, _ in self._known]
        for person, probes in self._known:
            for probe in probes:
                self._compare(system, story, (probe, person.name, person.name))
        for number, (person, probes) in enumerate(self._known):
            if len(names) > 1 and probes:
                self._compare(system, story, (probes[0], person.name, names[(number + 1) % len(names)]))
        for label, path in self._cast.others if story.own else ():
            self._compare(system, story, (Probe(path.name, path), label, names[0]))
        self._tell.comparisons(story.comparisons)
        for first, second in zip(story.enrolled, story.enrolled[1:2], strict=False):
            pictures = (first.picture, second.picture)
            result = standalone.verify_pictures(*pictures, fmr=self._options.fmr)
            story.pairs.append(Pair((first.name, second.name), pictures, result))
            said = f"{first.name} beside {second.name}, two pictures in hand: {result.decision}, {result.score:.3f}"
            self._tell.outcome(said, good=result.decision == "non-match")
        impostors = [one for one in story.comparisons if not one.mated]
        if not story.own:
            mated = [one for one in story.comparisons if one.mated]
            story.check("every rendition is verified as the woman it shows", all(one.right for one in mated))
            story.check("each woman is refused as the other", all(one.right for one in impostors))

    def _compare(self, system: System, story: Story, what: tuple[Probe, str, str]) -> None:
        probe, shown, claimed = what
        try:
            with story.timed("faces verified"):
                result = system.verify(probe.path, subject=claimed, purpose=PURPOSE)
        except PolicyRefusal:
            raise
        except FacewardError as error:
            story.comparisons.append(Comparison(probe.title, shown, claimed, probe.path, None, str(error)))
            return
        story.comparisons.append(Comparison(probe.title, shown, claimed, probe.path, result))

    def _identify(self, system: System, story: Story) -> None:
        self._tell.step("Identification: who is in the group picture?")
        story.group = self._options.out / "pictures" / "group.jpg"
        known = [(one.name, _other_picture(story, one)) for one in story.enrolled]
        story.guests = cast.group(known, self._cast.others, story.group)
        self._refused(
            story,
            "P1",
            "to search the group picture without saying why",
            lambda: system.identify(story.group, gallery=PURPOSE, purpose=PURPOSE, reason=""),
        )
        with story.timed("searches of the group picture"):
            story.search = self._search(system, story)
        self._tell.search(story, story.search)
        self._expect(story, story.search, {guest.label for guest in story.guests if guest.enrolled}, "")
        probe = next((one for one in story.comparisons if one.mated and one.result), None)
        if probe is not None:
            release = next(one.release for one in story.enrolled if one.name == probe.shown)
            self._refused(
                story,
                "E4",
                f"to enrol a picture of {probe.shown} that was a probe before",
                lambda: system.enrol([probe.picture], subject=probe.shown, purpose=PURPOSE, releases=[release]),
            )

    def _search(self, system: System, story: Story) -> IdentificationResult:
        return system.identify(story.group, gallery=PURPOSE, purpose=PURPOSE, reason=REASON)

    def _expect(self, story: Story, result: IdentificationResult, known: set[str], when: str) -> None:
        """Note whether people were recognised; of the user's own pictures nothing is expected."""
        for guest in () if story.own else story.guests:
            found = recognised(result, guest)
            if guest.label in known:
                story.check(f"{guest.label} is found in the group picture{when}", found == (guest.label,))
            else:
                story.check(f"{guest.label} is unknown in the group picture{when}", not found)

    def _redact(self, system: System, story: Story) -> None:
        self._tell.step("Redaction: only who consented stays visible")
        keep = [guest.label for guest in story.guests if guest.enrolled]
        story.redacted = story.group.with_name("group-redacted.jpg")
        with story.timed("group picture redacted"):
            story.redaction = system.redact(story.group, story.redacted, keep=keep, purpose=PURPOSE)
        seen = standalone.detect(story.redacted).faces
        story.visible = len(seen)
        picture = story.redaction.pictures[0]
        kept = ", ".join(picture.kept) or "nobody"
        self._tell.note(f"{picture.hidden} hidden; kept: {kept}; the detector now finds {story.visible} faces")
        strangers = [guest for guest in story.guests if not guest.enrolled]
        story.check(
            "no face is found any more where people without a release hang",
            not any(guest.shows(face) for face in seen for guest in strangers),
        )
        if not story.own:
            story.check("both women stay visible", set(picture.kept) == set(keep))

    def _log(self, system: System, story: Story) -> None:
        self._tell.step("The log: what was done, and that nobody altered it")
        with story.timed("log verified from its first entry"):
            report = system.verify_log()
        entry = story.search.entry if story.search else 0
        proof = system.prove(entry)
        vkey = (story.home / "log.vkey").read_text(encoding="utf-8").strip()
        proven = verify_receipt(proof, vkey)
        altered = _told(lambda: verify_receipt(proof.replace(f"\nindex {entry}\n", f"\nindex {entry - 1}\n"), vkey))
        story.record = Record(tuple(report.lines()), entry, proof, tuple(proven.lines()), altered)
        self._tell.note(f"{report.checkpoint.size} entries, all as they were when signed")
        for line in proven.lines()[:2]:
            self._tell.outcome(line, good=True)
        self._tell.note(f"the same proof with another index: {altered}")
        story.check("the log verifies, and so does the proof of the search", proven.index == entry)
        story.check("an altered proof is refused", bool(altered))

    def _erase(self, system: System, story: Story) -> None:
        gone = story.enrolled[0].name
        self._tell.step(f"Erasure of {gone}, and a backup that no longer opens")
        with story.timed("erasure, backup, restore and searches"):
            story.erased = erasure.erase(
                system, gone, self._options.out, (self._passphrase, lambda opened: self._search(opened, story))
            )
        erased = story.erased
        for needle in erased.needles:
            self._tell.note(
                f"{needle.what} ({needle.size} bytes): before in {', '.join(needle.before) or 'no file'}; "
                f"after in {', '.join(needle.after) or 'no file'}; in the backup: {'yes' if needle.backup else 'no'}"
            )
        self._tell.note(f"restored backup: {erased.rows} row of {gone}, {erased.keys} keys for it; {erased.answer}")
        self._tell.search(story, erased.restored)
        known = {guest.label for guest in story.guests if guest.enrolled} - {gone}
        self._expect(story, erased.search, known, " after the erasure")
        self._expect(story, erased.restored, known, " with the backup put back")
        named = {
            c.subject for one in (erased.search, erased.restored) for probe in one.probes for c in probe.candidates
        }
        story.check(f"{gone} is named by no search any more", gone not in named)
        story.check("none of the erased bytes is left in any file", not any(needle.after for needle in erased.needles))
        story.check("the backup still holds the row, and no key opens it", erased.rows > 0 and erased.keys == 0)

    def _refused(self, story: Story, rule: str, tried: str, attempt: Callable[[], object]) -> None:
        try:
            attempt()
        except PolicyRefusal as refusal:
            story.refusals.append(Refusal(tried, refusal.rule, str(refusal)))
            self._tell.outcome(f"tried {tried}: {refusal}", good=refusal.rule == rule)
            story.check(f"rule {rule} refuses {tried}", refusal.rule == rule)
            return
        story.check(f"rule {rule} refuses {tried}", good=False)


def _other_picture(story: Story, enrolled: Enrolled) -> Path:
    """Return a picture of somebody for the group: of the user's own the last that could be compared."""
    compared = [one.picture for one in story.comparisons if one.result and one.shown == enrolled.name]
    return compared[-1] if story.own and compared else enrolled.picture


def _told(attempt: Callable[[], object]) -> str:
    """Return what the verifier says against something, or nothing where it accepts it."""
    try:
        attempt()
    except FacewardError as error:
        return str(error)
    return ""
