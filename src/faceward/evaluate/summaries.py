"""What a run says beside the evaluation, as plain values: the data, what was acquired, searches by size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.words import plural
from faceward.evaluate.collection import Collection
from faceward.evaluate.contents import NOTHING
from faceward.evaluate.features import Acquisition, Features
from faceward.evaluate.searching import SearchScores
from faceward.evaluate.steps import is_measured, least_measured

NAMED = 20
"""Most pictures that a list names."""
RANKS = (1, 5, 10)


def of_data(collection: Collection) -> dict[str, JSONValue]:
    """Return `excluded` (by the errata) and `passed_over` (no pictures by their ending)."""
    return {"excluded": collection.excluded, "passed_over": collection.passed_over}


def of_features(collection: Collection, features: Features, threads: int) -> dict[str, JSONValue]:
    """Return `acquisition` and `extraction`.

    `acquisition` has `no_face` and `unreadable` (failures to acquire), `several_faces` (pictures in which the most
    prominent of several was taken), `failed_pictures` (the first of them by name) and `identical` (pictures of equal
    content, the first groups by name; across subjects they are errors of the data).
    """
    names = [image.name for image in collection.images]
    by_hash = defaultdict(list)
    for name, found in zip(names, features.hashes, strict=True):
        by_hash[found].append(name)
    identical: list[JSONValue] = [
        list(group[:NAMED]) for found, group in by_hash.items() if len(group) > 1 and found != NOTHING
    ]
    failed = [name for name, there in zip(names, features.acquired, strict=True) if not there]
    fresh = len(names) - features.reused
    return {
        "acquisition": {
            "no_face": int((features.status == Acquisition.NO_FACE).sum()),
            "unreadable": int((features.status == Acquisition.UNREADABLE).sum()),
            "several_faces": int((features.faces > 1).sum()),
            "failed_pictures": failed[:NAMED],
            "identical": identical[:NAMED],
        },
        "extraction": {
            "pictures": fresh,
            "reused": features.reused,
            "seconds": round(features.seconds, 3),
            "pictures_per_second": round(fresh / features.seconds, 1) if fresh else None,
            "threads": threads,
        },
    }


def of_searches(found: SearchScores) -> JSONObject:
    """Return `references`, `simulated`, `mated` and `nonmated` (searches), and `ranks`: shares found by rank."""
    ranks: list[JSONValue] = [
        {"rank": rank, "rate": found.rank_rate(rank).estimate} for rank in RANKS if rank <= found.references
    ]
    return {
        "references": found.references,
        "simulated": found.simulated,
        "mated": int(found.enrolled.sum()),
        "nonmated": int((~found.enrolled).sum()),
        "ranks": ranks,
    }


def lacking_searches(found: Sequence[SearchScores], rates: Sequence[float]) -> tuple[str, ...]:
    """Return a sentence for each false-positive identification rate that the searches say nothing of."""
    return tuple(
        f"an FPIR of {rate:g} with {one.references:,} references: {plural(count, 'search', 'searches')} for "
        f"people whom the gallery does not know measure none below {least_measured(count)}"
        for one in found
        for count in [int((~one.enrolled).sum())]
        for rate in rates
        if not is_measured(rate, count)
    )
