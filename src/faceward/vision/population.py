"""Simulated features of people who do not exist, to give a gallery its size."""

from __future__ import annotations

import importlib.resources
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.faces import FloatArray
from faceward.vision.cohort import Cohort
from faceward.vision.packs import Pack, load_cohort


@dataclass(slots=True)
class Population:
    """A normal distribution of features, projected to the unit sphere.

    With the default pack its mean and covariance are those of one image for each of LFW View 1's 3,095 subjects: scores
    between simulated and real faces then have the spread of real non-mated scores down to an FMR of about 1e-2, and
    are lower beyond: simulated strangers are somewhat easier to tell apart than real ones. Other packs get an
    isotropic distribution. The pack's cohort, where it has one, is applied as it is to real faces.
    """

    _mean: npt.NDArray[np.float32]
    _factor: npt.NDArray[np.float32]
    _cohort: Cohort | None
    _rng: np.random.Generator

    @classmethod
    def of(cls, pack: Pack, seed: int) -> Population:
        """Return the population for a pack's features."""
        rng, cohort, manifest = np.random.default_rng(seed), load_cohort(pack), pack.manifest
        resource = importlib.resources.files("faceward.vision") / "builtin" / f"{manifest.name}.population.npz"
        if pack.folder is None and resource.is_file():
            with np.load(io.BytesIO(resource.read_bytes()), allow_pickle=False) as stored:
                return cls(stored["mean"].astype(np.float32), stored["factor"].astype(np.float32), cohort, rng)
        size = manifest.embedder.dimension
        return cls(np.zeros(size, dtype=np.float32), np.eye(size, dtype=np.float32), cohort, rng)

    def draw(self, count: int) -> FloatArray:
        """Draw features of norm at most 1, shape (count, d), float32."""
        rows = self._mean + self._rng.standard_normal((count, len(self._factor)), dtype=np.float32) @ self._factor
        unit = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
        return unit if self._cohort is None else self._cohort.extend(unit)
