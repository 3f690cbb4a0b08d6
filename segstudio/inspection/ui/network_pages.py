"""The pages beside the diagram; each is built when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from segstudio.inspection.attending import Attending
from segstudio.inspection.cutting import Cutting
from segstudio.inspection.explaining import Explaining
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.pairing import Pairing
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.proposing import Proposing, has_proposals
from segstudio.inspection.upsampling import Upsampling
from segstudio.kit.page_tabs import PageTabs
from segstudio.session.inspection import Inspection
from segstudio.session.session import Change, Session, What

STAGE, SKIP, CUTS, WHY, ATTENTION, PROPOSALS, TWO_MODELS, UPSAMPLING = (
    "Stage",
    "Skip",
    "Cuts",
    "Why",
    "Attention",
    "Proposals",
    "Two models",
    "Upsampling",
)
_TIPS = {
    STAGE: "All channels of the opened stage, their statistics",
    SKIP: "What a skip connection carries, and what comes from below",
    CUTS: "What the mask would be without what is cut",
    WHY: "What speaks for the class at this pixel",
    ATTENTION: "Tokens of a transformer's blocks, and what the token at this pixel looks at",
    PROPOSALS: "Regions that the network proposes as objects, with their objectness",
    TWO_MODELS: "Another model beside this one, and how similar their stages are",
    UPSAMPLING: "Checkerboards that upsampling leaves in the decoder's stages",
}
_LEFT_FOR_STAGE = frozenset({SKIP, CUTS})
"""Pages that give way to the stage's when a stage is opened; the others speak of it, too."""


@dataclass(frozen=True)
class Services:
    """The room's services; each page gets those that it uses."""

    inspecting: Inspecting
    feature_maps: FeatureMaps
    explaining: Explaining
    overlay: PhotoOverlay
    cutting: Cutting
    pairing: Pairing
    upsampling: Upsampling
    attending: Attending
    proposing: Proposing


def _stage_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.stage_page import StagePage
    from segstudio.inspection.ui.stage_scores import StageScores

    scores = StageScores(room.feature_maps, room.explaining)
    page = StagePage(session, room.inspecting, scores, room.overlay, parent)
    page.cut_requested.connect(lambda stage, channels: room.cutting.cut_channel(stage, channels))
    return page


def _skip_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.skip_page import SkipPage

    return SkipPage(session, room.inspecting, room.cutting, parent)


def _cuts_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.cuts_page import CutsPage

    return CutsPage(session, room.cutting, room.overlay, parent)


def _why_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.why_page import WhyPage

    return WhyPage(session, room.inspecting, room.explaining, room.overlay, parent)


def _attention_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.attention_page import AttentionPage

    return AttentionPage(session, room.inspecting, room.attending, room.overlay, parent)


def _proposals_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.proposals_page import ProposalsPage

    return ProposalsPage(session, room.proposing, room.overlay, parent)


def _pair_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.pair_page import PairPage

    return PairPage(session, room.pairing, room.feature_maps, parent)


def _upsampling_page(session: Session, room: Services, parent: QWidget) -> QWidget:
    from segstudio.inspection.ui.upsampling_page import UpsamplingPage

    return UpsamplingPage(session, room.upsampling, parent)


_PAGES: dict[str, Callable[[Session, Services, QWidget], QWidget]] = {
    STAGE: _stage_page,
    SKIP: _skip_page,
    CUTS: _cuts_page,
    WHY: _why_page,
    ATTENTION: _attention_page,
    PROPOSALS: _proposals_page,
    TWO_MODELS: _pair_page,
    UPSAMPLING: _upsampling_page,
}


class InspectionPages(PageTabs):
    """Tabs; opening a stage or a skip brings the page that shows it.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a page's picture, or None.
    """

    pointed = Signal(object)

    def __init__(self, session: Session, room: Services) -> None:
        pages = {title: partial(make, session, room) for title, make in _PAGES.items()}
        super().__init__("Pages of the network panel", pages, _TIPS)
        self._session = session
        self._before: Inspection = session.inspection
        self.page_built.connect(self._connect)
        session.changed.connect(self._on_change)
        self._offer()

    def show_stage(self) -> None:
        """A stage was clicked: show its page unless the one in front speaks of it, too."""
        if self.shown in _LEFT_FOR_STAGE:
            self.bring(STAGE)

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in the pictures of every page."""
        for page in self.built:
            mark = getattr(page, "show_point", None)
            if mark is not None:
                mark(pixel_xy)

    def _offer(self) -> None:
        """Proposals are offered where there are any, in the place of attention."""
        traced = self._session.inspection.traced
        proposes = traced is not None and has_proposals(traced)
        titles = [self.tabText(index) for index in range(self.count())]
        shown = self.shown
        for title, offered in ((ATTENTION, not proposes), (PROPOSALS, proposes)):
            self.setTabVisible(titles.index(title), offered)
        if shown in (ATTENTION, PROPOSALS):
            self.bring(PROPOSALS if proposes else ATTENTION)

    def _connect(self, page: QWidget) -> None:
        pointed = getattr(page, "pointed", None)
        if pointed is not None:
            pointed.connect(self.pointed)

    def _on_change(self, change: Change) -> None:
        before, now = self._before, self._session.inspection
        self._before = now
        if before.traced is not now.traced:
            self._offer()
        if not change.what & What.INSPECTION or before.traced is not now.traced:
            return
        if now.skip != before.skip:
            self.bring(SKIP)
        elif now.stage != before.stage:
            self.show_stage()
