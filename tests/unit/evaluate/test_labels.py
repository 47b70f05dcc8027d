from __future__ import annotations

from pathlib import Path

import pytest

from faceward.core.errors import BadInput
from faceward.evaluate.labels import Labels, read_labels

SAMPLES = ("Ada/a_1.jpg", "Ada/a_2.jpg", "Bob/b_1.jpg", "Eve/e_1.jpg")


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_labels_by_image_in_either_spelling(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "\ufeffimage,sex,age\r\na_1.jpg,F,old\r\nBob/b_1.jpg, M ,\r\n"))
    assert (labels.by, labels.attributes) == ("image", ("sex", "age"))
    assert labels.of(SAMPLES) == {"sex": ("F", None, "M", None), "age": ("old", None, None, None)}


def test_labels_by_subject(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, 'subject,"skin"\nAda,"type V"\nEve,type II\n\n'))
    assert labels.of(SAMPLES) == {"skin": ("type V", "type V", None, "type II")}


def test_an_image_that_could_not_be_acquired_may_be_labelled(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "image,sex\nz_9.jpg,F\na_1.jpg,F\n"))
    assert labels.of(SAMPLES, [*SAMPLES, "Zoe/z_9.jpg"])["sex"] == ("F", None, None, None)
    with pytest.raises(BadInput, match=r"labels 1 image that the data do not hold, the first is 'z_9\.jpg'"):
        labels.of(SAMPLES)


def test_a_file_name_of_several_subjects_is_ambiguous() -> None:
    labels = Labels("l.csv", "image", ("sex",), {"1.jpg": ("F",)})
    with pytest.raises(BadInput, match=r"several subjects have an image '1\.jpg'; write it as 'Ada/1\.jpg'"):
        labels.of(("Ada/1.jpg", "Bob/1.jpg"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line must be"),
        ("image\na.jpg\n", "the first line must be"),
        ("file,sex\na.jpg,F\n", "the first line must be"),
        ("image,sex,sex\na.jpg,F,F\n", "the first line must be"),
        ("image,\na.jpg,F\n", "the first line must be"),
        ("image,sex\n", "has no labels"),
        ("image,sex\na.jpg\n", "row 2 has 1 cell where the first line has 2"),
        ("image,sex\na.jpg,F,x\n", "row 2 has 3 cells where the first line has 2"),
        ("image,sex\n,F\n", "row 2 names no image"),
        ("image,sex\na.jpg,F\na.jpg,F\n", "row 3 labels 'a.jpg' a second time"),
        ("image,sex\na.jpg,a=b\n", "row 2 has a label that is no short name"),
        ('image,sex\na.jpg,"a,b"\n', "row 2 has a label that is no short name"),
        (f"image,sex\na.jpg,{'x' * 61}\n", "row 2 has a label that is no short name"),
        ("image,sex\na.jpg,F\x07\n", "row 2 has a label that is no short name"),
        ('image,sex\na.jpg,"F\n', "is no CSV"),
        (b"image,sex\na.jpg,\xff\n", "not a CSV file in UTF-8"),
        ("subject,age\n" + "".join(f"s{n},{n}\n" for n in range(31)), "age has 31 different values"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_labels(written(tmp_path, text))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_labels(tmp_path / "none.csv")
