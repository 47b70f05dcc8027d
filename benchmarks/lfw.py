"""Accuracy on LFW View 1, and the calibration that a pack carries.

    python benchmarks/lfw.py                                   accuracy of the default pack
    python benchmarks/lfw.py --pack NAME --calibration         the [calibration] table for a pack's manifest
    python benchmarks/lfw.py --edgeface ../shared/models       accuracy of EdgeFace-XXS through the pack path

Every image takes part: a face that is not found scores below every threshold, in mated and non-mated pairs alike. The
low rates are taken over all pairs of the 4,992 images, the accuracy over the 1,000 pairs of pairsDevTest with the
threshold that does best on pairsDevTrain.
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

import faceward
from faceward.core.errors import NoFace
from faceward.standalone import pack_store
from faceward.vision.images import decode, read_file

Array = npt.NDArray[np.float32]
RATES = [a * 10.0**-e for e in range(1, 7) for a in (5, 2, 1)][1:]
ROUNDS = 500


def extract(root: Path, pack: str) -> tuple[list[str], npt.NDArray[np.int64], Array]:
    """Return image names, subject numbers and unit features (zeros where no face was found)."""
    files = sorted((root / "images").glob("*/*.jpg"))
    pipeline = faceward.pipeline(pack)
    pipeline.load()

    def features(path: Path) -> Array | None:
        picture = decode(read_file(path), path.name)
        try:
            face, _ = pipeline.principal(picture, alone=False)
        except NoFace:
            return None
        return pipeline.samples(picture, [face])[0].features

    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(features, files))
    seconds = time.perf_counter() - started
    missed = sum(row is None for row in rows)
    print(f"{len(files)} images, {missed} without a face, {len(files) / seconds:.0f} images/s", file=sys.stderr)
    size = next(len(row) for row in rows if row is not None)
    matrix = np.stack([np.zeros(size, dtype=np.float32) if row is None else row for row in rows])
    subjects = np.unique([path.parent.name for path in files], return_inverse=True)[1]
    return [path.stem for path in files], subjects, matrix


def read_pairs(path: Path, index: dict[str, int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read an LFW pairs file as index pairs, shape (n, 2), and whether each is mated."""
    pairs, mated = [], []
    for line in path.read_text().splitlines()[1:]:
        part = line.split("\t")
        if len(part) == 3:
            part = [part[0], part[1], part[0], part[2]]
        pairs.append([index[f"{part[k]}_{int(part[k + 1]):04d}"] for k in (0, 2)])
        mated.append(part[0] == part[2])
    return np.array(pairs), np.array(mated)


def scores_of(features: Array, pairs: npt.NDArray[np.int64]) -> Array:
    """Cosine scores of pairs; a missing face scores -1."""
    first, second = features[pairs[:, 0]], features[pairs[:, 1]]
    found = first.any(axis=1) & second.any(axis=1)
    return np.asarray(np.where(found, (first * second).sum(axis=1), -1.0), dtype=np.float32)


def accuracy(root: Path, names: list[str], features: Array) -> tuple[float, float]:
    """Return accuracy on pairsDevTest at the threshold that is best on pairsDevTrain, and that threshold."""
    index = {name: i for i, name in enumerate(names)}
    train, mated = read_pairs(root / "pairsDevTrain.txt", index)
    values = scores_of(features, train)
    candidates = np.unique(values)
    best = candidates[np.argmax([((values >= t) == mated).mean() for t in candidates])]
    test, mated = read_pairs(root / "pairsDevTest.txt", index)
    return float(((scores_of(features, test) >= best) == mated).mean()), float(best)


