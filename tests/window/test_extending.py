"""What docs/architecture.md says of adding things: a file of its own and a row of a table each."""

from __future__ import annotations

import io
import json
import shutil

import cv2
import numpy as np
import torch
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolButton
from safetensors.torch import save_file

from segstudio.__main__ import main
from segstudio.annotation.ui.export_dialog import ExportDialog, ExportReportDialog
from segstudio.annotation.ui.tools import tool_table as tools
from segstudio.canvas.tool import Tool
from segstudio.folder.ui.masks_dialog import MasksDialog
from segstudio.kit.actions import ActionSpec
from segstudio.models.detection import Detections, InstanceRunner
from segstudio.models.families import FAMILIES, Family, Found
from segstudio.runs.engine import TorchEngine
from segstudio.storage import mask_files
from segstudio.storage.formats.mask_format import ExportFile, MaskFormat, RawMask
from segstudio.storage.mask_forms import NativeMask
from segstudio.storage.truth_kinds import KINDS, ValueKind
from segstudio.window import panels
from segstudio.window.cheat_sheet import CheatSheet
from segstudio.window.panels import Area, PanelSpec


class StampTool(Tool):
    """A click gives a square the active class."""

    name, title, icon, shortcut = "stamp", "Stamp", "square-dashed", "F7"
    tip = "Give a square the active class"
    gestures = (("Click, with the stamp", "Paint a square"),)
    half = 2
    options = (
        ActionSpec(
            "stamp.large", "Tools", "Large stamp", lambda _c: StampTool.grow(), "maximize",
            checked=lambda _c: StampTool.half > 2, section=1,
        ),
    )  # fmt: skip

    @classmethod
    def grow(cls) -> None:
        cls.half = 4

    def press(self, pointer) -> None:
        x, y = pointer.pixel
        low, high = -self.half, self.half
        corners = ((low, low), (high, low), (high, high), (low, high))
        self.host.editing.paint_polygon([(x + dx, y + dy) for dx, dy in corners])


def test_a_tool_is_a_class_and_a_row(make_window, folder, monkeypatch, qtbot):
    monkeypatch.setattr(tools, "TOOLS", (*tools.TOOLS, StampTool))
    monkeypatch.setattr(StampTool, "half", 2)
    bench = make_window()
    bench.open(folder)
    window, session = bench.window, bench.session
    button = window.tools.button("tool.stamp")
    assert button.toolTip().startswith("<b>Stamp</b> (F7)")
    option = next(b for b in window.options.findChildren(QToolButton) if b.text() == "Large stamp")
    assert not option.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F7)
    assert session.view.tool == "stamp"
    bench.until(option.isVisible)
    assert button.isChecked()

    session.set_view(active_class=2)
    before = np.array(session.document.annotation.labels)

    def changed_by_click() -> int:
        QTest.mouseClick(
            window.canvas.viewport, Qt.MouseButton.LeftButton,
            pos=window.canvas.viewport.rect().center() + QPoint(-30, -30),
        )  # fmt: skip
        return int((session.document.annotation.labels != before).sum())

    assert changed_by_click() == 16
    bench.until(window.commands["edit.undo"].isEnabled)
    window.commands.run("edit.undo")
    assert np.array_equal(session.document.annotation.labels, before)
    option.click()
    assert option.isChecked()
    assert changed_by_click() == 64

    sheet = CheatSheet(window.commands, window)
    qtbot.addWidget(sheet)
    assert {("Click, with the stamp", "Paint a square"), ("F7", "Stamp")} <= set(sheet.lines)
    qtbot.keyClick(window, Qt.Key.Key_B)
    bench.until(lambda: not option.isVisible())
    bench.studio.folder_claim.set_read_only(read_only=True)
    bench.until(lambda: not window.commands["tool.stamp"].isEnabled())


class ShareLabel(QLabel):
    """How much of the open image is labelled."""

    def __init__(self, session) -> None:
        super().__init__()
        self._session = session
        session.changed.connect(self._show)
        self._show()

    def _show(self, _change=None) -> None:
        document = self._session.document
        if document is not None:
            self.setText(f"{np.count_nonzero(document.annotation.labels)} labelled")


def _load_share():
    return lambda _window, studio: ShareLabel(studio.session)


def _labelled(bench) -> str:
    return f"{np.count_nonzero(bench.session.document.annotation.labels)} labelled"


