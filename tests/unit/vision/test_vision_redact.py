from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from faceward.core.errors import UsageError
from faceward.core.faces import Box, ImageArray
from faceward.vision.images import Picture, decode
from faceward.vision.pipeline import Pipeline
from faceward.vision.redact import MODES, Mode, encode, redact

BOX = Box(60, 50, 120, 130)
modes = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(scope="module")
def noise() -> ImageArray:
    return np.random.default_rng(0).integers(0, 256, (200, 220, 3)).astype(np.uint8)


def _inside(box: Box, margin: float = 0.0) -> tuple[slice, slice]:
    across, down = box.width * margin, box.height * margin
    return (
        slice(max(0, round(box.y0 - down)), max(0, round(box.y1 + down))),
        slice(max(0, round(box.x0 - across)), max(0, round(box.x1 + across))),
    )


@modes
def test_every_part_of_the_box_changes_and_nothing_beyond_its_margin(noise: ImageArray, mode: Mode) -> None:
    result = redact(noise, [BOX], [], mode, 1)
    changed = np.abs(result.astype(int) - noise).max(axis=2) > 0
    inside = changed[_inside(BOX)]
    assert inside.mean() > 0.98
    blocks = inside[: inside.shape[0] // 5 * 5, : inside.shape[1] // 5 * 5].reshape(inside.shape[0] // 5, 5, -1, 5)
    assert blocks.any(axis=(1, 3)).all()
    outside = changed.copy()
    outside[_inside(BOX, 0.2)] = False
    assert not outside.any()


@modes
@pytest.mark.parametrize("box", [BOX, Box(-30, -30, 40, 50), Box(190, 160, 260, 260), Box(-100, -100, 400, 400)])
def test_corners_of_the_box_are_covered(mode: Mode, box: Box) -> None:
    pixels = np.zeros((200, 220, 3), np.uint8)
    pixels[::2, ::2] = 255
    result = redact(pixels, [box], [], mode, 1)
    rows, columns = _inside(box)
    part = result[rows, columns]
    # No pixel pair keeps the contrast of the original.
    assert np.abs(np.diff(part[:, :, 0].astype(int), axis=1)).mean() < 60
    for corner in (part[:6, :6], part[:6, -6:], part[-6:, :6], part[-6:, -6:]):
        assert np.ptp(corner[..., 0]) < 255


@modes
def test_the_same_seed_gives_the_same_picture(noise: ImageArray, mode: Mode) -> None:
    assert (redact(noise, [BOX], [], mode, 7) == redact(noise, [BOX], [], mode, 7)).all()


@pytest.mark.parametrize("mode", ["blur", "pixelate"])
def test_another_seed_gives_another_picture(noise: ImageArray, mode: Mode) -> None:
    assert (redact(noise, [BOX], [], mode, 7) != redact(noise, [BOX], [], mode, 8)).any()


@modes
def test_the_original_is_left_as_it_is(noise: ImageArray, mode: Mode) -> None:
    before = noise.copy()
    result = redact(noise, [BOX], [Box(0, 0, 50, 50)], mode, 1)
    assert (noise == before).all()
    assert result.shape == noise.shape
    assert result.dtype == np.uint8


@modes
def test_nothing_to_hide_changes_nothing(noise: ImageArray, mode: Mode) -> None:
    assert (redact(noise, [], [BOX], mode, 1) == noise).all()
    for box in (Box(500, 500, 600, 600), Box(-90, -90, -50, -50), Box(10, 10, 10, 10)):
        assert (redact(noise, [box], [], mode, 1) == noise).all()


@modes
def test_keeping_wins_in_the_margin_and_hiding_in_the_face_itself(noise: ImageArray, mode: Mode) -> None:
    keep = Box(110, 60, 170, 140)  # overlaps the hidden face by 10 pixels, and its margin
    result = redact(noise, [BOX], [keep], mode, 1)
    common = (slice(60, 130), slice(110, 120))
    margin = (slice(60, 140), slice(120, 170))
    assert (result[margin] == noise[margin]).all()
    assert (result[common] != noise[common]).any(axis=2).mean() > 0.95
    assert (result[common] == redact(noise, [BOX], [], mode, 1)[common]).all()


@modes
def test_a_hidden_face_within_a_kept_one_is_hidden(noise: ImageArray, mode: Mode) -> None:
    hidden = Box(80.4, 80.4, 99.6, 99.6)
    result = redact(noise, [hidden], [Box(40, 40, 160, 160)], mode, 1)
    assert (result[80:100, 80:100] != noise[80:100, 80:100]).any(axis=2).mean() > 0.9
    assert (result[40:80, 40:160] == noise[40:80, 40:160]).all()


@pytest.mark.parametrize("box", [Box(40, 40, 160, 160), Box(-60, 40, 60, 160), Box(160, 150, 280, 270)])
def test_pixelation_leaves_blocks_of_the_same_size_at_the_edges(noise: ImageArray, box: Box) -> None:
    smooth = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(3)))
    rows, columns = _inside(box)
    part = redact(smooth, [box], [], "pixelate", 1)[rows, columns][:, :, 0].astype(int)
    # A block is a sixth of 120 pixels and the margin of a fifth on both sides.
    assert (np.diff(part, axis=1) != 0).any(axis=0).sum() <= -(-part.shape[1] // 28) + 1


def _sharpened(pixels: ImageArray) -> list[ImageArray]:
    """What an attacker tries first: unsharp masks, and a Wiener filter for a Gaussian blur (Wiener, 1949)."""
    image = Image.fromarray(pixels)
    tries = [np.asarray(image.filter(ImageFilter.UnsharpMask(r, p, 0))) for r, p in ((4, 300), (12, 400), (30, 500))]
    rows, columns = (
        np.fft.fftfreq(n)[:, None] if axis == 0 else np.fft.fftfreq(n)[None] for axis, n in enumerate(pixels.shape[:2])
    )
    spectrum = np.fft.fft2(pixels.astype(np.float64), axes=(0, 1))
    for sigma in (4.0, 10.0, 20.0):
        kernel = np.exp(-2 * (np.pi * sigma) ** 2 * (rows**2 + columns**2))
        wiener = (kernel / (kernel**2 + 1e-3))[:, :, None]
        restored = np.fft.ifft2(spectrum * wiener, axes=(0, 1)).real
        tries.append(np.clip(restored, 0, 255).astype(np.uint8))
    return tries


@modes
@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_a_redacted_face_is_not_recognised_even_when_sharpened(
    pipeline: Pipeline, portraits: dict[str, Picture], name: str, mode: Mode
) -> None:
    picture = portraits[name]
    (face,) = pipeline.detect(picture)
    (reference,) = pipeline.samples(picture, [face])
    calibration = pipeline.pack.manifest.calibration
    assert calibration is not None
    threshold = calibration.at_fmr(1e-2).threshold
    assert float(reference.features @ reference.features) > threshold
    result = redact(picture.pixels, [face.box], [], mode, 20)
    for pixels in (result, *_sharpened(result)):
        attempt = Picture(pixels, 1.0, bytes(32), "attempt")
        # The attacker may know where the face was, or look for it again.
        for candidate in (face, *pipeline.detect(attempt, threshold=0.15)):
            (sample,) = pipeline.samples(attempt, [candidate])
            assert float(sample.features @ reference.features) < threshold


def test_plain_sharpening_would_bring_back_a_plain_blur(pipeline: Pipeline, portraits: dict[str, Picture]) -> None:
    """The attack of the test above works where a face is only blurred a little, so passing it means something."""
    picture = portraits["hopper"]
    (face,) = pipeline.detect(picture)
    (reference,) = pipeline.samples(picture, [face])
    blurred = np.asarray(Image.fromarray(picture.pixels).filter(ImageFilter.GaussianBlur(4)))
    scores = [
        float(pipeline.samples(Picture(pixels, 1.0, b"", ""), [face])[0].features @ reference.features)
        for pixels in (blurred, *_sharpened(blurred))
    ]
    assert max(scores[1:]) > scores[0]
    assert max(scores[1:]) > 0.93


class TestEncode:
    @pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp"])
    def test_every_format_is_read_again(self, noise: ImageArray, suffix: str) -> None:
        smooth = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(5)))
        again = decode(encode(smooth, suffix), "x").pixels
        assert np.abs(again.astype(int) - smooth).mean() < 3

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
    def test_no_metadata_is_written(self, portraits: dict[str, Picture], suffix: str) -> None:
        thumbnail = io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "a description"
        exif[0x8825] = {1: "N"}
        Image.fromarray(portraits["hopper"].pixels).save(thumbnail, "JPEG", exif=exif, comment=b"a comment")
        picture = decode(thumbnail.getvalue(), "x")
        data = encode(redact(picture.pixels, [BOX], [], "fill", 1), suffix)
        for trace in (b"Exif", b"a description", b"a comment", b"http://ns.adobe.com"):
            assert trace not in data
        written = Image.open(io.BytesIO(data))
        tags = dict(written.getexif())
        assert not tags or suffix == ".tif"
        assert {0x010E, 0x8825, 0x8769}.isdisjoint(tags)

    @pytest.mark.parametrize("suffix", ["", ".gif", ".exe", "png", ".jpg ", ".heic"])
    def test_an_unknown_suffix_is_a_wrong_call(self, noise: ImageArray, suffix: str) -> None:
        with pytest.raises(UsageError, match="pictures cannot be written as"):
            encode(noise, suffix)

    @pytest.mark.parametrize(("suffix", "width"), [(".jpg", 65_536), (".webp", 16_384)])
    def test_a_picture_too_large_for_its_format(self, suffix: str, width: int) -> None:
        with pytest.raises(UsageError, match=r"write it as \.png"):
            encode(np.zeros((1, width, 3), np.uint8), suffix)


@pytest.mark.parametrize("mode", MODES)
def test_a_face_far_larger_than_the_picture_takes_no_more_memory_than_the_picture(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = np.full((4000, 8, 3), 200, dtype=np.uint8)
    resize, largest = Image.Image.resize, [0]

    def watched(picture: Image.Image, size: tuple[int, int], *rest: object, **options: object) -> Image.Image:
        largest[0] = max(largest[0], size[0] * size[1])
        return resize(picture, size, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", watched)
    hidden = redact(strip, [Box(0, 0, 8, 60_000)], [], mode, seed=1)
    assert hidden.shape == strip.shape
    assert not np.array_equal(hidden[:1000], strip[:1000])
    assert largest[0] <= strip.shape[0] * strip.shape[1]


def test_blocks_are_as_large_where_the_edge_cuts_a_face_as_where_it_does_not() -> None:
    picture = np.random.default_rng(3).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    hidden = redact(picture, [Box(-40, -20, 80, 100)], [], "pixelate", seed=2)
    # 168 pixels with its margins: six blocks of 28 across, counted from the picture's edge.
    inner = hidden[28:56, 28:56].reshape(-1, 3)
    assert (inner == inner[0]).all()
    assert not (hidden[27, 28:56] == hidden[28, 28:56]).all()
