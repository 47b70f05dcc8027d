"""Bringing a face to the pose and size that its network was trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceward.core.faces import FloatArray, ImageArray
from faceward.vision.scaling import reduced
from faceward.vision.wiping import wipe

# ArcFace's five points in a 112x112 chip (Deng et al., CVPR 2019; the reference implementation's `arcface_dst`).
ARCFACE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float64,
)
# From this magnification on a chip is sampled by cubic instead of linear interpolation (ADR 0023).
_DRAWN_OUT = 1.5


def similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Least-squares similarity transform (S. Umeyama, IEEE TPAMI 13(4), 1991, without reflection).

    Args:
        source: Points, shape (n, 2).
        target: Points, shape (n, 2).

    Returns:
        Matrix of shape (2, 3) that maps source to target as `m[:, :2] @ p + m[:, 2]`. Points that coincide give zeros
        in the linear part.
    """
    # In the plane a rotation with scale is one complex factor, so the fit is a projection.
    s = np.asarray(source, dtype=np.float64) @ np.array([1, 1j])
    t = np.asarray(target, dtype=np.float64) @ np.array([1, 1j])
    centred = s - s.mean()
    norm = float(np.vdot(centred, centred).real)
    factor = complex(np.vdot(centred, t - t.mean())) / norm if norm > 0 else 0j
    shift = complex(t.mean()) - factor * complex(s.mean())
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def warp(pixels: ImageArray, matrix: npt.NDArray[np.float64], size: int) -> ImageArray:
    """Cut a square chip by an affine map, without aliasing.

    Args:
        pixels: RGB, shape (height, width, 3).
        matrix: Maps picture to chip, shape (2, 3), in pixels whose integers are centres.
        size: Side of the chip in pixels.

    Returns:
        RGB, shape (size, size, 3); black outside the picture.
    """
    linear = matrix[:, :2]
    # Written so that what is no number counts as degenerate too.
    if not (np.isfinite(matrix).all() and abs(np.linalg.det(linear)) >= 1e-12):
        return np.zeros((size, size, 3), dtype=np.uint8)
    inverse: npt.NDArray[np.float64] = np.linalg.inv(linear).astype(np.float64)
    shift = -inverse @ matrix[:, 2]
    x0, y0, x1, y1 = _bounds(inverse, shift, size, pixels.shape)
    region = pixels[y0:y1, x0:x1]
    # Sampling is bilinear, so a face much larger than the chip is averaged down first, by whole pixels.
    factor = max(1, int(np.sqrt(abs(np.linalg.det(inverse)))))
    averaged = factor > 1
    if averaged:
        region = reduced(region, factor)
    # Pillow's coordinates put pixel centres at one half.
    half = np.full(2, 0.5)
    origin = (shift + half - inverse @ half - np.array([x0, y0])) / factor
    inverse = inverse / factor
    data = (inverse[0, 0], inverse[0, 1], origin[0], inverse[1, 0], inverse[1, 1], origin[1])
    region = np.array(region, order="C", copy=not averaged)
    source = Image.fromarray(region)
    wipe(region)
    # Drawn out bilinearly, a small face becomes a blur that the network was not trained on.
    drawn_out = abs(np.linalg.det(inverse)) < 1 / _DRAWN_OUT**2
    resampling = Image.Resampling.BICUBIC if drawn_out else Image.Resampling.BILINEAR
    return np.asarray(source.transform((size, size), Image.Transform.AFFINE, data, resampling))


def _bounds(
    inverse: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], size: int, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Return the part of the picture that the chip touches, so that only this is copied."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], dtype=np.float64) @ inverse.T + shift
    margin = 2.0 + 2.0 * np.sqrt(abs(np.linalg.det(inverse)))
    low, high = np.floor(corners.min(axis=0) - margin), np.ceil(corners.max(axis=0) + margin)
    x0, y0 = (int(np.clip(v, 0, n - 1)) for v, n in zip(low, (shape[1], shape[0]), strict=True))
    x1, y1 = (int(np.clip(v, m + 1, n)) for v, m, n in zip(high, (x0, y0), (shape[1], shape[0]), strict=True))
    return x0, y0, x1, y1


def chip(pixels: ImageArray, landmarks: FloatArray, template: npt.NDArray[np.float64], size: int) -> ImageArray:
    """Align a face to a template of five points; RGB, shape (size, size, 3)."""
    return warp(pixels, similarity(landmarks, template), size)
