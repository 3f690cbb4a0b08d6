"""The bar that says which file is corrected, and what its buttons do."""

from __future__ import annotations

import numpy as np
import pytest
from pauses import let_pass
from PIL import Image as pil
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from strokes import undo_title

from segstudio.annotation.ui.versions_dialog import VersionsDialog
from segstudio.session.session import Layer


def click(bench, button) -> None:
    bench.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_end_of_a_long_file_name_is_read_in_a_small_window(bench, folder):
    names = (
        "TCGA-18-5592-01Z-00-DX1_patient_0042_slide_7_field_013",
        "TCGA-18-5592-01Z-00-DX1_patient_0042",
    )
    for place, name in enumerate(names):
        for part in (folder, folder / "masks"):
            (part / f"field_{place}.png").rename(part / f"{name}.png")
    bench.studio.browsing.rescan()
    bench.settle()
    bench.window.resize(1280, 800)
    bar = bench.window.corrections
    for place, name in enumerate(names):
        bench.studio.browsing.select(bench.session.project.index_of(folder / f"{name}.png"))
        bench.settle()
        bench.studio.editing.begin_stroke(1, 1)
        bench.studio.editing.end_stroke()
        bench.until(bar.isVisible)
        bench.until(lambda text=name: text in bar.file.whole)
        bench.settle()
        assert f"masks/{name}.png" in bar.file.toolTip().replace("\n", "")
        if place == 0:
            assert bar.file.text().endswith(f"{name[-18:]}.png")
        else:
            assert bar.file.text() == f"Correcting masks/{name}.png"
        assert bar.instead.text() == "To annotations/"  # the name has the room
    bench.window.resize(1900, 1000)
    bench.until(lambda: bar.instead.text() == "Save to annotations/ instead")
    assert bar.file.text() == bar.file.whole
    assert bar.file.whole.endswith("; the original is kept.")


def test_that_the_original_is_kept_is_read_beside_a_name_of_usual_length(bench, folder):
    for part in (folder, folder / "masks"):
        (part / "field_0.png").rename(part / "BBBC006_s14_w1_0042.png")
    bench.studio.browsing.rescan()
    bench.settle()
    bench.window.resize(1280, 800)
    bar = bench.window.corrections
    place = bench.session.project.index_of(folder / "BBBC006_s14_w1_0042.png")
    bench.studio.browsing.select(place)
    bench.settle()
    bench.studio.editing.begin_stroke(1, 1)
    bench.studio.editing.end_stroke()
    bench.until(bar.isVisible)
    bench.settle()
    assert bar.file.text() == "Correcting masks/BBBC006_s14_w1_0042.png; the original is kept."


@pytest.fixture
def painted(bench, folder):
    """A window with one stroke on ground truth, which was saved."""
    bench.mask = folder / "masks" / "field_0.png"
    bench.before = bench.mask.read_bytes()
    bench.until(lambda: bench.session.document.place is not None)
    assert not bench.window.corrections.isVisible()
    bench.session.set_view(active_class=1, brush_size=1)
    bench.studio.editing.begin_stroke(1, 1)
    bench.studio.editing.end_stroke()
    bench.until(bench.window.corrections.isVisible)
    bench.studio.autosave.save_all()  # before it does so by itself, a second later
    bench.until(lambda: not bench.session.document.dirty)
    return bench


def test_a_mask_that_nobody_painted_on_is_not_said_to_be_corrected(painted):
    bar = painted.window.corrections
    assert bar.file.whole == "Correcting masks/field_0.png; the original is kept."
    painted.studio.browsing.step(1)
    painted.until(lambda: "field_1" in bar.file.whole)
    assert bar.file.whole == "Corrections go to masks/field_1.png; the original is kept."
    painted.studio.editing.begin_stroke(1, 1)
    painted.studio.editing.end_stroke()
    painted.until(lambda: bar.file.whole.startswith("Correcting masks/field_1.png;"))


