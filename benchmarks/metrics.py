"""Error rates with intervals over subjects: ten million scores, a thousand bootstrap rounds.

    python benchmarks/metrics.py [--scores 10000000] [--subjects 3000] [--rounds 1000] [--peer-rounds 10]

The scores are synthetic: what two samples have in common with others of their subjects is added to noise. The curve is
set against scikit-learn's `det_curve`, the bootstrap against the same one written plainly in numpy, which is run for a
few rounds and scaled; both must come to the same numbers.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.metrics import det_curve

from faceward.evaluate.intervals import SEED, SubjectBootstrap
from faceward.evaluate.metrics import auc, det, eer
from faceward.evaluate.resampling import subject_weights
from faceward.evaluate.scores import Scores

T = TypeVar("T")


def synthetic(count: int, subjects: int) -> Scores:
    """Two samples of each subject; random non-mated pairs of them."""
    generator = np.random.default_rng(1)
    subject_of = np.repeat(np.arange(subjects, dtype=np.int32), 2)
    common = generator.normal(scale=0.3, size=subjects).astype(np.float32)
    first = generator.integers(0, subjects, count, dtype=np.int32)
    second = (first + generator.integers(1, subjects, count, dtype=np.int32)) % subjects
    nonmated = generator.standard_normal(count, dtype=np.float32) + common[first] + common[second]
    mated = generator.standard_normal(subjects, dtype=np.float32) + 4 + common
    pairs = 2 * np.stack([first, second], axis=1)
    return Scores(mated, nonmated, np.arange(2 * subjects).reshape(-1, 2), pairs, subject_of)


def plain(scores: Scores, thresholds: npt.NDArray[np.float32], rounds: int) -> npt.NDArray[np.float64]:
    """FMR of each round, written as the definition says: a weight for every comparison, summed by threshold."""
    first, second = (scores.subject_of[scores.nonmated_pairs[:, side]] for side in (0, 1))
    level = np.searchsorted(thresholds, scores.nonmated, side="right")
    draws = []
    for drawn in subject_weights(scores.subjects, rounds, SEED).astype(np.float64):
        by_level = np.bincount(level, weights=drawn[first] * drawn[second], minlength=len(thresholds) + 1)
        draws.append(by_level[::-1].cumsum()[::-1][1:] / by_level.sum())
    return np.array(draws)


def gathering(scores: Scores, rounds: int) -> float:
    """Processor seconds that it takes only to read, for every comparison, its second subject's weight in every round.

    64 rounds at a time, as the bootstrap does it, so that the weights lie in the second-level cache. Timed for 64
    rounds and scaled: no product of comparisons that differ can take less.
    """
    second = scores.subject_of[scores.nonmated_pairs[:, 1]]
    table = np.ones((scores.subjects, 64), dtype=np.float32)
    room = np.empty((1024, 64), dtype=np.float32)
    started = time.process_time()
    for start in range(0, len(second) - 1023, 1024):
        np.take(table, second[start : start + 1024], axis=0, out=room, mode="clip")
    return (time.process_time() - started) * rounds / 64


class Timed(Generic[T]):
    """What some work gave, the seconds it took, and those of both processors together."""

    def __init__(self, work: Callable[[], T]) -> None:
        started, used = time.perf_counter(), time.process_time()
        self.result = work()
        self.seconds, self.used = time.perf_counter() - started, time.process_time() - used


def peak() -> float:
    """Highest resident memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("scores", 10_000_000), ("subjects", 3000), ("rounds", 1000), ("peer-rounds", 10)):
        parser.add_argument(f"--{option}", type=int, default=default)
    options = parser.parse_args()
    scores = synthetic(options.scores, options.subjects)
    print(f"{options.scores:,} non-mated scores of {options.subjects:,} subjects; with them {peak():.2f} GiB")

    curve = Timed(lambda: det(scores))
    thresholds = curve.result.thresholds
    bootstrap = Timed(lambda: SubjectBootstrap(scores, options.rounds))
    fmr = Timed(lambda: bootstrap.result.fmr(thresholds))
    fnmr = Timed(lambda: bootstrap.result.fnmr(thresholds))
    parts = (curve, bootstrap, fmr, fnmr)
    print(f"DET, FMR and FNMR with intervals at {len(thresholds)} thresholds, {options.rounds} rounds: "
          f"{sum(part.seconds for part in parts):.1f} s, {sum(part.used for part in parts):.1f} s of processor time, "
          f"peak {peak():.2f} GiB")  # fmt: skip
    print(f"  DET {curve.seconds:.2f} s, FMR {fmr.seconds:.2f} s, FNMR {fnmr.seconds:.2f} s")
    last = next(rate for rate in reversed(fmr.result) if rate.errors >= 100)
    print(f"  for example {last.errors} errors: FMR {last.estimate:.2e} [{last.low:.2e}, {last.high:.2e}], "
          f"comparisons worth {bootstrap.result.nonmated_units:,.0f} independent ones")  # fmt: skip
    print(f"  area under the ROC and equal error rate: {Timed(lambda: (auc(scores), eer(scores))).seconds:.2f} s")
    floor = gathering(scores, options.rounds)
    print(f"  reading the weights alone, by numpy: {floor:.1f} s of processor time; the FMR takes "
          f"{fmr.used / floor:.1f} times that")  # fmt: skip

    peer = Timed(lambda: plain(scores, thresholds, options.peer_rounds))
    if not np.array_equal(peer.result, SubjectBootstrap(scores, options.peer_rounds).fmr_draws(thresholds)):
        raise SystemExit("the plain bootstrap comes to other numbers")
    scaled = peer.used * options.rounds / options.peer_rounds
    print(f"plain numpy, same draws and equal to the last bit: {scaled:.0f} s of processor time (scaled "
          f"from {options.peer_rounds} rounds), {scaled / fmr.used:.0f} times that of the FMR")  # fmt: skip

    labels = np.repeat(np.array([1, 0], dtype=np.int8), [len(scores.mated), len(scores.nonmated)])
    values = np.concatenate([scores.mated, scores.nonmated])
    theirs = Timed(lambda: det_curve(labels, values))
    fpr, fnr, steps = theirs.result
    common, here, there = np.intersect1d(thresholds, steps, return_indices=True)
    if not (np.allclose(curve.result.fmr[here], fpr[there]) and np.allclose(curve.result.fnmr[here], fnr[there])):
        raise SystemExit("scikit-learn's curve differs")
    print(f"scikit-learn det_curve: {theirs.seconds:.2f} s, {theirs.used / curve.used:.0f} times the processor time; "
          f"the same at all {len(common)} thresholds that both give")  # fmt: skip


if __name__ == "__main__":
    main()
