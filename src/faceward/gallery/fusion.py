"""Several references of a subject as one template, which scores as their mean does, drawn out a little.

The mean of a subject's scores strays less than one score does: more mated probes pass a threshold, and fewer others do.
ADR 0021 has the figures.
"""

from __future__ import annotations

import numpy as np

from faceward.protection.scheme import Features

SHARPENING = 0.2
"""How far the mean is drawn out towards the length of what it is the mean of: 0 keeps it, 1 restores the length.

At 0.2 the false-match rate that a threshold stands for between single samples holds for templates of two to five, on
LFW View 1 with the default pack and with EdgeFace-XXS. The mean alone errs about half as often and misses more than it
need; at full length up to seven times as many strangers pass (ADR 0021, `benchmarks/templates.py`).
"""

PROBE_SHARPENING = 0.5
"""The same for a probe of two samples that a camera took of one face right after each other.

They resemble each other more than a person's references do, so that drawing them out further restores less. At 0.5 the
rate that a threshold stands for holds for people who pass a camera (ADR 0038, `benchmarks/watching_tracks.py`).
"""


def fuse(rows: Features, sharpening: float = SHARPENING) -> Features:
    """Return one template for several references of a subject; of a single one the very same numbers.

    The template of references r_1 … r_n with mean m is m · (mean ‖r_i‖ / ‖m‖)^sharpening. Its inner product with a
    probe is the mean of theirs, times a factor of at least one, and its length at most the mean of theirs.

    Args:
        rows: Features, shape (n, d), n at least 1, float32, of length at most 1, in an order that does not depend on
            when each was added: sums in another order differ in their last bits.
        sharpening: How far the mean is drawn out, 0 to 1.

    Returns:
        Features, shape (d,), float32, of length at most 1; below 0.5 where the references hardly resemble each other.
    """
    if len(rows) == 1:
        single: Features = rows[0].copy()
        return single
    exact = rows.astype(np.float64)
    mean = exact.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length > 0:
        mean *= (float(np.linalg.norm(exact, axis=1).mean()) / length) ** sharpening
    exact.fill(0)
    template: Features = mean.astype(np.float32)
    mean.fill(0)
    return template
