"""The pictures of a data set, its errata, and files of pairs and boxes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from faceward.core.errors import BadInput
from faceward.core.faces import Box
from faceward.evaluate.collection import Collection, collect, digest
from faceward.evaluate.detection import read_boxes
from faceward.evaluate.pairs import read_pairs
from faceward.evaluate.protocol import Files

NAMES = ("Ada/Ada_0001.jpg", "Ada/Ada_0002.jpg", "Bea/Bea_0001.jpg", "Bea/Bea_0002.jpg", "Cy/Cy_0001.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "images" / "Ada" / "notes.txt").write_text("not a picture")
    (tmp_path / "images" / "Ada" / ".hidden.jpg").write_text("hidden")
    (tmp_path / "images" / "loose.jpg").write_text("of nobody")
    return tmp_path


def collected(root: Path, **files: str) -> Collection:
    return collect(root, Files(images="images", **files))


def write(root: Path, name: str, text: str | bytes) -> Path:
    path = root / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_pictures_are_listed_by_name_with_their_subjects(root: Path) -> None:
    found = collected(root)
    assert tuple(image.name for image in found.images) == NAMES
    assert found.subjects == ("Ada", "Bea", "Cy")
    assert found.subject_of.tolist() == [0, 0, 1, 1, 2]
    assert (found.excluded, found.passed_over, found.labels) == (0, 1, None)


def test_the_digest_is_over_sorted_lines_of_hash_and_name(root: Path) -> None:
    found = collected(root)
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in NAMES]
    lines = "".join(sorted(f"{h} {n}\n" for h, n in zip(hashes, NAMES, strict=True)))
    assert digest(found, hashes) == hashlib.sha256(lines.encode()).hexdigest()


def test_pictures_may_lie_without_subjects_where_nobody_is_compared(root: Path) -> None:
    found = collect(root, Files(images="images"), flat=True)
    assert {image.name for image in found.images} == {*NAMES, "loose.jpg"}
    assert found.named_subjects() == ("Ada", "Bea", "Cy")


def test_errata_are_left_out_and_counted(root: Path) -> None:
    write(root, "errata.csv", "image,reason\nBea_0001,of Ada\nCy/Cy_0001.png,blank\n")
    found = collected(root, errata="errata.csv")
    assert tuple(image.name for image in found.images) == (NAMES[0], NAMES[1], NAMES[3])
    assert found.excluded == 2
    assert found.subjects == ("Ada", "Bea")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("image\nDee_0001.jpg\n", "not among the pictures"),
        ("image\nAda_0001.jpg\nAda/Ada_0001.jpg\n", "more than once"),
        ("picture\nAda_0001.jpg\n", "no column 'image'"),
        ("image\n" + "".join(f"{name}\n" for name in NAMES), "every picture"),
        ("image\n", "no rows"),
        ("image,image\na,b\n", "twice"),
        ("image,why\nAda_0001.jpg\n", "columns"),
        (b"image\n\xff\n", "UTF-8"),
        (b"image\n\0\n", "not a text file"),
    ],
)
def test_errata_that_do_not_fit_are_refused(root: Path, text: str | bytes, word: str) -> None:
    write(root, "errata.csv", text)
    with pytest.raises(BadInput, match=word) as refused:
        collected(root, errata="errata.csv")
    assert "\n" not in str(refused.value)


def test_what_two_pictures_could_be_called_names_neither(root: Path) -> None:
    write(root, "images/Ada/Ada_0001.png", "another")
    write(root, "images/Bea/Ada_0002.jpg", "another")
    for name in ("Ada/Ada_0001", "Ada_0002.jpg"):
        write(root, "errata.csv", f"image\n{name}\n")
        with pytest.raises(BadInput, match="not among the pictures"):
            collected(root, errata="errata.csv")
    write(root, "errata.csv", "image\nAda/Ada_0001.png\nBea/Ada_0002\n")
    assert collected(root, errata="errata.csv").excluded == 2


def test_labels_of_pictures_that_are_missing_are_refused(root: Path) -> None:
    write(root, "labels.csv", "image,sex\nAda_0001.jpg,F\nDee_0001.jpg,F\n")
    with pytest.raises(BadInput, match="Dee_0001"):
        collected(root, labels="labels.csv").sample_labels()
    write(root, "labels.csv", "subject,sex\nAda,F\nCy,M\n")
    assert collected(root, labels="labels.csv").sample_labels() == {"sex": ("F", "F", None, None, "M")}


def test_labels_of_pictures_that_errata_leave_out_are_no_error(root: Path) -> None:
    write(root, "errata.csv", "image\nCy_0001\n")
    write(root, "labels.csv", "image,sex\nCy_0001.png,M\nAda_0001.jpg,F\n")
    found = collected(root, errata="errata.csv", labels="labels.csv")
    assert found.sample_labels() == {"sex": ("F", None, None, None)}


def test_labels_named_for_when_they_are_there_may_be_missing(root: Path) -> None:
    assert collected(root, labels_if_present="sex.csv").sample_labels() == {}
    with pytest.raises(BadInput, match=r"sex\.csv"):
        collected(root, labels="sex.csv")


def test_folders_without_pictures_and_odd_names_are_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, word in (("empty", "one sub-folder a subject"), ("nothing", "check the path")):
        with pytest.raises(BadInput, match=word):
            collect(root, Files(images=folder))
    (root / "images" / "Cy" / "a\u202eb.jpg").write_text("x")
    with pytest.raises(BadInput, match="invisible"):
        collected(root)


def test_names_that_are_no_utf8_are_refused(root: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(root / "images" / "Cy") + b"/\xff.jpg")).write_text("x")
    except OSError:
        pytest.skip("this file system knows UTF-8 alone")
    with pytest.raises(BadInput, match="not UTF-8; rename"):
        collected(root)


def test_pairs_of_lfw(root: Path) -> None:
    path = write(root, "pairs.txt", "1\nAda\t1\t2\nAda\t1\tBea\t2\n")
    found = read_pairs(path, collected(root))
    assert found.pairs.tolist() == [[0, 1], [0, 3]]
    assert found.mated.tolist() == [True, False]
    assert found.folds == 1


def test_pairs_of_lfw_in_folds(root: Path) -> None:
    text = "2\t1\nAda\t1\t2\nAda\t1\tBea\t2\nBea\t1\t2\nBea\t2\tCy\t1\n"
    found = read_pairs(write(root, "pairs.txt", text), collected(root))
    assert found.fold.tolist() == [0, 0, 1, 1]
    assert found.mated.tolist() == [True, False, True, False]


def test_pairs_of_a_csv(root: Path) -> None:
    text = "first,second,fold\nAda/Ada_0001,Ada/Ada_0002.jpg,1\nCy/Cy_0001,Bea/Bea_0001,2\n"
    found = read_pairs(write(root, "pairs.csv", text), collected(root))
    assert found.pairs.tolist() == [[0, 1], [4, 2]]
    assert found.fold.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("p.txt", "1\nAda\t1\t2\nDee\t1\tBea\t1\n", "'Dee/Dee_0001', which is not there"),
        ("p.txt", "2\nAda\t1\t2\nAda\t2\t1\nAda\t1\tBea\t1\nAda\t1\tBea\t2\n", "more than once"),
        ("p.txt", "1\nAda\t1\t1\nAda\t1\tBea\t1\n", "with itself"),
        ("p.txt", "2\nAda\t1\t2\nAda\t1\tBea\t1\n", "announces 4 pairs, and 2 follow"),
        ("p.txt", "1\nAda\t1\tBea\t1\nAda\t1\t2\n", "line 2 is a non-mated pair"),
        ("p.txt", "1\nAda\tone\t2\nAda\t1\tBea\t1\n", "line 2 is neither"),
        ("p.txt", "Ada\t1\t2\n", "first line"),
        ("p.txt", "0\n", "first line"),
        ("p.txt", "", "first line"),
        ("p.txt", b"\xff", "UTF-8"),
        ("p.csv", "first,second\nAda/Ada_0001,Bea/Bea_0001\nBea/Bea_0001.jpg,Ada/Ada_0001\n", "more than once"),
        ("p.csv", "first,other\na,b\n", "columns 'first' and 'second'"),
        ("p.csv", "first,second,fold\nAda/Ada_0001,Bea/Bea_0001,2\n", "numbered from 1"),
        ("p.csv", "first,second\nAda/Ada_0001,Ada_0003\n", "'Ada_0003', which is not there"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(root: Path, name: str, text: str | bytes, word: str) -> None:
    with pytest.raises(BadInput, match=word) as refused:
        read_pairs(write(root, name, text), collected(root))
    assert "\n" not in str(refused.value)


def test_a_part_of_a_collection_keeps_names_subjects_and_labels(root: Path) -> None:
    write(root, "labels.csv", "subject,sex\nAda,F\nCy,M\n")
    part = collected(root, labels="labels.csv").only([1, 4])
    assert [image.name for image in part.images] == [NAMES[1], NAMES[4]]
    assert part.subjects == ("Ada", "Cy")
    assert part.subject_of.tolist() == [0, 1]
    assert part.subject_of.dtype == np.int32
    assert part.sample_labels() == {"sex": ("F", "M")}


def test_boxes_are_read_by_picture(root: Path) -> None:
    text = "image,x0,y0,x1,y1\nAda/Ada_0001.jpg,1,2,3,4\nAda/Ada_0001,5,5,9,9\nCy/Cy_0001,,,,\n"
    found = read_boxes(write(root, "boxes.csv", text), collected(root))
    assert found == {0: (Box(1, 2, 3, 4), Box(5, 5, 9, 9)), 4: ()}


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("Dee/Dee_0001,1,2,3,4\n", "not there"),
        ("Ada/Ada_0001,1,2,3,x\n", "no numbers"),
        ("Ada/Ada_0001,1,2,inf,4\n", "no box"),
        ("Ada/Ada_0001,3,2,1,4\n", "no box"),
        ("Ada/Ada_0001,1,2,3,4\nAda/Ada_0001,1,2,3,4\n", "repeats"),
        ("Ada/Ada_0001,,,,\nAda/Ada_0001,1,2,3,4\n", "contradicts"),
    ],
)
def test_boxes_that_do_not_fit_are_refused(root: Path, rows: str, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        read_boxes(write(root, "boxes.csv", f"image,x0,y0,x1,y1\n{rows}"), collected(root))
