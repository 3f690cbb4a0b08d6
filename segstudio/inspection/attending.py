"""Attention of a pixel: which tokens of a transformer's block look at what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.attention import AttentionBlocks, BlockAttention, PixelAttention
from segstudio.core.colour_maps import coloured
from segstudio.core.errors import SegstudioError, told
from segstudio.core.features import LayerInfo, ReceptiveField, Role, Site
from segstudio.core.formatting import percent_text
from segstudio.core.labels import Image
from segstudio.inspection.feature_pictures import (
    maximum_of_channels,
    mean_of_channels,
    sampling_of,
)
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.stage_work import components
from segstudio.inspection.watched import Watched
from segstudio.jobs import Job, JobRunner
from segstudio.session.inspection import (
    ColourMap,
    MapPicture,
    Overlay,
    OverPhotoHeat,
    TracedNetwork,
)
from segstudio.session.session import Session, What

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

FloatArray = NDArray[np.float32]
PICTURE_PX: Final = 384
_UNSEEN: Final = (112, 112, 112)
"""The colour of positions outside the window of a token."""
_OPACITY: Final = 0.7
_KEY: Final = "attention"


@dataclass(frozen=True, eq=False)
class AttentionState:
    """What is known of the main trace.

    Attributes:
        traced: Which trace.
        blocks: The network's blocks; None while they are looked for.
        kept: What a block computes: the one before while another is asked for; None at first, and
            without blocks.
        problem: Why there is nothing, "" if there is something or it is under way.
    """

    traced: TracedNetwork | None = None
    blocks: AttentionBlocks | None = None
    kept: BlockAttention | None = None
    problem: str = ""


@dataclass(frozen=True, eq=False)
class AttentionView:
    """What the token of one pixel looks at.

    Attributes:
        pixel: (x, y) of the photo.
        found: The numbers.
        head: Of which head; None: the mean of all.
        picture: (h, w, 3) uint8 RGB of the traced part of the photo; grey where the token sees
            nothing.
        text: In a sentence.
        heat: Over the photo; None where that was not asked for.
    """

    pixel: tuple[int, int]
    found: PixelAttention
    head: int | None
    picture: Image = field(repr=False)
    text: str
    heat: OverPhotoHeat | None = None


class Attending(Watched[AttentionState]):
    """Follows attention through the traced network, while someone looks.

    The order: someone begins to look, or another network, image or block is there -> the network
    runs once more, in which places of tokens are followed and the chosen block's queries and keys
    are kept (`TracedModel.attention_of`) -> `state`. Where a pixel looks at follows from them
    without the network.

    The session says INSPECTION when `state` was replaced.
    """

    def __init__(self, session: Session, jobs: JobRunner, inspecting: Inspecting) -> None:
        super().__init__(session, AttentionState())
        self._jobs, self._inspecting = jobs, inspecting
        self._asked: tuple[object, str] | None = None
        session.follow(What.TRACE | What.INSPECTION, self._on_change)

    # -- verbs -------------------------------------------------------------------------------

    def choose_block(self, name: str) -> None:
        """Look at another block."""
        self._session.set_inspection(attention_block=name)
        self._follow()

    def choose_head(self, head: int | None) -> None:
        """Look at one head, or at the mean of all."""
        self._session.set_inspection(attention_head=head)

    @property
    def head(self) -> int | None:
        """The head that is looked at, if the block has it; None: the mean of all."""
        head, kept = self._session.inspection.attention_head, self.state.kept
        return head if head is not None and kept and head < kept.block.heads else None

    def of_pixel(
        self,
        pixel_xy: tuple[int, int],
        done: Callable[[AttentionView], None],
        failed: Callable[[Exception], None],
        *,
        over_photo: bool = False,
        key: str = "attention of a pixel",
    ) -> bool:
        """Tell what the token of a pixel (x, y) of the photo looks at.

        Args:
            pixel_xy: The pixel.
            done: Gets the result.
            failed: Told why there is none.
            over_photo: Whether `AttentionView.heat` is wanted.
            key: Who asks; a later question of the same key supersedes an earlier one.

        Returns:
            False while nothing is known of a block.
        """
        traced, kept = self.state.traced, self.state.kept
        if traced is None or kept is None:
            return False
        head, colours = self.head, self._colours()
        self._jobs.submit(
            "Following attention", "features",
            lambda _job: view_of(traced, kept, pixel_xy, head, colours, over_photo=over_photo),
            done, failed=failed, key=key, visible=False,
        )  # fmt: skip
        return True

    def tokens_picture(
        self, done: Callable[[Image], None], failed: Callable[[Exception], None]
    ) -> bool:
        """Tell the picture of the block's tokens, as the header asks; False without any."""
        traced, kept = self.state.traced, self.state.kept
        if traced is None or kept is None or kept.tokens is None:
            return False
        inspection = self._session.inspection
        picture, channel = inspection.picture, inspection.picture_channel
        colours = inspection.look.colours
        self._jobs.submit(
            "Drawing tokens", "features",
            lambda _job: tokens_picture(traced, kept, picture, channel, colours),
            done, failed=failed, key="tokens", visible=False,
        )  # fmt: skip
        return True

    # -- what follows ------------------------------------------------------------------------

    def _follow(self) -> None:
        inspection = self._session.inspection
        traced = inspection.traced
        if traced is not self.state.traced:
            self._latest.begin()
            self._asked = None
            self._replace(traced=traced, blocks=None, kept=None, problem="")
        wanted = self._watched or inspection.overlay is Overlay.ATTENTION
        asked = (traced, inspection.attention_block)
        if traced is None or not wanted or asked == self._asked:
            return
        self._asked = asked
        blocks, kept = self.state.blocks, self.state.kept
        if blocks is not None:
            block = blocks.chosen(inspection.attention_block)
            if block is None or (kept is not None and kept.block == block):
                return
        self._ask(blocks, inspection.attention_block)

    def _ask(self, known: AttentionBlocks | None, name: str) -> None:
        def work(
            traced_model: TracedModel, _traced: TracedNetwork, job: Job
        ) -> tuple[AttentionBlocks, BlockAttention | None]:
            if known is None:
                return traced_model.attention_of(name, job.check)
            block = known.chosen(name)
            return known, None if block is None else traced_model.block_attention(block, job.check)

        def done(found: tuple[AttentionBlocks, BlockAttention | None]) -> None:
            self._replace(blocks=found[0], kept=found[1], problem="")

        self._latest.begin()
        job = self._inspecting.submit(
            "Following attention", work, self._latest.only(done), key=_KEY,
            failed=self._latest.only(lambda error: self._replace(problem=told(error))),
        )  # fmt: skip
        if job is None:
            self._asked = None

    def _colours(self) -> ColourMap:
        colours = self._session.inspection.look.colours
        return ColourMap.MAGMA if colours is ColourMap.DIVERGING else colours