class AllPairs:
    """Scores of all pairs of images."""

    def __init__(self, subjects: npt.NDArray[np.int64], features: Array) -> None:
        rows, columns = np.triu_indices(len(subjects), 1)
        scores = (features @ features.T)[rows, columns]
        found = features.any(axis=1)
        scores[~(found[rows] & found[columns])] = -1.0
        same = subjects[rows] == subjects[columns]
        self.subjects = subjects
        self.mated = scores[same]
        order = np.argsort(-scores[~same])
        self.nonmated = scores[~same][order]
        self._first, self._second = (subjects[side[~same]][order] for side in (rows, columns))
        self.counts = np.bincount(subjects).astype(np.float64)

    def threshold(self, fmr: float) -> float:
        """Return the lowest threshold whose FMR is at most `fmr`."""
        return float(np.nextafter(self.nonmated[int(fmr * len(self.nonmated))], np.float32(2)))

    def fnmr(self, threshold: float) -> float:
        """Return the share of mated scores below a threshold."""
        return float((self.mated < threshold).mean())

    def interval(self, threshold: float, rng: np.random.Generator) -> tuple[float, float]:
        """95 % percentile bootstrap over subjects of the FMR at a threshold.

        A pair of subjects counts as often as both were drawn (after Poh and Bengio, 2007).
        """
        over = int(np.searchsorted(-self.nonmated, -threshold, side="right"))
        first, second = self._first[:over], self._second[:over]
        rates = []
        for _ in range(ROUNDS):
            drawn = np.bincount(rng.integers(0, len(self.counts), len(self.counts)), minlength=len(self.counts))
            weights = drawn * self.counts
            pairs = (weights.sum() ** 2 - (weights**2).sum()) / 2
            rates.append(float((drawn[first] * drawn[second]).sum()) / pairs)
        low, high = np.percentile(rates, [2.5, 97.5])
        return float(low), float(high)


def calibration(pairs: AllPairs, default: float) -> str:
    """Write the manifest's [calibration] table."""
    rng = np.random.default_rng(20260101)
    lines = [
        "[calibration]",
        f'data = "LFW View 1, all pairs of {len(pairs.subjects)} images of {len(pairs.counts)} subjects"',
        f"mated = {len(pairs.mated)}",
        f"nonmated = {len(pairs.nonmated)}",
        f"default_fmr = {default:g}",
        "# FMR, its 95 % interval (bootstrap over subjects), threshold, FNMR at it",
        "points = [",
    ]
    for rate in RATES:
        threshold = pairs.threshold(rate)
        low, high = pairs.interval(threshold, rng)
        row = (rate, min(low, rate) or rate / 100, max(high, rate))
        rates = ", ".join(f"{value:.2e}" for value in row)
        lines.append(f"    [{rates}, {threshold:.5f}, {pairs.fnmr(threshold):.4f}],")
    return "\n".join([*lines, "]"])


def add_edgeface(models: Path) -> str:
    """Add EdgeFace-XXS to a packs folder of this run, as a user would, and return its name."""
    folder = Path(tempfile.mkdtemp(prefix="faceward-packs-"))
    atexit.register(shutil.rmtree, folder)
    os.environ["FACEWARD_PACKS"] = str(folder / "packs")
    given = folder / "given"
    given.mkdir()
    shutil.copyfile(Path(__file__).with_name("edgeface.toml"), given / "pack.toml")
    for model in (models / "edgeface-xxs").glob("*.onnx"):
        shutil.copyfile(model, given / model.name)
    return pack_store().add(given).manifest.name


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "lfw-view1")
    parser.add_argument("--pack", default="centerface-dlib")
    parser.add_argument("--calibration", action="store_true", help="print the table for the pack's manifest")
    parser.add_argument("--default-fmr", type=float, default=5e-3, help="the rate used where nobody names one")
    parser.add_argument(
        "--edgeface", type=Path, metavar="FOLDER", help="folder with edgeface-xxs/*.onnx to use as a pack"
    )
    options = parser.parse_args()
    if options.edgeface:
        options.pack = add_edgeface(options.edgeface)
    if not (options.data / "images").is_dir():
        sys.exit(f"{options.data}: not there; give LFW View 1 with --data")
    names, subjects, features = extract(options.data, options.pack)
    pairs = AllPairs(subjects, features)
    if options.calibration:
        print(calibration(pairs, options.default_fmr))
        return
    share, threshold = accuracy(options.data, names, features)
    print(f"pack {options.pack}: accuracy on pairsDevTest {100 * share:.2f} % (threshold {threshold:.4f})")
    for rate in (1e-2, 1e-3, 1e-4):
        print(f"  FNMR {100 * pairs.fnmr(pairs.threshold(rate)):.2f} % at FMR {rate:g}, all pairs")


if __name__ == "__main__":
    main()
