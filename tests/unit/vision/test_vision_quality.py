from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter

from faceward.core.faces import Box, Face, ImageArray
from faceward.vision.images import Picture
from faceward.vision.pipeline import Pipeline
from faceward.vision.quality import _HEAD, COMPONENTS, assess, head_pose

NAMES = ("astronaut", "hopper")


@pytest.fixture(scope="module")
def found(pipeline: Pipeline, portraits: dict[str, Picture]) -> dict[str, tuple[ImageArray, Face]]:
    return {name: (picture.pixels, pipeline.detect(picture)[0]) for name, picture in portraits.items()}


def _component(pixels: ImageArray, face: Face, name: str) -> float:
    return assess(np.ascontiguousarray(pixels), face).components[name]


def _falls(values: list[float]) -> bool:
    return all(second < first for first, second in itertools.pairwise(values))


@pytest.mark.parametrize("name", NAMES)
def test_every_component_is_in_its_range(found: dict[str, tuple[ImageArray, Face]], name: str) -> None:
    components = assess(*found[name]).components
    assert tuple(components) == tuple(COMPONENTS)
    for key in ("sharpness", "illumination_uniformity", "under_exposure", "over_exposure", "face_cropping"):
        assert 0.5 < components[key] <= 1
    assert all(abs(components[key]) < 10 for key in ("pose_yaw", "pose_pitch", "pose_roll"))
    assert 30 < components["inter_eye_distance"] < 100


@pytest.mark.parametrize("name", NAMES)
def test_blur_lowers_sharpness(found: dict[str, tuple[ImageArray, Face]], name: str) -> None:
    pixels, face = found[name]
    image = Image.fromarray(pixels)
    values = [
        _component(np.asarray(image.filter(ImageFilter.GaussianBlur(radius))), face, "sharpness")
        for radius in (0, 0.7, 1.5, 3, 6)
    ]
    assert _falls(values)
    assert values[-1] < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_motion_lowers_sharpness(found: dict[str, tuple[ImageArray, Face]], name: str) -> None:
    pixels, face = found[name]
    values = [
        _component(
            np.mean([np.roll(pixels.astype(np.float32), step, axis=1) for step in range(length)], axis=0).astype(
                np.uint8
            ),
            face,
            "sharpness",
        )
        for length in (1, 3, 7, 15)
    ]
    assert _falls(values)


@pytest.mark.parametrize("name", NAMES)
def test_darkness_lowers_under_exposure_and_glare_over_exposure(
    found: dict[str, tuple[ImageArray, Face]], name: str
) -> None:
    pixels, face = found[name]
    dark = [_component((pixels * light).astype(np.uint8), face, "under_exposure") for light in (1, 0.5, 0.25, 0.12)]
    assert _falls(dark)
    assert dark[-1] < 0.35
    glare = [
        _component(np.clip(pixels * light, 0, 255).astype(np.uint8), face, "over_exposure")
        for light in (1.0, 1.6, 2.5, 5.0)
    ]
    assert _falls(glare)
    assert glare[-1] < 0.5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_light_from_one_side_lowers_uniformity(found: dict[str, tuple[ImageArray, Face]], name: str, side: str) -> None:
    pixels, face = found[name]
    middle = round(float(face.landmarks[:, 0].mean()))
    values = []
    for light in (1.0, 0.7, 0.4, 0.15):
        lit = pixels.astype(np.float32)
        half = slice(None, middle) if side == "left" else slice(middle, None)
        lit[:, half] *= light
        values.append(_component(lit.astype(np.uint8), face, "illumination_uniformity"))
    assert _falls(values)
    assert values[-1] < 0.4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("degrees", [-40, -20, -10, 10, 20, 40])
