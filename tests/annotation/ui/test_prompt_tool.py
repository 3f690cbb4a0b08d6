"""Point and box with real events on a real canvas, and a small SAM; pixels are transformers' own."""

from __future__ import annotations

from dataclasses import fields

import cv2
import numpy as np
import pytest
from prompted import SIDE, sam_folder
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton

from segstudio.annotation.ui.prompt_menu import prompt_menu
from segstudio.kit.actions import Context
from segstudio.runs.engine import TorchEngine
from segstudio.session.session import ViewState

HEIGHT, WIDTH = 96, 128
VIEW_FIELDS = fields(ViewState)
LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def sam(tmp_path_factory):
    """A folder with a small random SAM, and transformers' own network and processor."""
    import transformers

    folder, network = sam_folder(tmp_path_factory.mktemp("sam") / "tiny-sam")
    processor = transformers.SamProcessor(transformers.SamImageProcessor.from_pretrained(folder))
    return folder, network, processor


@pytest.fixture
def images(tmp_path):
    """Two photos of 128 x 96 pixels."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate(("first.png", "second.png")):
        blocks = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3))
        pixels = np.kron(blocks, np.ones((8, 8, 1))).astype(np.uint8)
        cv2.imwrite(str(folder / name), pixels)
    return folder


@pytest.fixture(scope="module")
def kept(keep_window, sam):
    """A window that has the weights already, which tests share."""
    bench = keep_window(engine=TorchEngine())
    bench.at_first = {each.name: getattr(bench.session.view, each.name) for each in VIEW_FIELDS}
    bench.studio.own_weights.open(sam[0])
    bench.until(lambda: bool(bench.session.prompting.title))
    return bench


@pytest.fixture
def window(kept, images):
    """It with the first photo, class 1 and the usual tool in hand."""
    kept.session.set_view(**kept.at_first)
    kept.window.activateWindow()
    return with_photos(kept, images)


@pytest.fixture
def fresh(make_window, images):
    """The same in a window that has no weights."""
    return with_photos(make_window(engine=TorchEngine()), images)


def with_photos(bench, images):
    bench.open(images)
    if len(bench.session.schema.classes) < 2:
        bench.studio.schema_keeper.add_class("object")
    bench.session.set_view(active_class=1)
    return bench


def opened(window, folder):
    """The weights are opened as the user's own, and the tool is taken with its key."""
    if not window.session.prompting.title:
        window.studio.own_weights.open(folder)
        window.until(lambda: bool(window.session.prompting.title))
    QTest.keyClick(window.window, Qt.Key.Key_Q)
    window.until(lambda: window.studio.prompting.is_ready)


def at(window, xy) -> QPoint:
    viewport = window.window.canvas.viewport
    x, y = viewport.to_screen(xy)
    return QPoint(round(x), round(y))


def place(window, zoom=4.0):
    from segstudio.canvas.view import View

    viewport = window.window.canvas.viewport
    viewport._fits = False
    viewport._set_view(View(zoom, (0.0, 0.0)))


def expected(sam, document, several, **prompt) -> np.ndarray:
    """The best mask (H, W) as transformers finds it."""
    import torch

    _, network, processor = sam
    inputs = processor(images=document.pixels, return_tensors="pt", **prompt)
    sizes = [inputs.pop(n).tolist() for n in ("original_sizes", "reshaped_input_sizes")]
    with torch.inference_mode():
        output = network(**inputs, multimask_output=several)
    masks = processor.image_processor.post_process_masks(
        output.pred_masks, *sizes, pad_size={"height": SIDE, "width": SIDE}
    )
    return masks[0][0][int(output.iou_scores[0, 0].argmax())].numpy()


def tool(window):
    return window.window.canvas._tools._toolbox._tools["prompt"]


def shown(window, points) -> bool:
    found = tool(window).found
    return found is not None and len(found.prompt.points) == points


def test_a_click_is_previewed_and_enter_paints_it(window, sam):
    opened(window, sam[0])
    place(window)
    viewport, document = window.window.canvas.viewport, window.session.document
    point = at(window, (40.5, 30.5))
    before = viewport.grab().toImage()
    QTest.mouseClick(viewport, LEFT, pos=point)
    window.until(lambda: tool(window).found is not None)
    wanted = expected(sam, document, True, input_points=[[[[40.0, 30.0]]]], input_labels=[[[1]]])
    assert 0 < wanted.sum() < wanted.size
    found = tool(window).found
    whole = np.zeros((HEIGHT, WIDTH), bool)
    whole[found.preview.rect.slices] = found.preview.mask
    assert np.array_equal(whole, wanted)
    assert not document.annotation.labels.any()
    window.settle()
    assert viewport.grab().toImage() != before
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    window.settle()
    assert np.array_equal(document.annotation.labels == 1, wanted)
    window.window.commands.run("edit.undo")
    window.settle()
    assert not document.annotation.labels.any()


