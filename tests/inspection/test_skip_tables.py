"""Every skip alone: the table of images and folders, and one skip looked at."""

from __future__ import annotations

import csv
import io
import weakref

import cv2
import numpy as np
import pytest
import tifffile
import torch
from cut_networks import (
    cutting_desk,
    iou_and_dice,
    labels_by_hand,
    network_and_input,
    outline,
)
from fakes import square, write_mask
from inspecting_desk import rest
from tiny_networks import SHUFFLE

import segstudio.inspection.nets.traced_model  # noqa: F401 - takes seconds, and no test shall wait for it
from segstudio.core.features import CutHow
from segstudio.session.inspection import MapPicture
from segstudio.session.session import What


@pytest.fixture
def desk(tmp_path, tiny_engine):
    yield from cutting_desk(tmp_path, tiny_engine)


# -- each skip alone ---------------------------------------------------------------------------


def test_the_table_of_a_folder_sums_the_pixels_of_its_images(desk):
    studio, clock = desk
    files = [ref.path for ref in studio.session.project.images]
    write_mask(files[1].parent / "masks" / "a1.png", square(left=2, size=14))
    truths = [cv2.imread(str(f.parent / "masks" / f.name), -1) for f in files]
    whole = labels_by_hand(studio)  # the three photos are the same
    cuts = [
        labels_by_hand(studio, edit_skip_two=torch.zeros_like),
        labels_by_hand(studio, edit_skip_one=torch.zeros_like),
        labels_by_hand(studio, edit_skip_one=torch.zeros_like, edit_skip_two=torch.zeros_like),
    ]
    studio.cutting.ablating.ablate_all("folder")
    assert studio.cutting.ablating.running
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert (found.images, found.total, found.scored, found.running) == (3, 3, 3, False)
    assert [row.name for row in found.rows] == ["down1 -> up1", "inc -> up2", "all"]
    for row, cut in zip(found.rows, cuts, strict=True):
        assert row.changed_share == pytest.approx(np.mean(whole != cut))
        truth = np.concatenate(truths)
        for class_id in (0, 1):
            before, _ = iou_and_dice(truth, np.concatenate([whole] * 3), class_id)
            after, dice = iou_and_dice(truth, np.concatenate([cut] * 3), class_id)
            assert row.iou_drop[class_id] == pytest.approx(before - after)
            assert row.after.metrics.dice[class_id] == pytest.approx(dice)
            a = np.concatenate([outline(t == class_id) for t in truths])
            b = np.concatenate([outline(cut == class_id)] * 3)
            assert row.after.boundary_iou[class_id] == pytest.approx(np.sum(a & b) / np.sum(a | b))
    lines = list(csv.DictReader(io.StringIO(found.csv())))
    assert [line["class"] for line in lines[:4]] == [
        "background", "class 1", "(mean)", "(foreground mean)",
    ]  # fmt: skip
    assert len(lines) == 3 * 4
    assert float(lines[0]["iou_drop"]) == pytest.approx(found.rows[0].iou_drop[0], abs=1e-6)


def test_every_page_of_a_stack_is_counted(desk):
    studio, clock = desk
    photo = studio.session.document.pixels
    root = studio.session.project.root
    tifffile.imwrite(root / "b.tif", np.stack([photo] * 3), photometric="rgb")
    for name, left in (("b", 2), ("b_p0002", 9)):
        write_mask(root / "masks" / f"{name}.png", square(left=left))
    whole = labels_by_hand(studio)
    cut = labels_by_hand(studio, edit_skip_one=torch.zeros_like)
    studio.browsing.rescan()
    rest(studio, clock)
    studio.browsing.select(3)
    rest(studio, clock)
    studio.browsing.select_page(2)
    rest(studio, clock)
    studio.session.set_view(active_class=1, brush_size=1)
    studio.editing.begin_stroke(4, 3)  # not saved yet
    studio.editing.end_stroke()
    painted = np.zeros_like(whole)
    painted[3, 4] = 1
    studio.browsing.select(0)
    rest(studio, clock)
    truths = [square(left=2), square(left=9), painted]
    studio.cutting.ablating.ablate_all([3])
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert (found.images, found.total, found.scored, found.where) == (3, 3, 3, "3 images")
    assert found.done == 3 * found.runs
    row = next(row for row in found.rows if row.name == "inc -> up2")
    for class_id in (0, 1):
        before, _ = iou_and_dice(np.concatenate(truths), np.concatenate([whole] * 3), class_id)
        after, _ = iou_and_dice(np.concatenate(truths), np.concatenate([cut] * 3), class_id)
        assert row.iou_drop[class_id] == pytest.approx(before - after)
    studio.cutting.ablating.ablate_all("folder")
    rest(studio, clock)
    assert studio.session.inspection.ablation.images == 6


