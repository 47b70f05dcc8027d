"""Reading what a watch told of its cameras. Whoever may write into the folder may have put other things there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faceward.core.clock import from_rfc3339
from faceward.core.errors import IntegrityError
from faceward.core.watch_results import LiveState
from faceward.operations.live_history import regular

LARGEST = 1 << 20
"""Most bytes of a state and of a picture."""
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Told:
    """What a watch told, and the rates at which it looked at frames, by camera."""

    state: LiveState
    rates: Mapping[str, float]


def told_in(file: Path) -> Told | None:
    """Read what a watch told; None where it is gone meanwhile, is damaged, or was put there by somebody else."""
    try:
        value = json.loads(regular(file, LARGEST))
        state = LiveState.from_json(value["state"])
        _require_shown(value)
        for moment in _moments(state):
            from_rfc3339(moment)
        return Told(state, {str(name): float(rate) for name, rate in value["rates"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IntegrityError, OverflowError, RecursionError):
        return None


def _moments(state: LiveState) -> Iterator[str]:
    yield from (state.written, state.started)
    for one in state.cameras:
        yield from (moment for moment in (one.since, one.captured) if moment)


def _require_shown(value: object) -> None:
    """Check that all of a value can be shown: numbers that have an end, and text without half signs.

    Raises:
        ValueError: Something cannot.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            # Fails at half of a surrogate pair, which JSON can hold and no answer can.
            one.encode()
        elif isinstance(one, int | float) and not abs(one) <= _MOST:
            raise ValueError("a number without an end")