def test_shift_click_takes_away_and_backspace_takes_back(window, sam):
    opened(window, sam[0])
    place(window)
    viewport, document = window.window.canvas.viewport, window.session.document
    QTest.mouseClick(viewport, LEFT, pos=at(window, (40.5, 30.5)))
    QTest.mouseClick(viewport, LEFT, SHIFT, at(window, (90.5, 60.5)))
    window.until(lambda: shown(window, 2))
    assert tool(window).found.prompt.labels == (1, 0)
    points = {"input_points": [[[[40.0, 30.0], [90.0, 60.0]]]], "input_labels": [[[1, 0]]]}
    wanted = expected(sam, document, False, **points)
    QTest.keyClick(viewport, Qt.Key.Key_Backspace)
    window.until(lambda: shown(window, 1))
    QTest.mouseClick(viewport, LEFT, SHIFT, at(window, (90.5, 60.5)))
    QTest.keyClick(viewport, Qt.Key.Key_Return)  # before the answer is there
    window.until(lambda: tool(window).found is None)
    window.settle()
    assert np.array_equal(document.annotation.labels == 1, wanted)


def test_a_drag_is_a_box_and_escape_forgets_it(window, sam):
    opened(window, sam[0])
    place(window)
    viewport, document = window.window.canvas.viewport, window.session.document
    for _ in range(2):
        QTest.mousePress(viewport, LEFT, pos=at(window, (10.5, 20.5)))
        QTest.mouseMove(viewport, at(window, (50.5, 40.5)))
        QTest.mouseMove(viewport, at(window, (70.5, 80.5)))
        QTest.mouseRelease(viewport, LEFT, pos=at(window, (70.5, 80.5)))
        window.until(lambda: tool(window).found is not None)
        box = tool(window).found.prompt.box
        QTest.keyClick(viewport, Qt.Key.Key_Escape)
        assert not tool(window).busy
        assert tool(window).found is None
    assert box == pytest.approx((10.0, 20.0, 70.0, 80.0), abs=0.3)
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    window.settle()
    assert not document.annotation.labels.any()
    wanted = expected(sam, document, False, input_boxes=[[list(box)]])
    QTest.mousePress(viewport, LEFT, pos=at(window, (10.5, 20.5)))
    QTest.mouseMove(viewport, at(window, (50.5, 40.5)))
    QTest.mouseMove(viewport, at(window, (70.5, 80.5)))
    QTest.mouseRelease(viewport, LEFT, pos=at(window, (70.5, 80.5)))
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    window.until(lambda: tool(window).found is None and not tool(window).busy)
    window.settle()
    assert np.array_equal(document.annotation.labels == 1, wanted)


def test_the_pointer_previews_what_a_click_would_find(window, sam):
    opened(window, sam[0])
    place(window)
    viewport = window.window.canvas.viewport
    QTest.mouseMove(viewport, at(window, (60.5, 60.5)))
    QTest.mouseMove(viewport, at(window, (40.5, 30.5)))
    window.until(lambda: shown(window, 1))
    window.until(lambda: tool(window).found.prompt.points[0] == pytest.approx((40, 30), abs=0.3))
    assert not tool(window).busy
    assert not window.session.document.annotation.labels.any()
    QTest.mouseMove(window.window.options)
    QApplication.sendEvent(viewport, QEvent(QEvent.Type.Leave))
    assert tool(window).found is None


def test_only_unlabelled_pixels_are_painted_where_that_is_wanted(window, sam):
    opened(window, sam[0])
    place(window)
    viewport, document = window.window.canvas.viewport, window.session.document
    window.studio.editing.paint_polygon([(0, 0), (64, 0), (64, 96), (0, 96)], erase=False)
    window.studio.schema_keeper.add_class("second")
    window.session.set_view(active_class=2, only_unlabelled=True)
    wanted = expected(sam, document, True, input_points=[[[[40.0, 30.0]]]], input_labels=[[[1]]])
    QTest.mouseClick(viewport, LEFT, pos=at(window, (40.5, 30.5)))
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    window.until(lambda: bool((document.annotation.labels == 2).any()))
    columns = np.arange(WIDTH) >= 64
    assert np.array_equal(document.annotation.labels == 2, wanted & columns)
    assert (document.annotation.labels[:, :64] == 1).all()


def all_expected(sam, document, **prompt) -> list[np.ndarray]:
    """All masks (H, W) as transformers finds them for a click, from the smallest on."""
    import torch

    _, network, processor = sam
    inputs = processor(images=document.pixels, return_tensors="pt", **prompt)
    sizes = [inputs.pop(n).tolist() for n in ("original_sizes", "reshaped_input_sizes")]
    with torch.inference_mode():
        output = network(**inputs, multimask_output=True)
    masks = processor.image_processor.post_process_masks(
        output.pred_masks, *sizes, pad_size={"height": SIDE, "width": SIDE}
    )
    return sorted((mask.numpy() for mask in masks[0][0]), key=np.sum)


