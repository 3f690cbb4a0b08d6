"""The pages beside the diagram; each is built when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from segstudio.kit.page_tabs import PageTabs
from segstudio.session.inspection import Inspection
from segstudio.session.session import Change, Session, What
from segstudio.studio import Studio

STAGE, SKIP, CUTS, WHY, TWO_MODELS, UPSAMPLING = (
    "Stage",
    "Skip",
    "Cuts",
    "Why",
    "Two models",
    "Upsampling",
)
_TIPS = {
    STAGE: "All channels of the opened stage, their statistics",
    SKIP: "What a skip connection carries, and what comes from below",
    CUTS: "What the mask would be without what is cut",
    WHY: "What speaks for the class at this pixel",
    TWO_MODELS: "Another model beside this one, and how similar their stages are",
    UPSAMPLING: "Checkerboards that upsampling leaves in the decoder's stages",
}
_LEFT_FOR_STAGE = frozenset({SKIP, CUTS})
"""Pages that give way to the stage's when a stage is opened; the others speak of it, too."""


def _stage_page(studio: Studio) -> QWidget:
    from segstudio.inspection.ui.stage_page import StagePage

    page = StagePage(studio.session, studio.inspecting, studio.feature_maps, studio.explaining)
    page.cut_requested.connect(lambda stage, channels: studio.cutting.cut_channel(stage, channels))
    return page


def _skip_page(studio: Studio) -> QWidget:
    from segstudio.inspection.ui.skip_page import SkipPage

    return SkipPage(studio.session, studio.inspecting, studio.cutting)


def _cuts_page(studio: Studio) -> QWidget:
    from segstudio.inspection.ui.cuts_page import CutsPage

    return CutsPage(studio.session, studio.cutting)


def _why_page(studio: Studio) -> QWidget:
    from segstudio.inspection.ui.why_page import WhyPage

    return WhyPage(studio.session, studio.inspecting, studio.explaining)


def _pair_page(studio: Studio) -> QWidget:
    from segstudio.inspection.ui.pair_page import PairPage

    return PairPage(studio.session, studio.inspecting, studio.pairing, studio.feature_maps)


def _upsampling_page(studio: Studio) -> QWidget:
    from segstudio.inspection.ui.upsampling_page import UpsamplingPage

    return UpsamplingPage(studio.session, studio.upsampling, studio.feature_maps)


_PAGES: dict[str, Callable[[Studio], QWidget]] = {
    STAGE: _stage_page,
    SKIP: _skip_page,
    CUTS: _cuts_page,
    WHY: _why_page,
    TWO_MODELS: _pair_page,
    UPSAMPLING: _upsampling_page,
}


class Pages(PageTabs):
    """Tabs; opening a stage or a skip brings the page that shows it.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a page's picture, or None.
    """

    pointed = Signal(object)

    def __init__(self, studio: Studio) -> None:
        pages = {title: partial(make, studio) for title, make in _PAGES.items()}
        super().__init__("Pages of the network panel", pages, _TIPS)
        self._session: Session = studio.session
        self._before: Inspection = studio.session.inspection
        self.page_built.connect(self._connect)
        # in a turn of its own, since the panel's other parts take their time as well
        QTimer.singleShot(0, self, self.build_shown)
        studio.session.changed.connect(self._on_change)

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

    def _connect(self, page: QWidget) -> None:
        pointed = getattr(page, "pointed", None)
        if pointed is not None:
            pointed.connect(self.pointed)

    def _on_change(self, change: Change) -> None:
        before, now = self._before, self._session.inspection
        self._before = now
        if not change.what & What.INSPECTION or before.traced is not now.traced:
            return
        if now.skip != before.skip:
            self.bring(SKIP)
        elif now.stage != before.stage:
            self.show_stage()
