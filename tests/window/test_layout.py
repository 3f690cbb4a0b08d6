"""What is seen at the first start on a small screen: nothing cut off, nothing to scroll for."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QApplication, QCheckBox, QRadioButton, QScrollArea
from windows import write_pictures

from segstudio.canvas.legend_bar import LegendBar
from segstudio.kit import notice_strip
from segstudio.kit.elided import ElidedCombo, ElidedLabel
from segstudio.kit.theme import Theme
from segstudio.models.registry import registry
from segstudio.runs.mapping_doubt import Fit, Suggestion
from segstudio.runs.ui.mapping_dialog import MappingDialog
from segstudio.runs.ui.model_panel import fit_text, fit_tip
from segstudio.session.session import Layer, What
from segstudio.storage.settings import Settings
from segstudio.window.main_window import MainWindow
from segstudio.window.settings_dialog import SettingsDialog


def _frame(bench, name: str) -> QScrollArea:
    return bench.window.docks.by_name[name].widget()


@pytest.fixture
def scored(bench):
    """A window of 1280 x 800 with the scores of the first image."""
    bench.window.resize(1280, 800)
    bench.studio.segmenting.run_current()
    bench.until(lambda: bench.studio.scoring.of_image() is not None)
    bench.settle()
    return bench


@pytest.fixture
def named(bench, fake_engine):
    """Gives the class of the window's models a name."""

    def name(text: str) -> None:
        bench.session.models = fake_engine(text).specs()
        bench.session.notify(What.MODELS)

    return name


def test_the_model_panel_fits_at_1280_by_800(scored):
    scored.window.docks.open("Model")
    for model in ("fake-semantic", "fake-instance"):
        scored.studio.segmenting.choose(model)
        scored.settle()
        assert _frame(scored, "Model").verticalScrollBar().maximum() == 0


def test_the_model_that_says_most_fits_at_1280_by_800(scored):
    scored.window.docks.open("Model")
    told = max(registry().values(), key=lambda spec: len(spec.description) * (1 + spec.embedded))
    models = scored.session.models
    models["fake-instance"] = replace(
        models["fake-instance"],
        description=told.description,
        metrics=told.metrics,
        licence=told.licence,
    )
    scored.studio.segmenting.choose("fake-instance")
    scored.settle()
    about = scored.window.model.about
    assert told.description.partition(". ")[0] in about.text()
    assert told.licence not in about.text()
    assert _frame(scored, "Model").verticalScrollBar().maximum() == 0
    scored.window.model.more.click()
    assert told.description.partition(". ")[2] in about.text()
    assert told.licence in about.text()


def test_scores_given_in_percent_are_shown_as_all_others(scored):
    models = scored.session.models
    models["fake-semantic"] = replace(models["fake-semantic"], metrics={"miou": 60.3})
    scored.studio.segmenting.choose("fake-instance")
    scored.studio.segmenting.choose("fake-semantic")
    scored.settle()
    assert "mIoU 0.603." in scored.window.model.about.text()


def test_the_legend_of_the_difference_stands_in_the_bar_and_not_on_the_picture(scored):
    scored.session.set_view(layer=Layer.DIFFERENCE)
    scored.settle()
    window, legend = scored.window, scored.window.findChild(LegendBar)
    scored.until(legend.isVisible)
    for width in (1280, 1024):
        window.resize(width, 800)
        scored.settle()
        assert legend.shown.startswith("agree")
        place = legend.rect().translated(legend.mapTo(window, QPoint()))
        canvas = window.canvas.rect().translated(window.canvas.mapTo(window, QPoint()))
        assert not place.intersects(canvas)
        assert window.rect().contains(place)
    scored.session.set_view(layer=Layer.ANNOTATION)
    scored.until(legend.isHidden)


def test_the_list_of_images_is_not_scrolled_sideways_in_a_narrow_window(bench):
    bench.window.resize(1024, 700)
    bench.window.docks.arrange()
    bench.settle()
    frame = bench.window.docks.by_name["Images"].widget()
    frame.window().resizeDocks(
        [bench.window.docks.by_name["Images"]], [100], Qt.Orientation.Horizontal
    )
    bench.settle()
    assert frame.width() == 139
    assert not frame.horizontalScrollBar().isVisible()
    assert frame.horizontalScrollBar().maximum() == 0


def test_a_long_name_keeps_its_end_and_the_place_in_the_folder(qtbot):
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.resize(120, 20)
    label.show_text("a_very_long_name_of_an_image.png  \u00b7  4 of 15")
    assert label.text() != label.whole
    assert label.text().endswith("15")
    assert label.toolTip() == label.whole
    label.show()
    label.resize(600, 20)
    qtbot.waitUntil(lambda: label.text() == label.whole)


def test_a_text_with_margins_around_it_is_cut_inside_them(qtbot):
    label = ElidedLabel(Qt.TextElideMode.ElideRight)
    qtbot.addWidget(label)
    label.setContentsMargins(20, 0, 20, 0)
    label.resize(140, 20)
    label.show_text("a text that is longer than a hundred pixels are wide")
    assert label.text().endswith("\u2026")
    assert label.fontMetrics().horizontalAdvance(label.text()) <= 100


