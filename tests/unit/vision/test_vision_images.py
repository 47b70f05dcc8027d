from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceward.core.canonical import sha256
from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.core.faces import ImageArray
from faceward.vision.images import MAX_FILE_BYTES, Picture, decode, read_file
from faceward.vision.scaling import reduced, resized

ORIENTATION = 0x0112
# What a camera stores for each orientation, from the upright picture (CIPA DC-008, tag 0x0112).
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def upright() -> ImageArray:
    """A picture without symmetry, flat enough to survive JPEG: width 96, height 64."""
    pixels = np.full((64, 96, 3), 200, np.uint8)
    pixels[8:32, 8:24] = (250, 20, 20)
    pixels[40:56, 16:80] = (20, 20, 250)
    pixels[8:24, 64:88] = (20, 200, 20)
    return pixels


def _close(found: Picture, expected: ImageArray, bound: float = 4.0) -> bool:
    assert found.pixels.shape == expected.shape
    assert found.pixels.dtype == np.uint8
    return float(np.abs(found.pixels.astype(float) - expected).mean()) < bound


class TestOrientation:
    @pytest.mark.parametrize("orientation", STORED)
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_all_eight_give_the_same_upright_picture(self, upright: ImageArray, kind: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
        options = {"quality": 95} if kind in {"JPEG", "WEBP"} else {}
        picture = decode(_encoded(stored, kind, exif=exif.tobytes(), **options), "test")
        assert _close(picture, upright)
        assert picture.scale == 1.0

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_unknown_orientation_leaves_the_picture_as_it_is(self, upright: ImageArray, orientation: int) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        assert _close(decode(_encoded(Image.fromarray(upright), "PNG", exif=exif.tobytes()), "test"), upright, 0.1)

    def test_the_scale_of_a_turned_and_reduced_picture(self, upright: ImageArray) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        large = Image.fromarray(np.ascontiguousarray(STORED[6](upright))).resize((640, 960))
        picture = decode(_encoded(large, "JPEG", exif=exif.tobytes()), "test", max_pixels=96 * 64)
        assert (picture.width, picture.height) == (96, 64)
        assert picture.scale == pytest.approx(0.1)
        assert _close(picture, upright, 8.0)


class TestForms:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF"])
    def test_every_format_that_is_offered(self, upright: ImageArray, kind: str) -> None:
        assert _close(decode(_encoded(Image.fromarray(upright), kind), "test"), upright)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_greyscale(self, upright: ImageArray, kind: str) -> None:
        grey = Image.fromarray(upright).convert("L")
        picture = decode(_encoded(grey.convert("RGB") if kind == "WEBP" else grey, kind), "test")
        assert _close(picture, np.repeat(np.asarray(grey)[:, :, None], 3, axis=2))

    def test_bilevel(self, upright: ImageArray) -> None:
        picture = decode(_encoded(Image.fromarray(upright).convert("1"), "PNG"), "test")
        assert set(np.unique(picture.pixels)) == {0, 255}

    def test_cmyk_jpeg(self, upright: ImageArray) -> None:
        picture = decode(_encoded(Image.fromarray(upright).convert("CMYK"), "JPEG", quality=95), "test")
        assert _close(picture, upright, 6.0)

    def test_palette(self, upright: ImageArray) -> None:
        assert _close(decode(_encoded(Image.fromarray(upright).quantize(16), "PNG"), "test"), upright)

    def test_a_transparent_palette_colour_is_laid_on_white(self, upright: ImageArray) -> None:
        image = Image.fromarray(upright).quantize(16)
        clear = int(np.asarray(image)[0, 0])
        picture = decode(_encoded(image, "PNG", transparency=clear), "test")
        expected = upright.copy()
        expected[(upright == 200).all(axis=2)] = 255
        assert _close(picture, expected)

    def test_a_transparent_colour_of_an_rgb_png_is_laid_on_white(self, upright: ImageArray) -> None:
        picture = decode(_encoded(Image.fromarray(upright), "PNG", transparency=(200, 200, 200)), "test")
        assert (picture.pixels[0, 0] == 255).all()
        assert tuple(picture.pixels[10, 10]) == (250, 20, 20)

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_alpha_is_laid_on_white(self, upright: ImageArray, mode: str, kind: str) -> None:
        image = Image.fromarray(upright).convert(mode)
        image.putalpha(Image.fromarray(np.tile(np.repeat(np.array([0, 255], np.uint8), 48), (64, 1))))
        picture = decode(_encoded(image, kind), "test")
        assert (picture.pixels[:, :48] == 255).all()
        assert _close(Picture(picture.pixels[:, 48:], 1.0, b"", ""), np.asarray(image.convert("RGB"))[:, 48:], 0.5)

    def test_half_transparency_is_mixed(self) -> None:
        image = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
        assert np.abs(decode(_encoded(image, "PNG"), "test").pixels.astype(int) - 127).max() <= 1

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
    def test_sixteen_bit_greyscale(self, upright: ImageArray, kind: str) -> None:
        grey = np.asarray(Image.fromarray(upright).convert("L"))
        picture = decode(_encoded(Image.fromarray(grey.astype(np.uint16) * 257), kind), "test")
        assert _close(picture, np.repeat(grey[:, :, None], 3, axis=2), 1.0)

    def test_big_endian_sixteen_bit_tiff(self) -> None:
        samples = (np.arange(64 * 48) * 21).astype(">u2").reshape(48, 64)
        tags = [(256, 3, 1, 64), (257, 3, 1, 48), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
        tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 48), (279, 4, 1, samples.nbytes)]
        rows = b"".join(
            struct.pack(">HHI", tag, kind, count)
            + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
            for tag, kind, count, value in tags
        )
        data = b"MM\0*" + struct.pack(">I", 8 + samples.nbytes) + samples.tobytes()
        picture = decode(data + struct.pack(">H", len(tags)) + rows + bytes(4), "test")
        assert np.abs(picture.pixels[:, :, 0].astype(float) - samples / 257).max() <= 1

    def test_sixteen_bit_colour_png(self) -> None:
        values = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3) * 5 % 65536
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        png = _png(64, 64, rows, depth=16)
        assert np.abs(decode(png, "test").pixels.astype(float) - values / 257).max() <= 1

    def test_twelve_bit_values_in_sixteen_bits_are_not_black(self) -> None:
        image = Image.fromarray(np.full((8, 8), 4000, np.uint16))
        assert decode(_encoded(image, "TIFF"), "test").pixels.min() > 240

    @pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
    def test_float_samples(self, top: float) -> None:
        values = np.tile(np.linspace(0, top, 64, dtype=np.float32), (16, 1))
        picture = decode(_encoded(Image.fromarray(values), "TIFF"), "test")
        assert np.abs(picture.pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1

    def test_float_samples_that_are_no_numbers(self) -> None:
        values = np.ones((8, 8), np.float32)
        values[0, :3] = (np.nan, np.inf, -np.inf)
        assert decode(_encoded(Image.fromarray(values), "TIFF"), "test").pixels.shape == (8, 8, 3)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO", "AVIF"])
    def test_of_several_frames_the_first_is_taken(self, upright: ImageArray, kind: str) -> None:
        first, second = Image.fromarray(upright), Image.new("RGB", (96, 64), (0, 0, 0))
        data = _encoded(first, kind, save_all=True, append_images=[second, second])
        assert _close(decode(data, "test"), upright)

    def test_the_digest_is_of_the_file(self, upright: ImageArray) -> None:
        data = _encoded(Image.fromarray(upright), "PNG")
        assert decode(data, "test").digest == sha256(data)

    def test_one_pixel(self) -> None:
        assert decode(_encoded(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), "test").pixels.tolist() == [[[9, 8, 7]]]


def _png(width: int, height: int, rows: bytes, depth: int = 8) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class TestBadInput:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0",
            b"hello, this is a text\n",
            b"%PDF-1.7\n",
            b"%!PS-Adobe-3.0 EPSF-3.0\n",
            b"<svg></svg>",
            bytes(999),
        ],
    )
    def test_what_is_no_picture(self, data: bytes) -> None:
        with pytest.raises(BadInput, match=r"portrait\.jpg: not a picture of a known format"):
            decode(data, "portrait.jpg")

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "JPEG2000", "AVIF", "PPM"])
    @pytest.mark.parametrize("share", [0.5, 0.9])
    def test_truncated(self, kind: str, share: float) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
        data = _encoded(Image.fromarray(noise), kind)
        with pytest.raises(BadInput, match=r"known format|truncated or damaged") as caught:
            decode(data[: int(len(data) * share)], "cut")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("side", [12_000, 60_000, 2**31 - 1])
    def test_a_bomb_is_refused_by_its_header(self, side: int) -> None:
        with pytest.raises(BadInput, match="at most 120 megapixels"):
            decode(_png(side, side, b""), "bomb")

    def test_a_gif_bomb_is_refused_by_its_header(self) -> None:
        screen = struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
        with pytest.raises(BadInput, match="at most 120 megapixels"):
            decode(
                b"GIF89a" + screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x08\x01\0\0;", "bomb"
            )

    def test_a_declared_size_without_pixels(self) -> None:
        with pytest.raises(BadInput, match="truncated or damaged"):
            decode(_png(2_000, 2_000, b"\0" * 100), "hollow")

    def test_warnings_of_the_decoder_are_neither_shown_nor_raised(self) -> None:
        data = _png(9_600, 9_600, b"")  # large enough for Pillow's own warning
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(BadInput):
                decode(data, "large")

    def test_threads_leave_the_filters_of_warnings_as_they_were(self, upright: ImageArray) -> None:
        data = _encoded(Image.fromarray(upright).resize((960, 640)), "PNG")
        before = list(warnings.filters)
        barrier = threading.Barrier(4)

        def work(_: int) -> None:
            barrier.wait()
            for _ in range(20):
                decode(data, "test")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert list(warnings.filters) == before


