"""One open image with everything that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from segstudio.core.channel_looks import AS_IN_FILES, ChannelLooks
from segstudio.core.history import History
from segstudio.core.labels import Image, LabelMap
from segstudio.core.pixel_size import PixelSize, PixelSizes
from segstudio.core.prediction import ModelSpec, Prediction
from segstudio.core.tones import ImageTones
from segstudio.storage.annotations import AnnotationPath
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.picture import COMPOSITE, Picture
from segstudio.storage.seen_files import SeenFiles

ShownAs = tuple[int, ChannelLooks]
"""Which channel is shown, or `COMPOSITE`, and how."""


@dataclass(eq=False)
class Document:
    """The open image, its annotation, the ground truth as loaded, and the predictions by run.

    Attributes:
        ref: Which image.
        pixels: (H, W, 3) uint8 RGB as most models get it: the composite of all channels.
        annotation: What is painted and measured against; a copy of `truth` until edited.
        truth: Ground truth as it was loaded, or None. Never changed.
        history: Undo and redo of the annotation; stays with the image.
        predictions: By run key.
        saved_revision: The annotation's revision that is on disk (or was loaded).
        origin: Where the annotation came from: "", "ground truth", "saved" or a run's title.
        older: A version of the ground truth that is looked at instead of the latest one, or None.
        runs_before: Keys of the predictions that it had pixels of when it was read.
        edited_at: When it was last changed, seconds since 1970; None if it never was.
        place: The files in which the annotation lies or will lie; None until that is found out.
        keeps_form: Whether an edit can be saved in the form of the ground truth's files, as far as
            they tell when they are read.
        notes: Sentences about the file worth showing ("the transparency is not shown").
        seen: The files of the annotation as they were read or saved last; None if not known.
        picture: The stored values that `pixels` were made of; None where only these are known.
        digest: Of the file that the pixels were read from; "" if unknown.
        channel: Which channel `shown` is, or `COMPOSITE`.
        looks: How its channels are shown in `shown`.
    """

    ref: ImageRef
    pixels: Image
    annotation: LabelMap
    truth: LabelMap | None = None
    history: History = field(default_factory=History)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    saved_revision: int = 0
    origin: str = ""
    older: LabelMap | None = None
    runs_before: frozenset[str] = frozenset()
    edited_at: float | None = None
    place: AnnotationPath | None = None
    keeps_form: bool = True
    notes: tuple[str, ...] = ()
    picture: Picture | None = None
    digest: str = ""
    seen: SeenFiles | None = None
    channel: int = COMPOSITE
    looks: ChannelLooks = AS_IN_FILES
    _alone: Image | None = None
    _tones: tuple[Image, ImageTones] | None = None

    @property
    def shown(self) -> Image:
        """(H, W, 3) uint8 RGB as it is shown; no model gets it."""
        return self.pixels if self._alone is None else self._alone

    @property
    def tones(self) -> ImageTones:
        """Which tones suit the image as it is shown; found once, within milliseconds."""
        if self._tones is None or self._tones[0] is not self.shown:
            self._tones = (self.shown, ImageTones.of(self.shown))
        return self._tones[1]

    def given_to(self, spec: ModelSpec) -> npt.NDArray[Any]:
        """What a model gets; see `storage.picture.Picture.given_to`."""
        return self.pixels if self.picture is None else self.picture.given_to(spec, self.pixels)

    @property
    def pages(self) -> int:
        """How many pages the file has."""
        return 1 if self.picture is None else self.picture.pages

    def pixel_size(self, said: PixelSizes) -> PixelSize | None:
        """How large its pixels are: what the user said, else its file; None if nobody knows."""
        in_file = None if self.picture is None else self.picture.pixel_size
        return said.of(self.ref.name, in_file)

    def channel_for(self, wanted: int) -> int:
        """The channel that is shown where one is asked for: the composite if it is not there."""
        picture = self.picture
        if picture is None or not picture.has_choice or not 0 <= wanted < picture.raw.shape[2]:
            return COMPOSITE
        return wanted

    @property
    def shown_as(self) -> ShownAs:
        """Which channel `shown` is, and how channels are shown in it."""
        return self.channel, self.looks

    def shown_for(self, channel: int, looks: ChannelLooks) -> ShownAs:
        """How it is shown where a channel and looks are asked for that it may not have."""
        picture = self.picture
        if picture is None or not picture.has_choice:
            return COMPOSITE, AS_IN_FILES
        return self.channel_for(channel), looks.upto(picture.raw.shape[2])

    def show(self, shown_as: ShownAs, pixels: Image | None) -> None:
        """Show it as `picture.shown` gives it; None for the composite as the file has it."""
        (self.channel, self.looks), self._alone = shown_as, pixels

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W) of the image and of every map that belongs to it."""
        return self.annotation.shape_hw

    @property
    def runs_taken(self) -> frozenset[str]:
        """Keys of the predictions that the annotation has pixels of."""
        return self.history.runs_taken(self.runs_before)

    @property
    def dirty(self) -> bool:
        """Whether the annotation differs from what is on disk."""
        return self.annotation.revision != self.saved_revision

    @property
    def has_reference(self) -> bool:
        """Whether there is anything to measure against: ground truth, or something painted."""
        return not self.is_bare or self.annotation.revision > 0

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing to measure against but what is painted now."""
        return self.truth is None and not self.origin

    @property
    def is_corrected(self) -> bool:
        """Whether the annotation may differ from ground truth, so that both are worth seeing."""
        untouched = self.annotation.revision == 0 and self.origin == "ground truth"
        return self.truth is not None and not untouched

    @property
    def nbytes(self) -> int:
        """Bytes held: pixels, maps, predictions, history."""
        total = self.pixels.nbytes + self.history.nbytes
        if self.picture is not None and self.picture.raw is not self.pixels:
            total += self.picture.raw.nbytes
        if self._alone is not None:
            total += self._alone.nbytes
        for label_map in (self.annotation, self.truth, self.older):
            if label_map is not None:
                total += label_map.nbytes
        return total + sum(p.nbytes for p in self.predictions.values())