def test_what_stands_above_the_views_follows_the_theme(bench, monkeypatch):
    monkeypatch.delitem(notice_strip._SECONDS, "warning")  # it stays, however slow the computer
    window = bench.window
    bench.studio.editing.begin_stroke(1, 1)
    bench.studio.editing.end_stroke()
    window.notices.show_notice("warning", "A mask is empty.")
    bench.until(lambda: window.corrections.isVisible() and window.notices.isVisible())
    shades = {}
    for theme in ("dark", "light", "dark"):
        window.theme.choose(theme)
        bench.settle()
        sign = window.corrections._sign.pixmap().toImage()
        inks = [
            sign.pixelColor(x, y).lightness()
            for x in range(sign.width())
            for y in range(sign.height())
            if sign.pixelColor(x, y).alpha() > 200
        ]
        ground = window.notices.grab().toImage().pixelColor(2, 2)
        shades[theme] = (ground.name(), sum(inks) / len(inks) > 128)
        text = window.notices._text.palette().color(QPalette.ColorRole.WindowText)
        assert text.name() == {"dark": "#f2dc9b", "light": "#5a4200"}[theme]
    assert shades == {"dark": ("#3a3115", True), "light": ("#fff6dd", False)}
    window.theme.choose("system")


def test_a_chosen_entry_that_does_not_fit_is_cut_in_its_middle(qtbot):
    combo = ElidedCombo()
    qtbot.addWidget(combo)
    combo.addItem("Mask R-CNN (small ResNet), nuclei")
    assert combo.shown_text(1000) == combo.currentText()
    short = combo.shown_text(120)
    assert short.startswith("Mask")
    assert short.endswith("nuclei")
    assert combo.fontMetrics().horizontalAdvance(short) <= 120
    assert not combo.grab().isNull()
    combo.resize(120, combo.sizeHint().height())
    combo.show()
    combo.showPopup()
    assert combo.view().width() > combo.fontMetrics().horizontalAdvance(combo.currentText())
    combo.hidePopup()


def test_the_controls_of_the_settings_stand_under_each_other(bench):
    dialog = SettingsDialog(Settings(autosave=False), lambda _name, _value: None, bench.window)
    bench.qtbot.addWidget(dialog)
    dialog.show()
    lefts = {
        control.mapTo(dialog, control.rect().topLeft()).x()
        for control in dialog.controls.values()
        if not isinstance(control, QCheckBox)
    }
    assert len(lefts) == 1
    delay = dialog.controls["autosave_seconds"]
    assert not delay.isEnabled()
    dialog.controls["autosave"].setChecked(True)
    assert delay.isEnabled()
    dialog.close()


def test_dialog_buttons_have_no_pictures_of_another_set(bench):
    # The offscreen platform shows none anyhow; X11 does unless the style sheet forbids it.
    sheet = QApplication.instance().styleSheet()
    assert "QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }" in sheet


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_empty_check_box_is_seen(bench, theme):
    bench.window.theme.choose(theme)
    for kind in (QCheckBox, QRadioButton):
        box = kind("Pixel grid", bench.window.central)
        box.resize(120, 24)
        box.show()
        shades = {box.grab().toImage().pixelColor(x, 12).lightness() for x in range(16)}
        assert max(shades) - min(shades) > 60, kind
        box.deleteLater()
    bench.window.theme.choose("system")


def test_a_doubt_about_the_classes_is_told_in_the_model_panel_and_leads_to_the_mapping(
    bench, named, tmp_path
):
    scored = bench
    named("bright")
    scored.window.resize(1280, 800)
    scored.open(write_pictures(tmp_path / "doubtful"))
    panel = scored.window.model
    scored.until(panel.doubt.isVisible)
    # the masks have two classes besides 0 and no names, the model has one, "bright"
    assert panel.doubt.text().startswith("This folder has none of the model's classes, so")
    scored.studio.schema_keeper.rename_class(1, "Bright")
    scored.until(panel.doubt.isHidden)
    scored.studio.schema_keeper.rename_class(1, "road")
    scored.studio.schema_keeper.rename_class(0, "sky")
    scored.until(panel.doubt.isVisible)
    assert panel.doubt.text().startswith("This folder has none of the model's classes, so")
    assert _frame(scored, "Model").verticalScrollBar().maximum() == 0
    for theme in ("dark", "light", "dark"):
        scored.window.theme.choose(theme)
        scored.settle()
        link = QApplication.palette().color(QPalette.ColorRole.Link)
        seen = panel.doubt.grab().toImage()
        near = [seen.pixelColor(x, y) for x in range(seen.width()) for y in range(seen.height())]
        assert link.name() in {color.name() for color in near}, theme
    scored.window.theme.choose("system")
    panel.doubt.linkActivated.emit("mapping")
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, MappingDialog)
    dialog.close()


