"""The pages of attention and of proposals, with real small networks behind them."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tiny_networks import UNET, TinyEngine, write_tiny_networks
from tiny_vit import HEADS, RCNN, VIT, WIDTH, TinyVit, write_rcnn, write_vit
from windows import kept_studio, write_pictures

from segstudio.canvas.inspection_marks import paint_boxes
from segstudio.inspection.nets.region_proposals import proposals
from segstudio.inspection.ui.attention_page import AttentionPage
from segstudio.inspection.ui.network_pages import (
    ATTENTION,
    PROPOSALS,
    InspectionPages,
    Services,
)
from segstudio.inspection.ui.proposals_page import ProposalsPage
from segstudio.kit.turns import at_once
from segstudio.models.segmenter import Segmenter
from segstudio.session.inspection import (
    BoxesOverPhoto,
    ColourMap,
    MapPicture,
    Overlay,
    OverPhotoHeat,
)


def until(condition):
    for _ in range(60_000):
        if condition():
            return
        QTest.qWait(1)
    raise AssertionError("it did not happen in time")


@contextmanager
def opened(home, specs, make_page):
    """A studio that traces the first of some models, and a page of it in view."""
    with kept_studio(home / "home", TinyEngine(specs)) as (studio, _):
        until(lambda: bool(studio.session.model.chosen))
        studio.segmenting.choose(next(iter(specs)))
        studio.browsing.open_path(write_pictures(home / "pictures"))
        until(lambda: studio.session.document is not None)
        studio.inspecting.open()
        until(lambda: studio.session.inspection.traced is not None)
        page = make_page(studio)
        if hasattr(page, "build"):
            at_once(page.build())
        page.resize(600, 320)
        page.show()
        yield studio, page
        page.close()
        page.deleteLater()


def attention_page(studio):
    return AttentionPage(
        studio.session, studio.inspecting, studio.attending, studio.photo_overlay
    )  # fmt: skip


@pytest.fixture
def vit(qapp, tmp_path):
    with opened(tmp_path, write_vit(tmp_path), attention_page) as desk:
        yield desk


def by_hand(specs_folder, document, number):
    """(heads, T, T) of a block, from the weights alone."""
    from safetensors.torch import load_file

    model = TinyVit()
    model.load_state_dict(load_file(specs_folder / f"{VIT}.safetensors"))
    with torch.inference_mode():
        x = torch.from_numpy(document.pixels.astype(np.float32)).permute(2, 0, 1)[None] / 255
        tokens = model.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([model.cls, tokens], 1)
        for block in model.blocks[:number]:
            tokens = block(tokens)
        weight, bias = model.blocks[number].qkv.weight, model.blocks[number].qkv.bias
        q, k = (
            (tokens[0] @ weight[n * WIDTH : (n + 1) * WIDTH].T + bias[n * WIDTH : (n + 1) * WIDTH])
            .view(-1, HEADS, WIDTH // HEADS)
            .transpose(0, 1)
            for n in (0, 1)
        )
        return (q @ k.transpose(1, 2) / (WIDTH // HEADS) ** 0.5).softmax(-1).numpy()


def test_the_last_block_s_tokens_and_the_pinned_pixel_s_attention_are_shown(vit, tmp_path):
    studio, page = vit
    until(lambda: page.empty_text == "")
    until(lambda: page.block.count() == 2)
    # 32 x 48 pixels are 4 x 6 patches
    assert [page.block.itemText(n) for n in range(2)] == [
        "blocks.0 (4 \u00d7 6)", "blocks.1 (4 \u00d7 6)",
    ]  # fmt: skip
    assert page.block.currentData() == "blocks.1"
    assert page.tokens.note.whole == "8 \u00d7 4 \u00d7 6, without the class token"
    until(lambda: page.tokens.view.shape_hw != (0, 0))
    assert page.line.text().startswith("Move the pointer over the photo")

    studio.inspecting.pin((30, 20))  # the patch of row 2, column 3
    until(lambda: page.line.text().startswith("Token at row 2, column 3, mean of 2 heads"))
    row = by_hand(tmp_path, studio.session.document, 1)[:, 1 + 2 * 6 + 3].mean(0)
    assert f"at most {100 * row[1:].max():.1f} % at one place" in page.line.text()
    assert f"{100 * row[0]:.1f} % at the class token" in page.line.text()


def test_the_pointer_comes_before_the_pin_which_counts_again_when_it_leaves(vit):
    studio, page = vit
    studio.inspecting.pin((30, 20))
    until(lambda: "row 2, column 3" in page.line.text())
    page.show_point((3, 2))
    until(lambda: "row 0, column 0" in page.line.text())
    page.show_point(None)
    until(lambda: "row 2, column 3" in page.line.text())


def test_a_head_and_another_block_are_chosen(vit):
    studio, page = vit
    studio.inspecting.pin((30, 20))
    until(lambda: page.head.count() == HEADS + 1)
    page.head.setCurrentIndex(2)
    page.head.activated.emit(2)
    until(lambda: "head 2 of 2" in page.line.text())
    page.block.setCurrentIndex(0)
    page.block.activated.emit(0)
    until(lambda: studio.attending.state.kept.block.id == "blocks.0")
    until(lambda: page.block.currentData() == "blocks.0")
    assert studio.session.inspection.attention_block == "blocks.0"


def test_attention_lies_over_the_photo_and_follows_pin_and_head(vit, tmp_path):
    studio, page = vit
    session = studio.session
    until(lambda: page.empty_text == "")
    page.on_photo.click()
    until(lambda: session.inspection.overlay_note == "Click a pixel of the photo first.")
    studio.inspecting.pin((30, 20))
    until(lambda: isinstance(session.inspection.over_photo, OverPhotoHeat))
    heat = session.inspection.over_photo
    assert heat.caption == "blocks.1, mean of 2 heads, at 30, 20"
    row = by_hand(tmp_path, session.document, 1)[:, 1 + 2 * 6 + 3, 1:].mean(0).reshape(4, 6)
    wanted = np.rint(np.kron(row / row.max(), np.ones((8, 8))) * 255)
    assert np.abs(heat.levels.astype(int) - wanted).max() <= 1
    assert heat.high == pytest.approx(float(row.max()), abs=1e-5)
    studio.attending.choose_head(0)
    until(lambda: "head 1 of 2" in getattr(session.inspection.over_photo, "caption", ""))
    page.on_photo.click()
    until(lambda: session.inspection.over_photo is None)


def test_the_next_image_is_looked_at_in_the_same_way(vit):
    studio, page = vit
    until(lambda: studio.attending.state.kept is not None)
    first = studio.attending.state.traced
    studio.browsing.select(1)
    until(lambda: studio.session.inspection.traced not in (None, first))
    until(lambda: studio.attending.state.kept is not None)
    assert studio.attending.state.traced is studio.session.inspection.traced
    assert page.isVisible()


def test_nothing_is_asked_of_the_network_while_nobody_looks(qapp, tmp_path):
    with opened(tmp_path, write_vit(tmp_path), attention_page) as (studio, page):
        page.hide()
        studio.inspecting.trace_again()
        before = studio.session.inspection.traced
        until(lambda: studio.session.inspection.traced is not before)
        assert studio.jobs.wait_idle(10)
        QTest.qWait(20)
        assert studio.attending.state.blocks is None


def test_a_network_of_convolutions_says_that_it_has_no_attention(qapp, tmp_path):
    with opened(tmp_path, write_tiny_networks(tmp_path), attention_page) as (studio, page):
        assert studio.session.inspection.traced.model == UNET
        until(lambda: page.empty_text.endswith("has no attention: it is made of convolutions."))
        assert page.empty_text.startswith("Tiny Unet")


def proposals_page(studio):
    return ProposalsPage(studio.session, studio.proposing, studio.photo_overlay)


@pytest.fixture
def rcnn(qapp, tmp_path):
    specs = write_rcnn(tmp_path)
    with opened(tmp_path, specs, proposals_page) as desk:
        yield (*desk, specs[RCNN])


def test_proposals_are_listed_in_the_photo_s_pixels_and_drawn(rcnn):
    studio, page, spec = rcnn
    until(lambda: page.empty_text == "")
    segmenter = Segmenter(spec, device="cpu")
    x = torch.from_numpy(studio.session.document.pixels.astype(np.float32) / 255).permute(2, 0, 1)
    wanted = proposals(segmenter.network, x)
    until(lambda: len(page.proposals.rows) == len(wanted.after))
    first = page.proposals.rows[0]
    left, top, right, bottom = wanted.after.boxes[0]
    assert first.objectness == pytest.approx(float(wanted.after.objectness[0]), abs=1e-5)
    assert (first.left, first.top) == pytest.approx((left, top), abs=0.01)
    assert (first.width, first.height) == pytest.approx((right - left, bottom - top), abs=0.01)
    assert page.line.text().startswith(f"{len(wanted.after)} of {wanted.anchors:,} boxes are left")

    page.on_photo.click()
    until(lambda: isinstance(studio.session.inspection.over_photo, BoxesOverPhoto))
    page.count.setValue(7)
    until(lambda: len(page.proposals.rows) == 7)
    until(lambda: len(studio.session.inspection.over_photo.boxes) == 7)
    page.when.setCurrentIndex(1)
    page.when.activated.emit(1)
    until(lambda: "before suppression" in studio.session.inspection.over_photo.caption)
    boxes = studio.session.inspection.over_photo.boxes
    assert np.allclose(boxes, wanted.before.boxes[:7], atol=0.01)
    page.table.reached.emit(page.proposals.rows[2])
    until(lambda: studio.session.inspection.over_photo.marked == 2)
    page.on_photo.click()
    until(lambda: studio.session.inspection.overlay is Overlay.NOTHING)


def test_a_network_of_classes_says_that_it_proposes_nothing(qapp, tmp_path):
    with opened(tmp_path, write_tiny_networks(tmp_path), proposals_page) as (_, page):
        until(lambda: page.empty_text.startswith("Tiny Unet proposes no regions"))


def test_the_tokens_picture_follows_the_header(vit):
    studio, page = vit
    until(lambda: page.tokens.view.shape_hw != (0, 0))
    shown = page.tokens.view._photo
    studio.inspecting.choose_picture(MapPicture.COMPONENTS)
    until(lambda: page.tokens.view._photo is not shown)
    QApplication.processEvents()
    assert page.tokens.view.shape_hw[0] > 0


@pytest.mark.parametrize(
    ("write", "offered"), [(write_vit, "Attention"), (write_rcnn, "Proposals")]
)
def test_of_the_two_pages_the_one_is_offered_that_the_network_has(qapp, tmp_path, write, offered):
    def pages_of(studio):
        room = Services(
            studio.inspecting, studio.feature_maps, studio.explaining, studio.photo_overlay,
            studio.cutting, studio.pairing, studio.upsampling, studio.attending, studio.proposing,
        )  # fmt: skip
        return InspectionPages(studio.session, room)

    with opened(tmp_path, write(tmp_path), pages_of) as (_, pages):
        seen = {pages.tabText(n) for n in range(pages.count()) if pages.isTabVisible(n)}
        assert seen & {ATTENTION, PROPOSALS} == {offered}


def test_boxes_are_drawn_where_they_are_in_the_colour_of_their_score(qapp):
    image = QImage(100, 80, QImage.Format.Format_RGB32)
    image.fill(0)
    boxes = np.array([[10, 20, 40, 60], [50, 10, 90, 30]], np.float32)
    over = BoxesOverPhoto(boxes, np.array([1.0, 0.0], np.float32), ColourMap.GREY, "Proposals")
    painter = QPainter(image)
    paint_boxes(painter, over, lambda point: point)
    painter.end()
    assert QColor(image.pixel(40, 40)).red() == 255  # the right edge of the first
    assert QColor(image.pixel(10, 59)).red() == 255
    assert QColor(image.pixel(25, 45)).red() == 0  # nothing inside
    assert QColor(image.pixel(90, 29)).red() == 0  # the second has the colour of 0
