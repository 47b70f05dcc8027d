"""Protocol files are read strictly, and use pictures on a stated ground only (rule V3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.evaluate.protocol import Kind, Trials
from faceward.evaluate.protocols import (
    DATA_FILE,
    built_in,
    built_in_protocol,
    load_protocol,
    of_data,
    parse_protocol,
)
from faceward.policy.evaluation import DataBasis

WHOLE = """
[protocol]
name = "door-pairs"
kind = "verification"
trials = "pairs"
about = "Pairs of the door"

[data]
name = "Staff"
basis = "consented"
statement = "62 colleagues who signed"
camera_class = "door"
own = true
images = "pictures"
labels = "labels.csv"

[trials]
pairs = "pairs.csv"
rates = [1e-1, 1e-2]
"""
TERMS = 'name = "Staff"\nbasis = "consented"\nstatement = "signed"\ncamera_class = "door"\n'


def parse(text: str) -> object:
    return parse_protocol(text.encode(), "p.toml")


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


def test_every_built_in_protocol_is_read_and_named_as_its_file() -> None:
    assert {"lfw-view1", "lfw-view1-pairs", "lfw-view2", "folder", "folder-templates", "identification"} <= {
        *built_in()
    }
    for name in built_in():
        protocol = built_in_protocol(name)
        assert protocol.name == name
        assert load_protocol(name, protocol.kind) == protocol


def test_what_a_file_says_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(WHOLE)
    found = load_protocol(str(path), Kind.VERIFICATION)
    assert (found.name, found.trials) == ("door-pairs", Trials.PAIRS)
    assert found.terms is not None
    assert found.terms.basis is DataBasis.CONSENTED
    assert found.terms.own
    assert (found.files.images, found.files.labels) == ("pictures", "labels.csv")
    assert (found.setting.pairs, found.setting.rates) == ("pairs.csv", (0.1, 0.01))


def test_the_digest_covers_every_number() -> None:
    protocol = built_in_protocol("lfw-view1-templates")
    assert protocol.digest() == built_in_protocol("lfw-view1-templates").digest()
    assert len({protocol.digest(), *(protocol.with_setting(samples=n).digest() for n in (2, 4))}) == 3
    assert protocol.with_setting(rates=(0.5,)).digest() != protocol.digest()
    assert protocol.with_setting(samples=3, rates=None) == protocol


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('name = "door-pairs"', 'name = "Door pairs"', "'name'"),
        ('kind = "verification"', 'kind = "authentication"', "'kind' 'authentication' is unknown"),
        ('trials = "pairs"', 'trials = "some"', "'trials' 'some' is unknown"),
        ('trials = "pairs"', 'trials = "search"', "all-pairs, pairs, templates"),
        ("about =", "abuot =", "unknown key 'abuot'"),
        ("own = true", "owned = true", "unknown key 'owned'"),
        ("own = true", "own = 1", "true or false"),
        ('camera_class = "door"', 'camera_class = "Front door"', "camera_class"),
        ('images = "pictures"', 'images = "../pictures"', "inside the folder"),
        ('images = "pictures"', 'images = "/pictures"', "inside the folder"),
        ("[1e-1, 1e-2]", "[1e-2, 1e-1]", "must fall"),
        ("[1e-1, 1e-2]", "[2.0]", "between 0 and 1"),
        ("[1e-1, 1e-2]", "[]", "between 0 and 1"),
        ("[1e-1, 1e-2]", '["many"]', "must hold numbers"),
        ("rates =", "samples = 3\nrates =", "unknown key 'samples'"),
        ('pairs = "pairs.csv"\n', "", "'pairs' is missing"),
        ("[trials]", "[trial]", "unknown key 'trial'"),
        ('about = "Pairs of the door"', 'about = ""', "'about'"),
        ("[protocol]", "[protocol", "not valid TOML"),
    ],
)
def test_what_is_not_known_is_refused_in_one_line(old: str, new: str, word: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(changed(old, new))
    assert word in str(refused.value)
    assert str(refused.value).startswith("p.toml")
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadInput, match="UTF-8"):
        parse_protocol(b"\xff\xfe", "p.toml")


@pytest.mark.parametrize(
    "text",
    [
        changed('basis = "consented"', 'basis = "scraped"'),
        changed('basis = "consented"', 'basis = "reviewed-operation"'),
        changed('basis = "consented"\n', ""),
        changed('statement = "62 colleagues who signed"', 'statement = " "'),
        changed('statement = "62 colleagues who signed"\n', ""),
    ],
)
def test_V3_pictures_on_no_known_ground_are_refused(text: str) -> None:
    with pytest.raises(PolicyRefusal) as refused:
        parse(text)
    assert refused.value.rule == "V3"
    assert "consented" in refused.value.remedy


def test_V3_a_protocol_for_any_data_needs_the_data_to_say_their_ground(tmp_path: Path) -> None:
    protocol = built_in_protocol("folder")
    with pytest.raises(PolicyRefusal) as refused:
        of_data(protocol, tmp_path)
    assert refused.value.rule == "V3"
    assert DATA_FILE in refused.value.remedy
    (tmp_path / DATA_FILE).write_text('name = "Staff"\ncamera_class = "door"\n')
    with pytest.raises(PolicyRefusal):
        of_data(protocol, tmp_path)
    (tmp_path / DATA_FILE).write_text(f'{TERMS}images = "faces"\n')
    terms, files = of_data(protocol, tmp_path)
    assert (terms.name, terms.own, files.images, files.labels_if_present) == ("Staff", False, "faces", "labels.csv")


def test_V3_findings_of_an_operation_serve_the_protocol_that_counts_them_alone(tmp_path: Path) -> None:
    (tmp_path / DATA_FILE).write_text(TERMS.replace("consented", "reviewed-operation"))
    assert of_data(built_in_protocol("reviewed"), tmp_path)[0].basis is DataBasis.REVIEWED
    with pytest.raises(PolicyRefusal):
        of_data(built_in_protocol("folder"), tmp_path)
    (tmp_path / DATA_FILE).write_text(TERMS)
    with pytest.raises(PolicyRefusal):
        of_data(built_in_protocol("reviewed"), tmp_path)


def test_a_description_of_the_data_is_read_strictly(tmp_path: Path) -> None:
    for text, word in ((TERMS + "ovn = true\n", "ovn"), ("name =", "TOML"), (TERMS.replace("door", "A b"), "camera")):
        (tmp_path / DATA_FILE).write_text(text)
        with pytest.raises(BadInput, match=word):
            of_data(built_in_protocol("folder"), tmp_path)


@pytest.mark.parametrize(
    ("name", "changes", "word"),
    [
        ("folder", {"samples": 3}, "--samples has no meaning"),
        ("folder-templates", {"samples": 0}, "between 1 and"),
        ("folder", {"rates": (0.1, 0.2)}, "must fall"),
        ("identification", {"gallery_sizes": (100, 10)}, "must rise"),
        ("identification", {"gallery_sizes": (1,)}, "between 2 and"),
        ("identification", {"simulated": 10**9}, "1,000,000"),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, changes: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        built_in_protocol(name).with_setting(**changes)


def test_names_and_files_that_are_not_there_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lfw-view1"):
        load_protocol("lfw-view-1", Kind.VERIFICATION)
    with pytest.raises(UsageError, match="evaluate speed"):
        load_protocol("speed", Kind.VERIFICATION)
    with pytest.raises(BadInput, match="check the path"):
        load_protocol(str(tmp_path / "none.toml"), Kind.VERIFICATION)
    with pytest.raises(BadInput, match="cannot be read"):
        load_protocol(f"{tmp_path}/", Kind.VERIFICATION)
