"""A face collection: one gallery, for one purpose, in the hands of one program."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.core.results import IdentificationResult, VerificationResult
from faceward.core.sources import Upload
from faceward.operations.collection_users import Users
from faceward.operations.collections import NamedReference
from faceward.operations.grounds import Grounds
from faceward.operations.identification import SearchRequest
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.compreface.asking import PURPOSE, Asked
from faceward.service.compreface.errors import Code, Failure
from faceward.service.compreface.parameters import Parameters
from faceward.service.compreface.shapes import UNKNOWN, reference_of
from faceward.service.errors import Forbidden
from faceward.service.v1.scope import limited, own_releases


@dataclass(frozen=True, slots=True)
class FaceCollection:
    """A gallery as CompreFace's clients see it; it blocks, and belongs into the pool.

    Attributes:
        system: The deployment as the program acts in it.
        asked: What the request rests on.
        purpose: What for.
        exists: Whether the gallery is there.
    """

    system: System
    asked: Asked
    purpose: str
    exists: bool

    @classmethod
    def open(cls, system: System, asked: Asked) -> FaceCollection:
        """Return the collection that a request means.

        Raises:
            Failure: Nobody says what for.
            Forbidden: The gallery serves a purpose that the key is not for.
        """
        serves = system.gallery_purposes().get(asked.gallery)
        purpose = asked.purpose or serves
        if purpose is None:
            message = f"Missing header: {PURPOSE}; the gallery is not there yet, so name the purpose it is to serve"
            raise Failure(Code.MISSING_REQUEST_HEADER, message)
        if serves is not None and serves != purpose:
            raise Forbidden(
                f"the gallery {asked.gallery!r} does not serve the purpose {purpose!r}; name another of them"
            )
        asked.caller.require_purpose(purpose)
        return cls(system, asked, purpose, serves is not None)

    def subjects(self) -> list[str]:
        """Return the names of all subjects, sorted: of every example, and those added by name alone."""
        if not self.exists:
            return []
        found = self.system.collections.references(self.gallery, self.ids())
        one_each = {reference.subject: reference.reference_id for reference in found}
        named = self.system.collections.named(self.gallery, tuple(one_each.values())) if one_each else ()
        return sorted({*(one.subject for one in named), *(user.name for user in self._users.all())})

    def add_subject(self, name: str) -> str:
        """Add a subject of whom there is no example yet.

        Raises:
            Failure: There is one of that name.
        """
        name = checked(name)
        self._ensure()
        mine, _ = self._held(name)
        if mine or not self._users.create(name):
            raise Failure(Code.SUBJECT_ALREADY_EXISTS, "Subject already exists")
        return name

    def rename_subject(self, name: str, new: str) -> None:
        """Rename a subject of whom there is no example yet; of another the name stands in what cannot be rewritten.

        Raises:
            Failure: There is none, there is one of the new name, or there are examples.
        """
        name, new = checked(name), checked(new)
        mine, _ = self._held(name)
        user = self._user(name)
        if not mine and user is None:
            raise Failure(Code.SUBJECT_NOT_FOUND, f"Subject {name} not found")
        if name == new:
            return
        if mine:
            raise Failure(
                Code.WRITING_NOT_ALLOWED,
                "a subject with examples cannot be renamed: release, notice and log name who was enrolled; delete the "
                "subject, and add new pictures under the other name",
            )
        self.add_subject(new)
        self._users.delete(name)

    def delete_subject(self, name: str) -> str:
        """Erase what is in this gallery of a subject; all of them, where they are in no other and the key is for all.

        Raises:
            Failure: There is none of that name, or all would be erased while a matter of theirs is open.
        """
        name = checked(name)
        mine, elsewhere = self._held(name)
        user = self._user(name)
        if not mine and user is None:
            raise Failure(Code.SUBJECT_NOT_FOUND, f"Subject {name} not found")
        # A key for some purposes or galleries has no say in what else is held: releases, complaints, requests.
        if not limited(self.asked.caller) and not elsewhere and not self._known_elsewhere(name):
            if self.system.collections.pending(name):
                raise Failure(
                    Code.WRITING_NOT_ALLOWED,
                    f"a complaint or a request of {name!r} is open, or they are suspended, and erasing them would end "
                    "it; decide it first, or erase them with 'faceward subject erase' or DELETE /v1/subjects",
                )
            self.system.erase(name)
            return name
        if mine:
            self.system.collections.delete_references(self.gallery, mine)
        if user is not None:
            self._users.delete(name)
        return name

    def ids(self, subject: str = "") -> tuple[str, ...]:
        """Return the identifiers of all references, or of a subject's, sorted."""
        if not self.exists:
            return ()
        if subject:
            return tuple(sorted(self._held(checked(subject))[0]))
        return self.system.collections.ids(self.gallery)

    def named(self, ids: Collection[str]) -> tuple[NamedReference, ...]:
        """Return references with their subjects; those that are not there are passed over."""
        if not self.exists or not ids:
            return ()
        return self.system.collections.named(self.gallery, ids)

    def example(self, image: str) -> NamedReference:
        """Return the reference that an image id names.

        Raises:
            Failure: There is none.
        """
        found = self.named([reference_of(image)])
        if not found:
            raise Failure(Code.EMBEDDING_NOT_FOUND, f"Image {image} not found")
        return found[0]

    def delete(self, ids: Collection[str]) -> int:
        """Erase references; return how many there were."""
        return len(self.system.collections.delete_references(self.gallery, ids)[0]) if self.exists and ids else 0

    def add(self, picture: Upload, subject: str, det_prob_threshold: float) -> str:
        """Enrol a picture; return the reference, or the one that was made of this picture before.

        Raises:
            Failure: The detector is less sure of a face than was asked for.
        """
        subject, system = checked(subject), self.system
        if det_prob_threshold:
            faces = system.collections.detect(picture).faces
            if not any(one.face.confidence >= det_prob_threshold for one in faces):
                raise Failure(Code.NO_FACES_FOUND, "No face is found in the given image")
        grounds = Grounds(own_releases(self.asked.caller, system, subject, self.purpose), self.asked.entry)
        result = system.enrol_on(grounds, [picture], subject=subject, purpose=self.purpose, gallery=self.gallery)
        made = result.samples[0].reference
        if made is not None:
            return made
        before = system.collections.enrolled(self.gallery, subject, picture)
        if before is None:
            raise Failure(Code.INCORRECT_ARGUMENT, "the example was erased while it was added; repeat it")
        return before.reference_id

    def recognise(self, picture: Upload, asked: Parameters) -> IdentificationResult:
        """Search for every face of a picture, or for the largest."""
        self._ensure()
        request = SearchRequest(
            gallery=self.gallery,
            purpose=self.purpose,
            reason=self.asked.reason,
            top=asked.prediction_count,
            mandate=self.asked.mandate,
            largest=asked.limit == 1,
        )
        return self.system.collections.search(picture, request)

    def verify(self, picture: Upload, image: str) -> VerificationResult:
        """Compare a picture with the subject of an example."""
        subject = self.example(image).subject
        self._require_all_galleries()
        return self.system.verify(picture, subject=subject, purpose=self.purpose, mandate=self.asked.mandate)

    def fmr_of(self, score: float | None, otherwise: float) -> float:
        """Return the false-match rate of a threshold at a score, or another where the score is not told."""
        return otherwise if score is None else self.system.collections.fmr_of(self.purpose, score)

    @property
    def gallery(self) -> str:
        """The gallery's name."""
        return self.asked.gallery

    @property
    def _users(self) -> Users:
        return self.system.collections.users(self.gallery)

    def _user(self, name: str) -> object | None:
        return self._users.get(name) if self.exists else None

    def _ensure(self) -> None:
        """Create the gallery where it is not there yet: a collection of CompreFace is there as soon as its key is."""
        if self.exists:
            return
        try:
            self.system.collections.create(self.gallery, self.purpose, {})
        except UsageError:
            # Another request created it meanwhile; what goes on to fail will say so.
            if self.gallery not in self.system.gallery_purposes():
                raise

    def _held(self, name: str) -> tuple[tuple[str, ...], bool]:
        """Return a subject's references here, and whether there are others elsewhere."""
        held = self.system.collections.held(name)
        mine = tuple(one.reference_id for one in held if one.gallery == self.gallery)
        return mine, len(mine) < len(held)

    def _known_elsewhere(self, name: str) -> bool:
        others = (one for one in self.system.collections.names() if one != self.gallery)
        return any(self.system.collections.users(one).get(name) is not None for one in others)

    def _require_all_galleries(self) -> None:
        """Check that the key is for every gallery of the purpose: a claim is compared with the references in all.

        Raises:
            Forbidden: It is for some.
        """
        require_galleries(self.asked.caller, self.system, self.purpose)


def require_galleries(caller: Caller, system: System, purpose: str) -> None:
    """Check that a key is for every gallery of a purpose.

    Raises:
        Forbidden: It is for some.
    """
    for gallery, serves in system.gallery_purposes().items():
        if serves == purpose:
            caller.require_gallery(gallery)


def checked(name: str) -> str:
    """Return a subject's name as it is written.

    Raises:
        Failure: It cannot be one, or means nobody to CompreFace's clients.
    """
    try:
        found = check_name(name, "subject")
    except UsageError as error:
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, str(error)) from None
    if found.casefold() == UNKNOWN:
        message = f"{UNKNOWN!r} stands for strangers; choose another name"
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, message)
    return found
