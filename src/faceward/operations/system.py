"""The system as its users see it: the operations as methods of one open deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from faceward.core.canonical import JSONObject
from faceward.core.names import check_name, normal_name, printable
from faceward.core.reports import EnrolmentResult, ErasureResult, RedactionResult, SubjectView
from faceward.core.results import IdentificationResult, JSONDict, VerificationResult
from faceward.core.sources import Source, Upload, source_of
from faceward.gallery.store import GalleryInfo
from faceward.operations import (
    enrolment,
    identification,
    pictures,
    purposes,
    recognition,
    redaction,
    subjects,
    upkeep,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.desks import Desks
from faceward.operations.folders import folder_pictures
from faceward.operations.grounds import Grounds
from faceward.policy.consent import Release
from faceward.policy.purposes import ANY_CAMERA, Purpose, PurposeRequest
from faceward.policy.sessions import OpenSession
from faceward.policy.visits import Visit

Progress = Callable[[int, int], None]


class System(Desks):
    """An open deployment. Use it as a context manager; `lock` or `close` overwrites what was opened.

    Every method that concerns people raises `PolicyRefusal` where a rule of the standard forbids it (the refusal is in
    the log), `UsageError` for unknown names, `BadInput` for pictures that cannot be used, `IntegrityError` where stored
    data were altered and `EnvironmentFailure` where the machine failed; then nothing is half-done.
    """

    def __init__(self, deployment: Deployment, session: ExitStack | None, desk: Desk | None = None) -> None:
        super().__init__(deployment, desk or Desk(deployment))
        self._session = session

    def acting(self, operator: str, session: OpenSession | None = None) -> System:
        """Return the same open deployment as another person acts in it; threads may act at once.

        It shares every file, key, network and opened gallery, and ends with the one that was opened; closing it does
        nothing.

        Args:
            operator: Who acts, as the log will say; claimed unless a session proves it.
            session: The session of who signed in, or None.
        """
        view = self._deployment.acting(operator, session)
        return System(view, None, self._desk.acting(view))

    def visited(self, visit: Visit) -> System:
        """Return the same open deployment as a subject acts in it who came by a link; see `acting` and `links`."""
        view = self._deployment.visited(visit)
        return System(view, None, self._desk.acting(view))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_purpose(  # noqa: PLR0913 - keywords that a purpose is described by
        self,
        name: str,
        *,
        basis: str,
        fmr: float,
        retention: timedelta,
        fpir: float | None = None,
        alternative: str = "",
        camera_class: str = ANY_CAMERA,
    ) -> Purpose:
        """Register a purpose (rule P1).

        Args:
            name: Its name, in any script.
            basis: Lawful basis: `consent`, `legal-obligation` or another that the standard accepts.
            fmr: False-match rate that a verification accepts, for one comparison.
            retention: How long references are kept at most.
            fpir: False-positive rate that a whole search accepts; the standard's own if None.
            alternative: The way without biometrics that people are offered.
            camera_class: What kind of pictures its probes are, such as `door`: evidence is of the same (rule V1). `any`
                names none.
        """
        request = PurposeRequest(name, basis, fmr, retention, fpir, alternative, camera_class)
        return purposes.add(self._deployment, self._desk, request)

    def purposes(self) -> tuple[Purpose, ...]:
        """Return all purposes by name."""
        return purposes.listed(self._deployment)

    def galleries(self) -> tuple[GalleryInfo, ...]:
        """Return all galleries by name."""
        return purposes.galleries(self._deployment)

    def enrol(
        self,
        images: Sequence[Path | str | Upload],
        *,
        subject: str,
        purpose: str,
        releases: Sequence[Release] = (),
        gallery: str | None = None,
        progress: Progress | None = None,
    ) -> EnrolmentResult:
        """Enrol pictures of one subject; see `operations.enrolment.enrol`.

        Args:
            images: Picture files with one prominent face each.
            subject: Who they show.
            purpose: A registered purpose.
            releases: Releases that name subject, purpose and term, where the basis is consent (rule C1).
            gallery: Where references go; a gallery named as the purpose if None. It is created at first use.
            progress: Told how many pictures are done, of how many.
        """
        return self.enrol_on(
            Grounds(tuple(releases)), images, subject=subject, purpose=purpose, gallery=gallery, progress=progress
        )

    def enrol_on(
        self,
        grounds: Grounds,
        images: Sequence[Path | str | Upload],
        *,
        subject: str | None,
        purpose: str,
        gallery: str | None = None,
        progress: Progress | None = None,
    ) -> EnrolmentResult:
        """Enrol pictures on any grounds: releases, an approved entry on a watchlist, an exemption from the notice.

        Args:
            grounds: See `operations.grounds.Grounds`.
            images: Picture files, or one folder with a sub-folder a subject where no subject is named.
            subject: Who they show, or None.
            purpose: A registered purpose.
            gallery: See `enrol`.
            progress: See `enrol`.
        """
        if subject is None:
            folders = [Path(str(image)) for image in images]
            found: tuple[tuple[Source, str], ...] = tuple(pair for one in folders for pair in folder_pictures(one))
        else:
            found = tuple((source_of(image), check_name(subject, "subject")) for image in images)
        request = enrolment.Request(found, normal_name(purpose), grounds, gallery)
        upkeep.expire(self._deployment, self._desk)
        return enrolment.enrol(self._deployment, self._desk, request, progress)

    def enrol_folder(
        self,
        folder: Path | str,
        *,
        purpose: str,
        releases: Sequence[Release] = (),
        gallery: str | None = None,
        progress: Progress | None = None,
    ) -> EnrolmentResult:
        """Enrol a folder of one sub-folder a subject; repeat an interrupted call to resume it."""
        return self.enrol_on(
            Grounds(tuple(releases)), [folder], subject=None, purpose=purpose, gallery=gallery, progress=progress
        )

    def verify(
        self,
        image: Path | str | Upload,
        *,
        subject: str,
        purpose: str,
        mandate: str | None = None,
        camera: str | None = None,
    ) -> VerificationResult:
        """Compare a picture with the subject whom it claims to show; see `identify` for mandate and camera."""
        upkeep.expire(self._deployment, self._desk)
        request = recognition.ClaimRequest(subject, normal_name(purpose), mandate, camera)
        return recognition.verify(self._deployment, self._desk, source_of(image), request)

    def identify(  # noqa: PLR0913 - keywords that a search is described by
        self,
        image: Path | str | Upload,
        *,
        gallery: str,
        purpose: str,
        reason: str,
        top: int = 5,
        mandate: str | None = None,
        camera: str | None = None,
        kind: str = "photograph",
    ) -> IdentificationResult:
        """Search a gallery for every face of a picture; a face without candidates is *unknown*.

        Args:
            image: The probe picture.
            gallery: Where to search.
            purpose: The purpose that the gallery serves.
            reason: Why the people are to be identified, in a sentence; it goes to the log.
            top: Most candidates a face, 1 to 50.
            mandate: Digest of a mandate, or its first digits, where the standard asks for one (rule P2).
            camera: The camera that the picture comes from, if any; a mandate names cameras.
            kind: What the picture is: `photograph` or `frame`; composites and sketches are refused (rule S3).
        """
        upkeep.expire(self._deployment, self._desk)
        request = identification.SearchRequest(
            gallery=normal_name(gallery),
            purpose=normal_name(purpose),
            reason=printable(reason),
            top=top,
            mandate=mandate,
            camera=camera,
            kind=kind,
        )
        return identification.identify(self._deployment, self._desk, source_of(image), request)

    def redact(  # noqa: PLR0913 - keywords that a redaction is described by
        self,
        source: Path | str,
        output: Path | str,
        *,
        keep: Sequence[str] = (),
        purpose: str | None = None,
        mandate: str | None = None,
        mode: str = "pixelate",
        progress: Progress | None = None,
    ) -> RedactionResult:
        """Hide every face of a picture or a folder of pictures, except those of named subjects.

        Args:
            source: A picture or a folder.
            output: A picture, or a folder of the same shape; written whole or not at all, without metadata.
            keep: Subjects who stay visible.
            purpose: The purpose of their references, where they have several.
            mandate: Digest of a mandate, or its first digits, where the standard asks for one (rule P2).
            mode: `pixelate`, `blur` or `fill`.
            progress: Told how many pictures are done, of how many.
        """
        upkeep.expire(self._deployment, self._desk)
        plan = pictures.targets(Path(source), Path(output))
        keeping = redaction.Keeping(keep, None if purpose is None else normal_name(purpose), mandate)
        return redaction.redact(self._deployment, self._desk, plan, keeping, mode, progress)

    def subject(self, subject: str) -> SubjectView:
        """Return what is held about a subject and what happened to them."""
        upkeep.expire(self._deployment, self._desk)
        return subjects.show(self._deployment, self._desk, subject)

    def export(self, subject: str) -> JSONDict:
        """Return everything held about a subject as one object, without features."""
        upkeep.expire(self._deployment, self._desk)
        return subjects.export(self._deployment, self._desk, subject)

    def notice(self, subject: str) -> tuple[str, ...]:
        """Return the notices written for a subject at enrolment."""
        upkeep.expire(self._deployment, self._desk)
        return subjects.notices(self._deployment, self._desk, subject)

    def erase(self, subject: str) -> ErasureResult:
        """Erase a subject for good, with a receipt for them."""
        return subjects.erase(self._deployment, self._desk, subject)

    def rotate(self, gallery: str) -> int:
        """Give a gallery a new key and rewrap its subjects' keys; return how many."""
        return upkeep.rotate(self._deployment, self._desk, normal_name(gallery))

    def simulate(
        self, gallery: str, *, purpose: str, count: int, seed: int = 0, progress: Progress | None = None
    ) -> int:
        """Fill a gallery with simulated references of nobody, before real people are enrolled in it."""
        upkeep.expire(self._deployment, self._desk)
        request = (normal_name(gallery), normal_name(purpose), count, seed)
        return upkeep.simulate(self._deployment, self._desk, request, progress)

    def status(self) -> JSONObject:
        """Return the deployment's state."""
        return upkeep.status(self._deployment)

    def lock(self) -> None:
        """Overwrite every opened reference; the next search opens them again."""
        self._deployment.lock()

    def close(self) -> None:
        """Lock and close."""
        if self._session is not None:
            self._deployment.close()
            self._session.close()
