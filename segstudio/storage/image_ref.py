"""Names of images: light enough for lists of 100,000."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image file of a folder.

    Attributes:
        name: Path relative to `root`, with forward slashes ("cell_7.png", "train/0001.jpg").
        root: The folder of the images, absolute.
    """

    name: str
    root: str

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.root, self.name)

    @property
    def filename(self) -> str:
        """The last part of the name, with its extension."""
        return self.name.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The part of the name before the last slash; "" for a file directly in `root`."""
        return self.name.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The file name without folder and extension."""
        filename = self.filename
        base = filename.rpartition(".")[0]
        return base or filename


class ImageList(Sequence[ImageRef]):
    """Images by position; makes an `ImageRef` only for those that are looked at."""

    def __init__(self, names: Sequence[str], root: str) -> None:
        self.names = names
        self.root = root
        self._positions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> ImageRef: ...
    @overload
    def __getitem__(self, index: slice) -> ImageList: ...
    def __getitem__(self, index: int | slice) -> ImageRef | ImageList:
        if isinstance(index, slice):
            return ImageList(self.names[index], self.root)
        return ImageRef(self.names[index], self.root)

    def __iter__(self) -> Iterator[ImageRef]:
        root = self.root
        return (ImageRef(name, root) for name in self.names)

    def __contains__(self, item: object) -> bool:
        return isinstance(item, ImageRef) and self.position(item) is not None

    def position(self, ref: ImageRef) -> int | None:
        """Where an image is in the list, or None if it is not there."""
        if len(self._positions) != len(self.names):
            self._positions = {name: i for i, name in enumerate(self.names)}
        return self._positions.get(ref.name) if ref.root == self.root else None
