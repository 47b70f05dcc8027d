"""The cameras of a deployment: configured by operators, with what people before them are told (rules W8, W10).

A camera's address may hold a password. It is sealed under the deployment's key beside the camera, in the same document,
so that it goes when the camera goes; no log entry, view or message holds it.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256_hex
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import normal_name
from faceward.operations import followed
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.followed import ADD, CHANGE, REMOVE
from faceward.operations.journal import Happening
from faceward.policy.camera_changes import material
from faceward.policy.camera_sources import check_source, is_device, is_stream, require_outside, shown
from faceward.policy.cameras import (
    OPT_OUT,
    Camera,
    CameraChange,
    CameraRequest,
    Unchanged,
    changed_camera,
    new_camera,
)
from faceward.protection.guard import ProcessGuard

__all__ = ["ADD", "CHANGE", "REMOVE", "Cameras", "as_recorded", "every", "find", "forget"]

MOST_CAMERAS = 1000
_KIND = "camera"
_GUARD = "cameras.guard"
_NONCE_BYTES = 12


class Cameras:
    """The cameras of one open deployment. Methods raise as those of `System` do.

    What is changed is what the next reader sees; a watch that is under way reads it again for each period.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def add(self, request: CameraRequest) -> Camera:
        """Configure a camera; nothing of its address is resolved, fetched or opened.

        Raises:
            UsageError: There is one of that name already, there are too many, or a value is out of range.
            PolicyRefusal: The standard knows no cameras, or who acts is no operator (K2); the refusal is logged.
        """
        deployment = self._deployment
        source = check_source(request.source, deployment.home)
        camera = new_camera(request, shown(source), deployment.now())
        with self._changing():
            held = deployment.store.documents(_KIND)
            if camera.name in held:
                raise UsageError(f"there is a camera {camera.name!r} already; change it with 'camera change'")
            if len(held) >= MOST_CAMERAS:
                raise UsageError(f"there are {MOST_CAMERAS:,} cameras; remove one first")
            value = self._record(camera, source)
            with self._desk.operation(ADD, {}, Happening(ADD, self._described(camera, source, value))):
                self._deployment.keep(_KIND, camera.name, value)
        return camera

    def change(self, name: str, change: CameraChange) -> Camera:
        """Change a camera; what the change leaves out stays as it is.

        Raises:
            UsageError: There is no such camera, nothing would change, or a value is out of range.
            PolicyRefusal: See `add`.
        """
        with self._changing():
            before, old = self._read(name)
            source = old if isinstance(change.source, Unchanged) else check_source(change.source, self._deployment.home)
            camera = changed_camera(before, change, shown(source))
            if (camera, source) == (before, old) and as_recorded(self._deployment, name):
                raise UsageError(f"the camera {camera.name!r} is so already; say what is to be changed")
            changed: list[JSONValue] = [*_changed(before, camera)]
            value = self._record(camera, source)
            # What was put back is no camera that anybody approved of, whatever changes of it.
            another = material(before, camera, other_source=source != old) or not as_recorded(self._deployment, name)
            details = {
                **self._described(camera, source, value),
                "changed": [*changed, *(["source"] if source != old else [])],
                "material": another,
            }
            with self._desk.operation(CHANGE, {}, Happening(CHANGE, details)):
                self._deployment.keep(_KIND, camera.name, value)
        return camera

    def remove(self, name: str) -> Camera:
        """Remove a camera with its address; a watch that is under way ends with it. Return what it was.

        Raises:
            UsageError: There is no such camera.
            PolicyRefusal: See `add`.
        """
        with self._changing():
            camera = self.get(name)
            happening = Happening(REMOVE, {"camera": camera.name, "place": camera.place, "branch": camera.branch})
            with self._desk.operation(REMOVE, {}, happening):
                self._deployment.store.delete_document(_KIND, camera.name)
        return camera

    def list(self) -> tuple[Camera, ...]:
        """Return all cameras by name."""
        return every(self._deployment)

    def get(self, name: str) -> Camera:
        """Return a camera.

        Raises:
            UsageError: There is none of that name.
        """
        camera = find(self._deployment, name)
        if camera is None:
            raise _unknown(name)
        return camera

    def source(self, name: str) -> str:
        """Return where a camera's pictures come from, with its password: for opening it, never for showing it.

        Raises:
            UsageError: There is no such camera, or its file lies in the deployment's folder by now.
            IntegrityError: The address was altered.
        """
        _, source = self._read(name)
        if not is_stream(source) and not is_device(source):
            require_outside(Path(source), self._deployment.home)
        return source

    def _read(self, name: str) -> tuple[Camera, str]:
        kept = self._deployment.kept(_KIND, normal_name(name))
        if kept is None:
            raise _unknown(name)
        camera = _camera(kept)
        return camera, self._opened(camera.name, kept)

    def _record(self, camera: Camera, source: str) -> JSONObject:
        """Return what is kept of a camera."""
        return {**camera.to_json(), "source": self._sealed(camera.name, source)}

    def _described(self, camera: Camera, source: str, record: JSONObject) -> JSONObject:
        """Return what the log says of a camera: of its address a keyed digest, by which two can be told apart."""
        zones: list[JSONValue] = [zone.to_json() for zone in camera.zones]
        return {
            "camera": camera.name,
            "place": camera.place,
            "branch": camera.branch,
            "camera_class": camera.camera_class,
            "rate": camera.rate,
            "zones": len(camera.zones),
            "opt_outs": sum(zone.kind == OPT_OUT for zone in camera.zones),
            "zones_sha256": sha256_hex(canonical_json(zones)),
            "notice_sha256": None if camera.notice is None else camera.notice.digest(),
            "source": self._deployment.masked("camera", source),
            "record_sha256": _digest(record),
        }

    def _changing(self) -> AbstractContextManager[None]:
        return ProcessGuard(self._deployment.home / _GUARD).alone()

    def _cipher(self) -> AESGCM:
        root = self._deployment.lasting_secret("documents")
        return AESGCM(HKDF(hashes.SHA256(), 32, salt=None, info=b"faceward/camera-address/v1").derive(root))

    def _sealed(self, name: str, source: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher().encrypt(nonce, source.encode(), name.encode())).decode("ascii")

    def _opened(self, name: str, kept: JSONValue) -> str:
        try:
            blob = base64.b64decode(str(kept["source"] if isinstance(kept, dict) else ""), validate=True)
            return self._cipher().decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], name.encode()).decode()
        except (InvalidTag, KeyError, ValueError):
            raise IntegrityError(
                f"the address of the camera {name!r} was altered; remove it and add it again"
            ) from None


