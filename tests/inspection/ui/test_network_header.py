"""What the network panel offers: its header, its pages, its table, the linked pixel, its files."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from network_desk import LEFT, as_found, open_kept, panel
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu

from segstudio.core.geometry import Rect
from segstudio.inspection.ui.network_pages import SKIP, STAGE, WHY
from segstudio.inspection.ui.structure_view import COLUMNS
from segstudio.models.unet import UNet
from segstudio.report.diagram_style import TIMES
from segstudio.session.inspection import ColourMap, MapPicture

STAGES = ["input", "inc", "down1", "down2", "up1", "up2", "outc"]
"""Of the tiny U-Net, in the order in which they run."""


@pytest.fixture(scope="module")
def kept(keep_window, tiny_specs, tmp_path_factory):
    return open_kept(keep_window, tiny_specs, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def desk(kept):
    return as_found(kept)


def column(title: str) -> int:
    return [c.title for c in COLUMNS].index(title)


def texts(table, title: str) -> list[str]:
    """What a column of the table shows, from the top."""
    at = column(title)
    return [table.model().index(row, at).data() for row in range(table.model().rowCount())]


# -- the header --------------------------------------------------------------------------------


def test_the_header_sums_the_network_up(desk):
    network = UNet(3, 2, base_channels=4, depth=2, upsampling="transposed")
    parameters = sum(p.numel() for p in network.parameters())
    text = panel(desk).header.summary.whole
    assert text.startswith("Tiny Unet")
    assert f"{parameters / 1000:.3g} k parameters" in text
    assert "48 \u00d7 32 pixels" in text


def test_the_header_changes_how_it_is_shown(desk, qtbot):
    header, inspection = panel(desk).header, lambda: desk.session.inspection
    for picture in (MapPicture.MAXIMUM, MapPicture.COMPONENTS):
        qtbot.keyClick(header.picture, Qt.Key.Key_Down)
        assert inspection().picture is picture
    assert not header.channel.isVisible()
    desk.studio.inspecting.choose_picture(MapPicture.CHANNEL)
    assert header.channel.isVisible()
    assert header.channel.maximum() == 15  # the bottleneck has 4 x 4 channels
    header.channel.setValue(3)
    assert inspection().picture_channel == 3
    qtbot.keyClick(header.colours, Qt.Key.Key_Down)
    assert inspection().look.colours is ColourMap.MAGMA
    assert [header.class_.itemText(i) for i in range(2)] == ["background", "class 1"]
    assert header.class_.currentText() == "class 1"
    desk.studio.inspecting.pin((7, 9))
    assert header.pinned.text() == "7, 9"
    qtbot.mouseClick(header.pinned, LEFT)
    assert inspection().point is None
    assert not header.pinned.isVisible()


@pytest.fixture
def show_part(desk):
    """Says that only the upper left quarter of the photo was traced."""
    whole = desk.session.inspection.traced
    geometry = replace(whole.input_geometry, window=Rect(0, 0, 16, 24))
    part = replace(whole, input_geometry=geometry)
    yield lambda: desk.session.set_inspection(traced=part)
    desk.session.set_inspection(traced=whole)


def test_a_large_photo_is_said_to_be_traced_in_part(desk, show_part):
    assert panel(desk).header.notes_text == ""
    show_part()
    assert "another part of the photo" in panel(desk).header.notes_text
    assert panel(desk).header.notes.isVisible()


# -- pages -------------------------------------------------------------------------------------


def test_opening_a_skip_or_a_stage_brings_its_page(desk):
    pages, inspecting = panel(desk).pages, desk.studio.inspecting
    skips = [edge.id for edge in desk.session.inspection.traced.trace.skips]
    assert pages.shown == STAGE
    other = next(skip for skip in skips if skip != desk.session.inspection.skip)
    inspecting.open_skip(other)
    assert pages.shown == SKIP
    inspecting.open_stage("up1")
    assert pages.shown == STAGE
    pages.bring(WHY)
    inspecting.open_stage("up2")
    assert pages.shown == WHY


def test_keys_step_through_the_stages(desk, qtbot):
    desk.studio.inspecting.open_stage("down1")
    desk.settle()
    for key, stage in ((Qt.Key.Key_Right, "down2"), (Qt.Key.Key_Left, "down1")):
        qtbot.keyClick(desk.window, key, Qt.KeyboardModifier.AltModifier)
        assert desk.session.inspection.stage == stage
    desk.studio.inspecting.step_stage(-100)
    assert desk.session.inspection.stage == "input"
    desk.studio.inspecting.step_stage(100)
    assert desk.session.inspection.stage == "outc"


def test_the_diagram_offers_to_cut_what_lies_under_the_pointer(desk):
    diagram = panel(desk).structure.diagram
    trace = desk.session.inspection.traced.trace

    def choose(place, text):
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, diagram.mapToGlobal(place))
        QApplication.sendEvent(diagram, event)
        (menu,) = (m for m in diagram.findChildren(QMenu) if m.isVisible())
        next(action for action in menu.actions() if action.text() == text).trigger()
        menu.close()
        desk.settle()

    (edge,) = (e for e in diagram.diagram.edges if trace.skips[0].id in e.skips)
    (x0, y0), (x1, y1) = max(
        itertools.pairwise(edge.points),
        key=lambda ends: abs(ends[0][0] - ends[1][0]) + abs(ends[0][1] - ends[1][1]),
    )
    on_edge = QPointF(*diagram.view.to_device(((x0 + x1) / 2, (y0 + y1) / 2))).toPoint()
    choose(on_edge, "Cut this skip")
    assert [cut.cut.edge.id for cut in desk.session.inspection.cuts] == [trace.skips[0].id]
    assert panel(desk).pages.shown == "Cuts"
    choose(on_edge, "Undo the cut of this skip")
    assert desk.session.inspection.cuts == ()
    choose(
        diagram.area(diagram.diagram.node("down1").box).center().toPoint(),
        "Cut all channels of down1",
    )
    (listed,) = desk.session.inspection.cuts
    assert (listed.cut.layer.id, listed.cut.channels) == ("down1", None)


def test_the_diagram_opens_shows_and_copies_a_stage(desk):
    diagram = panel(desk).structure.diagram
    desk.studio.inspecting.open_stage("down2", 3)
    desk.settle()
    area = diagram.area(diagram.diagram.node("down2").box)

    def choose(reason, place, text):
        event = QContextMenuEvent(reason, place, diagram.mapToGlobal(place))
        QApplication.sendEvent(diagram, event)
        (menu,) = (m for m in diagram.findChildren(QMenu) if m.isVisible())
        below = diagram.mapFromGlobal(menu.pos())
        next(action for action in menu.actions() if action.text() == text).trigger()
        menu.close()
        desk.settle()
        return below

    mouse, key = QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard
    inc = diagram.area(diagram.diagram.node("inc").box).center().toPoint()
    shape = f"4{TIMES}32{TIMES}48"  # the network's 4 channels, of an image of 48 x 32
    choose(mouse, inc, f"Copy its shape ({shape})")
    assert QApplication.clipboard().text() == shape
    panel(desk).pages.bring("Why")
    # by key it is about the opened stage, wherever the pointer is, and opens below it
    below = choose(key, inc, "Show channel 3 in the photo")
    assert below == area.bottomLeft().toPoint()
    assert desk.studio.photo_overlay.channel == ("down2", 3)
    desk.studio.photo_overlay.clear()
    choose(mouse, inc, "Show its channels")
    assert desk.session.inspection.stage == "inc"


# -- the table ---------------------------------------------------------------------------------


@pytest.fixture
def table(desk, qtbot):
    """The table in front."""
    qtbot.mouseClick(panel(desk).header.table, LEFT)
    found = panel(desk).structure.table
    assert found.isVisible()
    return found


def click_heading(qtbot, table, title: str) -> None:
    header = table.horizontalHeader()
    x = header.sectionViewportPosition(column(title)) + 12
    qtbot.mouseClick(header.viewport(), LEFT, pos=QPoint(x, header.height() // 2))


def test_the_table_shows_the_stages_in_their_order(desk, table):
    assert texts(table, "Stage") == STAGES
    assert texts(table, "Channels") == ["3", "4", "8", "16", "8", "4", "2"]
    assert texts(table, "H \u00d7 W") == [
        f"{32 // s} \u00d7 {48 // s}" for s in (1, 1, 2, 4, 2, 1, 1)
    ]
    # two 3 x 3 convolutions a stage, each after 2 x 2 pooling at twice the distance
    assert texts(table, "Receptive field")[1:4] == [
        "5 \u00d7 5", "14 \u00d7 14", "32 \u00d7 32",
    ]  # fmt: skip


def test_headings_sort_by_value_and_a_third_click_brings_the_order_back(desk, table, qtbot):
    click_heading(qtbot, table, "Channels")
    assert texts(table, "Channels") == ["2", "3", "4", "4", "8", "8", "16"]
    click_heading(qtbot, table, "Channels")
    assert texts(table, "Channels")[0] == "16"
    click_heading(qtbot, table, "Channels")
    assert texts(table, "Stage") == STAGES


def test_a_click_on_a_row_opens_the_stage_and_arrows_go_on(desk, table, qtbot):
    at = table.visualRect(table.model().index(STAGES.index("down1"), 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=at)
    assert desk.session.inspection.stage == "down1"
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert desk.session.inspection.stage == "down2"
    desk.studio.inspecting.open_stage("up2")
    assert table.currentIndex().row() == STAGES.index("up2")


def test_the_table_is_copied_and_saved_in_the_order_shown(
    desk, table, qtbot, tmp_path, monkeypatch
):
    click_heading(qtbot, table, "Memory")
    table.copy_all()
    copied = list(csv.DictReader(io.StringIO(QApplication.clipboard().text()), delimiter="\t"))
    sizes = [int(row["memory_bytes"]) for row in copied]
    assert sizes == sorted(sizes)
    assert copied[-1]["memory_bytes"] == str(2 * 4 * 32 * 48)
    path = tmp_path / "trace.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(path), ""))
    table.save()
    desk.until(path.exists)
    saved = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert saved == copied
    table.setCurrentIndex(table.model().index(0, 0))
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert len(QApplication.clipboard().text().splitlines()) == 2


# -- the linked pixel --------------------------------------------------------------------------


def test_the_status_tells_classes_and_channels_at_the_pixel_under_the_pointer(desk, qtbot):
    desk.studio.inspecting.open_stage("down1")
    viewport = desk.window.canvas.viewport
    qtbot.mouseMove(viewport, viewport.rect().center() + QPoint(9, 5))
    desk.until(lambda: "down1:" in desk.window.status.texts["Network"])
    desk.until(lambda: "%" in desk.window.status.texts["Network"])
    x, y = (int(part) for part in desk.window.status.texts["Pointer"].split(", "))
    traced_now = desk.session.inspection.traced
    best = traced_now.class_names[int(traced_now.prediction.labels[y, x])]
    said = desk.window.status.texts["Network"]
    assert said.startswith(best)
    vector = traced_now.trace.activation("down1")[:, y // 2, x // 2].astype(np.float32)
    strongest = int(np.argmax(np.abs(vector)))
    assert f"down1: #{strongest} {vector[strongest]:.2f}" in said
    desk.window.canvas.left.emit()
    desk.until(lambda: desk.window.status.texts["Network"] == "")


# -- export ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "extension", "begins"),
    [
        ("network.svg", "svg", b"<"),
        ("network.png", "png", b"\x89PNG"),
        ("network.grid", "png", b"\x89PNG"),
        ("network.arrays", "npz", b"PK"),
        ("network.report", "html", b"<!"),
    ],
)
def test_the_menu_of_the_header_writes_each_kind_of_file(
    desk, tmp_path, monkeypatch, action, extension, begins
):
    asked = []

    def choose(_parent, title, start, _kinds):
        asked.append((title, start))
        return str(tmp_path / "named-without-ending"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    offered = panel(desk).header.export.menu().actions()
    (chosen,) = [entry for entry in offered if entry.objectName() == action]
    desk.until(chosen.isEnabled)
    chosen.trigger()
    assert asked[0][1].endswith(f".{extension}")
    path = tmp_path / f"named-without-ending.{extension}"
    desk.until(path.exists)
    desk.until(lambda: any(path.name in n.message for n in desk.studio.notices.shown))
    assert path.read_bytes().startswith(begins)