def test_a_tilt_is_seen_with_its_angle_and_sign(
    found: dict[str, tuple[ImageArray, Face]], name: str, degrees: int
) -> None:
    _, face = found[name]
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])  # clockwise, as y points down
    tilted = (face.landmarks @ turn.T).astype(np.float32)
    before, after = head_pose(face.landmarks), head_pose(tilted)
    assert after[2] - before[2] == pytest.approx(degrees, abs=0.1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("degrees", [-20, 20])
def test_a_tilted_picture_is_seen_tilted(
    pipeline: Pipeline, found: dict[str, tuple[ImageArray, Face]], name: str, degrees: int
) -> None:
    pixels, face = found[name]
    turned = np.asarray(
        Image.fromarray(pixels).rotate(-degrees, Image.Resampling.BICUBIC)
    )  # Pillow turns the other way
    (tilted,) = pipeline.detect(Picture(turned, 1.0, b"", ""))
    change = _component(turned, tilted, "pose_roll") - _component(pixels, face, "pose_roll")
    assert change == pytest.approx(degrees, abs=8)


def _turned(yaw: float, pitch: float) -> np.ndarray:
    """Project the mean head, turned to its left by yaw and raised by pitch, as an orthographic camera would."""
    a, b = np.radians(yaw), np.radians(pitch)
    # The nose is nearest (smallest z): to the left of the subject is the viewer's right.
    left = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    up = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    return (_HEAD @ (up @ left).T)[:, :2].astype(np.float32) * 2 + 300


@pytest.mark.parametrize("yaw", [-50, -25, 0, 25, 50])
def test_yaw_of_the_mean_head_is_recovered(yaw: float) -> None:
    points = _turned(yaw, 0)
    # The nose goes where the head turns.
    assert np.sign(points[2, 0] - points[:2, 0].mean()) == np.sign(yaw)
    assert head_pose(points)[0] == pytest.approx(yaw, abs=0.5)


@pytest.mark.parametrize("pitch", [-25, -10, 0, 10, 25])
def test_pitch_of_the_mean_head_is_recovered(pitch: float) -> None:
    points = _turned(0, pitch)
    # Raised, the nose goes up in the picture, towards the eyes.
    level = _turned(0, 0)
    assert np.sign((level[2] - level[:2].mean(axis=0))[1] - (points[2] - points[:2].mean(axis=0))[1]) == np.sign(pitch)
    assert head_pose(points)[1] == pytest.approx(pitch, abs=0.5)


@pytest.mark.parametrize("yaw", [-40, -10, 10, 40])
def test_a_mirror_image_looks_the_other_way(yaw: float) -> None:
    points = _turned(yaw, 8)
    mirrored = (points * [-1, 1] + [600, 0])[[1, 0, 2, 4, 3]].astype(np.float32)
    (a, b, c), (x, y, z) = head_pose(points), head_pose(mirrored)
    assert (x, y, z) == pytest.approx((-a, b, -c), abs=1e-3)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.ones((5, 2)), np.array([[x, x] for x in range(5)])])
def test_degenerate_landmarks_have_a_finite_pose(points: np.ndarray) -> None:
    assert np.isfinite(head_pose(points.astype(np.float32))).all()
    face = Face(Box(0, 0, 5, 5), points.astype(np.float32), 1.0)
    assert np.isfinite(list(assess(np.zeros((20, 20, 3), np.uint8), face).components.values())).all()


def test_cropping_is_the_share_inside_the_picture() -> None:
    landmarks = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
    pixels = np.full((100, 100, 3), 128, np.uint8)
    for box, share in (
        (Box(10, 10, 90, 90), 1.0),
        (Box(0, 0, 100, 100), 1.0),
        (Box(-50, 0, 50, 100), 0.5),
        (Box(50, 50, 150, 150), 0.25),
        (Box(-100, -100, 0, 0), 0.0),
        (Box(200, 0, 300, 100), 0.0),
        (Box(5, 5, 5, 9), 0.0),
    ):
        assert _component(pixels, Face(box, landmarks, 1.0), "face_cropping") == share


def test_the_inter_eye_distance_is_in_pixels_of_the_file(found: dict[str, tuple[ImageArray, Face]]) -> None:
    pixels, face = found["hopper"]
    full = assess(pixels, face).components["inter_eye_distance"]
    assert assess(pixels, face, 0.25).components["inter_eye_distance"] == pytest.approx(full * 4, abs=0.3)


def test_a_small_crisp_face_is_not_judged_blurred_by_enlargement(found: dict[str, tuple[ImageArray, Face]]) -> None:
    pixels, face = found["hopper"]
    small = np.asarray(Image.fromarray(pixels).resize((102, 120), Image.Resampling.LANCZOS))
    shrunk = Face(Box(*(v / 5 for v in (face.box.x0, face.box.y0, face.box.x1, face.box.y1))), face.landmarks / 5, 1.0)
    assert _component(small, shrunk, "sharpness") > 0.7