def whole(found) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[found.preview.rect.slices] = found.preview.mask
    return mask


def test_what_a_click_may_mean_is_stepped_through_by_size_and_the_shown_one_painted(window, sam):
    opened(window, sam[0])
    place(window)
    viewport, document = window.window.canvas.viewport, window.session.document
    sizes = all_expected(sam, document, input_points=[[[[40.0, 30.0]]]], input_labels=[[[1]]])
    assert len({int(mask.sum()) for mask in sizes}) == 3
    best = expected(sam, document, True, input_points=[[[[40.0, 30.0]]]], input_labels=[[[1]]])
    first = next(n for n, mask in enumerate(sizes) if np.array_equal(mask, best))
    bar = window.window.options
    button = next(b for b in bar.findChildren(QToolButton) if b.text() == "Part or whole")
    QTest.mouseClick(viewport, LEFT, pos=at(window, (40.5, 30.5)))
    window.until(lambda: window.session.prompting.answers == 3)
    names = ("Smallest", "Middle", "Largest")
    shown_now = first
    wheel = lambda: _turn(viewport, at(window, (40.5, 30.5)), 120)  # noqa: E731
    for press, by in (
        (lambda: QTest.keyClick(viewport, Qt.Key.Key_Up), 1),
        (lambda: QTest.keyClick(viewport, Qt.Key.Key_Down), -1),
        (lambda: QTest.mouseClick(button, LEFT), 1),
        (wheel, 1),
    ):
        said = f"{names[shown_now]} of 3"
        window.until(lambda said=said: bar.hint.text().startswith(said))
        assert np.array_equal(whole(tool(window).found), sizes[shown_now])
        window.until(button.isEnabled)
        press()
        shown_now = (shown_now + by) % 3
    assert window.session.view.brush_size == 12  # the wheel did not set it
    assert shown_now != first
    assert not document.annotation.labels.any()
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    window.settle()
    assert np.array_equal(document.annotation.labels == 1, sizes[shown_now])
    assert window.session.prompting.answers == 0
    window.until(lambda: bar.hint.text().startswith("Click, Shift+click"))
    assert not button.isEnabled()


def test_two_points_leave_no_choice(window, sam):
    opened(window, sam[0])
    place(window)
    viewport = window.window.canvas.viewport
    QTest.mouseClick(viewport, LEFT, pos=at(window, (40.5, 30.5)))
    window.until(lambda: window.session.prompting.answers == 3)
    QTest.mouseClick(viewport, LEFT, SHIFT, at(window, (90.5, 60.5)))
    window.until(lambda: shown(window, 2))
    assert window.session.prompting.answers == 0
    before = tool(window).found
    QTest.keyClick(viewport, Qt.Key.Key_Up)
    assert tool(window).found is before
    QTest.keyClick(viewport, Qt.Key.Key_Backspace)
    window.until(lambda: window.session.prompting.answers == 3)


def test_points_wait_with_their_image_while_another_is_shown(window, sam):
    opened(window, sam[0])
    place(window)
    viewport, document = window.window.canvas.viewport, window.session.document
    points = {"input_points": [[[[40.0, 30.0], [90.0, 60.0]]]], "input_labels": [[[1, 0]]]}
    wanted = expected(sam, document, False, **points)
    QTest.mouseClick(viewport, LEFT, pos=at(window, (40.5, 30.5)))
    QTest.mouseClick(viewport, LEFT, SHIFT, at(window, (90.5, 60.5)))
    window.studio.browsing.select(1)
    window.until(lambda: window.session.index == 1 and window.studio.prompting.is_ready)
    assert not tool(window).busy
    window.studio.browsing.select(0)
    window.until(lambda: shown(window, 2))
    assert tool(window).found.prompt.labels == (1, 0)
    QTest.keyClick(viewport, Qt.Key.Key_Return)
    window.settle()
    assert np.array_equal(window.session.document.annotation.labels == 1, wanted)


