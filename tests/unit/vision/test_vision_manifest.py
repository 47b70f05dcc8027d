from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from faceward.core.errors import BadInput, FacewardError
from faceward.vision.align import ARCFACE_112
from faceward.vision.manifest import parse_manifest
from faceward.vision.networks import View

HASH = "ab" * 32
MANIFEST: dict[str, dict[str, Any]] = {
    "pack": {"name": "test", "licence": "MIT", "commercial": True, "source": "here", "training_data": "own"},
    "detector": {"kind": "yunet", "file": "d.onnx", "sha256": HASH, "threshold": 0.6},
    "embedder": {
        "file": "e.onnx",
        "sha256": HASH,
        "dimension": 512,
        "size": 112,
        "colour": "rgb",
        "mean": 127.5,
        "scale": 127.5,
        "template": "arcface",
        "mirror": False,
    },
    "calibration": {
        "data": "own",
        "mated": 10,
        "nonmated": 100,
        "default_fmr": 0.01,
        "points": [[0.1, 0.05, 0.2, 0.3, 0.01], [0.01, 0.005, 0.02, 0.4, 0.05]],
    },
}
OPTIONAL = {("pack", "training_data")}


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return str(value)


def _toml(tables: dict[str, dict[str, Any]]) -> str:
    return "\n".join(
        f"[{name}]\n" + "\n".join(f"{key} = {_toml_value(value)}" for key, value in table.items())
        for name, table in tables.items()
    )


def _with(table: str, key: str, value: Any) -> str:
    return _toml({name: {**values, **({key: value} if name == table else {})} for name, values in MANIFEST.items()})


def _keys() -> Iterator[tuple[str, str]]:
    for table, values in MANIFEST.items():
        for key in values:
            yield table, key


def test_a_whole_manifest() -> None:
    manifest = parse_manifest(_toml(MANIFEST), "pack.toml")
    assert manifest.name == "test"
    assert manifest.detector is not None
    assert manifest.detector.threshold == 0.6
    assert manifest.embedder.dimension == 512
    assert (manifest.embedder.template == ARCFACE_112).all()
    assert manifest.calibration is not None
    assert manifest.identifier == f"test@{manifest.digest[:16]}"
    assert len(manifest.files()) == 2


def test_a_template_of_its_own_and_one_scaled() -> None:
    points = [[10.0, 10], [40, 10], [25, 30], [15, 45], [35, 45]]
    text = _with("embedder", "template", points).replace("size = 112", "size = 56")
    assert parse_manifest(text, "pack.toml").embedder.template.tolist() == points
    scaled = parse_manifest(_with("embedder", "size", 224), "pack.toml").embedder.template
    assert np.allclose(scaled, ARCFACE_112 * 2)


@pytest.mark.parametrize("table", ["detector", "calibration"])
def test_what_may_be_left_out(table: str) -> None:
    manifest = parse_manifest(_toml({k: v for k, v in MANIFEST.items() if k != table}), "pack.toml")
    assert getattr(manifest, table) is None


@pytest.mark.parametrize("table", ["pack", "embedder"])
def test_a_missing_table_is_named(table: str) -> None:
    with pytest.raises(BadInput, match=rf"{table} is missing"):
        parse_manifest(_toml({k: v for k, v in MANIFEST.items() if k != table}), "pack.toml")


@pytest.mark.parametrize(("table", "key"), list(_keys()))
def test_a_missing_key_is_named(table: str, key: str) -> None:
    tables = {name: {k: v for k, v in values.items() if (name, k) != (table, key)} for name, values in MANIFEST.items()}
    if (table, key) in OPTIONAL:
        assert parse_manifest(_toml(tables), "pack.toml").training_data == "not stated"
        return
    with pytest.raises(BadInput, match=rf"pack\.toml \[{table}\]: {key} .*correct the manifest"):
        parse_manifest(_toml(tables), "pack.toml")


WRONG = [[], [[]], {}, "", " ", "wrong\x00\n", -1, 10**30, 10**400, "nan", "inf", "-inf", "1979-05-27", "true"]


