"""Who wrote the pixels of a folder's annotations, on disk: `provenance/` beside `masks/`.

One indexed PNG an image, `<stem>.png`, in which each number is a writer (`core.provenance`), and
`writers.json`, which says which. Each PNG says it too, so that it can be read alone.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import parse_json, read_json
from segstudio.core.labels import LabelMap, Labels, Writers
from segstudio.core.provenance import ModelWriter, WriterTable, writer_colors
from segstudio.core.regular_file import is_there
from segstudio.core.text import utf8_json
from segstudio.storage.annotations import Annotations
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.damaged import not_told, set_aside
from segstudio.storage.formats.png import encode_index_png, is_output, png_texts
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.layout import mask_bases
from segstudio.storage.masks import (
    PROVENANCE,
    WRITERS_TABLE,
    read_index_png,
    source_text,
    writers_file,
)
from segstudio.storage.originals import keep, remove_own
from segstudio.storage.project import Project
from segstudio.storage.write_root import WriteRoot

_WRITERS: Final = "Writers"
_LABELS: Final = "Labels"
"""The tEXt entries of the table, and of the checksum of the classes that the map belongs to."""
_LEVELS: Final = 5
"""So many folders above a mask are looked at."""
_FOLLOWS: Final = "who wrote the pixels before is not known"


@dataclass(eq=False)
class WriterMaps:
    """The maps of one folder, in the numbers of one table; for any thread.

    Attributes:
        kept: Whether who writes is kept.
        table: Which number is which model while the program runs.
        remembered: File of the user's own in which that is kept; None for nowhere.
    """

    kept: bool = False
    table: WriterTable = field(default_factory=WriterTable)
    remembered: Path | None = None
    _broken: dict[Path, str] = field(default_factory=dict)
    _known: int = 0

    @classmethod
    def of(cls, project: Project) -> WriterMaps:
        """Those of a folder that was opened to be worked on."""
        path = project.data_folder / WRITERS_TABLE
        try:
            table = WriterTable.from_json(read_json(path))
        except OSError:
            table = WriterTable()
        except (ValueError, SegstudioError) as error:
            set_aside(path, error, "the models of unsaved strokes are not known", not_told)
            table = WriterTable()
        return cls(project.provenance, table, path, _known=len(table.models))

    def number_of(self, model: ModelWriter) -> int:
        """The number of a model; remembered, so that what a crash leaves can be understood.

        Raises:
            SegstudioError: if it cannot be remembered.
        """
        number = self.table.number_of(model)
        self._remember()
        return number

    def _remember(self) -> None:
        models = len(self.table.models)
        if self.remembered is None or models == self._known:
            return
        make_folder(self.remembered.parent)
        text = json.dumps(self.table.to_json(), indent=1, ensure_ascii=False) + "\n"
        # no waiting for the disk: it has to outlive this program, not the machine
        write_atomically(self.remembered, utf8_json(text), durable=False)
        self._known = models

    def read(self, root: Path, ref: ImageRef, labels: Labels) -> tuple[Writers | None, str]:
        """Who wrote an image's saved annotation.

        Args:
            root: `Project.root`.
            ref: The image.
            labels: (H, W) uint8 the annotation.

        Returns:
            The map, None if there is none; and what is to be known of it, "" for nothing.

        Raises:
            SegstudioError: if it cannot be used. It is set aside when the next one is saved.
        """
        path = writers_file(root, ref)
        if not is_there(path):
            return None, ""
        try:
            found = read_map(path, labels.shape)
        except SegstudioError as error:
            self._broken[path] = error.message
            raise SegstudioError(
                f"{error.message} Who wrote the pixels of {ref.title} is not known.",
                "The file is set aside when the image is saved next.",
            ) from error
        said = png_texts(path).get(_LABELS)
        note = ""
        if said not in (None, _checksum(labels)):
            note = (
                f"The mask of {ref.title} was changed without {path.parent.name}/{path.name}: "
                "who wrote what was changed is not known."
            )
        numbers = self.table.numbers_in(found.table)
        self._remember()
        return numbers[found.writers], note

    def save(
        self,
        annotations: Annotations,
        ref: ImageRef,
        label_map: LabelMap,
        agreed: frozenset[Path] = frozenset(),
    ) -> None:
        """Save who wrote an annotation that was just saved; nothing where that is not kept.

        The map goes with the annotation: where that is as the ground truth again, it is removed.

        Args:
            annotations: The folder's.
            ref: The image.
            label_map: What was saved.
            agreed: Links leading out of the folder that may be used all the same (`WriteRoot`).

        Raises:
            SegstudioError: if it cannot be written.
        """
        writers = label_map.writers
        if writers is None:
            return
        home = WriteRoot(annotations.root, annotations.identity, ref.path, ref.path.parent, agreed)
        path = writers_file(annotations.root, ref)
        if not annotations.has(ref):
            if is_there(path):
                remove_own(home, path)
            return
        home.place_of(path)  # before anything is written
        home.make_folder(path.parent)
        why = self._broken.pop(path, "")
        if why and is_there(path):
            set_aside(path, why, _FOLLOWS, not_told)
        table, numbers = self._table_of(home, path.parent, writers)
        content = encode_index_png(
            numbers[writers],
            writer_colors(),
            source=source_text(ref),
            texts={
                _WRITERS: json.dumps(table.to_json()),
                _LABELS: _checksum(label_map.labels),
            },
        )
        keep(home, path, content)
        home.write(path, content)

    def _table_of(
        self, home: WriteRoot, folder: Path, writers: Writers
    ) -> tuple[WriterTable, Labels]:
        """The table of a folder with the writers of a map, and the numbers of ours in it."""
        path = folder / WRITERS_TABLE
        try:
            theirs = WriterTable.from_json(read_json(path))
        except OSError:
            theirs = WriterTable()
        except (ValueError, SegstudioError) as error:
            set_aside(path, error, "it is made anew", not_told)
            theirs = WriterTable()
        before = theirs.to_json()
        numbers = theirs.numbers_in(self.table.only(np.unique(writers).tolist()))
        after = theirs.to_json()
        if after != before or not is_there(path):
            home.write(path, utf8_json(json.dumps(after, indent=1, ensure_ascii=False) + "\n"))
        return theirs, numbers


@dataclass(frozen=True, eq=False)
class FoundWriters:
    """A map as it lies on disk, and which number in it is which model."""

    writers: Writers
    table: WriterTable


def read_map(path: Path, shape_hw: tuple[int, ...] | None = None) -> FoundWriters:
    """Read the map of one image.

    Args:
        path: The PNG.
        shape_hw: (H, W) of its image, if it is known.

    Raises:
        SegstudioError: if it cannot be read or has not the image's size; names the file.
    """
    writers = read_index_png(path)
    if shape_hw is not None and writers.shape != tuple(shape_hw):
        raise SegstudioError(
            f"{path} is {writers.shape[1]} x {writers.shape[0]} pixels, but its image is "
            f"{shape_hw[1]} x {shape_hw[0]}."
        )
    text = png_texts(path).get(_WRITERS)
    try:
        data = read_json(path.parent / WRITERS_TABLE) if text is None else parse_json(text)
        table = WriterTable.from_json(data)
    except (OSError, ValueError, SegstudioError) as error:
        raise SegstudioError(f"{path} does not say which number is which writer.") from error
    return FoundWriters(writers, table)


def map_of_mask(mask: Path) -> Path | None:
    """The map of who wrote a mask that is known by its file alone; None if there is none.

    It lies beside the folder of masks, in the same sub-folder, under the image's name.
    """
    names = [mask.stem, *mask_bases(mask.stem)]
    for up, folder in enumerate(mask.parents[1:_LEVELS]):
        inside = Path(*mask.parent.parts[len(mask.parent.parts) - up :]) if up else Path()
        for name in names:
            path = folder / PROVENANCE / inside / f"{name}.png"
            if is_there(path) and is_output(path):
                return path
    return None


def _checksum(labels: Labels) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(labels).data):08x}"