class TestReadFile:
    def test_reads_the_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "Zoë 名前.png"
        path.write_bytes(b"abc")
        assert read_file(path) == b"abc"

    @pytest.mark.parametrize(
        "address",
        [
            "http://example.org/a.jpg",
            "https://example.org/a.jpg",
            "HTTPS://example.org/a",
            "ftp://x/y",
            "s3://b/k",
            "file:///etc/passwd",
            "rtsp://camera/1",
            "data:/image",
        ],
    )
    def test_P5_an_address_is_refused(self, address: str) -> None:
        with pytest.raises(BadInput, match="addresses are not read"):
            read_file(Path(address))

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        with pytest.raises(BadInput, match="the file is empty"):
            read_file(tmp_path / "a")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="is a folder"):
            read_file(tmp_path)

    @pytest.mark.parametrize("name", ["missing.jpg", "file/inside.jpg", "n" * 300])
    def test_no_such_file(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(BadInput, match="no such file"):
            read_file(tmp_path / name)

    def test_a_name_that_cannot_be(self) -> None:
        with pytest.raises(BadInput, match="not a file name"):
            read_file(Path("a\0b.jpg"))

    def test_a_circular_link(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "a")
        with pytest.raises(BadInput, match="no such file"):
            read_file(tmp_path / "a")

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
    def test_a_device(self, device: str) -> None:
        with pytest.raises(BadInput, match="not a regular file"):
            read_file(Path(device))

    def test_a_pipe_without_a_writer_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(BadInput, match="not a regular file"):
            read_file(tmp_path / "pipe")

    def test_a_file_that_is_too_long(self, tmp_path: Path) -> None:
        with (tmp_path / "a").open("wb") as stream:
            stream.truncate(MAX_FILE_BYTES + 1)
        with pytest.raises(BadInput, match="at most 268,435,456 are read"):
            read_file(tmp_path / "a")

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
    def test_no_permission(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch(mode=0)
        with pytest.raises(BadInput, match="no permission"):
            read_file(tmp_path / "a")

    def test_a_failing_disk_is_the_machines_fault(self) -> None:
        with pytest.raises((EnvironmentFailure, BadInput)) as caught:
            read_file(Path("/proc/self/mem"))
        assert "\n" not in str(caught.value)


class TestScaling:
    def test_max_pixels_bounds_the_result(self) -> None:
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (301, 407, 3)).astype(np.uint8))
        for kind in ("PNG", "JPEG"):
            for bound in (1, 10, 1000, 20_000, 122_506, 122_507):
                picture = decode(_encoded(image, kind), "test", bound)
                assert picture.width * picture.height <= bound
                assert picture.scale == pytest.approx(picture.width / 407)

    def test_a_long_strip_keeps_a_pixel_across(self) -> None:
        picture = decode(_encoded(Image.new("RGB", (5000, 1)), "PNG"), "test", 100)
        assert picture.height == 1

    @pytest.mark.parametrize("factor", [1, 2, 3, 7, 50])
    def test_reduction_by_bands_is_reduction_of_the_whole(self, factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("faceward.vision.scaling.BAND_PIXELS", 1000)
        pixels = np.random.default_rng(0).integers(0, 256, (131, 77, 3)).astype(np.uint8)
        assert (reduced(pixels, factor) == np.asarray(Image.fromarray(pixels).reduce(factor))).all()

    @pytest.mark.parametrize("size", [(100, 75), (33, 25), (7, 5)])
    def test_resizing_keeps_a_gradient_in_its_place(self, size: tuple[int, int]) -> None:
        across = np.tile(np.linspace(0, 255, 400), (300, 1)).astype(np.uint8)
        small = resized(np.repeat(across[:, :, None], 3, axis=2), *size)
        centres = (np.arange(size[0]) + 0.5) * 400 / size[0]
        assert (
            np.abs(small[0, :, 0].astype(float) - np.interp(centres, np.arange(400) + 0.5, across[0]))[1:-1].max() < 2
        )

    def test_fine_stripes_become_grey_and_not_a_moire(self) -> None:
        stripes = np.zeros((200, 1001, 3), np.uint8)
        stripes[:, ::2] = 255
        small = resized(stripes, 91, 20)
        assert np.abs(small[:, 2:-2].astype(float) - 127.5).max() < 12