def test_one_image_is_held_at_a_time_and_a_broken_one_is_left_out(desk, tiny_engine):
    studio, clock = desk
    studio.session.project.images[1].path.write_bytes(b"no image")
    alive, made = [], []
    traced_model = tiny_engine.traced_model

    def counted(*arguments):
        alive.append(sum(ref() is not None for ref in made))
        found = traced_model(*arguments)
        made.append(weakref.ref(found))
        return found

    tiny_engine.traced_model = counted
    studio.cutting.ablating.ablate_all("folder", CutHow.MEAN)
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert (found.images, found.how) == (2, CutHow.MEAN)
    assert [name for name, _ in found.left_out] == ["a1.png"]
    assert alive == [0, 0]


def test_the_table_is_filled_bit_by_bit_and_stops_when_asked(desk):
    studio, clock = desk
    seen = []

    def note(change):
        table = studio.session.inspection.ablation
        if change.what & What.CUTS and table is not None and table.rows:
            seen.append((table.images, len(table.rows), table.running))
            studio.cutting.ablating.stop()

    studio.cutting.ablating._slice_s = 0.0
    studio.session.changed.connect(note)
    studio.cutting.ablating.ablate_all("folder")
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert seen[0] == (1, 3, True)
    assert (found.images, found.running) == (1, False)


def test_a_table_of_an_image_goes_with_it_and_one_of_a_set_stays(desk):
    studio, clock = desk
    studio.cutting.ablating.ablate_all("image")
    rest(studio, clock)
    assert studio.session.inspection.ablation.where == "a0.png"
    studio.browsing.select(1)
    rest(studio, clock)
    assert studio.session.inspection.ablation is None
    studio.cutting.ablating.ablate_all([0, 2])
    rest(studio, clock)
    studio.browsing.select(2)
    rest(studio, clock)
    assert studio.session.inspection.ablation.where == "2 images"
    studio.cutting.show_run(studio.session.inspection.ablation.rows[0].cuts)
    rest(studio, clock)
    assert [c.cut.edge.id for c in studio.cutting.cuts] == ["down1 -> up1"]
    studio.segmenting.choose(SHUFFLE)
    rest(studio, clock)
    assert studio.session.inspection.ablation is None


# -- one skip ----------------------------------------------------------------------------------


def test_a_skip_is_shown_with_what_comes_from_below_and_what_becomes(desk):
    studio, clock = desk
    studio.inspecting.choose_picture(MapPicture.CHANNEL, 2)
    found, problems = [], []
    assert studio.cutting.skip_merges.look("inc -> up2", 30, found.append, problems.append)
    rest(studio, clock)
    (view,) = found
    model, x = network_and_input(studio)
    with torch.inference_mode():
        one = model.inc(x)
        two = model.down1(one)
        below = model.up2.up(model.up1(model.down2(two), two))
        first = model.up2.conv.double_conv[0]
        parts = [first(torch.cat([one, below * 0], 1)), first(torch.cat([one * 0, below], 1))]
        energy = [float((part - (0 if first.bias is None else first.bias[:, None, None])).square()
                        .sum()) for part in parts]  # fmt: skip
    assert [(p.kind.value, p.name, p.shape) for p in view.parts] == [
        ("skip", "inc", (4, 20, 32)),
        ("from below", "up1", (4, 20, 32)),
        ("joined", "up2", (8, 20, 32)),
        ("after", "up2", (4, 20, 32)),
    ]
    assert [p.share for p in view.sources] == pytest.approx(
        [e / sum(energy) for e in energy], rel=1e-3
    )
    assert view.response == "up2.conv.double_conv.0"
    for part, features in zip(view.parts, (one, below), strict=False):
        seen = features[0, 2, :, :30]  # the padding is no part of the photo
        assert part.picture.shape == (20, 30, 3)
        assert part.low == pytest.approx(float(seen.min()), rel=1e-2, abs=1e-3)
        assert part.high == pytest.approx(float(seen.max()), rel=1e-2, abs=1e-3)
        assert part.rms == pytest.approx(float(features.square().mean().sqrt()), rel=1e-2)
    assert problems == []
    assert not studio.cutting.skip_merges.look("no such", 30, found.append, problems.append)
