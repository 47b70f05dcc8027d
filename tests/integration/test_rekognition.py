"""The interface of Rekognition, driven by boto3 as it is, each answer judged by botocore's own model."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from faceward.operations import recipients
from faceward.operations.recipients import note_delivery

TAGS = {"purpose": "door", "basis": "consent", "retention": "365d"}
UNGIVEN = ("Emotions", "Gender", "AgeRange", "Beard", "Mustache", "Smile", "Eyeglasses", "Sunglasses", "EyesOpen")


def _kit() -> ModuleType:
    # Tests are no package, so that a module beside them is loaded by its path, once.
    name = "faceward_test_rekognition_kit"
    if name not in sys.modules:
        path = Path(__file__).resolve().parents[1] / "rekognition_kit.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


make_shop, shop = _kit().make_shop, _kit().shop


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def message(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Message"])


def test_a_shop_moves_in(shop: Any) -> None:
    aws = shop.aws
    made = aws.create_collection(CollectionId="staff", Tags=TAGS)
    assert made["StatusCode"] == 200
    assert made["CollectionArn"] == "aws:rekognition:eu-central-1:000000000000:collection/staff"
    shop.release("ana", "ben")
    indexed = aws.index_faces(CollectionId="staff", Image=shop.picture("ana"), ExternalImageId="ana", MaxFaces=1)
    face = indexed["FaceRecords"][0]["Face"]
    assert face["ExternalImageId"] == "ana"
    assert indexed["UnindexedFaces"] == []
    aws.index_faces(CollectionId="staff", Image=shop.picture("ben"), ExternalImageId="ben")
    described = aws.describe_collection(CollectionId="staff")
    assert (described["FaceCount"], described["UserCount"]) == (2, 0)
    assert described["FaceModelVersion"] == indexed["FaceModelVersion"] == face["IndexFacesModelVersion"]
    found = aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana"), MaxFaces=5)
    [match] = found["FaceMatches"]
    assert match["Face"]["FaceId"] == face["FaceId"]
    assert match["Face"]["ExternalImageId"] == "ana"
    assert match["Similarity"] >= 80
    stranger = aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("eve"))
    assert stranger["FaceMatches"] == []
    assert sorted(one["ExternalImageId"] for one in aws.list_faces(CollectionId="staff")["Faces"]) == ["ana", "ben"]
    deleted = aws.delete_faces(CollectionId="staff", FaceIds=[face["FaceId"]])
    assert deleted["DeletedFaces"] == [face["FaceId"]]
    assert aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana"))["FaceMatches"] == []
    assert aws.delete_collection(CollectionId="staff")["StatusCode"] == 200
    assert aws.list_collections()["CollectionIds"] == []
    assert shop.system.verify_log()


def test_a_deleted_collection_leaves_no_key_and_its_name_is_free(shop: Any) -> None:
    shop.indexed("ana", "ben")
    deployment = shop.system._deployment
    keys = set(deployment.store.keys("staff").values())
    shop.aws.create_user(CollectionId="staff", UserId="ana")
    shop.aws.delete_collection(CollectionId="staff")
    assert deployment.keys.destroyed(keys) == keys
    assert ("gallery.delete", "end") in shop.log()
    assert "staff" not in {info.name for info in shop.system.galleries()}
    with pytest.raises(shop.aws.exceptions.ResourceNotFoundException):
        shop.aws.describe_collection(CollectionId="staff")
    shop.system.add_purpose("law", basis="legal-obligation", fmr=1e-3, retention=deployment.purpose("door").retention)
    shop.aws.create_collection(CollectionId="staff", Tags={"purpose": "law"})
    shop.aws.index_faces(CollectionId="staff", Image=shop.picture("cem"), ExternalImageId="cem")
    described = shop.aws.describe_collection(CollectionId="staff")
    assert (described["FaceCount"], described["UserCount"]) == (1, 0)
    found = shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("cem"))
    assert [one["Face"]["ExternalImageId"] for one in found["FaceMatches"]] == ["cem"]


def test_P1_a_collection_without_a_registered_purpose_is_refused_and_logged(shop: Any) -> None:
    with pytest.raises(shop.aws.exceptions.AccessDeniedException) as caught:
        shop.aws.create_collection(CollectionId="staff", Tags={"purpose": "marketing"})
    assert "rule P1" in message(caught)
    assert shop.log()[-1] == ("gallery.create", "denied")
    with pytest.raises(shop.aws.exceptions.InvalidParameterException, match="rule P1"):
        shop.aws.create_collection(CollectionId="staff")
    assert shop.aws.list_collections()["CollectionIds"] == []


@pytest.mark.parametrize(("tag", "said"), [("basis", "legal-obligation"), ("retention", "30d"), ("retention", "soon")])
def test_tags_agree_with_the_purpose(shop: Any, tag: str, said: str) -> None:
    with pytest.raises(shop.aws.exceptions.InvalidParameterException):
        shop.aws.create_collection(CollectionId="staff", Tags={**TAGS, tag: said})
    assert shop.aws.list_collections()["CollectionIds"] == []


def test_a_collection_that_is_there_is_not_created_again(shop: Any) -> None:
    shop.aws.create_collection(CollectionId="staff", Tags=TAGS)
    with pytest.raises(shop.aws.exceptions.ResourceAlreadyExistsException):
        shop.aws.create_collection(CollectionId="staff", Tags=TAGS)


def test_C1_without_a_release_on_file_no_face_is_indexed(shop: Any) -> None:
    shop.aws.create_collection(CollectionId="staff", Tags=TAGS)
    pipeline = shop.world.fake(shop.system)
    pipeline.extracted.clear()
    with pytest.raises(shop.aws.exceptions.AccessDeniedException) as caught:
        shop.aws.index_faces(CollectionId="staff", Image=shop.picture("ana"), ExternalImageId="ana")
    assert "rule C1" in message(caught)
    assert pipeline.extracted == []
    assert shop.log()[-1] == ("enrol", "denied")
    shop.release("ben")
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="C1"):
        shop.aws.index_faces(CollectionId="staff", Image=shop.picture("ana"), ExternalImageId="ana")


def test_C2_a_release_on_file_is_gone_with_its_withdrawal_and_with_an_erasure(shop: Any) -> None:
    shop.indexed("ana", "ben")
    shop.system.rights.withdraw("ana", "door")
    shop.system.erase("ben")
    for who in ("ana", "ben"):
        assert shop.system.releases.of(who) == ()
        with pytest.raises(shop.aws.exceptions.AccessDeniedException):
            shop.aws.index_faces(CollectionId="staff", Image=shop.picture(who), ExternalImageId=who)
    assert shop.aws.list_faces(CollectionId="staff")["Faces"] == []


def test_E2_a_face_below_the_floor_is_told_and_not_indexed(shop: Any) -> None:
    shop.aws.create_collection(CollectionId="staff", Tags=TAGS)
    shop.release("ana")
    picture = shop.picture("ana", blurred=True)
    for wish in ("NONE", "AUTO"):
        answer = shop.aws.index_faces(CollectionId="staff", Image=picture, ExternalImageId="ana", QualityFilter=wish)
        assert answer["FaceRecords"] == []
        [face] = answer["UnindexedFaces"]
        assert face["Reasons"]
        assert "sharp" in answer["ResponseMetadata"]["HTTPHeaders"]["x-faceward-note"]
    assert shop.aws.describe_collection(CollectionId="staff")["FaceCount"] == 0


def test_E4_a_picture_that_was_searched_with_is_not_indexed(shop: Any) -> None:
    shop.indexed("ana")
    picture = shop.picture("ben")
    shop.release("ben")
    shop.aws.search_faces_by_image(CollectionId="staff", Image=picture)
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="rule E4"):
        shop.aws.index_faces(CollectionId="staff", Image=picture, ExternalImageId="ben")


def test_one_picture_one_subject(shop: Any) -> None:
    shop.aws.create_collection(CollectionId="staff", Tags=TAGS)
    shop.release("ana")
    answer = shop.aws.index_faces(CollectionId="staff", Image=shop.picture("ana", "ben"), ExternalImageId="ana")
    assert answer["FaceRecords"] == []
    assert [one["Reasons"] for one in answer["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]] * 2
    with pytest.raises(shop.aws.exceptions.InvalidParameterException, match="ExternalImageId"):
        shop.aws.index_faces(CollectionId="staff", Image=shop.picture("ana"))


def test_the_same_picture_again_is_the_same_face(shop: Any) -> None:
    shop.aws.create_collection(CollectionId="staff", Tags=TAGS)
    shop.release("ana")
    picture = shop.picture("ana")
    found = [
        shop.aws.index_faces(CollectionId="staff", Image=picture, ExternalImageId="ana")["FaceRecords"][0]["Face"]
        for _ in range(2)
    ]
    assert found[0]["FaceId"] == found[1]["FaceId"]
    assert found[0]["ImageId"] == found[1]["ImageId"]
    assert shop.aws.describe_collection(CollectionId="staff")["FaceCount"] == 1


def test_subjects_of_other_scripts_keep_their_names(shop: Any) -> None:
    shop.world.enrol(shop.system, "Jürgen Straße")
    [face] = shop.aws.list_faces(CollectionId="door")["Faces"]
    found = shop.aws.search_faces_by_image(CollectionId="door", Image=shop.picture("Jürgen Straße"))
    assert found["FaceMatches"][0]["Face"]["ExternalImageId"] == face["ExternalImageId"] != "Jürgen Straße"
    shop.release("Jürgen Straße")
    shop.aws.index_faces(
        CollectionId="door", Image=shop.picture("Jürgen Straße"), ExternalImageId=face["ExternalImageId"]
    )
    assert len(shop.system.subject("Jürgen Straße").references) == 2


def test_only_the_largest_face_is_searched_for(shop: Any) -> None:
    shop.indexed("ana", "ben")
    shop.world.fake(shop.system).extracted.clear()
    found = shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana", "ben", "eve"))
    assert len(found["FaceMatches"]) == 1
    line = next(one for one in reversed(list(shop.system.log_lines())) if one.operation == "identify")
    assert line.opened["details"]["faces"] == 1


def test_a_stricter_threshold_filters_and_a_looser_one_is_not_honoured(shop: Any) -> None:
    shop.indexed("ana")
    usual = shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana"))
    similarity = usual["FaceMatches"][0]["Similarity"]
    strict = {"CollectionId": "staff", "Image": shop.picture("ana"), "FaceMatchThreshold": 100.0}
    assert shop.aws.search_faces_by_image(**strict)["FaceMatches"] == []
    loose = shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("eve"), FaceMatchThreshold=0.0)
    assert loose["FaceMatches"] == []
    assert "nobody below a similarity of" in loose["ResponseMetadata"]["HTTPHeaders"]["x-faceward-note"]
    assert similarity > 90


def test_a_search_with_a_face_finds_others_like_it(shop: Any) -> None:
    faces = shop.indexed("ana", "ben")
    found = shop.aws.search_faces(CollectionId="staff", FaceId=faces[0], MaxFaces=5)
    assert found["SearchedFaceId"] == faces[0]
    assert found["FaceMatches"] == []
    # The same person under another name is what such a search is for.
    shop.release("anna")
    shop.aws.index_faces(CollectionId="staff", Image=shop.picture("ana"), ExternalImageId="anna")
    found = shop.aws.search_faces(CollectionId="staff", FaceId=faces[0])
    assert [one["Face"]["ExternalImageId"] for one in found["FaceMatches"]] == ["anna"]
    lines = [line for line in shop.system.log_lines() if line.operation == "identify"]
    assert lines[-2].opened["details"]["probe_reference"] == faces[0].replace("-", "")
    with pytest.raises(shop.aws.exceptions.ResourceNotFoundException):
        shop.aws.search_faces(CollectionId="staff", FaceId="0" * 8 + "-0000-0000-0000-" + "0" * 12)


def test_lists_come_in_pages(shop: Any) -> None:
    faces = shop.indexed("ana", "ben", "cem", "dee", "eve")
    for name in ("b-2", "c" * 255, "d.3"):
        shop.aws.create_collection(CollectionId=name, Tags=TAGS)
    seen: list[str] = []
    for page in shop.aws.get_paginator("list_faces").paginate(CollectionId="staff", PaginationConfig={"PageSize": 2}):
        assert len(page["Faces"]) <= 2
        seen += [one["FaceId"] for one in page["Faces"]]
    assert sorted(seen) == sorted(faces)
    names: list[str] = []
    for page in shop.aws.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 1}):
        names += page["CollectionIds"]
    assert names == ["b-2", "c" * 255, "d.3", "staff"]
    token = shop.aws.list_faces(CollectionId="staff", MaxResults=2)["NextToken"]
    for wrong in (token[:-4] + "AAAA", "x", "ü"):
        with pytest.raises(shop.aws.exceptions.InvalidPaginationTokenException):
            shop.aws.list_faces(CollectionId="staff", MaxResults=2, NextToken=wrong)
    with pytest.raises(shop.aws.exceptions.InvalidPaginationTokenException):
        shop.aws.list_collections(NextToken=token)
    picked = shop.aws.list_faces(CollectionId="staff", FaceIds=faces[:2])["Faces"]
    assert {one["FaceId"] for one in picked} == set(faces[:2])


def test_deleting_faces_says_what_is_not_there(shop: Any) -> None:
    [face] = shop.indexed("ana")
    nobody = "11111111-1111-1111-1111-111111111111"
    answer = shop.aws.delete_faces(CollectionId="staff", FaceIds=[nobody])
    assert answer["DeletedFaces"] == []
    assert answer["UnsuccessfulFaceDeletions"] == [{"FaceId": nobody, "Reasons": ["FACE_NOT_FOUND"]}]
    shop.aws.create_user(CollectionId="staff", UserId="ana")
    shop.aws.associate_faces(CollectionId="staff", UserId="ana", FaceIds=[face])
    answer = shop.aws.delete_faces(CollectionId="staff", FaceIds=[face])
    assert answer["UnsuccessfulFaceDeletions"][0]["Reasons"] == ["ASSOCIATED_TO_AN_EXISTING_USER"]
    shop.aws.delete_user(CollectionId="staff", UserId="ana")
    assert shop.aws.delete_faces(CollectionId="staff", FaceIds=[face])["DeletedFaces"] == [face]


def test_users_are_subjects_whom_a_program_named(shop: Any) -> None:
    aws, faces = shop.aws, shop.indexed("ana", "ben")
    aws.create_user(CollectionId="staff", UserId="ana", ClientRequestToken="once")
    aws.create_user(CollectionId="staff", UserId="ana", ClientRequestToken="once")
    # Whoever does not send the same request again means another; botocore draws a token for each call.
    with pytest.raises(aws.exceptions.ConflictException):
        aws.create_user(CollectionId="staff", UserId="ana")
    assert aws.list_users(CollectionId="staff")["Users"] == [{"UserId": "ana", "UserStatus": "CREATED"}]
    probe = {"CollectionId": "staff", "Image": shop.picture("ana")}
    assert aws.search_users_by_image(**probe)["UserMatches"] == []
    nobody = "11111111-1111-1111-1111-111111111111"
    answer = aws.associate_faces(CollectionId="staff", UserId="ana", FaceIds=[*faces, nobody])
    assert answer["AssociatedFaces"] == [{"FaceId": faces[0]}]
    assert answer["UserStatus"] == "ACTIVE"
    assert {one["FaceId"]: one["Reasons"] for one in answer["UnsuccessfulFaceAssociations"]} == {
        faces[1]: ["ASSOCIATED_TO_A_DIFFERENT_USER"],
        nobody: ["FACE_NOT_FOUND"],
    }
    found = aws.search_users_by_image(CollectionId="staff", Image=shop.picture("ana"))
    assert [one["User"]["UserId"] for one in found["UserMatches"]] == ["ana"]
    assert found["SearchedFace"]["FaceDetail"]["BoundingBox"]["Width"] > 0
    assert aws.search_users_by_image(CollectionId="staff", Image=shop.picture("ben"))["UserMatches"] == []
    [mine] = aws.list_faces(CollectionId="staff", UserId="ana")["Faces"]
    assert (mine["FaceId"], mine["UserId"]) == (faces[0], "ana")
    assert aws.search_users(CollectionId="staff", UserId="ana")["UserMatches"] == []
    assert aws.search_users(CollectionId="staff", FaceId=faces[1])["SearchedFace"] == {"FaceId": faces[1]}
    assert aws.describe_collection(CollectionId="staff")["UserCount"] == 1
    gone = aws.disassociate_faces(CollectionId="staff", UserId="ana", FaceIds=[faces[0]])
    assert gone["DisassociatedFaces"] == [{"FaceId": faces[0]}]
    assert gone["UserStatus"] == "CREATED"
    aws.delete_user(CollectionId="staff", UserId="ana")
    with pytest.raises(aws.exceptions.ResourceNotFoundException):
        aws.associate_faces(CollectionId="staff", UserId="ana", FaceIds=faces)
    with pytest.raises(aws.exceptions.ResourceNotFoundException):
        aws.delete_user(CollectionId="staff", UserId="ana")


def test_T2_an_erased_subject_is_no_user_any_more(shop: Any) -> None:
    name = "Zerlina.Quartermain"
    shop.indexed(name, "ben")
    shop.aws.create_user(CollectionId="staff", UserId=name)
    documents = shop.system._deployment.store.documents("collection-user/staff")
    assert len(documents) == 1
    # Neither the user nor the release on file is readable in what lies on the disk.
    assert not [file for file, content in shop.world.contents().items() if name.encode() in content]
    shop.system.erase(name)
    assert shop.system._deployment.store.documents("collection-user/staff") == {}
    assert shop.aws.list_users(CollectionId="staff")["Users"] == []
    assert shop.aws.describe_collection(CollectionId="staff")["UserCount"] == 0


def test_faces_of_two_pictures_are_compared(shop: Any) -> None:
    answer = shop.aws.compare_faces(SourceImage=shop.picture("ana"), TargetImage=shop.picture("ben", "ana", "eve"))
    assert [one["Similarity"] > 90 for one in answer["FaceMatches"]] == [True]
    assert len(answer["UnmatchedFaces"]) == 2
    assert len(answer["FaceMatches"][0]["Face"]["Landmarks"]) == 5
    assert shop.log()[-1] == ("verify-pair", "end")
    every = shop.aws.compare_faces(
        SourceImage=shop.picture("ana"), TargetImage=shop.picture("ben", "ana"), SimilarityThreshold=0.0
    )
    assert [one["Similarity"] for one in every["FaceMatches"]] == sorted(
        (one["Similarity"] for one in every["FaceMatches"]), reverse=True
    )
    with pytest.raises(shop.aws.exceptions.InvalidParameterException, match="no faces in the image"):
        shop.aws.compare_faces(SourceImage=shop.picture("ana"), TargetImage=shop.picture())


def test_P4_whatever_is_asked_for_nothing_is_guessed_of_a_person(shop: Any) -> None:
    asked = ["ALL", "EMOTIONS", "GENDER", "AGE_RANGE"]
    answer = shop.aws.detect_faces(Image=shop.picture("ana", "ben"), Attributes=asked)
    assert len(answer["FaceDetails"]) == 2
    for face in answer["FaceDetails"]:
        assert set(face) == {"BoundingBox", "Landmarks", "Pose", "Quality", "Confidence"}
    assert "rule P4" in answer["ResponseMetadata"]["HTTPHeaders"]["x-faceward-note"]
    shop.indexed("cem")
    said = json.dumps(shop.served.answers)
    assert not [word for word in UNGIVEN if f'"{word}"' in said]


def test_detecting_nobody_is_an_answer(shop: Any) -> None:
    assert shop.aws.detect_faces(Image=shop.picture())["FaceDetails"] == []
    shop.indexed("ana")
    with pytest.raises(shop.aws.exceptions.InvalidParameterException, match="no faces in the image"):
        shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture())


def test_P5_a_picture_is_never_fetched_from_an_address(shop: Any) -> None:
    elsewhere = {"S3Object": {"Bucket": "shop", "Name": "ana.jpg"}}
    with pytest.raises(shop.aws.exceptions.InvalidS3ObjectException, match="rule P5"):
        shop.aws.detect_faces(Image=elsewhere)


def test_pictures_that_cannot_be_used_are_told_as_the_interface_does(shop: Any) -> None:
    with pytest.raises(shop.aws.exceptions.InvalidImageFormatException):
        shop.aws.detect_faces(Image={"Bytes": b"this is no picture"})
    with pytest.raises(shop.aws.exceptions.ImageTooLargeException):
        shop.aws.detect_faces(Image={"Bytes": b"\xff" * (5 * 1024 * 1024 + 1)})
    with pytest.raises(shop.aws.exceptions.ImageTooLargeException):
        shop.aws.detect_faces(Image={"Bytes": b"\xff" * (16 * 1024 * 1024)})


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("list_faces", {"CollectionId": "a b"}),
        ("search_faces", {"CollectionId": "staff", "FaceId": "x"}),
        ("delete_faces", {"CollectionId": "staff", "FaceIds": []}),
        ("search_users", {"CollectionId": "staff"}),
        ("index_faces", {"CollectionId": "staff", "Image": {}, "ExternalImageId": "ana"}),
    ],
)
def test_wrong_parameters_are_refused(shop: Any, operation: str, given: dict[str, Any]) -> None:
    shop.indexed("ana")
    client = shop.served.client(shop.key, validate=False)
    with pytest.raises(shop.aws.exceptions.ClientError) as caught:
        getattr(client, operation)(**given)
    assert code(caught) == "InvalidParameterException"


def test_what_is_not_there_has_its_error(shop: Any) -> None:
    with pytest.raises(shop.aws.exceptions.ResourceNotFoundException):
        shop.aws.list_faces(CollectionId="nowhere")
    with pytest.raises(ClientError) as caught:
        shop.aws.detect_labels(Image=shop.picture())
    assert code(caught) == "UnknownOperationException"


def test_W7_a_stop_ends_searches_here_too(shop: Any) -> None:
    shop.indexed("ana")
    shop.system.control.stop("a test")
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="rule W7"):
        shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana"))
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="rule W7"):
        shop.aws.compare_faces(SourceImage=shop.picture("ana"), TargetImage=shop.picture("ana"))


def test_every_operation_was_answered_in_the_models_shape(shop: Any) -> None:
    """The check runs on each answer; this one counts that every operation had one that says something."""
    aws, [face] = shop.aws, shop.indexed("ana")
    aws.create_user(CollectionId="staff", UserId="ana")
    aws.associate_faces(CollectionId="staff", UserId="ana", FaceIds=[face])
    for name, given in (
        ("describe_collection", {}),
        ("list_faces", {}),
        ("list_users", {}),
        ("search_faces", {"FaceId": face}),
        ("search_users", {"UserId": "ana"}),
    ):
        getattr(aws, name)(CollectionId="staff", **given)
    aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana"))
    aws.search_users_by_image(CollectionId="staff", Image=shop.picture("ana"))
    aws.compare_faces(SourceImage=shop.picture("ana"), TargetImage=shop.picture("ana"))
    aws.detect_faces(Image=shop.picture("ana"))
    aws.disassociate_faces(CollectionId="staff", UserId="ana", FaceIds=[face])
    aws.delete_user(CollectionId="staff", UserId="ana")
    aws.delete_faces(CollectionId="staff", FaceIds=[face])
    aws.delete_collection(CollectionId="staff")
    from faceward.service.rekognition.router import OPERATIONS

    assert {name for name, _ in shop.served.answers} == set(OPERATIONS)
    assert boto3.__version__


def test_H2_where_reviewers_look_first_matches_have_no_similarity(shop: Any) -> None:
    faces = shop.indexed("ana", "ben")
    deployment = shop.system._deployment
    parameters = deployment.standard.parameters
    reviewed = replace(parameters, people=replace(parameters.people, reviewers=2))
    deployment.standard = replace(deployment.standard, parameters=reviewed)
    probe = shop.picture("ana")
    found = shop.aws.search_faces_by_image(CollectionId="staff", Image=probe)
    [match] = found["FaceMatches"]
    assert set(match) == {"Face"}
    assert "rule H2" in found["ResponseMetadata"]["HTTPHeaders"]["x-faceward-note"]
    assert len(shop.system.cases.listed()) == 1
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="rule S3"):
        shop.aws.search_faces(CollectionId="staff", FaceId=faces[0])
    assert shop.log()[-1] == ("identify", "denied")
    pair = shop.aws.compare_faces(SourceImage=shop.picture("eve"), TargetImage=shop.picture("eve", "dan"))
    assert [set(one) for one in pair["FaceMatches"]] == [{"Face"}]
    assert len(pair["UnmatchedFaces"]) == 1
    assert "rule H2" in pair["ResponseMetadata"]["HTTPHeaders"]["x-faceward-note"]
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="rule H2"):
        shop.aws.compare_faces(SourceImage=probe, TargetImage=shop.picture("eve"))


def test_D1_a_suspended_subject_is_neither_found_nor_a_probe(shop: Any) -> None:
    faces = shop.indexed("ana", "ben")
    shop.system.rights.suspend("ana", "a test")
    assert shop.aws.search_faces_by_image(CollectionId="staff", Image=shop.picture("ana"))["FaceMatches"] == []
    with pytest.raises(shop.aws.exceptions.AccessDeniedException, match="rule D1"):
        shop.aws.search_faces(CollectionId="staff", FaceId=faces[0])


def test_whoever_comes_when_all_are_at_work_is_told_to_wait(make_shop: Any) -> None:
    shop = make_shop(served={"threads": 1, "queue": 0})
    going, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert going.wait(20)

    shop.world.fake(shop.system).watch = wait
    pictures = [shop.picture("ana"), shop.picture("ben")]
    first = threading.Thread(
        target=lambda: shop.served.client(shop.key).compare_faces(SourceImage=pictures[0], TargetImage=pictures[1])
    )
    first.start()
    assert begun.wait(20)
    try:
        with pytest.raises(shop.aws.exceptions.ThrottlingException) as caught:
            shop.aws.list_collections()
        assert int(caught.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) >= 1
    finally:
        going.set()
        first.join(20)
    assert shop.aws.list_collections()["CollectionIds"] == []


def test_T3_whoever_was_handed_a_reference_is_told_of_its_deletion(shop: Any) -> None:
    faces = shop.indexed("ana", "ben")
    deployment = shop.system._deployment
    shop.system.rights.add_recipient("Station 2", "mail@station.example")
    for number, face in enumerate(faces):
        reference = deployment.store.reference(face.replace("-", ""))
        note_delivery(deployment, f"package-{number}", "Station 2", {reference.subject: [reference.reference_id]})
    shop.aws.delete_faces(CollectionId="staff", FaceIds=faces[:1])
    assert [one.references for one in recipients.notices(deployment)] == [(faces[0].replace("-", ""),)]
    shop.aws.delete_collection(CollectionId="staff")
    assert {one.references[0] for one in recipients.notices(deployment)} == {face.replace("-", "") for face in faces}
