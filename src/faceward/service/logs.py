"""Structured logs of the service: one JSON object a line, never with a face, features or a name."""

from __future__ import annotations

import contextvars
import json
import logging
import sys
from datetime import UTC, datetime

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("faceward_request", default="")
"""The identifier of the request that is served."""

LOGGER = logging.getLogger("faceward.service")
# What a line may hold beside time, level, event and request; nothing that a client wrote is among them.
FIELDS = ("method", "route", "status", "milliseconds", "error", "rule", "caller", "host", "port", "workers", "version")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage() if record.name == LOGGER.name else record.name,
        }
        if REQUEST.get():
            line["request"] = REQUEST.get()
        line.update({name: getattr(record, name) for name in FIELDS if hasattr(record, name)})
        if record.exc_info and record.exc_info[0] is not None:
            # The class alone: a message may hold what a client sent.
            line["error"] = record.exc_info[0].__name__
            line["at"] = _place(record.exc_info[2])
        return json.dumps(line, ensure_ascii=True)


def begin(level: int = logging.INFO) -> None:
    """Send the service's logs, and those of the server below it, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    for name in (LOGGER.name, "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level if name == LOGGER.name else logging.ERROR)


def event(name: str, level: int = logging.INFO, **fields: object) -> None:
    """Log an event.

    Args:
        name: What happened.
        level: How grave it is.
        fields: Some of `FIELDS`.
    """
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise ValueError(f"a log line has no field {', '.join(sorted(unknown))}")
    LOGGER.log(level, name, extra=fields)


def _place(trace: object) -> str:
    last = ""
    while trace is not None:
        frame = getattr(trace, "tb_frame", None)
        if frame is not None:
            last = f"{frame.f_globals.get('__name__', '?')}:{getattr(trace, 'tb_lineno', 0)}"
        trace = getattr(trace, "tb_next", None)
    return last