def test_a_damaged_layout_file_is_passed_over(qtbot, tmp_path):
    """Qt itself ends the program over some of these."""
    file = tmp_path / "window.ini"

    theme = QApplication.instance().findChild(Theme) or Theme(QApplication.instance())

    def opened() -> bytes:
        window = MainWindow(file, theme, opens=True)
        qtbot.addWidget(window)
        window.build_bars()
        window.show()
        assert window.docks.any_shown()
        window.close()
        return file.read_bytes()

    whole, rng = opened(), random.Random(4)
    assert b"geometry" in whole
    damaged = [b"", b"[" * 10_000, whole[: len(whole) // 2]]
    start = whole.index(b"state=")
    for _ in range(4):
        content = bytearray(whole)
        for _ in range(5):
            content[rng.randrange(start + 20, len(whole))] = rng.randrange(256)
        damaged.append(bytes(content))
    for content in damaged:
        file.write_bytes(content)
        opened()


@pytest.mark.parametrize("family", ["Inter", "DejaVu Sans"])
def test_the_smallest_window_still_shows_the_file_that_is_corrected(scored, qapp, family):
    usual = qapp.font()
    font = QFont(usual)
    font.setFamilies([family])
    qapp.setFont(font)
    scored.session.set_view(tool="brush")
    scored.studio.editing.begin_stroke(1, 1)
    scored.studio.editing.end_stroke()
    window = scored.window
    scored.until(window.corrections.isVisible)
    for width in (1280, 1024, 1280):
        window.resize(width, 640)
        scored.settle()
        bar = window.corrections
        assert bar.file.width() >= 100
        for button in (bar.keep, bar.instead, bar.revert):
            text = button.fontMetrics().horizontalAdvance(button.text())
            assert text + 16 <= button.width()
    qapp.setFont(usual)


def test_one_click_scores_what_the_model_finds_as_the_class_without_a_name(bench, named, tmp_path):
    folder = write_pictures(tmp_path / "doubtful", 1000)
    for mask in (folder / "masks").iterdir():
        pixels = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(mask), np.where(pixels > 0, 255, 0).astype(np.uint8))
    named("nucleus")
    bench.window.resize(1280, 800)
    bench.open(folder)
    panel = bench.window.model
    doubt = "“object” may be anything: nucleus is not scored. <a"
    bench.until(lambda: panel.doubt.text().startswith(doubt))
    assert panel.doubt.isVisible()
    assert ">Score nucleus as “object”</a>" in panel.doubt.text()
    for model in ("fake-instance", "fake-semantic"):
        bench.studio.segmenting.choose(model)
        bench.settle()
        assert _frame(bench, "Model").verticalScrollBar().maximum() == 0
    bench.studio.segmenting.run_current()
    bench.until(lambda: "fake-semantic" in bench.session.document.predictions)
    bench.settle()
    classes = bench.window.classes
    said = "Not scored: nothing says that nucleus is what the ground truth calls “object”."
    bench.until(lambda: classes.missing.text() == said)
    assert [classes.yes.isVisible(), classes.no.isVisible()] == [True, True]
    bench.qtbot.mouseClick(classes.no, Qt.MouseButton.LeftButton)
    bench.settle()
    assert not [o for o in bench.studio.notices.shown if "a nucleus?" in o.message]
    said = "Not scored: by the class mapping, no class of the model is one of the folder's."
    assert classes.missing.text().startswith(said)
    assert not classes.yes.isVisible()
    shown = bench.session.document.predictions["fake-semantic"]
    assert shown.labels.any()
    bench.studio.class_mappings.reset("fake-semantic")
    bench.until(panel.doubt.isVisible)
    panel.doubt.linkActivated.emit("score")
    bench.until(panel.doubt.isHidden)
    bench.until(classes.means.isVisible)
    assert not classes.missing.isVisible()

    def kept() -> list[dict[str, int]]:
        file = folder / "masks" / "segstudio.json"
        found = json.loads(file.read_text()) if file.is_file() else {"class_mappings": []}
        return [entry["to"] for entry in found["class_mappings"]]

    bench.until(lambda: kept() == [{"0": 0, "1": 1}])  # "No" may have been written first


def test_what_would_fit_is_told_with_its_size_and_what_it_was_trained_on():
    seen = Fit(
        "“object” may be anything: nucleus is not scored.",
        others=(
            Suggestion("coco", "Mask <R>", "Photographs: 80 classes", 178_000_000, "Photographs"),
            Suggestion("mine", "Mine", "Recognised by the names in the file", 0),
        ),
        asked=("nucleus", "<object>"),
    )
    text = fit_text(seen)
    coco = '<a href="model:coco">Mask &lt;R&gt;</a> (photographs, 178 MB)'
    assert f'For something else: {coco}, <a href="model:mine">Mine</a>, or' in text
    assert '<a href="score">Score nucleus as “&lt;object&gt;”</a>' in text
    assert text.endswith('or <a href="load">own weights</a> from training on these elsewhere.')
    first, _mine, second = fit_tip(seen).splitlines()
    assert first == "Mask <R>: Photographs: 80 classes, 178 MB to download"
    assert second.startswith("Own weights: trained elsewhere on these classes, such as with torch")
