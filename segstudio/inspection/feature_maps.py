"""Pictures and figures of a traced network's stages, made in the background."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from numpy.typing import NDArray

from segstudio.core.class_mapping import ClassMapping
from segstudio.core.errors import CancelledError
from segstudio.core.labels import Image
from segstudio.inspection.feature_pictures import FloatArray
from segstudio.inspection.stage_work import StageFacts, StageWork, agreement_with
from segstudio.jobs import Job, JobRunner
from segstudio.session.inspection import MapPicture, OverPhotoHeat, StageLook, TracedNetwork
from segstudio.session.session import Change, Session, What

T = TypeVar("T")
Failed = Callable[[Exception], None]


class StageReference(StrEnum):
    """What a channel is compared with."""

    ANNOTATION = "annotation"
    PREDICTION = "prediction"


class FeatureMaps:
    """Makes pictures of stages and channels, and their figures.

    Every question is answered through `done` on the thread that asked: at once if the answer is
    known already, else from the lane "features". Questions about a trace that is not shown any
    more are not answered. `asker` names who asks, if a later question of the same kind shall
    supersede this one; without a name every question is answered. `failed` is told an error
    instead of the user.
    """

    def __init__(self, session: Session, jobs: JobRunner) -> None:
        self._session, self._jobs = session, jobs
        self._work = StageWork()
        self._pictures: WeakKeyDictionary[TracedNetwork, PictureCache] = WeakKeyDictionary()
        self._shown: tuple[TracedNetwork, ...] = ()
        self._gone: WeakSet[TracedNetwork] = WeakSet()
        session.follow(What.TRACE | What.PAIR, self._on_traces)

    # -- pictures ----------------------------------------------------------------------------

    def node_picture(
        self,
        traced: TracedNetwork,
        stage_id: str,
        picture: MapPicture,
        channel: int,
        look: StageLook,
        px: int,
        done: Callable[[Image], None],
        *,
        asker: str = "",
        failed: Failed | None = None,
    ) -> None:
        """Give a stage's picture as RGB (h, w, 3) uint8, cropped to the photo, without padding.

        Args:
            traced: The trace.
            stage_id: The stage.
            picture: What of the channels it shows.
            channel: Which one for `MapPicture.CHANNEL`; the last one if the stage has fewer.
            look: Colours and range; principal components have their own.
            px: Pixels of the longer side.
            done: Gets the picture.
            asker: Supersedes questions of this asker about the same stage.
            failed: Told why there is no picture.
        """
        layer = traced.trace.layer(stage_id)
        shown = min(channel, layer.shape[0] - 1)
        key: tuple[object, ...] = (stage_id, picture, look, px)
        if picture is MapPicture.CHANNEL:
            key = (stage_id, shown, look, px)
        elif picture is MapPicture.COMPONENTS:
            key = (stage_id, picture, px)
        kept = self._of(traced)
        known = kept.get(key)
        if known is not None:
            done(known)
            return

        def work(job: Job) -> Image:
            if picture is MapPicture.CHANNEL:
                return self._work.channels(traced, layer, (shown,), look, px, job)[shown]
            return self._work.summary(traced, layer, picture, look, px)

        def arrived(found: Image) -> None:
            kept.put(key, found)
            done(found)

        name = f"picture {id(traced)} {stage_id}"
        title = f"Picture of {stage_id}"
        self._submit(title, traced, work, arrived, _key(asker, name), failed=failed)

    def thumbnails(
        self,
        traced: TracedNetwork,
        stage_id: str,
        channels: Sequence[int],
        look: StageLook,
        px: int,
        done: Callable[[dict[int, Image]], None],
        *,
        asker: str = "",
        failed: Failed | None = None,
    ) -> None:
        """Give pictures of channels as RGB (h, w, 3) uint8 by channel, cropped to the photo.

        Known ones are given at once, the others together in another call of `done`.

        Args:
            traced: The trace.
            stage_id: The stage.
            channels: Which channels.
            look: Colours and range.
            px: Pixels of the longer side.
            done: Gets the pictures.
            asker: Supersedes questions of this asker for thumbnails.
            failed: Told why there are none.
        """
        layer = traced.trace.layer(stage_id)
        kept = self._of(traced)
        known = {channel: kept.get((stage_id, channel, look, px)) for channel in channels}
        there = {channel: found for channel, found in known.items() if found is not None}
        if there:
            done(there)
        missing = tuple(channel for channel, found in known.items() if found is None)
        if not missing:
            return

        def arrived(found: dict[int, Image]) -> None:
            for channel, picture in found.items():
                kept.put((stage_id, channel, look, px), picture)
            done(found)

        self._submit(
            f"Channels of {stage_id}",
            traced,
            lambda job: self._work.channels(traced, layer, missing, look, px, job),
            arrived,
            _key(asker, "thumbnails"),
            front=True,
            failed=failed,
        )

    def heat(
        self,
        traced: TracedNetwork,
        stage_id: str,
        channel: int,
        done: Callable[[OverPhotoHeat], None],
    ) -> None:
        """Give a channel over the photo, in the colours chosen; supersedes one asked for before."""
        layer, look = traced.trace.layer(stage_id), self._session.inspection.look
        self._submit(
            f"Channel {channel} of {stage_id}",
            traced,
            lambda job: self._work.heat(traced, layer, channel, look, job),
            done,
            "channel over photo",
            front=True,
        )

    # -- figures -----------------------------------------------------------------------------

    def facts(
        self,
        traced: TracedNetwork,
        stage_id: str,
        done: Callable[[StageFacts], None],
        *,
        asker: str = "",
        failed: Failed | None = None,
    ) -> None:
        """Give the figures of a stage."""
        layer = traced.trace.layer(stage_id)
        known = self._work.known_facts(traced, stage_id)
        if known is not None:
            done(known)
            return
        self._submit(
            f"Statistics of {stage_id}",
            traced,
            lambda _job: self._work.facts(traced, layer),
            done,
            _key(asker, "facts"),
            front=True,
            failed=failed,
        )

    def agreement(
        self,
        traced: TracedNetwork,
        stage_id: str,
        class_id: int,
        reference: StageReference,
        done: Callable[[FloatArray], None],
        *,
        asker: str = "",
    ) -> None:
        """Give the IoU of each channel's strongest positions with a class's mask: (C,).

        NaN everywhere where the reference has nothing of the class. The method is that of
        `inspection.nets.statistics.agreement`.

        Args:
            traced: The trace.
            stage_id: The stage.
            class_id: The model's class; of the annotation it is the class that the model's is
                measured as.
            reference: The annotation as it is now, or what the model says.
            done: Gets the figures.
            asker: Supersedes questions of this asker for the same reference.
        """
        layer = traced.trace.layer(stage_id)
        if reference is StageReference.ANNOTATION:
            mapping = ClassMapping.between(traced.prediction.schema, self._session.schema)
            labels = traced.document.annotation.labels[traced.input_geometry.window.slices]
            wanted = int(mapping.table[class_id])
        else:
            labels, wanted = traced.prediction.labels, class_id
        self._submit(
            f"Agreement of {stage_id}",
            traced,
            lambda job: agreement_with(traced, layer, labels, wanted, job),
            done,
            _key(asker, f"agreement {reference}"),
        )

    def channel_histogram(
        self,
        traced: TracedNetwork,
        stage_id: str,
        channel: int,
        done: Callable[[NDArray[np.int64]], None],
        *,
        asker: str = "",
    ) -> None:
        """Give how many values lie in equal steps from a channel's lowest to its highest."""
        layer = traced.trace.layer(stage_id)
        self._submit(
            f"Histogram of {stage_id}",
            traced,
            lambda _job: self._work.histogram(traced, layer, channel),
            done,
            _key(asker, "histogram"),
            front=True,
        )

    def ends(
        self, traced: TracedNetwork, stage_id: str, channel: int
    ) -> tuple[float, float] | None:
        """The values that get the ends of the colours in a channel; None if not known yet."""
        if self._work.known_facts(traced, stage_id) is None:
            return None
        layer, look = traced.trace.layer(stage_id), self._session.inspection.look
        lows, highs = self._work.ends(traced, layer, (channel,), look)
        return float(lows[0]), float(highs[0])

    def values_at(
        self, traced: TracedNetwork, stage_id: str, pixel_xy: tuple[int, int]
    ) -> FloatArray | None:
        """Each channel's value (C,) at a photo pixel (x, y), at once.

        None outside the map, and where the activations are not at hand.
        """
        activations = traced.trace.activations
        position = traced.input_geometry.position(traced.trace, stage_id, pixel_xy)
        if position is None or stage_id not in activations.kept:
            return None
        return activations.get(stage_id)[:, position[0], position[1]].astype(np.float32)

    # -- how ---------------------------------------------------------------------------------

    def _of(self, traced: TracedNetwork) -> PictureCache:
        return self._pictures.setdefault(traced, PictureCache())

    def _submit(
        self,
        title: str,
        traced: TracedNetwork,
        work: Callable[[Job], T],
        done: Callable[[T], None],
        key: str,
        *,
        front: bool = False,
        failed: Failed | None = None,
    ) -> None:
        def checked(job: Job) -> T:
            if traced in self._gone:
                raise CancelledError
            return work(job)

        self._jobs.submit(
            title, "features", checked, done, key=key, front=front, failed=failed, visible=False
        )

    def _on_traces(self, _change: Change) -> None:
        """What is still to be made of traces that are gone is not made any more."""
        inspection = self._session.inspection
        shown = tuple(t for t in (inspection.traced, inspection.second) if t is not None)
        self._gone.update(t for t in self._shown if t not in shown)
        self._shown = shown


def _key(asker: str, what: str) -> str:
    """The key by which questions supersede each other; none without an asker."""
    return f"features {asker} {what}" if asker else ""


_LIMIT: Final = 64 * 1024 * 1024


class PictureCache:
    """The pictures of one trace within a byte budget; the least recently used go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Image] = OrderedDict()
        self._nbytes = 0

    def get(self, key: tuple[object, ...]) -> Image | None:
        """The picture of a key, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[object, ...], picture: Image) -> None:
        """Keep a picture; older ones leave where it gets too much."""
        before = self._kept.pop(key, None)
        self._nbytes += picture.nbytes - (0 if before is None else before.nbytes)
        self._kept[key] = picture
        while self._nbytes > _LIMIT and len(self._kept) > 1:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes
