"""The catalogue says all that a user must know before a pack is fetched, and nothing that was not found out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from faceward.core.errors import BadInput, UsageError
from faceward.vision.align import ARCFACE_112, similarity
from faceward.vision.catalogue import Entry, entries, find_entry, read_entry

DOCS = Path(__file__).resolve().parents[3] / "docs" / "packs.md"
ENTRIES = {entry.manifest.name: entry for entry in entries()}

SMALL = """
[pack]
name = "small"
licence = "MIT"
commercial = true
source = "a test"

[embedder]
file = "e.xml"
sha256 = "{sha}"
weights = "e.bin"
weights_sha256 = "{sha}"
dimension = 16
size = 112
colour = "bgr"
mean = 0
scale = 1
template = "arcface"
mirror = false

[download]
licence_at = "https://example.org/licence"

[[download.files]]
file = "e.xml"
address = "https://example.org/e.xml"
size = 10

[[download.files]]
file = "e.bin"
address = "https://example.org/e.bin"
size = 20
""".format(sha="0" * 64)


def test_the_packs_with_clear_sources_are_there() -> None:
    assert sorted(ENTRIES) == ["auraface", "edgeface-xxs-fp32", "intel-0095", "sface"]
    assert [entry.manifest.name for entry in entries()] == sorted(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_complete(entry: Entry) -> None:
    manifest, download = entry.manifest, entry.download
    assert find_entry(manifest.name).manifest.document == manifest.document
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha) for model in manifest.files() for _, sha in model.parts())
    for one in download.files:
        # A commit, a release or a numbered version: an address whose content is meant to stay.
        assert re.search(r"/[0-9a-f]{40}/|/releases/download/|/2021\.4/", one.address), one.address
        assert one.address.startswith("https://")
        assert one.address.endswith("/" + one.file)
        assert one.size > 1000
    assert re.search(r"https://\S+", download.licence_at)
    assert manifest.training_data != "not stated"
    # No calibration was made with files that were never here.
    assert manifest.calibration is None


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_a_conflict_in_the_terms_is_said_and_never_read_as_free(entry: Entry) -> None:
    if entry.download.conflict:
        assert not entry.manifest.commercial
        assert "conflict" in entry.manifest.licence
    else:
        assert "conflict" not in entry.manifest.licence


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


def test_points_of_another_chip_are_arcfaces_proportions() -> None:
    # Intel's five points are those of a chip of 96x112 stretched to a square; no similarity maps them without a rest.
    points = ENTRIES["intel-0095"].manifest.embedder.template
    assert points.shape == (5, 2)
    matrix = similarity(ARCFACE_112, points)
    rest = ARCFACE_112 @ matrix[:, :2].T + matrix[:, 2] - points
    assert float(np.abs(rest).max()) < 6


def test_a_name_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match=r"no pack 'other' in the catalogue; there are auraface, .*packs add"):
        find_entry("other")
    for name in ("", "../manifest", "sface.toml", "__init__"):
        with pytest.raises(UsageError, match="no pack"):
            find_entry(name)


def test_a_manifest_without_addresses_is_no_entry() -> None:
    with pytest.raises(UsageError, match="no \\[download\\] table"):
        read_entry(SMALL[: SMALL.index("[download]")], "small")


def test_where_the_files_are_does_not_change_what_they_are() -> None:
    entry = read_entry(SMALL, "small")
    assert entry.download.size == 30
    other = read_entry(SMALL.replace("https://example.org/e", "https://example.com/e"), "small")
    assert other.manifest.identifier == entry.manifest.identifier
    assert read_entry(SMALL.replace("MIT", "other"), "small").manifest.document != entry.manifest.document
    changed = SMALL.replace(f'weights_sha256 = "{"0" * 64}"', f'weights_sha256 = "{"1" * 64}"')
    assert read_entry(changed, "small").manifest.identifier != entry.manifest.identifier


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('licence_at = "https://example.org/licence"', "", "licence_at is missing"),
        ("size = 20", "size = 0", "size is 0"),
        ("size = 20", "size = 3000000000", "size is 3000000000"),
        ("size = 20", 'size = 20\nsha256 = "x"', "'sha256' is not a known key"),
        ("https://example.org/e.bin", "http://example.org/e.bin", "must begin with https://"),
        ("https://example.org/e.bin", "https://u:p@example.org/e.bin", "without a user or password"),
        ("https://example.org/e.bin", "https://exämple.org/e.bin", "may not hold"),
        ("https://example.org/e.bin", "https://[x/e.bin", "is not a web address"),
        ('file = "e.bin"\naddress', 'file = "f.bin"\naddress', "one address for each file"),
        ('weights = "e.bin"', 'weights = "../e.bin"', "outside the pack's folder"),
        ('weights = "e.bin"', 'weights = "e.xml"', "weights goes with"),
        ('weights = "e.bin"', "", "goes with weights"),
        ("size = 20", 'size = 20\nhosts = ["a", ""]', "hosts is missing: a list of texts"),
        ("size = 20", 'size = 20\nhosts = "a"', "hosts is missing: a list of texts"),
        ("size = 20", 'size = 20\nhosts = ["\\u202e"]', "invisible characters"),
    ],
)
def test_a_damaged_entry_names_the_key(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(BadInput, match=re.escape(message)):
        read_entry(SMALL.replace(old, new), "small")


@pytest.mark.parametrize("files", ["files = []", "files = 3", "files = [3]", ""])
def test_files_are_a_list_of_tables(files: str) -> None:
    text = SMALL[: SMALL.index("[[download.files]]")] + files
    with pytest.raises(BadInput, match="a list of tables is wanted"):
        read_entry(text, "small")
