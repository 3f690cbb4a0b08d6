"""Weights are opened, described in a form with a preview, kept and described anew."""

from __future__ import annotations

import gc
import os
import weakref
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from shared_window import first_opened, newly_opened
from windows import FakeEngine, write_pictures

from segstudio.core.prediction import ModelSpec, Output, Question, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.runs.engine import Examined, Previewed
from segstudio.runs.ui.weights_form import WeightsForm


class OpeningEngine(FakeEngine):
    """Takes any file for a network of three classes that says nothing of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[ModelSpec] = []
        self.is_told = False

    def is_available(self, spec) -> bool:
        return True

    def spec_from_weights(self, path) -> ModelSpec:
        options = {"num_classes": 3, "depth": 4, "align": "yes"}
        return ModelSpec(
            Path(path).stem, f"U-Net ({Path(path).name})", "unet", "semantic",
            LabelSchema.from_ids(range(3), None), "none:none", options,
            {"scaling": "unit", "divisor": 16}, WeightsFile(str(path)),
        )  # fmt: skip

    def examine(self, path, check) -> Examined:
        question = Question("align", "Corners of enlarged maps are aligned", ("yes", "no"), "yes")
        spec = replace(self.spec_from_weights(path), questions=(question,))
        return Examined(spec, self.is_told, 312)

    def preview(self, spec, pixels, options, check) -> Previewed:
        self.tried.append(spec)
        answer = self.predictor(spec, "cpu", check).predict(pixels, options, check, lambda *_: None)
        return Previewed(answer, (32, 48), (-1.0, 1.0))


@pytest.fixture(scope="module")
def kept(keep_window, tmp_path_factory):
    """A window with that engine, which the tests share."""
    pictures = write_pictures(tmp_path_factory.mktemp("kept") / "pictures")
    return first_opened(keep_window(engine=OpeningEngine()), pictures)


@pytest.fixture
def bench(kept, folder):
    """It as it was found: there are no weights of the user's own."""
    yield newly_opened(kept, folder)
    for form in forms():
        form.reject()
    kept.settle()
    for entry in kept.studio.own_weights.entries():
        kept.studio.own_weights.remove(entry.spec.id)
    vars(kept.engine).pop("examine", None)
    kept.engine.tried.clear()
    kept.engine.is_told = False


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "best.pth"
    path.write_bytes(b"weights")
    return path


def form_of(bench) -> WeightsForm:
    def shown():
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, WeightsForm)]

    bench.until(lambda: any(w.isVisible() for w in shown()))
    return next(w for w in shown() if w.isVisible())


@pytest.fixture
def form(bench, file, monkeypatch):
    """The form after the file was chosen in the menu."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(file), ""))
    bench.window.commands.run("model.load")
    return form_of(bench)


def test_a_folder_with_a_network_is_chosen_in_the_menu(bench, tmp_path, monkeypatch):
    folder = tmp_path / "segformer"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["X"]}')
    (folder / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(folder))
    monkeypatch.setattr(OpeningEngine, "examine", lambda self, path, _check: Examined(
        self.spec_from_weights(path / "model.safetensors"), is_told=False))  # fmt: skip
    bench.window.commands.run("model.load_folder")
    assert form_of(bench).entry.path == folder / "model.safetensors"


def choose(box, value) -> None:
    """As the mouse does: the entry, and the signal that only the user's choice sends."""
    row = [box.itemData(i) for i in range(box.count())].index(value)
    box.setCurrentIndex(row)
    box.activated.emit(row)


def test_it_says_first_what_was_found(form):
    assert form.found.text() == (
        "Loaded 312 of 312 tensors: U-Net of 4 levels, 3 channels, 3 classes."
    )
    assert not form.isModal()


def test_nothing_is_kept_if_it_is_cancelled(bench, form):
    QTest.keyClick(form, Qt.Key.Key_Escape)
    bench.settle()
    assert bench.studio.own_weights.entries() == ()
    assert bench.session.model.chosen == "fake-semantic"


