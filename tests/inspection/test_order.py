"""What a service of the inspector announces, it does not wait for: it goes on by itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from inspecting_desk import inspecting_desk, rest
from tiny_networks import SHUFFLE, UNET

import segstudio.studio
from segstudio.core.features import CutHow
from segstudio.core.geometry import Rect
from segstudio.inspection.ablating import Ablating
from segstudio.inspection.cutting import Cutting
from segstudio.inspection.explaining import Explaining
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.pairing import Pairing
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.upsampling import Upsampling
from segstudio.session.inspection import ColourMap, Over, Overlay
from segstudio.session.session import Change, Session, What

SERVICES = {
    service.__name__
    for service in (
        Inspecting, FeatureMaps, Explaining, PhotoOverlay, Cutting, Ablating, Pairing, Upsampling,
    )
}  # fmt: skip


class RecordingSession(Session):
    """A session that knows who announced each change, and who was told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.announced: list[tuple[str, Change]] = []
        self.told: list[tuple[str, Change]] = []
        self.by: dict[int, set[str]] = {}

    def notify(self, what, **details) -> None:
        change = Change(what, **{"document": self.document, **details})
        self.by[id(change)] = by = announcers()
        self.announced += [(name, change) for name in by]
        self.changed.emit(change)

    def follow(self, what, listener) -> None:
        name = type(listener.__self__).__name__

        def told(change: Change) -> None:
            self.told.append((name, change))
            listener(change)

        told.__self__ = listener.__self__
        super().follow(what, told)

    def echoes(self) -> set[tuple[str, What]]:
        """Services that were told of what they had announced themselves."""
        return {(name, change.what) for name, change in self.told if name in self.by[id(change)]}

    def kinds(self, service: str) -> What:
        """All that a service announced."""
        kinds = What(0)
        for name, change in self.announced:
            kinds |= change.what if name == service else What(0)
        return kinds


def announcers() -> set[str]:
    """Classes whose functions led to the change, back to where another change was heard of."""
    found, frame = set(), sys._getframe(2)
    while frame is not None and frame.f_code is not RecordingSession.notify.__code__:
        found.add(frame.f_code.co_qualname.split(".")[0])
        frame = frame.f_back
    return found


@pytest.fixture
def desk(tmp_path, tiny_engine, monkeypatch):
    monkeypatch.setattr(segstudio.studio, "Session", RecordingSession)
    with inspecting_desk(tmp_path, tiny_engine) as made:
        yield made


def use_everything(studio, clock):
    """Do what the services are there for, once each."""
    inspecting, overlay, cutting = studio.inspecting, studio.photo_overlay, studio.cutting
    studio.pairing.choose_second(SHUFFLE)
    studio.pairing.watch(True)
    studio.upsampling.watch(True)
    inspecting.pin((7, 9))
    inspecting.open_stage("up1", 1)
    cutting.cut_skip("inc")
    rest(studio, clock)
    for wanted in (*Overlay, Overlay.CUTS):
        overlay.show(wanted)
        rest(studio, clock)
    cutting.cut_skip("inc", CutHow.MEAN)
    cutting.ablating.ablate_all()
    studio.explaining.values_at((3, 4), lambda _values: None)
    rest(studio, clock)
    annotation = studio.session.document.annotation
    patch = annotation.paint(Rect(0, 0, 20, 15), np.ones((20, 15), np.bool_), 1)
    annotation.apply(patch)
    studio.session.notify(What.LABELS, patches=(patch,))
    studio.pairing.compare(3)
    studio.pairing.open_pair("down1", "up1")
    studio.upsampling.choose_models([UNET])
    rest(studio, clock)
    for later in (
        lambda: studio.browsing.select(1),
        lambda: studio.segmenting.choose(SHUFFLE),
        lambda: inspecting.choose_look(colours=ColourMap.GREY),
        lambda: inspecting.choose_over(Over.ALL),
        lambda: overlay.show(Overlay.CAM),
        lambda: overlay.blend(0.3),
        cutting.reset,
        overlay.clear,
        lambda: studio.pairing.choose_second(""),
        inspecting.trace_again,
        inspecting.close,
    ):
        later()
        rest(studio, clock)


def test_no_service_is_told_of_what_it_announced(desk):
    studio, clock = desk
    session = studio.session
    beside = {receiver_of(slot) for slot in session.changed._slots} & SERVICES
    assert beside == set()  # all hear by `follow`, where it is recorded
    use_everything(studio, clock)
    assert {name for name, _ in session.told} >= SERVICES - {"Ablating"}
    assert {echo for echo in session.echoes() if echo[0] in SERVICES} == set()
    # each did its part: none passes for having been silent
    assert session.kinds("Inspecting") & What.TRACE
    assert session.kinds("Pairing") & What.PAIR
    assert session.kinds("Cutting") & What.CUTS
    assert session.kinds("Ablating") & What.CUTS
    assert session.kinds("PhotoOverlay") & What.OVER_PHOTO
    assert session.kinds("Upsampling") & What.INSPECTION


def receiver_of(slot) -> str:
    """Class of the object whose method is connected to a signal, "" for a function."""
    return type(getattr(slot.dereference(), "__self__", None)).__name__


class WaitsForItself:
    def __init__(self, session: Session) -> None:
        self.session = session
        session.follow(What.CUTS, self.on_change)

    def begin(self) -> None:
        self.session.notify(What.CUTS)

    def on_change(self, _change: Change) -> None:
        pass


def test_a_service_that_waits_for_itself_is_found():
    session = RecordingSession()
    WaitsForItself(session).begin()
    assert session.echoes() == {("WaitsForItself", What.CUTS)}


def test_a_service_that_says_so_is_not_told_of_its_own_changes():
    session = Session()
    heard = []

    class Follower:
        def on_change(self, change: Change) -> None:
            heard.append(change.what)

    follower = Follower()
    session.follow(What.CUTS | What.PAIR, follower.on_change)
    session.notify(What.CUTS, by=follower)
    session.notify(What.CUTS, by=object())
    session.notify(What.PAIR | What.VIEW)
    session.notify(What.VIEW)
    assert heard == [What.CUTS, What.PAIR | What.VIEW]
