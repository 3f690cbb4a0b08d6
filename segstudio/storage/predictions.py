"""Predictions on disk, so that a folder's results outlive the program and the memory."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.storage.bounded_folder import BoundedFolder

_MAX_BYTES = 2 * 2**30
_SUFFIX = ".prediction"
_FEW = 64  # fewer are looked up one by one, more by listing the folder
_META = "prediction.json"
_MAPS = ("labels", "confidence", "instance_ids", "entropy")
_INSTANCE_ARRAYS = ("boxes", "scores", "classes", "masks")


class PredictionStore:
    """Predictions by image and run. An image that was changed since has none.

    Safe to use from several threads.
    """

    def __init__(self, folder: Path, max_bytes: int = _MAX_BYTES) -> None:
        """Args:
        folder: Made when first written to.
        max_bytes: Limit; the predictions not used for longest are deleted past it.
        """
        self._files = BoundedFolder(folder, max_bytes)

    def save(self, image: Path, prediction: Prediction) -> None:
        """Keep a prediction; one of the same run is replaced.

        Raises:
            SegstudioError: if it cannot be written, or the image is gone.
        """
        version = _version(image)
        if version is None:
            raise SegstudioError(
                f"{image} is not there any more, so its prediction was not kept.",
                "Rescan the folder.",
            )
        self._files.write(_name(image, version, prediction.run), _encode(prediction))

    def load(self, image: Path, run: str) -> Prediction | None:
        """The prediction of a run for an image as it is now, or None."""
        version = _version(image)
        if version is None:
            return None
        name = _name(image, version, run)
        content = self._files.read(name)
        if content is None:
            return None
        try:
            return _decode(content)
        except (KeyError, ValueError, OSError, zipfile.BadZipFile, SegstudioError):
            self._files.remove(name)
            return None

    def remove(self, image: Path, run: str) -> None:
        """Forget the prediction of a run for an image."""
        version = _version(image)
        if version is not None:
            self._files.remove(_name(image, version, run))

    def runs_of(self, images: Iterable[Path]) -> dict[Path, frozenset[str]]:
        """Which runs are kept for which images; images without any are left out.

        Looks only at images that have a folder here, so it is quick for a long list.
        """
        wanted = {image: _key(image) for image in images}
        if len(wanted) > _FEW:
            known = self._keys()
            wanted = {image: key for image, key in wanted.items() if key in known}
        found = {image: self._runs_in(image, key) for image, key in wanted.items()}
        return {image: runs for image, runs in found.items() if runs}

    def _keys(self) -> set[str]:
        try:
            with os.scandir(self._files.path) as entries:
                return {entry.name for entry in entries}
        except OSError:
            return set()

    def _runs_in(self, image: Path, key: str) -> frozenset[str]:
        try:
            with os.scandir(self._files.path / key) as entries:
                names = [entry.name for entry in entries]
        except OSError:
            return frozenset()
        version = _version(image)
        start = f"{version}-"
        return frozenset(
            unquote(name[len(start) : -len(_SUFFIX)])
            for name in names
            if name.startswith(start) and name.endswith(_SUFFIX)
        )


def _key(image: Path) -> str:
    return hashlib.blake2b(os.fsencode(image), digest_size=12).hexdigest()


def _version(image: Path) -> str | None:
    """Changes when the image file does."""
    try:
        info = image.stat()
    except OSError:
        return None
    return f"{info.st_mtime_ns:x}.{info.st_size:x}"


def _name(image: Path, version: str, run: str) -> str:
    return f"{_key(image)}/{version}-{quote(run, safe='')}{_SUFFIX}"


def _encode(prediction: Prediction) -> bytes:
    meta = {
        "run": prediction.run,
        "title": prediction.title,
        "schema": prediction.schema.to_json(),
        "seconds": prediction.seconds,
        "device": prediction.device,
        "notes": list(prediction.notes),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_META, json.dumps(meta))
        for name in _MAPS:
            _add(archive, name, getattr(prediction, name))
        if prediction.instances is not None:
            for name in _INSTANCE_ARRAYS:
                _add(archive, name, getattr(prediction.instances, name))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any] | None) -> None:
    if array is not None:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        archive.writestr(f"{name}.npy", buffer.getvalue())


def _decode(content: bytes) -> Prediction:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        meta = json.loads(archive.read(_META))
        names = set(archive.namelist())
        arrays = {
            name: np.lib.format.read_array(
                io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False
            )
            for name in (*_MAPS, *_INSTANCE_ARRAYS)
            if f"{name}.npy" in names
        }
    instances = None
    if "boxes" in arrays:
        instances = Instances(*(arrays[name] for name in _INSTANCE_ARRAYS))
    return Prediction(
        meta["run"],
        meta["title"],
        LabelSchema.from_json(meta["schema"]),
        arrays["labels"],
        arrays["confidence"],
        instances,
        arrays.get("instance_ids"),
        meta["seconds"],
        meta["device"],
        tuple(meta["notes"]),
        arrays.get("entropy"),
    )