@pytest.mark.parametrize(("table", "key"), list(_keys()))
@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: repr(value)[:12])
def test_a_wrong_value_is_named(table: str, key: str, wrong: Any) -> None:
    bare = wrong in ("nan", "inf", "-inf", "1979-05-27", "true") if isinstance(wrong, str) else wrong == {}
    if wrong == "true" and key in {"commercial", "mirror"}:
        return
    text = _with(table, key, "@@@")
    text = text.replace('"@@@"', str(wrong) if bare else _toml_value(wrong))
    with pytest.raises(BadInput, match=r"^pack\.toml") as caught:
        parse_manifest(text, "pack.toml")
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("table", [*MANIFEST, None])
def test_an_unknown_key_is_named(table: str | None) -> None:
    text = _with(table, "treshold", 1) if table else "treshold = 1\n" + _toml(MANIFEST)
    with pytest.raises(BadInput, match=r"treshold.* is not a known key"):
        parse_manifest(text, "pack.toml")


@pytest.mark.parametrize("table", MANIFEST)
def test_a_table_that_is_none(table: str) -> None:
    rest = _toml({k: v for k, v in MANIFEST.items() if k != table})
    with pytest.raises(BadInput, match=f"{table} is missing: a table is wanted"):
        parse_manifest(f"{table} = 3\n{rest}", "pack.toml")


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("pack", "name", "../../evil"),
        ("pack", "name", "a/b"),
        ("pack", "name", "a\\b"),
        ("pack", "name", ".hidden"),
        ("pack", "name", ".."),
        ("pack", "name", "n" * 300),
        ("embedder", "file", "../e.onnx"),
        ("embedder", "file", "/etc/passwd"),
        ("embedder", "file", "a\\b"),
        ("embedder", "file", ".."),
        ("embedder", "sha256", HASH[:-1]),
        ("embedder", "sha256", HASH[:-1] + "g"),
        ("embedder", "prepare", "run"),
        ("embedder", "prepare", "static-inputs"),
        ("embedder", "prepared_sha256", HASH),
        ("embedder", "dimension", 512.5),
        ("embedder", "size", 15),
        ("embedder", "colour", "RGB"),
        ("embedder", "scale", 0),
        ("embedder", "mirror", 0),
        ("embedder", "template", [[1, 1]] * 4),
        ("embedder", "template", [[50, 50]] * 5),
        ("embedder", "template", [[1, 1], [99, 1], [50, 50], [1, 99], [99, 999]]),
        ("detector", "kind", "retinaface"),
        ("detector", "threshold", 0),
        ("detector", "threshold", 1),
        ("calibration", "default_fmr", 0.5),
        ("calibration", "default_fmr", 0.001),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3, 0.01]]),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3, 0.01], [0.1, 0.05, 0.2, 0.4, 0.01]]),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3, 0.01], [0.01, 0.005, 0.02, 0.3, 0.01]]),
        ("calibration", "points", [[0.1, 0.15, 0.2, 0.3, 0.01], [0.01, 0.005, 0.02, 0.4, 0.01]]),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3, 0.01], [0.0, 0.0, 0.02, 0.4, 0.01]]),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3, 0.01], [0.01, 0.005, 0.02, 1.4, 0.01]]),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3, 0.01], [0.01, 0.005, 0.02, 0.4, 1.01]]),
        ("calibration", "points", [[0.1, 0.05, 0.2, 0.3], [0.01, 0.005, 0.02, 0.4]]),
    ],
)
def test_a_value_out_of_range_is_named(table: str, key: str, value: Any) -> None:
    with pytest.raises(BadInput) as caught:
        parse_manifest(_with(table, key, value), "pack.toml")
    assert key in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "no toml",
        "[pack",
        "a = " + "[" * 5000,
        "a = " + "9" * 5000,
        "[pack]\n[pack]",
        "=",
        "a = 1\na = 2",
        "\ufeff",
    ],
)
def test_what_is_no_manifest(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_manifest(text, "pack.toml")
    assert "\n" not in str(caught.value)


def test_the_identity_follows_the_networks_and_not_the_words() -> None:
    base = parse_manifest(_toml(MANIFEST), "a").digest
    assert parse_manifest(_with("pack", "licence", "other"), "b").digest == base
    assert parse_manifest(_with("calibration", "default_fmr", 0.02), "b").digest == base
    for key, value in (("sha256", "cd" * 32), ("mirror", True), ("mean", 0)):
        assert parse_manifest(_with("embedder", key, value), "b").digest != base


def test_damaged_manifests_leak_nothing() -> None:
    text, numbers, refused = _toml(MANIFEST), np.random.default_rng(0), 0
    tokens = ["[", "]", "=", '"', "\n", "-1", "1e999", "nan", "true", "{}", "é", "\0", "9" * 30, "'''", ".", ","]
    for _ in range(1500):
        broken = text
        for _ in range(numbers.integers(1, 4)):
            start = int(numbers.integers(len(broken) + 1))
            stop = start + int(numbers.integers(0, 12))
            broken = broken[:start] + str(numbers.choice(tokens)) + broken[stop:]
        try:
            parse_manifest(broken, "pack.toml")
        except FacewardError as error:
            refused += isinstance(error, BadInput) and not re.search("\n", str(error))
        else:
            refused += 1
    assert refused == 1500


def test_views_stand_in_the_place_of_mirror() -> None:
    text = (
        _with("embedder", "views", [[1.0, 0], [0.9, 1]]).replace("mirror = true\n", "").replace("mirror = false\n", "")
    )
    assert parse_manifest(text, "pack.toml").embedder.views == (View(1.0, mirrored=False), View(0.9, mirrored=True))
    with pytest.raises(BadInput, match="mirror"):
        parse_manifest(_with("embedder", "views", [[1.0, 0]]), "pack.toml")


@pytest.mark.parametrize("rows", [[[1.0, 2]], [[0.4, 0]], [[1.6, 1]], [[1.0]], [], [[1.0, 0]] * 17])
def test_views_out_of_range_are_refused(rows: list[list[float]]) -> None:
    text = _with("embedder", "views", rows).replace("mirror = true\n", "").replace("mirror = false\n", "")
    with pytest.raises(BadInput, match="views"):
        parse_manifest(text, "pack.toml")


def test_a_cohort_is_part_of_what_makes_the_features() -> None:
    plain = parse_manifest(_with("embedder", "size", 112), "pack.toml")
    table = f'\n[cohort]\nfile = "c.npy"\nsha256 = "{"0" * 64}"\nnearest = 3\nweight = 0.3\ncentre = 0.9\n'
    found = parse_manifest(_with("embedder", "size", 112) + table, "pack.toml")
    assert found.cohort is not None
    assert (found.dimension, plain.dimension) == (plain.embedder.dimension + 1, plain.embedder.dimension)
    assert found.digest != plain.digest
    assert ("c.npy", "0" * 64) in found.attachments()
    for wrong in ("../c.npy", "/c.npy", ".c"):
        with pytest.raises(BadInput, match="outside the pack's folder"):
            parse_manifest(_with("embedder", "size", 112) + table.replace("c.npy", wrong), "pack.toml")


@pytest.mark.parametrize("name", ["accepted.json", "pack.toml", "Accepted.JSON", "PACK.toml", "accepted.json "])
def test_a_file_that_would_stand_for_an_acceptance_or_another_manifest_is_refused(name: str) -> None:
    attached = f'file = "{name}"\nsha256 = "{"0" * 64}"\n'
    plain = _toml(MANIFEST)
    texts = {
        "evaluation": f"{plain}\n[evaluation]\n{attached}",
        "cohort": f"{plain}\n[cohort]\n{attached}nearest = 3\nweight = 0.3\ncentre = 0.9\n",
        "embedder": _with("embedder", "file", name),
        "detector": _with("detector", "file", name),
        "weights": plain.replace("[embedder]", f'[embedder]\nweights = "{name}"\nweights_sha256 = "{HASH}"'),
    }
    for where, text in texts.items():
        with pytest.raises(BadInput, match="a meaning of its own in a pack's folder") as refused:
            parse_manifest(text, "pack.toml")
        assert where in str(refused.value)
