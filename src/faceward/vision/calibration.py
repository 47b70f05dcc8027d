"""What a score means: the false-match rate that a threshold stands for, on named data, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.vision.fields import Table

TRUST = 10.0
"""How far below the lowest measured FMR an extrapolated one may lie, as a factor: one decade."""

# Rates are compared with room for the rounding of a decimal fraction.
_SAME = 1e-9


_TOLD_FMR = 1e-3
_TOLD_FPIR = 0.01
_TOLD_FNMR = (0.05, 0.25)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold together with the rate it stands for.

    Attributes:
        threshold: Scores at or above it are a match; cosine similarity, -1 to 1.
        fmr: False-match rate, estimated.
        fmr_low: Lower end of its 95 % interval.
        fmr_high: Upper end.
        extrapolated: The rate is lower than any that was measured: it is a bound that a model of the tail gives.
    """

    threshold: float
    fmr: float
    fmr_low: float
    fmr_high: float
    extrapolated: bool = False


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores against false-match rates, as measured on named data.

    Attributes:
        data: The data and protocol.
        mated: Number of mated comparisons behind it.
        nonmated: Number of non-mated comparisons behind it.
        default_fmr: The rate used where nobody named one.
        table: Rows of FMR, its 95 % interval's ends, the threshold and the FNMR seen there, shape (n, 5), FMR falling
            and threshold rising.
        measured_to: The lowest FMR that was measured, one of the table's: rows below it are extrapolated. None where
            all were measured.
    """

    data: str
    mated: int
    nonmated: int
    default_fmr: float
    table: npt.NDArray[np.float64]
    measured_to: float | None = None

    @property
    def strictest(self) -> float:
        """The lowest FMR that the data support, extrapolated or not."""
        return float(self.table[-1, 0])

    @property
    def strictest_measured(self) -> float:
        """The lowest FMR that was measured."""
        return self.strictest if self.measured_to is None else self.measured_to

    @property
    def loosest(self) -> float:
        """The highest FMR in the table."""
        return float(self.table[0, 0])

    def at_fmr(self, fmr: float) -> OperatingPoint:
        """Return the operating point for an accepted false-match rate, log-linear between the table's points.

        Raises:
            UsageError: The rate is not between 0 and the highest measured one.
            PolicyRefusal: The rate is lower than the table's last (rule V1); nothing is extrapolated here.
        """
        if not 0 < fmr <= self.loosest:
            raise UsageError(f"an FMR of {fmr:g} is out of range; give one above 0 and at most {self.loosest:g}")
        if fmr < self.strictest * (1 - _SAME):
            measured = self.strictest_measured
            how = "" if measured == self.strictest else f"; below {measured:.0e} it is extrapolated already"
            raise PolicyRefusal(
                "V1",
                f"an FMR of {fmr:.1e} is below what the pack's calibration supports ({self.strictest:.0e}{how}).",
                "Accept a higher rate, search a smaller gallery, or use a pack calibrated on more data.",
            )
        threshold, low, high = self._columns(np.log(fmr))
        return OperatingPoint(threshold, fmr, low, high, fmr < self.strictest_measured * (1 - _SAME))

    def _columns(self, log_fmr: float) -> tuple[float, float, float]:
        logs = np.log(self.table[::-1, 0])
        threshold = float(np.interp(log_fmr, logs, self.table[::-1, 3]))
        # The interval's ends are rates too: interpolated on another scale they could leave the rate outside.
        low, high = (float(np.exp(np.interp(log_fmr, logs, np.log(self.table[::-1, k])))) for k in (1, 2))
        return threshold, low, high

    def at_fpir(self, fpir: float, gallery_size: int) -> OperatingPoint:
        """Return the operating point at which a search of `gallery_size` references errs with at most `fpir`.

        Raises:
            UsageError: The rate or the size is out of range.
            PolicyRefusal: The data do not support so low a rate (rule V1).
        """
        return self.at_fmr(min(fmr_for(fpir, gallery_size), self.loosest))

    def largest_gallery(self, fpir: float, fnmr: float) -> int:
        """Return how many subjects a search may have before it errs too often, 0 where a single one is too many.

        Args:
            fpir: False-positive rate that the whole search accepts, 0 to 1.
            fnmr: Share of mated comparisons that it may miss, 0 to 1.
        """
        # The points themselves, without interpolation: a rounder number, and never a larger one.
        rate = min((float(row[0]) for row in self.table if row[4] <= fnmr), default=1.0)
        return 0 if rate >= 1 else int(np.log1p(-fpir) / np.log1p(-rate) + 1e-9)

    def good_for(self) -> str:
        """Say in a line what scores so calibrated are good for: at which error, and how many people."""
        fmr = max(self.strictest_measured, _TOLD_FMR)
        missed = self.fnmr_at(self.at_fmr(fmr).threshold)
        small, large = (self.largest_gallery(_TOLD_FPIR, fnmr) for fnmr in _TOLD_FNMR)
        return (
            f"one to one at an FMR of {fmr:g}, missing {missed:.1%}; searches at an FPIR of {_TOLD_FPIR:.0%} in "
            f"galleries of up to {small:,} (missing at most {_TOLD_FNMR[0]:.0%}) or {large:,} (at most "
            f"{_TOLD_FNMR[1]:.0%}); measured on {self.data}"
        )

    def fmr_of(self, score: float) -> float:
        """Return the FMR that a threshold at this score would have.

        Above the table's highest threshold it is the lowest FMR that the data support, below the lowest one it is 1.
        """
        if score < self.table[0, 3]:
            return 1.0
        return float(np.exp(np.interp(score, self.table[:, 3], np.log(self.table[:, 0]))))

    def fnmr_at(self, threshold: float) -> float:
        """Return the false-non-match rate seen on the data at a threshold."""
        return float(np.interp(threshold, self.table[:, 3], self.table[:, 4]))


def fmr_for(fpir: float, gallery_size: int) -> float:
    """Return the false-match rate at which a search of `gallery_size` references errs with `fpir`.

    Every reference is one chance of a false match, so the FMR is 1 - (1 - FPIR)^(1/N); chances are taken as
    independent, which overstates the error of a gallery whose references resemble one another (ISO/IEC 19795-1,
    identification).

    Raises:
        UsageError: The rate or the size is out of range.
    """
    if not 0 < fpir < 1:
        raise UsageError(f"an FPIR of {fpir:g} is out of range; give one between 0 and 1")
    if gallery_size < 0:
        raise UsageError(f"a gallery of {gallery_size} references cannot be; give their number")
    return -float(np.expm1(np.log1p(-fpir) / max(1, gallery_size)))


def fpir_of(fmr: float, gallery_size: int) -> float:
    """Return the false-positive rate of a search of `gallery_size` references at a false-match rate.

    FPIR = 1 - (1 - FMR)^N for independent comparisons (ISO/IEC 19795-1).
    """
    return -float(np.expm1(max(1, gallery_size) * np.log1p(-fmr)))


def parse_calibration(table: Table) -> Calibration:
    """Read a manifest's calibration.

    Raises:
        BadInput: A missing key, rows that do not fall in FMR and rise in threshold, values out of range, or
            extrapolated rows that go too far.
    """
    rows = table.rows("points", 5)
    if len(rows) < 2 or (np.diff(rows[:, 0]) >= 0).any() or (np.diff(rows[:, 3]) <= 0).any():
        raise table.error("points", "must have at least two rows of falling FMR and rising threshold")
    if (
        (rows[:, :3] <= 0).any()
        or (rows[:, :3] > 1).any()
        or (rows[:, 1] > rows[:, 0]).any()
        or (rows[:, 2] < rows[:, 0]).any()
    ):
        raise table.error("points", "must have rates between 0 and 1, each within its interval")
    if (np.abs(rows[:, 3]) > 1).any() or (rows[:, 4] < 0).any() or (rows[:, 4] > 1).any():
        raise table.error("points", "must have thresholds from -1 to 1 and an FNMR from 0 to 1")
    measured_to = _measured_to(table, rows) if table.has("measured_to") else None
    strictest = float(rows[-1, 0]) if measured_to is None else measured_to
    calibration = Calibration(
        data=table.text("data"),
        mated=table.whole("mated", 1, 10**15),
        nonmated=table.whole("nonmated", 1, 10**15),
        # What nobody asked for by name is a rate that was measured.
        default_fmr=table.number("default_fmr", strictest, float(rows[0, 0])),
        table=rows,
        measured_to=measured_to,
    )
    table.finish()
    return calibration


def _measured_to(table: Table, rows: npt.NDArray[np.float64]) -> float:
    """Return the lowest measured FMR of a table whose further rows are extrapolated."""
    stated = table.number("measured_to", float(rows[-1, 0]) * (1 - _SAME), float(rows[0, 0]))
    row = int(np.abs(np.log(rows[:, 0] / stated)).argmin())
    if abs(rows[row, 0] / stated - 1) > _SAME:
        raise table.error("measured_to", f"is {stated:g}, which is the FMR of none of the points")
    measured = float(rows[row, 0])
    if row < 1:
        raise table.error("measured_to", "must leave at least two points that were measured")
    if rows[-1, 0] < measured / TRUST * (1 - _SAME):
        raise table.error("points", f"must not go further than {measured / TRUST:g}, a tenth of measured_to")
    # The stated rate of an extrapolated point is a bound and not the middle of an interval.
    if (rows[row + 1 :, 2] > rows[row + 1 :, 0] * (1 + _SAME)).any():
        raise table.error("points", "below measured_to must state the upper end of their interval as their FMR")
    return measured
