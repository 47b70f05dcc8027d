"""Users: CreateUser, DeleteUser, ListUsers, AssociateFaces, DisassociateFaces, SearchUsers and SearchUsersByImage.

A user is a subject whom a program has named. Faces of one subject are fused into one template already, so a user adds
nothing to a search: it says which subjects are answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from faceward.operations.collection_users import User, Users
from faceward.operations.collections import KeptGallery
from faceward.service.rekognition import names, shapes
from faceward.service.rekognition.calls import Answer, Call
from faceward.service.rekognition.errors import AwsError
from faceward.service.rekognition.searching import DEFAULT_SIMILARITY, Match, matches_of, searched

_MOST = 100
_PAGE = 500
_TOKEN = re.compile(r"[a-zA-Z0-9\-_]{1,64}")
_ASSOCIATE = ("CollectionId", "UserId", "FaceIds", "UserMatchThreshold", "ClientRequestToken")


def create(call: Call) -> Answer:
    """Name a user."""
    call.inputs.only(("CollectionId", "UserId", "ClientRequestToken"))
    token = _token(call)
    gallery, name = call.gallery(), _name(call)
    if not call.collections.users(gallery.name).create(name, token):
        raise AwsError("ConflictException", "a user of that name is there already")
    return {}


def delete(call: Call) -> Answer:
    """Forget a user; their faces stay in the collection."""
    call.inputs.only(("CollectionId", "UserId", "ClientRequestToken"))
    _token(call)
    gallery, name = call.gallery(), _name(call)
    if not call.collections.users(gallery.name).delete(name):
        raise _unknown()
    return {}


def listed(call: Call) -> Answer:
    """List users."""
    call.inputs.only(("CollectionId", "MaxResults", "NextToken"))
    gallery = call.gallery()
    most = call.inputs.whole("MaxResults", _PAGE, (1, _PAGE))
    known = {user.pseudonym.hex(): user for user in call.collections.users(gallery.name).all()}
    page, token = call.page(f"users/{gallery.name}", sorted(known), most)
    shown = [user for user in (_shown(known[one]) for one in page) if user is not None]
    return {"Users": shown} if token is None else {"Users": shown, "NextToken": token}


def associate(call: Call) -> Answer:
    """Count faces of the same subject to a user."""
    call.inputs.only(_ASSOCIATE)
    _token(call)
    call.inputs.number("UserMatchThreshold", 75.0, (0, 100))
    gallery = call.gallery()
    users, user = _user(call, gallery)
    mine, failed = _sorted(call, gallery, user)
    user = users.associate(user, mine) if mine else user
    return {
        "AssociatedFaces": [{"FaceId": names.face_id(one)} for one in mine],
        "UnsuccessfulFaceAssociations": failed,
        "UserStatus": _status(user),
    }


def disassociate(call: Call) -> Answer:
    """Count faces to a user no more; they stay in the collection."""
    call.inputs.only(("CollectionId", "UserId", "FaceIds", "ClientRequestToken"))
    _token(call)
    gallery = call.gallery()
    users, user = _user(call, gallery)
    mine, failed = _sorted(call, gallery, user)
    there = [one for one in mine if one in user.references]
    failed += [
        {"FaceId": names.face_id(one), "Reasons": ["FACE_NOT_FOUND"]} for one in mine if one not in user.references
    ]
    user = users.disassociate(user, there) if there else user
    return {
        "DisassociatedFaces": [{"FaceId": names.face_id(one)} for one in there],
        "UnsuccessfulFaceDisassociations": failed,
        "UserStatus": _status(user),
    }


def search(call: Call) -> Answer:
    """Search for other users who resemble a user, or the subject of a face."""
    call.inputs.only(("CollectionId", "UserId", "FaceId", "UserMatchThreshold", "MaxUsers"))
    gallery = call.gallery()
    threshold = call.inputs.number("UserMatchThreshold", DEFAULT_SIMILARITY, (0, 100))
    most = call.inputs.whole("MaxUsers", 20, (1, _PAGE))
    if call.inputs.has("UserId") == call.inputs.has("FaceId"):
        raise AwsError("InvalidParameterException", "give either UserId or FaceId")
    answer: Answer = {"FaceModelVersion": call.version}
    if call.inputs.has("FaceId"):
        reference = call.inputs.face()
        answer["SearchedFace"] = {"FaceId": names.face_id(reference)}
    else:
        _, user = _user(call, gallery)
        if not user.references:
            raise AwsError("InvalidParameterException", "no face counts to this user yet; AssociateFaces adds some")
        reference = user.references[0]
        answer["SearchedUser"] = {"UserId": call.inputs.text("UserId", names.USER_ID)}
    found = call.collections.search_reference(reference, call.search(gallery, most))
    matches = matches_of(call, gallery, found.candidates, threshold)
    return {**answer, "UserMatches": _users(call, gallery, matches)}


def search_by_image(call: Call) -> Answer:
    """Search for users by the largest face of a picture."""
    call.inputs.only(("CollectionId", "Image", "UserMatchThreshold", "MaxUsers", "QualityFilter"))
    gallery = call.gallery()
    threshold = call.inputs.number("UserMatchThreshold", DEFAULT_SIMILARITY, (0, 100))
    most = call.inputs.whole("MaxUsers", 20, (1, _PAGE))
    found = searched(call, gallery, most, threshold)
    face = shapes.detail(found.face, found.size)
    if found.rejected:
        why = shapes.reasons(found.face, call.collections.probe_floors)
        unsearched: list[shapes.Shape] = [{"FaceDetails": face, "Reasons": why}]
        return {"UserMatches": [], "FaceModelVersion": call.version, "UnsearchedFaces": unsearched}
    return {
        "UserMatches": _users(call, gallery, found.matches),
        "FaceModelVersion": call.version,
        "SearchedFace": {"FaceDetail": face},
        "UnsearchedFaces": [],
    }


def _name(call: Call) -> str:
    return names.subject_of(call.inputs.text("UserId", names.USER_ID))


def _user(call: Call, gallery: KeptGallery) -> tuple[Users, User]:
    users = call.collections.users(gallery.name)
    user = users.get(_name(call))
    if user is None:
        raise _unknown()
    return users, user


def _sorted(call: Call, gallery: KeptGallery, user: User) -> tuple[list[str], list[shapes.Shape]]:
    """Tell faces of the user's subject from those of others, and from those that are not there."""
    wanted = call.inputs.faces("FaceIds", _MOST)
    there = {one.reference_id: one for one in call.collections.references(gallery.name, wanted)}
    mine: list[str] = []
    failed: list[shapes.Shape] = []
    for one in wanted:
        found = there.get(one)
        if found is not None and found.subject == user.pseudonym:
            mine.append(one)
            continue
        why = "FACE_NOT_FOUND" if found is None else "ASSOCIATED_TO_A_DIFFERENT_USER"
        failed.append({"FaceId": names.face_id(one), "Reasons": [why]})
    return mine, failed


def _users(call: Call, gallery: KeptGallery, matches: Sequence[Match]) -> list[shapes.Shape]:
    users = call.collections.users(gallery.name)
    shown = []
    for match in matches:
        user = users.get(match.candidate.subject)
        # A user to whom no face of the template counts was not found by this search.
        if user is None or not set(user.references) & set(match.candidate.references):
            continue
        told = _shown(user)
        if told is not None:
            found: shapes.Shape = {"User": told}
            shown.append(found if match.similarity is None else {"Similarity": match.similarity, **found})
    return shown


def _shown(user: User) -> shapes.Shape | None:
    name = names.external_of(user.name, 128)
    return None if name is None else {"UserId": name, "UserStatus": _status(user)}


def _status(user: User) -> str:
    return "ACTIVE" if user.references else "CREATED"


def _token(call: Call) -> str:
    return call.inputs.text("ClientRequestToken", _TOKEN) if call.inputs.has("ClientRequestToken") else ""


def _unknown() -> AwsError:
    return AwsError("ResourceNotFoundException", "there is no user of that name; CreateUser makes one")
