"""Templates of several samples against single ones, on LFW View 1: what fusion gains, and whether its rate holds.

    python benchmarks/templates.py                                 the default pack
    python benchmarks/templates.py --edgeface ../shared/models     EdgeFace-XXS through the pack path

A subject with more than n images gives, in each of `--draws` random orders, a template of the first n and mated probes
of the rest; non-mated probes are the images of everybody else. Thresholds are those of single comparisons, over all
pairs. Rows: the mean score (exponent 0), what ships, the cosine to the mean (exponent 1), and the best of n scores.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

import faceward
from faceward.core.errors import NoFace
from faceward.gallery.fusion import SHARPENING, fuse
from faceward.vision.images import decode, read_file
from lfw import AllPairs, Array, add_edgeface

RATES = (1e-2, 1e-3, 1e-4)
SIZES = (2, 3, 5)
# Non-mated probes of a template are thinned by this, so that all scores fit in memory.
THIN = 5
Numbers = npt.NDArray[np.float64]


def extract(root: Path, pack: str) -> tuple[npt.NDArray[np.int64], Array, dict[str, Numbers]]:
    """Return subject numbers, features and quality components of every image with a face that is found."""
    files = sorted((root / "images").glob("*/*.jpg"))
    pipeline = faceward.pipeline(pack)
    pipeline.load()

    def sample(path: Path) -> tuple[Array, dict[str, float]] | None:
        picture = decode(read_file(path), path.name)
        try:
            face, _ = pipeline.principal(picture, alone=False)
        except NoFace:
            return None
        made = pipeline.samples(picture, [face])[0]
        return made.features, dict(made.quality.components)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(sample, files))
    kept = [(path, one) for path, one in zip(files, found, strict=True) if one is not None]
    print(f"{len(files)} images, {len(files) - len(kept)} without a face", file=sys.stderr)
    subjects = np.unique([path.parent.name for path, _ in kept], return_inverse=True)[1]
    quality = {name: np.array([one[1][name] for _, one in kept]) for name in kept[0][1][1]}
    return subjects, np.stack([one[0] for _, one in kept]), quality


def sharpened(rows: Array, exponent: float, weights: Numbers | None = None) -> Array:
    """Return the weighted mean, drawn out towards its parts' length as `fuse` does."""
    mean = np.average(rows.astype(np.float64), axis=0, weights=weights)
    factor = float(np.linalg.norm(rows, axis=1).mean() / np.linalg.norm(mean)) ** exponent
    return np.asarray(mean * factor, dtype=np.float32)


class Scores:
    """Scores of templates of one size, by way of making them."""

    def __init__(self) -> None:
        self.mated: dict[str, list[Array]] = {}
        self.nonmated: dict[str, list[Array]] = {}

    def add(self, way: str, mated: Array, nonmated: Array) -> None:
        """Keep one template's scores."""
        self.mated.setdefault(way, []).append(mated)
        self.nonmated.setdefault(way, []).append(nonmated)

    def row(self, way: str, thresholds: list[float]) -> str:
        """Return what a way does at each threshold: its FMR as a multiple of the rate, FNMR there and at equal FMR."""
        mated, nonmated = np.concatenate(self.mated[way]), np.concatenate(self.nonmated[way])
        order = np.sort(nonmated)[::-1]
        parts = []
        for rate, threshold in zip(RATES, thresholds, strict=True):
            own = order[int(rate * len(order))]
            times = float((nonmated >= threshold).mean()) / rate
            here, equal = float((mated < threshold).mean()), float((mated <= own).mean())
            parts.append(f"{times:5.2f}x {100 * here:6.2f} {100 * equal:6.2f}")
        return " | ".join(parts)


def compare(
    data: tuple[npt.NDArray[np.int64], Array, dict[str, Numbers]], size: int, draws: int
) -> tuple[Scores, int, int]:
    """Make templates of one size in every way; return their scores, how many subjects and how many mated scores."""
    subjects, features, quality = data
    rng = np.random.default_rng(20260101)
    ranks = {name: 0.5 + values.argsort().argsort() / len(values) for name, values in quality.items()}
    able = np.flatnonzero(np.bincount(subjects) > size)
    scores, count = Scores(), 0
    for draw in range(draws):
        for subject in able:
            mine = rng.permutation(np.flatnonzero(subjects == subject))
            rows, probes = features[mine[:size]], features[mine[size:]]
            others = features[subjects != subject][draw % THIN :: THIN]
            count += len(probes)
            scores.add("one sample", probes @ rows[0], others @ rows[0])
            scores.add("best score", (probes @ rows.T).max(axis=1), (others @ rows.T).max(axis=1))
            ways = {f"exponent {exponent:g}": sharpened(rows, exponent) for exponent in (0, 1)}
            ways[f"shipped ({SHARPENING:g})"] = fuse(rows)
            for name, rank in ranks.items():
                ways[f"by {name}"] = sharpened(rows, SHARPENING, rank[mine[:size]])
            for way, template in ways.items():
                scores.add(way, probes @ template, others @ template)
    return scores, len(able), count


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "lfw-view1")
    parser.add_argument("--pack", default="centerface-dlib")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument(
        "--edgeface", type=Path, metavar="FOLDER", help="folder with edgeface-xxs/*.onnx to use as a pack"
    )
    options = parser.parse_args()
    if options.edgeface:
        options.pack = add_edgeface(options.edgeface)
    if not (options.data / "images").is_dir():
        sys.exit(f"{options.data}: not there; give LFW View 1 with --data")
    data = extract(options.data, options.pack)
    pairs = AllPairs(data[0], data[1])
    thresholds = [pairs.threshold(rate) for rate in RATES]
    print(f"pack {options.pack}: FMR as a multiple of the rate, FNMR in % at the threshold, FNMR in % at equal FMR")
    singles = " | ".join(f"FMR {rate:g}: {100 * pairs.fnmr(t):.2f}" for rate, t in zip(RATES, thresholds, strict=True))
    print(f"all pairs of single samples: {singles}")
    for size in SIZES:
        scores, able, count = compare(data, size, options.draws)
        print(f"templates of {size}: {able} subjects, {count} mated scores")
        for way in scores.mated:
            print(f"  {way:28} {scores.row(way, thresholds)}")


if __name__ == "__main__":
    main()
