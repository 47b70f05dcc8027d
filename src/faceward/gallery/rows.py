"""Rows of `gallery.db` and what they stand for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from faceward.core.errors import IntegrityError
from faceward.gallery.store import GalleryInfo, StoredReference

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def gallery_of(row: tuple[Any, ...]) -> GalleryInfo:
    """Return a gallery from `name, mode, pack, created`."""
    name, mode, pack, created = row
    return GalleryInfo(name, mode, pack, moment(created))


def reference_of(row: tuple[Any, ...]) -> StoredReference:
    """Return a reference from its columns in the order of its attributes."""
    name, subject, gallery, purpose, pack, key_id, created, expires, *blobs = row
    sealed, record, sample = blobs
    moments = (moment(created), moment(expires))
    return StoredReference(name, subject, gallery, purpose, pack, key_id, *moments, sealed, record, sample)


def stamp(when: datetime) -> int:
    """Return microseconds since 1970 in UTC, exactly."""
    return (when - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return what `stamp` made a number of.

    Raises:
        IntegrityError: There is no such moment.
    """
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise IntegrityError(
            f"the gallery store holds the impossible time {microseconds}; restore it from its backup"
        ) from None
