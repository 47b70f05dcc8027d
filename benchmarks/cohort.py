"""What the default pack carries beside its networks: its cohort, and its population of simulated strangers.

    python benchmarks/cohort.py --out cohort.npy              features of synthetic faces (see `vision.cohort`)
    python benchmarks/cohort.py --population population.npz   mean and covariance (see `vision.population`)

The first prints the `[cohort]` table for the pack's manifest. No face of a real person belongs in a cohort: its
features are shipped with the pack. Of LFW View 1 only a mean and a covariance over 3,095 subjects are kept.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

import faceward
from faceward.core.canonical import sha256_hex
from faceward.core.errors import NoFace
from faceward.vision.images import decode, read_file

_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


def pictures(folder: Path) -> list[Path]:
    """Return the pictures below a folder, in the order of names."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)


def first_of_each(folder: Path) -> list[Path]:
    """Return the first picture of each subject of a folder subject/picture."""
    first = {path.parent: path for path in reversed(pictures(folder))}
    return sorted(first.values())


def features(files: list[Path], pack: str) -> npt.NDArray[np.float32]:
    """Return the network's features of the principal face of each picture that shows one."""
    pipeline = faceward.pipeline(pack)

    def one(path: Path) -> npt.NDArray[np.float32] | None:
        picture = decode(read_file(path), path.name)
        try:
            face, _ = pipeline.principal(picture, alone=False)
        except NoFace:
            return None
        return pipeline.network_features(picture, [face])[0]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = [row for row in pool.map(one, files) if row is not None]
    if not rows:
        sys.exit("no picture with a face")
    print(f"# {len(files)} pictures, {len(rows)} with a face", file=sys.stderr)
    return np.stack(rows)


def population(rows: npt.NDArray[np.float32]) -> bytes:
    """Return the mean and a square root of the covariance of features, as `vision.population` reads them."""
    mean, covariance = rows.mean(axis=0), np.cov(rows, rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    # Symmetric, so that the factor does not depend on the order of coordinates.
    factor = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    buffer = io.BytesIO()
    np.savez_compressed(buffer, mean=mean.astype(np.float32), factor=factor.astype(np.float16))
    return buffer.getvalue()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--pack", default="centerface-dlib")
    parser.add_argument("--faces", type=Path, default=data / "sfhq", help="synthetic faces, for the cohort")
    parser.add_argument("--lfw", type=Path, default=data / "lfw-view1" / "images", help="for the population")
    parser.add_argument("--nearest", type=int, default=3)
    parser.add_argument("--weight", type=float, default=0.3)
    parser.add_argument("--out", type=Path, help="where the cohort is written")
    parser.add_argument("--population", type=Path, help="where the population is written")
    options = parser.parse_args()
    if options.population:
        options.population.write_bytes(population(features(first_of_each(options.lfw), options.pack)))
    if options.out:
        buffer = io.BytesIO()
        np.save(buffer, features(pictures(options.faces), options.pack).astype(np.float16), allow_pickle=False)
        options.out.write_bytes(buffer.getvalue())
        print(f"""[cohort]
file = "{options.out.name}"
sha256 = "{sha256_hex(buffer.getvalue())}"
nearest = {options.nearest}
weight = {options.weight}
centre = 0.91""")


if __name__ == "__main__":
    main()
