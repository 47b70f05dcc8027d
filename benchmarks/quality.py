"""What the quality components say about errors, on LFW View 1: the evidence behind a standard's floors.

    python benchmarks/quality.py

For each component: the share of images below the floors of `workplace`, and the false-non-match rate at FMR 1e-3 of
mated pairs whose worse image is among the worst hundredth, twentieth and quarter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import faceward
from faceward.policy.standard import load_standard
from faceward.vision.images import decode, read_file
from faceward.vision.quality import assess
from lfw import AllPairs, extract


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "lfw-view1")
    root = parser.parse_args().data
    _, subjects, features = extract(root, "centerface-dlib")
    threshold = AllPairs(subjects, features).threshold(1e-3)
    pipeline = faceward.pipeline()
    rows = []
    for path in sorted((root / "images").glob("*/*.jpg")):
        picture = decode(read_file(path), path.name)
        rows.append(assess(picture.pixels, pipeline.principal(picture, alone=False)[0]).components)
    first, second = np.triu_indices(len(rows), 1)
    same = subjects[first] == subjects[second]
    first, second = first[same], second[same]
    failed = (features[first] * features[second]).sum(axis=1) < threshold
    print(f"FNMR over all mated pairs {100 * failed.mean():.1f} %")
    for floor in load_standard("workplace").parameters.enrolment_floors:
        values = np.array([row[floor.component] for row in rows])
        if floor.minimum is None:
            values = -np.abs(values)
        limit = -float(floor.maximum) if floor.maximum is not None else float(floor.minimum or 0)
        worse = np.minimum(values[first], values[second])
        shares = []
        for percent in (1, 5, 25):
            chosen = worse < np.percentile(values, percent)
            shares.append(f"{percent} %: {100 * failed[chosen].mean():.1f} %" if chosen.any() else f"{percent} %: none")
        below = 100 * float((values < limit).mean())
        print(f"  {floor.component:24} below its floor {below:4.1f} %; FNMR of the worst {', '.join(shares)}")


if __name__ == "__main__":
    main()
