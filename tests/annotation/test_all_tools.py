"""Random sequences of what all tools do: undone to the start, redone to the end, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio.annotation.editing import Editing
from segstudio.annotation.photo_regions import (
    Scribble,
    ShownPhoto,
    cells_under,
    foreground,
    like,
    wire_from,
)
from segstudio.annotation.region_operations import OPERATIONS, Target
from segstudio.annotation.region_outline import outline_at, reshaped
from segstudio.annotation.tidying import TidyRequest
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.mask_preview import MaskPreview
from segstudio.core.object_index import ObjectIndex
from segstudio.core.prediction import Prediction
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.core.shapes import ellipse_mask, rectangle_pixels
from segstudio.session.document import Document
from segstudio.session.session import Session, StrokeMakes, What
from segstudio.storage.image_ref import ImageRef

HEIGHT, WIDTH = 20, 30
Rng = np.random.Generator


@pytest.fixture
def colourful(empty):
    """A photo of two colours; classes 1 and 2 are of objects, 3 is of regions; two models have run.

    It is kept who writes each pixel.
    """
    empty.session.set_view(provenance=True)
    empty.settle()
    schema = empty.session.schema
    for class_id, name in ((2, "mitosis"), (3, "stroma")):
        schema = schema.with_class(ClassSpec(class_id, name, (9, 9, class_id)))
    empty.studio.schema_keeper.set(schema.with_objects({1, 2}, keeps_ids=False))
    document, rng = empty.document, np.random.default_rng(0)
    for run, ids in (("regions", None), ("things", np.zeros((HEIGHT, WIDTH), np.uint16))):
        labels = np.kron(rng.integers(0, 4, (5, 5)), np.ones((4, 6))).astype(np.uint8)
        if ids is not None:
            ids[:] = 10 * (labels > 0) + labels
        sure = np.full(labels.shape, 255, np.uint8)
        document.predictions[run] = Prediction(
            run, run, empty.session.schema, labels, sure, instance_ids=ids
        )
    empty.session.notify(What.PREDICTIONS)
    empty.settle()
    return empty


def photo() -> ShownPhoto:
    pixels = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    pixels[5:14, 8:22] = (180, 160, 150)
    return ShownPhoto(pixels)


def some(rng: Rng, count: int) -> list[tuple[float, float]]:
    """Points, some of which lie outside of the image."""
    xs, ys = rng.uniform(-3, WIDTH + 3, count), rng.uniform(-3, HEIGHT + 3, count)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def inside(rng: Rng) -> tuple[int, int]:
    return int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))


def drawn(desk, rng: Rng, *, erase: bool, ends: bool) -> None:
    points = some(rng, int(rng.integers(1, 5)))
    desk.editing.begin_stroke(*points[0], erase=erase, pressure=float(rng.uniform(0.2, 1)))
    for point in points[1:]:
        desk.editing.extend_stroke(*point, pressure=float(rng.uniform(0.2, 1)))
    if ends:
        desk.editing.end_stroke()
    else:
        desk.editing.abort_stroke()


def pixels_of(preview: MaskPreview):
    return preview.rect, preview.mask


def rectangle(desk, rng: Rng) -> None:
    rect = rectangle_pixels(*some(rng, 2), (HEIGHT, WIDTH))
    found = rect, np.ones(rect.shape_hw, np.bool_)
    desk.editing.paint_region(lambda: found, "Rectangle", bool(rng.integers(2)))


def ellipse(desk, rng: Rng) -> None:
    find = partial(ellipse_mask, *some(rng, 2), (HEIGHT, WIDTH))
    desk.editing.paint_region(find, "Ellipse", bool(rng.integers(2)))


def polygon(desk, rng: Rng) -> None:
    desk.editing.paint_polygon(some(rng, int(rng.integers(3, 7))), bool(rng.integers(2)))


def wand(desk, rng: Rng) -> None:
    found = like(photo(), inside(rng), int(rng.integers(256)), contiguous=bool(rng.integers(2)))
    desk.editing.paint_mask(*pixels_of(found), "Magic wand", bool(rng.integers(2)))


def superpixels(desk, rng: Rng) -> None:
    found = cells_under(photo(), [inside(rng), inside(rng)], int(rng.integers(6, 12)))
    desk.editing.paint_mask(*found, "Superpixels", bool(rng.integers(2)))


def grabcut(desk, rng: Rng) -> None:
    box = rectangle_pixels(*some(rng, 2), (HEIGHT, WIDTH))
    if not box.is_empty:
        lines = [Scribble(tuple(some(rng, 2)), bool(rng.integers(2)), 2.0)] * int(rng.integers(2))
        desk.editing.paint_mask(*pixels_of(foreground(photo(), box, lines)), "GrabCut")


def scissors(desk, rng: Rng) -> None:
    corners = some(rng, 3)
    ends = [*corners[1:], corners[0]]
    lines = [wire_from(photo(), a, 4.0).to(b) for a, b in zip(corners, ends, strict=True)]
    points = [point for line in lines for point in line]
    desk.editing.paint_polygon(points, bool(rng.integers(2)), "Intelligent scissors")


def reshape(desk, rng: Rng) -> None:
    outline = outline_at(desk.document.annotation, inside(rng))
    if outline is not None:
        rings = [ring.copy() for ring in outline.rings]
        rings[0][0] = some(rng, 1)[0]
        work = partial(reshaped, outline=outline, rings=rings)
        desk.editing.change_by("Region as polygon", work)


def operate(desk, rng: Rng) -> None:
    operation = OPERATIONS[int(rng.integers(len(OPERATIONS)))]
    selection = desk.session.selection
    target = (
        Target(objects=frozenset(selection.objects), places=selection.regions)
        if selection and rng.integers(2)
        else Target(classes=frozenset({int(rng.integers(1, 4))}) if rng.integers(2) else None)
    )
    amount = 0 if operation.amount is None else int(rng.integers(1, 8))
    desk.tidying.apply(TidyRequest(operation, target, amount, int(rng.integers(4))))


def split_between(desk, rng: Rng) -> None:
    desk.objects.split_between(inside(rng), inside(rng), by_photo=bool(rng.integers(2)))
    desk.settle()


def take(desk, rng: Rng) -> None:
    run, kind = ("regions", "things")[int(rng.integers(2))], int(rng.integers(3))
    if kind == 0:
        desk.editing.use_prediction(run)
    elif kind == 1:
        desk.editing.take_difference(run, *inside(rng))
    else:
        rect = rectangle_pixels(*some(rng, 2), (HEIGHT, WIDTH))
        desk.editing.take_region(run, rect, rng.random(rect.shape_hw) < 0.7)


def switch_objects(desk, rng: Rng) -> None:
    desk.objects.set_of_objects([int(rng.integers(1, 4))], on=bool(rng.integers(2)))


def named(verb: str) -> Callable[..., None]:
    return lambda desk, _rng: getattr(desk.objects, verb)()


ACTS: dict[str, Callable[..., None]] = {
    "brush": partial(drawn, erase=False, ends=True),
    "eraser": partial(drawn, erase=True, ends=True),
    "aborted stroke": partial(drawn, erase=False, ends=False),
    "aborted eraser": partial(drawn, erase=True, ends=False),
    "fill": lambda desk, rng: desk.editing.fill_at(*inside(rng)),
    "rectangle": rectangle,
    "ellipse": ellipse,
    "polygon": polygon,
    "wand": wand,
    "superpixels": superpixels,
    "grabcut": grabcut,
    "scissors": scissors,
    "region as polygon": reshape,
    "region operation": operate,
    "split": lambda desk, rng: desk.objects.split_by_line(some(rng, 2)),
    "split between": split_between,
    "merge": named("merge"),
    "delete": named("delete"),
    "class": lambda desk, rng: desk.objects.change_class(int(rng.integers(4))),
    "renumber": named("renumber"),
    "objects of regions": named("from_regions"),
    "of objects": switch_objects,
    "take": take,
    "clear": lambda desk, _rng: desk.editing.clear(),
    "undo": lambda desk, _rng: desk.editing.undo(),
    "redo": lambda desk, _rng: desk.editing.redo(),
}
sequences = st.lists(
    st.tuples(st.sampled_from(list(ACTS)), st.integers(0, 1 << 16)), min_size=1, max_size=25
)


def choose(desk, rng: Rng) -> None:
    """Class, brush, limits and selection for what comes next."""
    desk.session.set_view(
        active_class=int(rng.integers(1, 4)),
        brush_size=int(rng.integers(1, 12)),
        brush_square=bool(rng.integers(2)),
        brush_pressure=bool(rng.integers(2)),
        only_unlabelled=not rng.integers(3),
        fill_contiguous=bool(rng.integers(2)),
        stroke_makes=list(StrokeMakes)[int(rng.integers(3))],
    )
    kind = int(rng.integers(4))
    if kind == 0:
        desk.objects.select_at(*inside(rng))
    elif kind == 1:
        desk.objects.select_at(*inside(rng), add=True)
    elif kind == 2:
        desk.objects.select_box(Rect(2, 3, 14, 20))


def state(desk) -> tuple[bytes, bytes, bytes]:
    """Classes, numbers and writers; a map without numbers is as one of zeros."""
    annotation = desk.document.annotation
    ids = annotation.instances
    numbers = bytes(2 * annotation.labels.size) if ids is None else ids.tobytes()
    return annotation.labels.tobytes(), numbers, annotation.writers.tobytes()


def check(desk) -> None:
    """An object is of one class, background has none, and what is known of them is so."""
    annotation = desk.document.annotation
    ids = annotation.instances
    if ids is None:
        return
    assert not ids[annotation.labels == 0].any()
    index, fresh = desk.objects.index, ObjectIndex.of(annotation)
    assert index.ids == fresh.ids
    for info in index.all():
        classes = np.unique(annotation.labels[ids == info.id])
        assert classes.tolist() == [info.class_id]
        assert info.area == fresh.info(info.id).area
        assert info.rect.union(fresh.info(info.id).rect) == info.rect


def start_anew(desk) -> None:
    desk.studio.schema_keeper.set(desk.session.schema.with_objects({1, 2}, keeps_ids=False))
    while desk.document.history.can_undo:
        desk.editing.undo()
    desk.document.history.forget_undone()
    pixels = HEIGHT * WIDTH
    assert state(desk) == (bytes(pixels), bytes(2 * pixels), bytes(pixels))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sequences)
def test_what_all_tools_did_is_undone_and_redone_bit_for_bit(colourful, acts):
    desk = colourful
    start_anew(desk)
    behind, ahead = [state(desk)], []
    for name, seed in acts:
        rng = np.random.default_rng(seed)
        choose(desk, rng)
        ACTS[name](desk, rng)
        check(desk)
        expect(name, state(desk), behind, ahead)
    go_to_both_ends(desk, behind, ahead)


def expect(name: str, now: tuple, behind: list, ahead: list) -> None:
    """Undo and redo give a state that was there before; everything else may give a new one."""
    if name == "undo":
        if len(behind) > 1:
            ahead.append(behind.pop())
    elif name == "redo":
        if ahead:
            behind.append(ahead.pop())
    elif now != behind[-1]:
        behind.append(now)
        ahead.clear()
    assert now == behind[-1], name


def go_to_both_ends(desk, behind: list, ahead: list) -> None:
    editing, history = desk.editing, desk.document.history
    while ahead:
        behind.append(ahead.pop())
        editing.redo()
        assert state(desk) == behind[-1]
    assert not history.can_redo
    for wanted in reversed(behind[:-1]):
        editing.undo()
        assert state(desk) == wanted
        check(desk)
    assert not history.can_undo
    for wanted in behind[1:]:
        editing.redo()
        assert state(desk) == wanted
    assert not history.can_redo


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("of_objects", [False, True], ids=["regions", "objects"])
def test_a_thousand_strokes_on_a_large_image_take_less_than_100_mb(of_objects):
    """Each of 30 points along half the image, by a brush of 10 to 100 pixels."""
    side, rng = 4096, np.random.default_rng(3)
    session = Session()
    schema = LabelSchema.from_names(("background", "one", "two"))
    session.schema = schema.with_objects({1, 2} if of_objects else set(), keeps_ids=of_objects)
    ids = np.zeros((side, side), np.uint16) if of_objects else None
    annotation = LabelMap(np.zeros((side, side), np.uint8), ids)
    pixels = np.zeros((side, side, 3), np.uint8)
    session.document = Document(ImageRef("a.png", "/nowhere"), pixels, annotation)
    editing, history = Editing(session), session.document.history
    for number in range(1000):
        session.set_view(active_class=1 + number % 2, brush_size=int(rng.integers(10, 101)))
        points = rng.uniform(0, side, 2) + np.cumsum(rng.uniform(-80, 100, (30, 2)), axis=0)
        editing.begin_stroke(*points[0], erase=number % 5 == 4)
        for point in points[1:]:
            editing.extend_stroke(*point)
        editing.end_stroke()
    assert history.nbytes < 100 * 1024 * 1024
    end = annotation.labels.copy()
    while history.can_undo:
        editing.undo()
    assert not annotation.labels.any()
    assert annotation.instances is None or not annotation.instances.any()
    while history.can_redo:
        editing.redo()
    assert np.array_equal(annotation.labels, end)
