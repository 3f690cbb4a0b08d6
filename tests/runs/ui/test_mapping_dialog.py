"""The class mapping's dialog: what is chosen counts at once."""

from __future__ import annotations

import json
import shutil
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QWidget
from windows import FakeEngine, kept_studio

from segstudio.core.schema import LabelSchema
from segstudio.runs.ui.mapping_dialog import MappingDialog

LEFT = Qt.MouseButton.LeftButton
RUN = "fake-semantic"


class Named:
    """A studio with a model whose class is called "bright", and what the dialog stands before."""

    def __init__(self, qtbot, studio) -> None:
        self.studio, self.session = studio, studio.session
        self.until = partial(qtbot.waitUntil, timeout=30000)
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.show()


@pytest.fixture
def named(qtbot, user_folders, folder):
    """A folder with named classes, on which the model's "bright" means nothing."""
    names = LabelSchema.from_names(("sky", "square", "disc"))
    (folder / "masks" / "segstudio.json").write_text(json.dumps(names.to_json()))
    with kept_studio(user_folders, FakeEngine("bright")) as (studio, _dispatcher):
        made = Named(qtbot, studio)
        made.until(lambda: bool(studio.session.model.chosen))
        studio.browsing.open_path(folder)
        made.until(lambda: studio.session.document is not None)
        studio.segmenting.choose(RUN)
        studio.segmenting.run_current()
        made.until(lambda: RUN in studio.session.document.predictions)
        yield made


@pytest.fixture
def dialog(named):
    """As the command opens it (which tests of all dialogs do)."""
    found = MappingDialog(named.session, named.studio.class_mappings, RUN, named.window)
    found.open()
    yield found
    for left in named.window.findChildren(MappingDialog):
        left.close()


def predicted(bench) -> np.ndarray:
    return bench.session.document.predictions[RUN].labels


def choose(combo, row: int) -> None:
    """Open the box and click an entry."""
    combo.showPopup()
    view = combo.view()
    place = view.visualRect(combo.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), LEFT, pos=place, delay=QApplication.doubleClickInterval())


def texts(dialog) -> list[tuple[str, str]]:
    table = dialog.table
    return [
        (table.item(row, 0).text(), table.cellWidget(row, 1).currentText())
        for row in range(table.rowCount())
    ]


def target_of(dialog, class_id: int):
    """The box that says what a class of the model counts as."""
    row = next(i for i, (name, _) in enumerate(texts(dialog)) if name.split()[0] == str(class_id))
    return dialog.table.cellWidget(row, 1)


def test_the_guess_is_shown(named, dialog):
    assert dialog.model.currentData() == RUN
    assert texts(dialog) == [("0  background", "no counterpart"), ("1  bright", "no counterpart")]
    boxes = target_of(dialog, 1)
    assert [boxes.itemText(i) for i in range(boxes.count())] == [
        "no counterpart", "0  sky", "1  square", "2  disc",
    ]  # fmt: skip
    # 3 is the first number past the classes: wrong everywhere.
    assert np.unique(predicted(named)).tolist() == [3]
    assert dialog.background.text() == "count as none of the folder's classes"
    assert dialog.background.isChecked()
    assert not dialog.reset.isEnabled()


def test_a_choice_counts_at_once_and_is_saved(named, dialog, folder):
    choose(target_of(dialog, 1), 3)
    named.until(lambda: 2 in predicted(named))
    # The photo's red is 5 times the column: above 100 from column 21 on.
    expected = np.where(np.arange(48) > 20, 2, 3) * np.ones((32, 1), np.uint8)
    assert np.array_equal(predicted(named), expected)
    assert dialog.reset.isEnabled()
    assert dialog.origin.text() == "Chosen by you, in segstudio.json"  # nothing is cut off
    choose(target_of(dialog, 0), 1)
    named.until(lambda: 0 in predicted(named))
    saved = folder / "masks" / "segstudio.json"

    def mappings() -> list:
        return [m["to"] for m in json.loads(saved.read_text()).get("class_mappings", ())]

    named.until(lambda: mappings() == [{"0": 0, "1": 2}])  # it may be saved after each choice


def test_ignored_pixels_leave_the_scores(named, dialog):
    assert named.studio.scoring.of_image(RUN) is None
    assert dialog.origin.text() == "Not scored until you choose"
    choose(target_of(dialog, 1), 3)
    QTest.mouseClick(dialog.ignored, LEFT, pos=QPoint(8, dialog.ignored.height() // 2))

    def counted() -> int:
        scores = named.studio.scoring.of_image(RUN)
        return 0 if scores is None else scores.total

    # What the model calls background (21 of 48 columns) counts nowhere now.
    named.until(lambda: counted() == 27 * 32)
    assert dialog.ignored.isChecked()


def test_reset_brings_the_guess_back(named, dialog):
    choose(target_of(dialog, 1), 2)
    named.until(lambda: 1 in predicted(named))
    QTest.mouseClick(dialog.reset, LEFT)
    named.until(lambda: 1 not in predicted(named))
    assert texts(dialog)[1] == ("1  bright", "no counterpart")
    assert named.session.schema.rules == ()


def test_all_objects_can_count_as_the_same(named, dialog):
    menu = dialog.every.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [
        "no counterpart", "0  sky", "1  square", "2  disc",
    ]  # fmt: skip
    menu.actions()[3].trigger()
    assert texts(dialog) == [("0  background", "no counterpart"), ("1  bright", "2  disc")]
    named.until(lambda: 2 in predicted(named))


def test_it_follows_the_classes_and_the_model(named, dialog):
    named.studio.schema_keeper.rename_class(2, "bright")
    assert texts(dialog)[1] == ("1  bright", "2  bright")
    new = named.studio.schema_keeper.add_class("moon")
    assert target_of(dialog, 1).findText(f"{new}  moon") == 4
    dialog.model.setCurrentIndex(dialog.model.findData("fake-instance"))
    dialog.model.activated.emit(dialog.model.currentIndex())
    assert texts(dialog)[1] == ("1  bright", "2  bright")
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(target_of(dialog, 1), wheel)
    assert texts(dialog)[1] == ("1  bright", "2  bright")


def test_another_folder_closes_it(named, dialog, folder, tmp_path):
    named.studio.browsing.rescan()
    named.until(lambda: named.studio.jobs.wait_idle(0) and not named.studio.jobs._inbox)
    assert dialog.isVisible()
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "field_0.png", tmp_path / "other")
    named.studio.browsing.open_path(tmp_path / "other")
    named.until(lambda: named.window.findChildren(MappingDialog) == [])


def test_close_closes(named, dialog):
    box = dialog.findChild(QDialogButtonBox)
    QTest.mouseClick(box.button(QDialogButtonBox.StandardButton.Close), LEFT)
    assert not dialog.isVisible()