def test_masks_that_lose_values_are_not_said_to_be_corrected(make_window, folder):
    for mask in (folder / "masks").glob("*.png"):
        shape = np.array(pil.open(mask)) > 0
        pil.fromarray(shape * np.uint8(255)).save(mask.with_suffix(".jpg"), quality=95)
        mask.unlink()
    bench = make_window()
    bench.open(folder)
    bench.settle()
    bench.studio.editing.begin_stroke(1, 1)
    bench.studio.editing.end_stroke()
    bar = bench.window.corrections
    bench.until(bar.isVisible)
    said = "Corrections go to masks/field_0.png; the ground truth stays as it is."
    assert bar.file.whole == said
    assert "To masks/field_0.png" in bench.window.commands["file.save"].toolTip()
    bench.studio.autosave.save_all()
    bench.until(lambda: not bench.session.document.dirty)
    bench.settle()
    assert bar.file.whole == said
    assert sorted(path.name for path in (folder / "masks").glob("field_0.*")) == [
        "field_0.jpg",
        "field_0.png",
    ]


def test_the_bar_names_the_file_and_takes_an_answer_once(painted):
    bar = painted.window.corrections
    assert "masks/field_0.png" in bar.accessibleDescription()
    assert "original is kept" in bar.accessibleDescription()
    assert np.array(pil.open(painted.mask))[1, 1] == 1
    click(painted, bar.keep)
    painted.until(lambda: not bar.isVisible())
    painted.studio.editing.begin_stroke(3, 1)
    painted.studio.editing.end_stroke()
    painted.settle()
    assert not bar.isVisible()


def test_instead_moves_the_correction_and_leaves_the_truth_as_it_was(painted, folder):
    click(painted, painted.window.corrections.instead)
    copy = folder / "annotations" / "field_0.png"
    painted.until(copy.exists)
    painted.until(lambda: painted.mask.read_bytes() == painted.before)
    assert np.array(pil.open(copy))[1, 1] == 1
    painted.until(
        lambda: "annotations/field_0.png" in painted.window.commands["file.save"].toolTip()
    )
    assert not painted.window.corrections.isVisible()
    painted.window.commands["file.saving"].trigger()
    painted.until(painted.window.corrections.isVisible)
    assert "annotations/field_0.png" in painted.window.corrections.accessibleDescription()


def test_revert_to_original(painted):
    click(painted, painted.window.corrections.revert)
    painted.until(lambda: painted.mask.read_bytes() == painted.before)
    assert undo_title(painted.session.document.history) == "Revert to original"


def test_the_tip_of_save_shows_the_file(painted):
    assert "masks/field_0.png" in painted.window.commands["file.save"].toolTip()


def test_versions_are_listed_shown_and_restored(painted):
    painted.window.commands["edit.versions"].trigger()
    painted.until(lambda: isinstance(QApplication.activeModalWidget(), VersionsDialog))
    dialog = QApplication.activeModalWidget()
    assert dialog.list.count() == 1
    assert "masks/.originals/field_0.png" in dialog.list.item(0).text()
    click(painted, dialog.show_layer)
    painted.until(lambda: painted.session.view.layer is Layer.ORIGINAL)
    assert painted.session.document.older.labels[1, 1] == 0
    click(painted, dialog.restore)
    painted.until(lambda: painted.session.document.annotation.labels[1, 1] == 0)
    assert painted.session.view.layer is Layer.BOTH  # what was restored is seen
    dialog.close()


def test_a_window_that_only_looks_moves_no_corrections(painted, folder):
    saved = painted.mask.read_bytes()
    assert saved != painted.before
    painted.studio.folder_claim.set_read_only(read_only=True)
    painted.until(lambda: not painted.window.corrections.isVisible())
    painted.until(lambda: not painted.window.commands["file.saving"].isEnabled())
    painted.studio.place.save_to_annotations()
    painted.studio.place.keep_in_truth()
    painted.settle()
    assert painted.mask.read_bytes() == saved
    assert not (folder / "annotations").exists()
    assert not painted.session.saving.chosen
    painted.studio.folder_claim.set_read_only(read_only=False)
    painted.until(painted.window.corrections.isVisible)
    click(painted, painted.window.corrections.instead)
    painted.until(lambda: painted.mask.read_bytes() == painted.before)


def test_the_bar_does_not_come_under_a_stroke(bench, monkeypatch):
    bench.until(lambda: bench.session.document.place is not None)
    held = [Qt.MouseButton.LeftButton]
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: held[0])
    bench.studio.editing.begin_stroke(1, 1)
    assert bench.session.saving.asked
    let_pass(bench.qtbot, bench.window)
    assert not bench.window.corrections.isVisible()
    bench.studio.editing.end_stroke()
    held[0] = Qt.MouseButton.NoButton
    bench.until(bench.window.corrections.isVisible)
