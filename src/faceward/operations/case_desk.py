"""Cases as their users see them: the operations as methods of one open deployment."""

from __future__ import annotations

from pathlib import Path

from faceward.core.clock import to_rfc3339
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.results import JSONDict
from faceward.core.sources import Upload, source_of
from faceward.operations import case_end, case_export, case_reading, case_search, cases
from faceward.operations.case_people import actor
from faceward.operations.case_store import CaseStore
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy.review_answers import parse_answer, template
from faceward.policy.review_model import Case, Comparison, Outcome, Version
from faceward.policy.review_view import candidates_seen, sees_everything
from faceward.vision.images import read_file


class Cases:
    """The cases of an open deployment.

    Methods take the identifier of a case, or its first digits. All raise `UsageError` where there is no such case,
    `PolicyRefusal` where a rule forbids it (the refusal is in the log) and `IntegrityError` where a case was altered.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def open(self, image: Path | str | Upload, *, search: int, kind: str) -> JSONDict:
        """Open a case for an identification that the log holds.

        Args:
            image: The very file that was searched with.
            search: Index of the log entry that announced the search.
            kind: What the probe is: `photograph` or `frame`; `composite`, `sketch` and `generated` are refused (S3).
        """
        return self._seen(case_search.open_from_log(self._deployment, self._desk, source_of(image), search, kind))

    def listed(self) -> list[JSONDict]:
        """Return every case in a line, without anybody's name."""
        return case_reading.listed(self._deployment)

    def show(self, case: str) -> JSONDict:
        """Return what the person who acts may see of a case (rules H1, H2)."""
        return case_reading.shown(self._deployment, self._desk, case)

    def picture(self, case: str, digest: str) -> bytes:
        """Return a picture of a case, as it came: a version of the probe, or the sample of a candidate; it is logged.

        Args:
            case: The case.
            digest: SHA-256 of the picture, 64 hexadecimal digits, as `show` names it.
        """
        held, found, _ = case_reading.reading(self._deployment, self._desk, case, "case.picture")
        if digest not in case_reading.picture_digests(found):
            raise UsageError(f"there is no picture {digest[:12]!r} in this case; 'case show' names those that are")
        return CaseStore(self._deployment).picture(held, digest)

    def add_edit(self, case: str, image: Path | str | Upload, *, change: str, of: str = "", note: str = "") -> JSONDict:
        """Add an edit of the probe (rule S3).

        Args:
            case: The case.
            image: The edited picture.
            change: What was done, one of `review_probe.EDITS`.
            of: Digest of what it was made from, or its first digits; the original if empty.
            note: More of it in words.
        """
        path = source_of(image)
        data = read_file(path)
        _, held = CaseStore(self._deployment).read(case)
        parents = [version.sha256 for version in held.versions if version.sha256.startswith(of)]
        if len(parents) > 1 and of:
            raise UsageError(f"several pictures of the case begin with {of!r}; give more digits")
        parent = parents[0] if parents else of
        made = Version("", parent, change, note, "", self._deployment.now(), path.name)
        return self._seen(cases.add_edit(self._deployment, self._desk, case, data, made))

    def add_sample(self, case: str, image: Path | str | Upload, *, candidate: int) -> JSONDict:
        """Add the picture of a candidate; where it is known from which they were enrolled, only that one is taken."""
        data = read_file(source_of(image))
        return self._seen(cases.add_sample(self._deployment, self._desk, case, data, candidate))

    def template(self, case: str) -> str:
        """Return an empty answer to fill in, TOML."""
        _, held, _ = case_reading.reading(self._deployment, self._desk, case, "case.template")
        return template(held)

    def parse(self, case: str, data: bytes, name: str) -> tuple[Comparison, ...]:
        """Read an answer file, TOML or JSON; see `review_answers.parse_answer`."""
        return parse_answer(data, name, CaseStore(self._deployment).find(case).id)

    def answer(self, case: str, comparisons: tuple[Comparison, ...], *, amend: bool = False) -> JSONDict:
        """Record an answer, signed and final, or an amendment beside it (rules H1, H2)."""
        return cases.answer(self._deployment, self._desk, case, comparisons, amend=amend)

    def scores(self, case: str) -> JSONDict:
        """Return the scores of the search, to those who have answered (rule H2)."""
        _, held, who = case_reading.reading(self._deployment, self._desk, case, "case.score")
        if not sees_everything(held, who):
            refusal = PolicyRefusal(
                "H2",
                "the score stays hidden until the review is decided, or until you and another have answered.",
                "Answer first, if you are one of its reviewers.",
            )
            self._desk.deny(Happening("case.score", {"case": held.id}), refusal)
            raise refusal
        names = ("number", "subject", "score", "result")
        return {
            "case": held.id,
            "candidates": [{name: row[name] for name in names} for row in candidates_seen(held, who)],
        }

    def conclude(
        self, case: str, *, accuracy: str, finding: str, action: str, false_alerts: int | None = None
    ) -> JSONDict:
        """Record whether the candidates were right, and what was done (rule H3).

        Args:
            case: The case.
            accuracy: `correct`, `incorrect` or `undetermined`.
            finding: What was found out, in words.
            action: What was done, in words.
            false_alerts: With `incorrect`, of how many faces of the probe no candidate is whom it shows; None: of all.
        """
        outcome = Outcome("", self._deployment.now(), accuracy, finding, action, false_alerts)
        return cases.conclude(self._deployment, self._desk, case, outcome)

    def export(self, case: str, folder: Path | str, *, originals: bool = False) -> JSONDict:
        """Write what the person who acts may see to a new or empty folder (rule H4).

        Args:
            case: The case.
            folder: Where.
            originals: Write the pictures as well, byte by byte as they came.
        """
        return case_export.export(self._deployment, self._desk, case, Path(folder), originals=originals)

    def delete(self, case: str, *, reason: str) -> JSONDict:
        """Delete a case for good: its keys are destroyed."""
        moment = to_rfc3339(self._deployment.now())
        return {"case": case_end.delete(self._deployment, self._desk, case, reason), "deleted": moment}

    def _seen(self, case: Case) -> JSONDict:
        return case_reading.seen(self._deployment, case, actor(self._deployment))