def test_what_is_said_is_kept_run_and_there_after_a_restart(bench, form, file, make_window):
    form.name.setText("Nuclei of 2025")
    QGuiApplication.clipboard().setText("ground\nnucleus\nedge\nand one too many")
    QTest.mouseClick(form.classes.paste, Qt.MouseButton.LeftButton)
    choose(form.input.preset, "imagenet")
    choose(form.input.channels, "bgr")
    choose(form.input.sizes.kind, "size")
    form.input.sizes.height_.setValue(256)
    choose(form.answers[0].box, "no")
    form.about.setPlainText("Trained on 40 slides.")
    form.licence.setText("CC BY 4.0")
    QTest.mouseClick(form.buttons.run, Qt.MouseButton.LeftButton)
    bench.until(lambda: bool(bench.session.document.predictions))
    spec = bench.session.models["best"]
    assert bench.session.model.chosen == "best"
    assert spec.title == "Nuclei of 2025"
    assert [c.name for c in spec.schema.classes] == ["ground", "nucleus", "edge"]
    assert spec.preprocess == {
        "divisor": 16, "scaling": "unit", "channels": "bgr", "size": [256, 512],
        "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    }  # fmt: skip
    assert spec.options["align"] == "no"
    assert (spec.description, spec.licence) == ("Trained on 40 slides.", "CC BY 4.0")
    (prediction,) = bench.session.document.predictions.values()
    assert prediction.title == "Nuclei of 2025"
    bench.studio.jobs.wait_idle()
    later = make_window(bench.studio.preferences.folders.data.parent, OpeningEngine())
    assert later.session.models["best"] == spec


def test_the_preview_follows_what_is_said_and_the_open_image(bench, form):
    bench.until(lambda: "background" in form.preview.text.text())
    assert "values from -1 to 1" in form.preview.text.text()
    first = bench.engine.tried[-1]
    assert first.preprocess["scaling"] == "unit"
    choose(form.input.preset, "percentile")
    bench.until(lambda: bench.engine.tried[-1].preprocess["scaling"] == "percentile")
    bench.until(lambda: form.preview._preview is not None)
    first = bench.session.document
    bench.studio.browsing.select(1)
    bench.until(lambda: bench.session.document is not first and not form.preview.text.text())
    bench.until(lambda: "background" in form.preview.text.text())
    assert np.array_equal(form.preview._preview.photo, bench.session.document.pixels)
    form.reject()


def test_a_number_that_is_none_is_said_beside_and_cannot_be_kept(bench, form):
    form.input.mean.setText("half")
    assert form.preview.text.text().startswith("Mean is half.")
    assert not form.buttons.use.isEnabled()
    form.input.mean.setText("0.5")
    assert form.buttons.use.isEnabled()
    form.name.setText("Fake U-Net")
    assert form.preview.text.text().startswith("There is a model called Fake U-Net already.")
    assert not form.buttons.run.isEnabled()
    form.reject()


def test_beside_a_wrong_number_no_answer_of_an_earlier_one_is_shown(bench, form):
    bench.until(lambda: form.preview._preview is not None)
    shown = []
    form.preview.picture.show_picture = shown.append
    form.input.std.setText("-1")
    photo = shown[-1].toImage().convertToFormat(QImage.Format.Format_RGB888)
    seen = np.frombuffer(photo.constBits(), np.uint8).reshape(photo.height(), -1)
    seen = seen[:, : 3 * photo.width()].reshape(photo.height(), photo.width(), 3)
    assert np.array_equal(seen, form.preview._preview.photo)
    form.reject()


def test_that_no_list_fits_is_said_and_so_are_classes_with_one_name(bench, form):
    assert not form.classes.alike.isVisible()
    table = form.classes.table.model()
    table.setData(table.index(1, 2), "cell")
    table.setData(table.index(2, 2), "cell")
    assert form.classes.alike.isVisible()
    assert form.classes.alike.text().startswith("Classes 1 and 2 are both called cell.")
    assert form.buttons.use.isEnabled()
    form.classes.show_schema(LabelSchema.from_ids(range(7), None))
    assert not form.classes.lists.isEnabled()
    assert form.classes.lists.currentText() == "As below: no known list has 7 classes"
    form.reject()


def test_a_file_that_is_written_anew_while_it_is_described_is_read_again(bench, form, file):
    form.name.setText("Mine")
    form.input.mean.setText("0.25")
    file.write_bytes(b"trained further")
    form.buttons.use.click()
    bench.until(lambda: len(forms()) == 1 and forms() != [form])
    later = forms()[0]
    assert later.trouble.text().startswith("best.pth was written anew meanwhile")
    assert later.name.text() == "Mine"
    assert later.input.mean.text() == "0.25"
    assert "best" not in bench.session.models
    later.buttons.use.click()
    bench.settle()
    assert bench.session.models["best"].weights.sha256 == sha256(b"trained further").hexdigest()


def test_a_file_that_was_only_touched_is_taken_as_it_is(bench, form, file):
    os.utime(file, ns=(1, 1))
    form.name.setText("Mine")
    form.buttons.use.click()
    bench.settle()
    assert forms() == [form]
    form.buttons.use.click()
    bench.settle()
    assert bench.session.models["best"].title == "Mine"


def test_channels_are_chosen_by_number(bench, form):
    assert form.input.numbers.isHidden()
    choose(form.input.channels, "by number")
    assert not form.input.numbers.isHidden()
    assert form.said.preprocess["channels"] == [1, 2, 3]
    form.input.numbers.setText("3 1")
    assert form.preview.text.text() == "Channels is 3 1. Give 3 numbers: 1 2 3."
    assert not form.buttons.use.isEnabled()
    assert form.input.preset.currentData() == "unit"
    form.input.numbers.setText("3 1 1")
    tried = bench.engine.tried
    bench.until(lambda: any(spec.preprocess.get("channels") == [3, 1, 1] for spec in tried))
    QTest.mouseClick(form.buttons.use, Qt.MouseButton.LeftButton)
    assert bench.session.models["best"].preprocess["channels"] == [3, 1, 1]
    bench.studio.own_weights.describe_again("best")
    again = form_of(bench)
    assert (again.input.channels.currentData(), again.input.numbers.text()) == (
        "by number", "3 1 1",
    )  # fmt: skip
    again.reject()


def test_the_only_size_of_a_network_is_shown_and_not_asked(bench, file):
    real = bench.engine.spec_from_weights

    def fixed(path):
        spec = real(path)
        options = {**spec.options, "input_hw": [256, 320]}
        return replace(spec, options=options, preprocess={"size": [256, 320]})

    bench.engine.spec_from_weights = fixed
    bench.studio.own_weights.open(file)
    form = form_of(bench)
    assert form.found.text().endswith(
        "Its input is always 320 x 256 pixels: images are resized to it, and the answer back."
    )
    assert not form.input.sizes.isEnabled()
    assert form.said.preprocess["size"] == [256, 320]
    form.reject()


def test_single_classes_get_a_background(form):
    assert form.output.threshold.isHidden()
    choose(form.output.kind, "sigmoid")
    form.output.threshold.setValue(0.4)
    assert len(form.classes.schema.classes) == 4
    assert form.said.output == Output("sigmoid", 0.4)
    choose(form.output.kind, "softmax")
    assert len(form.classes.schema.classes) == 3
    form.reject()


def test_a_class_is_renamed_in_the_table_and_coloured(form):
    table = form.classes.table
    index = table.model().index(1, 2)
    table.model().setData(index, "nucleus")
    form.classes.recolor(form.classes.schema.classes[1], QColor(9, 8, 7))
    assert form.said.schema.classes[1].name == "nucleus"
    assert form.said.schema.classes[1].color == (9, 8, 7)
    form.reject()


def test_the_usual_answer_is_marked(form):
    box = form.answers[0].box
    assert [box.itemText(i) for i in range(box.count())] == ["yes (usual)", "no"]
    assert box.currentData() == "yes"
    form.reject()


LONG_QUESTION = Question(
    "up_activation",
    "Whether an activation follows the convolutions that make maps larger",
    ("no", "yes"),
    "no",
)


def test_a_long_question_leaves_the_fields_their_room(bench, file):
    opened = replace(bench.engine.examine(file, lambda: None), problem="")
    spec = replace(opened.spec, questions=(*opened.spec.questions, LONG_QUESTION))
    bench.engine.examine = lambda path, check: replace(opened, spec=spec)
    bench.studio.own_weights.open(file)
    form = form_of(bench)
    let_layouts_settle(form)
    for field in (form.classes.paste, form.classes.color, form.input.preset, form.output.kind):
        assert field.width() >= field.sizeHint().width(), field.accessibleName()


def let_layouts_settle(form):
    for _ in range(3):
        QCoreApplication.processEvents()


def test_a_file_that_says_what_it_is_needs_no_form_and_can_be_changed(bench, file):
    bench.engine.is_told = True
    bench.studio.own_weights.open(file)
    bench.until(lambda: bench.session.model.chosen == "best")
    notice = bench.studio.notices.recent[-1]
    assert notice.message == "U-Net (best.pth) is ready to run."
    ((title, change),) = notice.actions
    assert title == "Change…"
    change()
    form = form_of(bench)
    form.name.setText("Mine")
    QTest.mouseClick(form.buttons.use, Qt.MouseButton.LeftButton)
    bench.settle()
    assert bench.session.models["best"].title == "Mine"
    assert bench.window.model_chooser.currentText() == "Mine"


def test_a_missing_file_is_greyed_and_can_be_found_or_removed(bench, file, monkeypatch, tmp_path):
    bench.engine.is_told = True
    bench.studio.own_weights.open(file)
    bench.until(lambda: bench.session.model.chosen == "best")
    panel, commands = bench.window.model, bench.window.commands
    bench.window.docks.open("Model")
    bench.settle()
    assert panel.weights.text() == f"Weights: {file}"
    assert not panel.describe.isHidden()
    moved = file.rename(tmp_path / "moved.pth")
    bench.studio.own_weights.look_again()
    bench.until(lambda: "best" not in bench.session.model.available)
    bench.settle()
    assert panel.weights.text() == f"Not there any more: {file}"
    assert not panel.find_.isHidden()
    assert panel.download.isHidden()
    commands.refresh()
    assert not commands["model.download"].isEnabled()
    chooser = bench.window.model_chooser
    item = chooser.model().item(chooser.findData("best"))
    assert item.foreground() == QApplication.palette().placeholderText()
    # a long path is broken within, and "is" may begin a line
    said = "".join(item.toolTip().split())
    assert "".join(f"{file} is not there any more".split()) in said
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(moved), ""))
    QTest.mouseClick(panel.find_, Qt.MouseButton.LeftButton)
    bench.until(lambda: "best" in bench.session.model.available)
    bench.settle()
    assert panel.weights.text() == f"Weights: {moved}"
    commands.refresh()
    commands.run("model.forget")
    assert "best" not in bench.session.models
    bench.studio.notices.recent[-1].actions[0][1]()
    assert bench.session.model.chosen == "best"


