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
    from faceward.bootstrap import Secret, create
    from faceward.bootstrap import open_system as open  # noqa: A004 - the library's front door
    from faceward.core.errors import FacewardError
    from faceward.operations.system import System
    from faceward.policy.release_files import parse_releases
    from faceward.standalone import detect, pipeline, redact, verify_pictures

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
    "FacewardError": "faceward.core.errors",
    "Secret": "faceward.bootstrap",
    "System": "faceward.operations.system",
    "create": "faceward.bootstrap",
    "detect": "faceward.standalone",
    "open": "faceward.bootstrap",
    "parse_releases": "faceward.policy.release_files",
    "pipeline": "faceward.standalone",
    "redact": "faceward.standalone",
    "verify_pictures": "faceward.standalone",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), "open_system" if name == "open" else name)
