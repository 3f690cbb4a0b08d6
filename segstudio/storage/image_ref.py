"""Names of images: light enough for lists of 100,000."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

from segstudio.core.short_names import SharedParts, shared_parts
from segstudio.core.text import printable

PAGE_STEP = 1 << 32
"""Positions of later pages: page p of the image at i is at i + p * PAGE_STEP.

So a list counts files, every page has a position of its own wherever something is kept by position,
and a number of pages need not be known before a file is opened.
"""
PAGE_MARK = "#page="
"""What parts the name of a file from the number of a later page, from 1, in keys."""


def place_of(image: int, page: int) -> int:
    """The position of a page (from 0) of the image at a position."""
    return image + page * PAGE_STEP


def image_of(place: int) -> int:
    """The position of the image that a page belongs to; -1 for none."""
    return place % PAGE_STEP if place >= 0 else place


def page_of(place: int) -> int:
    """Which page of its image is at a position, from 0."""
    return max(0, place) // PAGE_STEP


def page_title(name: str, page: int, pages: int = 1) -> str:
    """An image's name for people: "cells.tif · page 3/12", "cells.tif · page 3" of an unknown number.

    Args:
        name: Of the file.
        page: From 0.
        pages: How many the file has, 1 if that is not known; the name alone of a single page.
    """
    if pages > 1:
        return f"{name} · page {page + 1}/{pages}"
    return f"{name} · page {page + 1}" if page else name


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image of a folder: a file, or a page of it.

    Each page has its own annotation, history, predictions and scores: two references are the same
    only if the page is.

    Attributes:
        name: Path relative to `root`, with forward slashes ("cell_7.png", "train/0001.jpg").
        root: The folder of the images, absolute.
        page: Which page of the file, from 0.
    """

    name: str
    root: str
    page: int = 0

    @property
    def name_with_page(self) -> str:
        """The name, with the page if it is not the first."""
        return page_title(self.name, self.page)

    @property
    def title(self) -> str:
        """The same for people: bytes that are no text, and control characters, are escaped."""
        return printable(self.name_with_page)

    @property
    def key(self) -> str:
        """The name under which marks are kept; that of a first page is the file's."""
        return f"{self.name}{PAGE_MARK}{self.page + 1}" if self.page else self.name

    def at_page(self, page: int) -> ImageRef:
        """Another page of the same file."""
        return ImageRef(self.name, self.root, page)

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

    @cached_property
    def titles(self) -> Sequence[str]:
        """The names for people; the same object as `names` where nothing must be escaped."""
        if "".join(self.names).isprintable():  # at once for all, since there may be 100,000
            return self.names
        return [printable(name) for name in self.names]

    @cached_property
    def lower_titles(self) -> Sequence[str]:
        """The names for people in small letters; of 100,000 that takes longer than a frame."""
        return [title.lower() for title in self.titles]

    @cached_property
    def shared(self) -> SharedParts:
        """What all titles begin and end with."""
        return shared_parts(self.titles)

    def look_at_names(self) -> None:
        """Find out `titles` and `shared` now: of 100,000 names that takes longer than a frame."""
        _ = self.shared

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> ImageRef: ...
    @overload
    def __getitem__(self, index: slice) -> ImageList: ...
    def __getitem__(self, index: int | slice) -> ImageRef | ImageList:
        if isinstance(index, slice):
            return ImageList(self.names[index], self.root)
        return ImageRef(self.names[image_of(index)], self.root, page_of(index))

    def __iter__(self) -> Iterator[ImageRef]:
        root = self.root
        return (ImageRef(name, root) for name in self.names)

    def __contains__(self, item: object) -> bool:
        return isinstance(item, ImageRef) and self.position(item) is not None

    def position(self, ref: ImageRef) -> int | None:
        """Where an image, or a page of one, is in the list, or None if it is not there."""
        if len(self._positions) != len(self.names):
            self._positions = {name: i for i, name in enumerate(self.names)}
        at = self._positions.get(ref.name) if ref.root == self.root else None
        return None if at is None else place_of(at, ref.page)


class PageTitles(Sequence[str]):
    """Names of images for people by position, of a stack's pages with the page.

    Attributes:
        pages: How many pages the files have by position, where they are several and that is known.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = names
        self.pages: dict[int, int] = {}

    @property
    def stacks(self) -> dict[str, int]:
        """The pages of the files that are known to have several, by name."""
        return {self._names[image]: pages for image, pages in self.pages.items()}

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        image = image_of(index)
        return page_title(self._names[image], page_of(index), self.pages.get(image, 1))