# -- work ------------------------------------------------------------------------------------------


def view_of(
    traced: TracedNetwork,
    kept: BlockAttention,
    pixel_xy: tuple[int, int],
    head: int | None,
    colours: ColourMap,
    *,
    over_photo: bool,
) -> AttentionView:
    """What the token of a pixel looks at, as numbers, picture and text.

    Raises:
        SegstudioError: if the pixel lies outside the traced part, or has no token.
    """
    geometry, (x, y) = traced.input_geometry, pixel_xy
    if not geometry.window.contains(x, y):
        raise SegstudioError("The pixel lies outside the part that is inspected.")
    down, across = geometry.to_input((y + 0.5, x + 0.5))
    found = kept.at(down / geometry.padded_hw[0], across / geometry.padded_hw[1])
    values = found.of_head(head)
    layer = _grid(traced, 1, kept.block.key_hw)
    high = float(values.max())
    small = sampling_of(geometry, layer, PICTURE_PX).take(np.stack((values, found.seen)))
    picture = coloured(small[0], 0.0, high, colours.value)
    picture[small[1] < 0.5] = _UNSEEN
    text = _text(kept, found, head)
    if not over_photo:
        return AttentionView(pixel_xy, found, head, picture, text)
    whole = geometry.on_photo(values, layer, smooth=False)
    share = whole / high if high > 0 else np.zeros_like(whole)
    caption = f"{kept.block.id}, {_head_text(kept, head)}, at {x}, {y}"
    heat = OverPhotoHeat(
        geometry.paste(np.rint(share * 255).astype(np.uint8)), colours, caption, 0.0, high,
        opacity=_OPACITY, fades=True,
    )  # fmt: skip
    return AttentionView(pixel_xy, found, head, picture, text, heat)


def tokens_picture(
    traced: TracedNetwork,
    kept: BlockAttention,
    picture: MapPicture,
    channel: int,
    colours: ColourMap,
) -> Image:
    """The tokens (C, h, w) that a block gives on, as a picture of the traced part of the photo."""
    tokens = kept.tokens
    assert tokens is not None
    layer = _grid(traced, len(tokens), (int(tokens.shape[1]), int(tokens.shape[2])))
    if picture is MapPicture.COMPONENTS and len(tokens) >= 3:
        return components(traced, layer, tokens, PICTURE_PX)
    if picture is MapPicture.CHANNEL:
        values = tokens[min(channel, len(tokens) - 1)].astype(np.float32)
    elif picture is MapPicture.MAXIMUM:
        values = maximum_of_channels(tokens)
    else:
        values = mean_of_channels(tokens)
    small = sampling_of(traced.input_geometry, layer, PICTURE_PX).take(values[None])[0]
    return coloured(small, float(small.min()), float(small.max()), colours.value)


def _grid(traced: TracedNetwork, channels: int, shape_hw: tuple[int, int]) -> LayerInfo:
    """A grid of tokens as a stage that covers the network's input without overlap."""
    padded = traced.input_geometry.padded_hw
    jump = (padded[0] / shape_hw[0], padded[1] / shape_hw[1])
    field_ = ReceptiveField((1, 1), (jump[0] / 2, jump[1] / 2), jump)
    shape = (channels, *shape_hw)
    return LayerInfo(
        "tokens", "tokens", Role.ENCODER, shape, round(jump[0]), 0, 0, 0.0, field_, (), Site("", "")
    )


def _head_text(kept: BlockAttention, head: int | None) -> str:
    heads = kept.block.heads
    if heads == 1:
        return "its only head"
    return f"mean of {heads} heads" if head is None else f"head {head + 1} of {heads}"


def _text(kept: BlockAttention, found: PixelAttention, head: int | None) -> str:
    block, (row, col) = kept.block, found.position
    most = percent_text(float(found.of_head(head).max()))
    looks = f"Token at row {row}, column {col}"
    if found.query >= 0:
        looks = f"Query {found.query + 1} of {block.queries}, whose mask is the surest here"
    parts = [f"{looks}, {_head_text(kept, head)}: at most {most} at one place"]
    if block.placeless:
        rest = "the class token" if block.placeless == 1 else f"{block.placeless} more tokens"
        parts.append(f"{percent_text(found.elsewhere_of(head))} at {rest}")
    if not found.seen.all():
        parts.append(f"it sees its window of {int(found.seen.sum())} tokens only")
    return "; ".join(parts) + "."
