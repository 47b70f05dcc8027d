from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from faceward.core.errors import BadInput, UsageError
from faceward.operations.folders import folder_pictures, passed_over


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_sub_folders_are_subjects_and_pictures_go_by_their_suffix(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "Grace/b.PNG", "Grace/a.jpeg", "Grace/notes.txt", "Grace/nested/c.png", "Grace/.hidden.jpg", "Grace/._b.png",
        "Ада/1.webp", "秀英/1.tif", ".thumbnails/1.png", "loose.png", "Empty/readme.md",
    )  # fmt: skip
    found = [(str(path.relative_to(tmp_path)), who) for path, who in folder_pictures(tmp_path)]
    assert found == [("Grace/a.jpeg", "Grace"), ("Grace/b.PNG", "Grace"), ("Ада/1.webp", "Ада"), ("秀英/1.tif", "秀英")]


def test_a_decomposed_folder_name_is_the_composed_subject(tmp_path: Path) -> None:
    touch(tmp_path, "Zoe\u0308/1.png")
    assert [who for _, who in folder_pictures(tmp_path)] == ["Zo\u00eb"]


def test_a_picture_folder_is_no_picture_and_a_link_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "Ada/real.png", "Ada/folder.png/x.txt")
    (tmp_path / "Ada" / "link.png").symlink_to(tmp_path / "Ada" / "real.png")
    (tmp_path / "Ada" / "broken.png").symlink_to(tmp_path / "nowhere")
    assert [path.name for path, _ in folder_pictures(tmp_path)] == ["link.png", "real.png"]


@pytest.mark.parametrize("layout", [[], ["loose.png"], ["Ada/readme.md"], ["a/b/c.png"]])
def test_a_folder_without_pictures_of_subjects_is_said_to_be_one(tmp_path: Path, layout: list[str]) -> None:
    touch(tmp_path, *layout)
    with pytest.raises(BadInput, match="one sub-folder a subject"):
        folder_pictures(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "no such folder"), ("file", "not a folder"), ("x" * 300, "cannot be read"), ("a\0b", "null character")],
)
def test_what_is_no_folder_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=message):
        folder_pictures(tmp_path / name)


def test_a_folder_name_that_hides_something_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "evil\u202egnp/1.png")
    with pytest.raises(UsageError, match="control or invisible"):
        folder_pictures(tmp_path)


def test_a_folder_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    touch(Path(os.fsdecode(folder)), "1.png")
    with pytest.raises(UsageError, match="subject name") as caught:
        folder_pictures(tmp_path)
    str(caught.value).encode()


def test_files_that_are_no_pictures_by_their_suffix_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.heic", "b", "c.JPG", ".hidden", "sub/d.CR2", "sub/e.png", ".git/config", "f.png/g")
    assert [path.name for path in passed_over(tmp_path)] == ["a.heic", "b"]
    below = [path.relative_to(tmp_path).as_posix() for path in passed_over(tmp_path, below=True)]
    assert below == ["a.heic", "b", "f.png/g", "sub/d.CR2"]
    assert passed_over(tmp_path / "c.JPG") == passed_over(tmp_path / "none") == ()


@contextmanager
def somebody() -> Iterator[None]:
    """Act as a user whom permissions bind, where the tests run as one whom they do not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_without_permission_is_one_line() -> None:
    # Not below pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        closed, inner = root / "closed", root / "open" / "Ada"
        touch(root, "closed/Ada/1.png", "open/Ada/1.png")
        closed.chmod(0)
        inner.chmod(0)
        try:
            for place in (closed, closed / "Ada", inner.parent):
                with somebody(), pytest.raises(BadInput, match="permission"):
                    folder_pictures(place)
        finally:
            closed.chmod(0o755)
            inner.chmod(0o755)


def test_a_file_name_that_is_no_text_is_enrolled_and_shown(world: Any) -> None:
    system = world.open()
    picture = world.picture("Ada")
    odd = Path(os.fsdecode(os.fsencode(picture.parent) + b"/caf\xe9.png"))
    picture.rename(odd)
    [sample] = system.enrol([odd], subject="Ada", purpose="door", releases=world.release("Ada")).samples
    assert sample.outcome == "enrolled"
    [reference] = system.subject("Ada").references
    assert reference.record["source"]["name"] == "caf?.png"
    blurred = world.picture("Ada", blurred=True)
    odd_again = Path(os.fsdecode(os.fsencode(picture.parent) + b"/\xe9.png"))
    blurred.rename(odd_again)
    outcome = system.enrol([odd_again, odd], subject="Ada", purpose="door", releases=world.release("Ada"))
    assert [s.outcome for s in outcome.samples] == ["rejected", "already-enrolled"]
    assert system.redact(odd, world.folder / "out.png", keep=["Ada"]).pictures[0].kept == ("Ada",)
    system.identify(odd, gallery="door", purpose="door", reason="a lone \udcff surrogate")
    with pytest.raises(BadInput):
        system.verify(odd_again, subject="Ada", purpose="door")
    assert system.verify_log().unfinished == ()
