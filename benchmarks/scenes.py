"""Pictures for the benchmarks, composed of synthetic faces on backgrounds that scikit-image ships."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SHARED = Path(__file__).parents[2] / "shared"
_BACKGROUNDS = ("coffee.png", "rocket.jpg", "hubble_deep_field.jpg", "motorcycle_left.png", "brick.png", "gravel.png")


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, RGB, and where faces were pasted: centre x, centre y and side of the paste, pixels."""

    pixels: npt.NDArray[np.uint8]
    faces: tuple[tuple[float, float, float], ...]

    def found(self, centres: list[tuple[float, float]]) -> int:
        """Return how many of the pasted faces have a detection near their centre."""
        return sum(
            any(abs(cx - x) < 0.3 * side and abs(cy - y) < 0.3 * side for cx, cy in centres)
            for x, y, side in self.faces
        )


class Scenes:
    """Draws scenes; the same seed gives the same scenes."""

    def __init__(self, seed: int) -> None:
        spec = importlib.util.find_spec("skimage")
        if spec is None or spec.origin is None:
            raise SystemExit("scikit-image is needed for backgrounds; run 'make bench'")
        data = Path(spec.origin).parent / "data"
        faces = sorted((SHARED / "data" / "sfhq").glob("*.jpg"))
        if not faces:
            raise SystemExit(f"{SHARED / 'data' / 'sfhq'}: no synthetic faces there; these benchmarks need them")
        self._rng = np.random.default_rng(seed)
        self._faces = [Image.open(path).convert("RGB") for path in faces[::3]]
        self._grounds = [Image.open(data / name).convert("RGB") for name in _BACKGROUNDS]

    def draw(self, size: tuple[int, int], sides: list[int]) -> Scene:
        """Compose a scene of a size (width, height) with faces of these sides in pixels, apart from one another."""
        ground = self._grounds[self._rng.integers(len(self._grounds))].resize(size)
        placed: list[tuple[float, float, float]] = []
        for side in sides:
            for _ in range(50):
                x, y = (int(self._rng.integers(0, max(1, n - side))) for n in size)
                centre = (x + side / 2, y + side / 2, float(side))
                if all(max(abs(centre[0] - a), abs(centre[1] - b)) > (side + c) / 2 for a, b, c in placed):
                    face = self._faces[self._rng.integers(len(self._faces))]
                    ground.paste(face.resize((side, side), Image.Resampling.LANCZOS), (x, y))
                    placed.append(centre)
                    break
        return Scene(np.asarray(ground), tuple(placed))