def test_a_panel_is_a_widget_and_a_row(make_window, folder, monkeypatch, qtbot):
    row = PanelSpec(
        "Share", _load_share, height=90, icon="chart-column", keys=("Ctrl+K",), tip="So"
    )
    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, row))
    bench = make_window()
    bench.open(folder)
    window, docks = bench.window, bench.window.docks
    label = next(panel for panel in docks.panels() if isinstance(panel, ShareLabel))
    assert label.isVisible()
    assert label.text() == _labelled(bench)
    bench.studio.editing.clear()
    assert label.text() == "0 labelled"
    docks_below = docks.by_name["Share"].geometry()
    assert docks_below.top() > docks.by_name["Classes"].geometry().bottom()
    assert window.commands["panel.share"].toolTip() == "<b>Share panel</b> (Ctrl+K)<br>So"
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert not docks.shown("Share")
    window.commands.run("view.reset_layout")
    assert docks.shown("Share")


def test_a_panel_on_demand_is_built_when_it_is_opened(make_window, folder, monkeypatch):
    loads = []

    def load():
        loads.append(1)
        return _load_share()

    row = PanelSpec("Share", load, Area.BottomDockWidgetArea, tabbed_with="Network", on_demand=True)
    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, row))
    bench = make_window()
    bench.open(folder)
    assert not bench.window.docks.shown("Share")
    assert loads == []
    for _ in range(3):
        bench.window.commands.run("panel.share")
    bench.until(lambda: any(isinstance(p, ShareLabel) for p in bench.window.docks.panels()))
    assert loads == [1]
    assert bench.window.docks.by_name["Share"].findChild(ShareLabel).text() == _labelled(bench)


class NumpyMask(NativeMask):
    """The stored values of a .npy file."""

    palette = None

    def __init__(self, content) -> None:
        self.values = np.load(io.BytesIO(content))
        self.highest = int(np.iinfo(self.values.dtype).max)

    def with_values(self, values, colors=None) -> bytes:
        return _npy(values)


def _npy(values) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _read_npy(path, _page) -> RawMask:
    return RawMask(np.load(path))


def _npy_file(stem, content) -> list[ExportFile]:
    return [ExportFile(f"{stem}.npy", content.labels, lambda f: _npy(f.pixels), _read_npy)]


NPY = MaskFormat(
    "npy", "NumPy array", (".npy",), tip="A value = a class id", values="value = class id",
    write=_npy_file, begins=(b"\x93NUMPY",), read=_read_npy, form=NumpyMask,
)  # fmt: skip


def _export_as(bench, key, out) -> ExportReportDialog:
    bench.window.commands.run("file.export")
    bench.until(lambda: bench.window.findChildren(ExportDialog) != [])
    dialog = bench.window.findChildren(ExportDialog)[-1]
    dialog.images.setCurrentIndex(dialog.images.findData("all"))
    for form, box in dialog.how.items():
        box.setChecked(form == key)
    dialog.folder.setText(str(out))
    dialog.start.click()
    bench.until(lambda: bench.window.findChildren(ExportReportDialog) != [])
    return bench.window.findChildren(ExportReportDialog)[-1]