def test_a_right_click_on_the_model_offers_what_can_be_done_with_its_weights(bench, file):
    bench.engine.is_told = True
    bench.studio.own_weights.open(file)
    bench.until(lambda: bench.session.model.chosen == "best")
    bench.window.commands.refresh()
    offered = {a.text(): a.isEnabled() for a in bench.window.model_chooser.actions()}
    assert offered["Name and describe weights…"]
    assert offered["Remove weights from the list"]
    assert not offered["Find weights…"]
    describe = next(a for a in bench.window.model_chooser.actions() if a.text().startswith("Name"))
    describe.trigger()
    form = form_of(bench)
    assert form.name.text() == "U-Net (best.pth)"
    form.reject()


def test_weights_that_are_dropped_on_the_window_are_opened(bench, file):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, *nothing)
    bench.window.dropEvent(drop)
    form = form_of(bench)
    assert form.windowTitle() == "Weights: best.pth"
    form.reject()


def forms() -> list[WeightsForm]:
    shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, WeightsForm)]
    return [form for form in shown if form.isVisible()]


def test_a_file_that_is_opened_twice_has_one_form(bench, form, file):
    form.name.setText("Half typed")
    bench.studio.own_weights.open(file)
    bench.settle()
    assert forms() == [form]
    assert form.name.text() == "Half typed"
    form.reject()


def test_a_file_that_was_replaced_meanwhile_gets_a_new_form_for_the_old_one(bench, form, file):
    file.write_bytes(b"other weights")
    bench.studio.own_weights.open(file)
    bench.until(lambda: len(forms()) == 1 and forms() != [form])
    forms()[0].reject()


def test_a_class_keeps_its_name_where_nothing_is_typed(form):
    table = form.classes.table.model()
    second = form.classes.schema.classes[1]
    table.setData(table.index(1, 2), "   ")
    assert form.classes.schema.classes[1] == second
    table.setData(table.index(1, 2), "  left  lung ")
    assert form.said.schema.classes[1].name == "left lung"
    form.reject()


def test_a_closed_form_is_gone_and_listens_to_nothing(bench, file):
    def listeners():
        signals = (bench.session.changed, bench.studio.jobs.changed, bench.studio.notices.changed)
        return [len(signal) for signal in signals]

    before = listeners()
    bench.studio.own_weights.open(file)
    alive = weakref.ref(form_of(bench))
    alive().reject()
    assert listeners() == before

    def is_gone():
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        return alive() is None

    bench.until(is_gone)
