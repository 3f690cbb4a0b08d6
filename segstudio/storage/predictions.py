"""Predictions on disk, so that a folder's results outlive the program and the memory."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.ground import Panoptic
from segstudio.core.instances import Instances
from segstudio.core.json_text import parse_json
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.storage.bounded_folder import BoundedFolder
from segstudio.storage.digests import FileDigests

_MAX_BYTES = 8 * 2**30
_SUFFIX = ".prediction"
_FEW = 4  # of so many images the content is looked at
_META = "prediction.json"
_PAGE = "-page"
_MAPS = ("labels", "confidence", "instance_ids", "entropy")
_INSTANCE_ARRAYS = ("boxes", "scores", "classes", "masks")
_PANOPTIC_MAPS = {name: f"panoptic_{name}" for name in ("objects", "ground", "confidence")}


class PredictionStore:
    """Predictions by the content of the image, its page and the run.

    The same image under another name or in another folder has them too; one that was changed has
    none. Safe to use from several threads.

    Attributes:
        digests: Tells which files have the same content.
    """

    def __init__(
        self, folder: Path, max_bytes: int = _MAX_BYTES, digests: FileDigests | None = None
    ) -> None:
        """Args:
        folder: Made when first written to.
        max_bytes: Limit; the predictions not used for longest are deleted past it.
        digests: Of files' content; kept beside the folder if not given.
        """
        self._files = BoundedFolder(folder, max_bytes)
        self.digests = digests or FileDigests(folder.with_name(f"{folder.name}.digests.sqlite"))

    def save(
        self, image: Path, prediction: Prediction, page: int = 0, *, digest: str | None = None
    ) -> None:
        """Keep a prediction of an image's page; one of the same run is replaced.

        Args:
            image: The file.
            prediction: What a model said of it.
            page: Which page of the file.
            digest: Of the file when it was read; without one, of the file as it is now.

        Raises:
            SegstudioError: if it cannot be written, or the image is gone.
        """
        digest = digest or self.digests.of(image)
        if digest is None:
            raise SegstudioError(
                f"{image} is not there any more, so its prediction was not kept.",
                "Read the folder again (File menu).",
            )
        self._files.write(_name(digest, prediction.run, page), _encode(prediction))
        self.digests.flush()

    def load(
        self, image: Path, run: str, page: int = 0, *, digest: str | None = None
    ) -> Prediction | None:
        """The prediction of a run for a page of an image, or None.

        That of the file with this digest; without one, of the file as it is now.
        """
        digest = digest or self.digests.of(image)
        if digest is None:
            return None
        name = _name(digest, run, page)
        content = self._files.read(name)
        if content is None:
            return None
        try:
            return _decode(content)
        except (KeyError, ValueError, OSError, zipfile.BadZipFile, SegstudioError):
            self._files.remove(name)
            return None

    def remove(self, image: Path, run: str, page: int = 0) -> None:
        """Forget the prediction of a run for a page of an image."""
        digest = self.digests.of(image)
        if digest is not None:
            self._files.remove(_name(digest, run, page))

    def runs_of(self, images: Iterable[Path]) -> dict[Path, frozenset[str]]:
        """Which runs are kept for the first pages of which images; others are left out.

        Of a long list, and of large files, only those whose content is known already are looked
        at, so it is quick.
        """
        wanted = list(images)
        known = self.digests.known(wanted)
        if len(wanted) <= _FEW:
            digests = (
                (image, self.digests.at_hand(image)) for image in wanted if image not in known
            )
            known |= {image: digest for image, digest in digests if digest is not None}
        found = {image: self._runs_in(digest) for image, digest in known.items()}
        return {image: runs for image, runs in found.items() if runs}

    def runs_of_page(
        self, image: Path, page: int, check: Callable[[], None] | None = None
    ) -> frozenset[str]:
        """Which runs are kept for a page of an image.

        Args:
            image: The file.
            page: Which page.
            check: Called while a large file is read; raises to give up. If it is not given, none
                are found of a large file whose content is not known yet.
        """
        digests = self.digests
        digest = digests.at_hand(image) if check is None else digests.of(image, check)
        return frozenset() if digest is None else self._runs_in(digest, page)

    def pages_with_runs(self, images: Iterable[Path]) -> dict[Path, set[int]]:
        """Which pages after the first have kept runs, from 0, of images whose content is known.

        Images that have none are left out.
        """
        known = self.digests.known(images)
        pages: dict[str, set[int]] = {}
        for start in {digest[:2] for digest in known.values()}:
            try:
                with os.scandir(self._files.path / start) as entries:
                    names = [entry.name for entry in entries]
            except OSError:
                continue
            for name in names:
                rest, mark, number = name.partition(_PAGE)
                if mark and number.isdecimal():
                    pages.setdefault(start + rest, set()).add(int(number) - 1)
        return {image: pages[digest] for image, digest in known.items() if digest in pages}

    def close(self) -> None:
        """Let go of the files; they are opened again if used again."""
        self.digests.close()

    def _runs_in(self, digest: str, page: int = 0) -> frozenset[str]:
        try:
            with os.scandir(self._files.path / _folder(digest, page)) as entries:
                names = [entry.name for entry in entries]
        except OSError:
            return frozenset()
        return frozenset(unquote(name[: -len(_SUFFIX)]) for name in names if name.endswith(_SUFFIX))


def _folder(digest: str, page: int) -> str:
    return f"{digest[:2]}/{digest[2:]}" + (f"{_PAGE}{page + 1}" if page else "")


def _name(digest: str, run: str, page: int) -> str:
    return f"{_folder(digest, page)}/{quote(run, safe='')}{_SUFFIX}"


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
        if prediction.panoptic is not None:
            for name, stored in _PANOPTIC_MAPS.items():
                _add(archive, stored, getattr(prediction.panoptic, name))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any] | None) -> None:
    if array is not None:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        archive.writestr(f"{name}.npy", buffer.getvalue())


def _decode(content: bytes) -> Prediction:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        meta = parse_json(archive.read(_META))
        names = set(archive.namelist())
        arrays = {
            name: np.lib.format.read_array(
                io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False
            )
            for name in (*_MAPS, *_INSTANCE_ARRAYS, *_PANOPTIC_MAPS.values())
            if f"{name}.npy" in names
        }
    instances = None
    if "boxes" in arrays:
        instances = Instances(*(arrays[name] for name in _INSTANCE_ARRAYS))
    panoptic = None
    if _PANOPTIC_MAPS["objects"] in arrays:
        panoptic = Panoptic(*(arrays[stored] for stored in _PANOPTIC_MAPS.values()))
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
        panoptic,
    )