def every(deployment: Deployment) -> tuple[Camera, ...]:
    """Return all cameras of a deployment by name."""
    found = deployment.kept_all(_KIND)
    return tuple(_camera(found[name]) for name in sorted(found))


def forget(deployment: Deployment, name: str) -> None:
    """Remove a camera that the log says was removed; repeating it is safe."""
    deployment.store.delete_document(_KIND, name)


def find(deployment: Deployment, name: str) -> Camera | None:
    """Return a camera, or None where none of that name is configured."""
    kept = deployment.kept(_KIND, normal_name(name))
    return None if kept is None else _camera(kept)


def as_recorded(deployment: Deployment, name: str) -> bool:
    """Tell whether what is kept of a camera is what the log says was configured last (rule W8).

    A row of an older copy of gallery.db is genuine; the log alone tells that the camera is another one since.
    """
    kept = deployment.kept(_KIND, normal_name(name))
    history = followed.followed(deployment).cameras.get(normal_name(name))
    return kept is not None and history is not None and _digest(kept) in history.records


def _digest(record: JSONValue) -> str:
    return sha256_hex(canonical_json(record))


def _camera(kept: JSONValue) -> Camera:
    public = {key: value for key, value in kept.items() if key != "source"} if isinstance(kept, dict) else kept
    return Camera.from_json(public)


def _changed(before: Camera, after: Camera) -> list[str]:
    old, new = before.to_json(), after.to_json()
    return [key for key in new if key != "address" and new[key] != old[key]]


def _unknown(name: str) -> UsageError:
    return UsageError(f"no camera {normal_name(name)[:80]!r} is configured; 'camera list' names those that are")
