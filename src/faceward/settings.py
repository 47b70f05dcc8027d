"""Where things are on this machine: read from the environment once, at the edge."""

from __future__ import annotations

import os
from pathlib import Path


def _folder(variable: str, xdg: str, fallback: str, leaf: str) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named)
    base = os.environ.get(xdg)
    return (Path(base) if base else Path.home() / fallback) / "faceward" / leaf


def packs_folder() -> Path:
    """Return the folder of the user's model packs: `FACEWARD_PACKS`, else under XDG's data folder."""
    return _folder("FACEWARD_PACKS", "XDG_DATA_HOME", ".local/share", "packs")


def cache_folder() -> Path:
    """Return the folder of prepared graphs: `FACEWARD_CACHE`, else under XDG's cache folder. Nothing personal."""
    return _folder("FACEWARD_CACHE", "XDG_CACHE_HOME", ".cache", "models")


def features_folder() -> Path:
    """Return the folder of features kept between evaluations: `FACEWARD_FEATURES`, else under XDG's cache folder.

    It holds biometric features of the subjects of test data; `faceward evaluate forget` deletes them.
    """
    return _folder("FACEWARD_FEATURES", "XDG_CACHE_HOME", ".cache", "features")