def _turn(viewport, pos, angle) -> None:
    """The wheel, with Shift held."""
    none = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(
        QPointF(pos), QPointF(viewport.mapToGlobal(pos)), QPoint(), QPoint(0, angle),
        Qt.MouseButton.NoButton, SHIFT, none, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def test_embeddings_are_kept(window, sam):
    opened(window, sam[0])
    place(window)
    network = window.studio.prompting._ready.network
    QTest.mouseClick(window.window.canvas.viewport, LEFT, pos=at(window, (40.5, 30.5)))
    assert tool(window).busy
    first = window.studio.prompting._ready.embedding
    window.studio.browsing.select(1)
    window.until(lambda: window.session.index == 1 and window.studio.prompting.is_ready)
    assert not tool(window).busy
    assert window.studio.prompting._ready.network is network
    window.studio.browsing.select(0)
    window.until(lambda: window.session.index == 0 and window.studio.prompting.is_ready)
    assert window.studio.prompting._ready.embedding is first


def test_without_weights_the_bar_says_so_and_a_button_offers_them(fresh, sam):
    session, bar = fresh.session, fresh.window.options
    QTest.keyClick(fresh.window, Qt.Key.Key_Q)
    fresh.settle()
    assert session.view.tool == "prompt"
    assert bar.hint.text().startswith("Needs weights of SAM")
    button = next(b for b in bar.findChildren(QToolButton) if b.text() == "Choose weights…")
    assert button.isVisible()
    assert button.isEnabled()
    menu = prompt_menu(_context(fresh))
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == [
        "Open weights of SAM or SAM 2.1…",
        "Download SAM 2.1 Hiera tiny (156 MB, Apache-2.0 (Meta))",
        "Download SAM ViT-B (375 MB, Apache-2.0 (Meta))",
    ]
    menu.close()
    QTest.mouseClick(fresh.window.canvas.viewport, LEFT, pos=at(fresh, (40.5, 30.5)))
    assert not session.document.annotation.labels.any()
    (said,) = (n for n in fresh.studio.notices.recent if "weights of SAM" in n.message)
    assert (
        said.hint == "\u201cChoose weights\u2026\u201d above the picture opens or downloads them."
    )
    opened(fresh, sam[0])
    fresh.until(lambda: session.prompting.answers == 3)  # to the click before
    QTest.keyClick(fresh.window.canvas.viewport, Qt.Key.Key_Escape)
    fresh.settle()
    assert bar.hint.text().startswith("Click, Shift+click, drag a box")
    assert button.text() == "SAM (tiny-sam)"
    assert session.prompters["tiny-sam"].task == "promptable"
    assert "tiny-sam" not in session.models


def test_weights_stay_in_the_list_and_are_taken_off_it(fresh, make_window, images, sam):
    opened(fresh, sam[0])
    fresh.until(lambda: fresh.studio.jobs.wait_idle(0))
    again = make_window(engine=TorchEngine())
    again.open(images)
    assert again.session.prompting.title == "SAM (tiny-sam)"
    menu = prompt_menu(_context(again))
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts[0] == "SAM (tiny-sam)"
    assert texts[-1] == "Take SAM (tiny-sam) off the list"
    menu.actions()[-1].trigger()
    menu.close()
    assert again.session.prompters.keys() == {"sam2.1-hiera-tiny", "sam-vit-b"}
    assert again.session.prompting.title == ""


def test_the_chosen_network_is_asked_again_after_a_restart(fresh, make_window, sam, tmp_path):
    opened(fresh, sam[0])
    other, _ = sam_folder(tmp_path / "other-sam", seed=5)
    fresh.studio.own_weights.open(other)
    fresh.until(lambda: fresh.session.prompting.title == "SAM (other-sam)")
    fresh.until(lambda: fresh.studio.prompting.is_ready)
    menu = prompt_menu(_context(fresh))
    titles = [action.text() for action in menu.actions()[:2]]
    assert titles == ["SAM (tiny-sam)", "SAM (other-sam)"]
    assert [action.isChecked() for action in menu.actions()[:2]] == [False, True]
    menu.close()
    fresh.studio.close()
    again = make_window(engine=TorchEngine())
    again.until(lambda: bool(again.session.prompting.title))
    assert again.session.prompting.title == "SAM (other-sam)"


def test_a_cancelled_preparation_can_be_begun_again(fresh, sam, monkeypatch):
    from segstudio.core.errors import CancelledError
    from segstudio.models.promptable import Promptable

    fresh.studio.own_weights.open(sam[0])
    fresh.until(lambda: bool(fresh.session.prompting.title))
    real = Promptable.embed

    def stopped(self, pixels, digest, check, report):
        raise CancelledError

    monkeypatch.setattr(Promptable, "embed", stopped)
    QTest.keyClick(fresh.window, Qt.Key.Key_Q)
    fresh.until(lambda: fresh.session.prompting.progress == "stopped")
    monkeypatch.setattr(Promptable, "embed", real)
    menu = prompt_menu(_context(fresh))
    next(a for a in menu.actions() if a.text() == "Prepare this image again").trigger()
    menu.close()
    fresh.until(lambda: fresh.studio.prompting.is_ready)


def _context(window) -> Context:
    made = window.window
    return Context(window.studio, made.canvas, made, made.commands._context.verbs)
