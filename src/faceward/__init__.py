"""Face recognition that answers for itself.

    import faceward

    with faceward.open("my-deployment", passphrase="…") as system:
        outcome = system.verify("probe.jpg", subject="ada", purpose="door")
        print(outcome.decision, outcome.operating_point.fmr)

Names are imported on first use, so that `import faceward` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceward.bootstrap import Secret, create, detect, pipeline, redact, verify_pictures
    from faceward.bootstrap import open_system as open  # noqa: A004 - the library's front door
    from faceward.core.errors import FacewardError
    from faceward.operations.system import System
    from faceward.policy.release_files import parse_releases

__version__ = "0.1.0"
__all__ = [
    "FacewardError",
    "Secret",
    "System",
    "create",
    "detect",
    "open",
    "parse_releases",
    "pipeline",
    "redact",
    "verify_pictures",
]

_HOMES = {
    "FacewardError": ("faceward.core.errors", "FacewardError"),
    "System": ("faceward.operations.system", "System"),
    "open": ("faceward.bootstrap", "open_system"),
    "parse_releases": ("faceward.policy.release_files", "parse_releases"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES.get(name, ("faceward.bootstrap", name))
    return getattr(import_module(module), attribute)