def test_a_format_is_a_row_for_export_for_ground_truth_and_for_commands(
    make_window, folder, tmp_path, monkeypatch, capsys
):
    truths = [cv2.imread(str(folder / "masks" / f"field_{n}.png"), 0) for n in range(3)]
    monkeypatch.setattr(mask_files, "FORMATS", (*mask_files.FORMATS, NPY))
    bench = make_window()
    bench.open(folder)
    out = tmp_path / "out"
    report = _export_as(bench, "npy", out)
    assert "3 files of 3 images written; all 3 read again" in report.headline.text()
    report.reject()
    for number, truth in enumerate(truths):
        assert np.array_equal(np.load(out / f"field_{number}.npy"), truth)
    assert json.loads((out / "classes.json").read_text())["values"] == "value = class id"

    assert main(["evaluate", str(out), str(folder / "masks"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_iou"] == 1

    arrays = tmp_path / "arrays"
    shutil.copytree(folder, arrays)
    shutil.rmtree(arrays / "masks")
    (arrays / "masks").mkdir()
    for path in out.glob("*.npy"):
        shutil.copy(path, arrays / "masks")
    bench.open(arrays)
    document = bench.session.document
    assert document.origin == "ground truth"
    assert np.array_equal(document.annotation.labels, truths[0])
    bench.session.set_view(active_class=2, brush_size=3)
    bench.studio.editing.begin_stroke(20.5, 3.5)
    bench.studio.editing.end_stroke()
    painted = np.array(document.annotation.labels)
    bench.studio.autosave.save_now()
    bench.until(lambda: not document.dirty)
    assert not np.array_equal(painted, truths[0])
    assert np.array_equal(np.load(arrays / "masks" / "field_0.npy"), painted)
    kept = arrays / "masks" / ".originals" / "field_0.npy"
    assert np.array_equal(np.load(kept), truths[0])


class Stripes(torch.nn.Module):
    """Half of an image is an object, and which half it is the weights say."""

    def __init__(self) -> None:
        super().__init__()
        self.left = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image) -> dict[str, torch.Tensor]:
        height, width = image.shape[-2:]
        start = 0 if bool(self.left > 0) else width // 2
        return {"box": torch.tensor([[start, 0, start + width // 2, height]]).float()}


def recognise_stripes(shapes, where) -> Found:
    assert shapes["left"] == (1,)
    return Found("Stripes", {}, {"scaling": "unit"}, 2)


class StripesRunner(InstanceRunner):
    """Knows that the network takes one image and gives boxes alone."""

    @staticmethod
    def runs(network) -> bool:
        return type(network) is Stripes

    def detect(self, pixels, value_range):
        boxes = self.network(torch.from_numpy(pixels.copy()).permute(2, 0, 1))["box"]
        masks = torch.ones(1, 28, 28)
        return Detections(boxes, torch.tensor([0.9]), torch.tensor([1]), masks)


def test_a_family_of_models_is_a_row_for_files_commands_and_the_window(
    make_window, folder, tmp_path, monkeypatch, capsys
):
    here = f"{__name__}:"
    row = Family(
        "stripes", "Stripes family", "instance", here + "Stripes", ("left",),
        here + "recognise_stripes", "stripes", here + "StripesRunner",
    )  # fmt: skip
    monkeypatch.setitem(FAMILIES, "stripes", row)
    weights = tmp_path / "left-half.safetensors"
    save_file({"left": torch.ones(1)}, str(weights))

    def is_left_half(found) -> bool:
        """But for the edge, which the soft masks of objects leave out."""
        return (found[2:-2, 2:22] == 1).all() and not found[:, 24:].any()

    out = tmp_path / "out"
    arguments = ["predict", str(folder), "--weights", str(weights), "--out", str(out), "--json"]
    assert main(arguments) == 0, capsys.readouterr().err
    for number in range(3):
        for kind in ("", "instances"):
            with Image.open(out / kind / f"field_{number}.png") as written:
                assert is_left_half(np.asarray(written))

    bench = make_window(engine=TorchEngine())
    bench.open(folder)
    bench.studio.own_weights.ask = None  # the usual answers are taken
    bench.studio.own_weights.open(weights)
    bench.until(lambda: bench.session.model.chosen == "left-half")
    bench.studio.segmenting.run_current()
    bench.until(lambda: bool(bench.session.document.predictions))
    (prediction,) = bench.session.document.predictions.values()
    assert is_left_half(prediction.labels)
    chooser = bench.window.model_chooser
    titles = [chooser.itemText(i) for i in range(chooser.count())]
    assert titles.index("Stripes family") + 1 == titles.index("Stripes (left-half.safetensors)")


def test_what_values_are_is_a_row_for_the_window_and_for_commands(
    make_window, folder, tmp_path, monkeypatch, capsys
):
    """Class x 300 + object: the square and the disc become the objects 5 and 7 of their classes."""
    row = ValueKind("by300", "by300", "class x 300 + object", "Class x 300 + object", 300)
    monkeypatch.setitem(KINDS, "by300", row)
    predictions = tmp_path / "predictions"
    shutil.copytree(folder / "masks", predictions)
    for path in (folder / "masks").iterdir():
        classes = cv2.imread(str(path), 0).astype(np.uint16)
        codes = np.choose(classes, (0, 300 + 5, 600 + 7)).astype(np.uint16)
        assert cv2.imwrite(str(path), codes)

    arguments = ["evaluate", str(predictions), str(folder / "masks"), "--json"]
    assert main([*arguments, "--truth-kind", "by300"]) == 0, capsys.readouterr().err
    report = json.loads(capsys.readouterr().out)
    assert (report["mean_iou"], report["ground_truth_values"]) == (1, "by300")

    bench = make_window()
    bench.open(folder)
    bench.window.commands.run("file.masks")
    bench.until(lambda: bench.window.findChildren(MasksDialog) != [])
    dialog = bench.window.findChildren(MasksDialog)[-1]
    dialog.kind.setCurrentText("Class x 300 + object")
    dialog.buttons.accepted.emit()
    wanted = cv2.imread(str(predictions / "field_0.png"), 0)
    bench.until(lambda: bench.session.document.truth is not None)
    bench.until(lambda: np.array_equal(bench.session.document.truth.labels, wanted))
    assert np.array_equal(bench.session.document.truth.instances > 0, wanted > 0)
