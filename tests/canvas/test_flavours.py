"""The ways to colour what has objects, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from views_desk import color_at, predict

from segstudio.canvas.view_words import ViewNames, legend
from segstudio.core.instances import Instances
from segstudio.core.object_tones import OBJECT_COLORS
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.kit.layer_names import FLAVOUR_TEXTS
from segstudio.session.session import Flavour, Layer, OverlayStyle


def two_touching():
    """Red objects 1 and 2 that touch at column 15, green stuff below from row 30 on."""
    labels, ids = np.zeros((40, 50), np.uint8), np.zeros((40, 50), np.uint16)
    labels[5:15, 5:25], labels[30:] = 1, 2
    ids[5:15, 5:15], ids[5:15, 15:25] = 1, 2
    return labels, ids


@pytest.fixture
def looking(desk):
    """One view of them at 4 x, filled, opaque."""
    desk.canvas.resize(600, 480)
    desk.open(desk.flat(40, 50), np.zeros((40, 50), np.uint8))
    labels, ids = two_touching()
    predict(desk, "a", labels, instance_ids=ids)
    desk.session.set_view(layer=Layer.PREDICTION, run="a", style=OverlayStyle.FILL, opacity=1.0)
    desk.settle()
    desk.viewport.zoom_to(4.0, (0, 0))
    desk.settle()
    return desk


def look(desk, flavour: Flavour, **values) -> None:
    desk.session.set_view(flavour=flavour, **values)
    desk.settle()


def colours(desk) -> dict[str, tuple[int, int, int]]:
    places = {"first": (9, 9), "second": (20, 9), "stuff": (20, 35), "ground": (40, 20)}
    return {name: color_at(desk, 0, *place) for name, place in places.items()}


def test_semantic_shows_the_classes_alone(looking):
    look(looking, Flavour.SEMANTIC)
    seen = colours(looking)
    assert seen["first"] == seen["second"] == looking.RED
    assert seen["stuff"] == looking.GREEN
    ground = seen["ground"]
    look(looking, Flavour.SEMANTIC, style=OverlayStyle.OUTLINE)
    assert color_at(looking, 0, 15, 9) == ground  # no line between objects of a class
    assert color_at(looking, 0, 9, 5) != ground


def test_by_object_each_has_a_colour_and_stuff_that_of_its_class(looking):
    look(looking, Flavour.INSTANCE)
    seen = colours(looking)
    assert (seen["first"], seen["second"]) == OBJECT_COLORS[:2]
    assert seen["stuff"] == looking.GREEN
    assert seen["ground"] == (100, 100, 100)


def test_panoptic_shows_classes_with_objects_in_shades(looking):
    look(looking, Flavour.PANOPTIC)
    seen = colours(looking)
    assert seen["first"] == looking.RED
    r, g, b = looking.RED  # the second is three tenths of the way to white
    wanted = [round(v + 0.3 * (255 - v)) for v in (r, g, b)]
    assert np.abs(np.array(seen["second"]) - wanted).max() <= 1
    assert seen["stuff"] == looking.GREEN
    look(looking, Flavour.PANOPTIC, style=OverlayStyle.OUTLINE)
    assert color_at(looking, 0, 14.9, 9) == looking.RED  # a line between the two


def test_hidden_classes_hide_their_objects_in_all_three(looking):
    for flavour in Flavour:
        look(looking, flavour, hidden_classes=frozenset({1}))
        seen = colours(looking)
        assert seen["first"] == seen["second"] == seen["ground"]


def test_dashed_lines_follow_the_flavour(looking):
    """Over the annotation the model's outline is dashed: around objects, or classes alone."""

    def dashes(left: int, right: int, top: int, bottom: int) -> int:
        image = looking.viewport.grab().toImage()
        (x0, y0), (x1, y1) = (looking.viewport.to_screen(p) for p in ((left, top), (right, bottom)))
        return sum(
            image.pixelColor(x, y).getRgb()[:3] == (255, 255, 255)
            for x in range(round(x0), round(x1))
            for y in range(round(y0), round(y1))
        )

    look(looking, Flavour.PANOPTIC, layer=Layer.BOTH)
    looking.session.document.truth = looking.session.document.annotation
    between, stuff = (13, 17, 7, 13), (5, 45, 28, 32)
    counts = {}
    for flavour in Flavour:
        look(looking, flavour, layer=Layer.BOTH)
        counts[flavour] = (dashes(*between) > 0, dashes(*stuff) > 0)
    assert counts == {
        Flavour.SEMANTIC: (False, True),
        Flavour.INSTANCE: (True, True),
        Flavour.PANOPTIC: (True, True),
    }


def test_many_objects_have_colours_up_to_the_last_id(looking):
    labels, ids = two_touching()
    ids[ids == 2] = 65535
    predict(looking, "a", labels, instance_ids=ids)
    look(looking, Flavour.INSTANCE)
    assert colours(looking)["second"] == OBJECT_COLORS[65534 % 10]


def said(desk) -> str:
    desk.canvas._fill_headers()
    return desk.canvas.panes[0].header.name.said.whole


def test_the_header_says_how_it_is_looked_at(looking):
    for flavour in Flavour:
        look(looking, flavour)
        assert said(looking).endswith(f"\u00b7 {FLAVOUR_TEXTS[flavour.value].lower()}")


def test_a_view_without_objects_shows_classes_and_says_nothing_of_objects(looking):
    labels, _ = two_touching()
    predict(looking, "a", labels)
    for flavour in Flavour:
        look(looking, flavour)
        assert "object" not in said(looking)
        assert colours(looking)["first"] == looking.RED


def test_an_image_without_a_single_object_says_so(looking):
    nothing = np.zeros((40, 50), np.uint16)
    empty = Instances(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.uint8),
        np.zeros((0, 28, 28), np.float16),
    )  # fmt: skip
    predict(looking, "a", nothing.astype(np.uint8), instance_ids=nothing, instances=empty)
    look(looking, Flavour.INSTANCE)
    assert said(looking).endswith("\u00b7 by object, no object found")


def test_the_legend_says_what_the_colours_of_objects_mean(looking):
    document = looking.session.document
    view = replace(looking.session.view, flavour=Flavour.INSTANCE)
    found = legend(document, view, ViewNames(), alone=True)
    assert [entry.text for entry in found.entries] == ["a colour for each object"]
    view = replace(view, flavour=Flavour.PANOPTIC)
    assert not legend(document, view, ViewNames(), alone=True).entries


def test_a_model_with_none_of_the_folders_classes_is_drawn_in_its_own_colours(looking):
    """Cars and trees, where the folder has other classes; both are drawn, and named."""
    labels, ids = two_touching()
    names = ("background", "car", "tree")
    own = LabelSchema(
        tuple(
            ClassSpec(number, name, color)
            for number, (name, color) in enumerate(
                zip(names, ((0, 0, 0), (10, 20, 200), (200, 150, 0)), strict=True)
            )
        )
    )
    predict(looking, "a", np.zeros_like(labels), instance_ids=ids, own=labels, schema=own)
    look(looking, Flavour.SEMANTIC, hidden_classes=frozenset({1}))  # of the folder's
    seen = colours(looking)
    assert (seen["first"], seen["stuff"]) == ((10, 20, 200), (200, 150, 0))
    assert seen["ground"] == (100, 100, 100)
    assert said(looking).endswith("not scored: none of its classes is in this folder's list")
    document, view = looking.session.document, looking.session.view
    entries = legend(document, view, ViewNames(), alone=True).entries
    assert [(e.text, e.color) for e in entries] == [
        ("tree", (200, 150, 0)),
        ("car", (10, 20, 200)),
    ]


def test_each_view_has_its_own_way_and_takes_it_along_into_new_views(looking):
    looking.canvas._comparing.set_layout(2)
    looking.session.set_pane(1, layer=Layer.PREDICTION, run="a")
    looking.canvas._comparing.choose(1, flavour=Flavour.SEMANTIC)
    looking.canvas._comparing.choose(0, flavour=Flavour.INSTANCE)
    looking.viewport.refit()
    looking.settle()
    assert color_at(looking, 0, 9, 9) == OBJECT_COLORS[0]
    assert color_at(looking, 1, 9, 9) == color_at(looking, 1, 20, 9) == looking.RED
    looking.canvas._comparing.choose_for_all(flavour=Flavour.PANOPTIC)
    assert {pane.flavour for pane in looking.session.view.all_panes} == {Flavour.PANOPTIC}
    looking.canvas._comparing.choose_for_all(flavour=Flavour.INSTANCE)
    looking.canvas._comparing.set_layout(4)
    assert {pane.flavour for pane in looking.session.view.all_panes} == {Flavour.INSTANCE}


@pytest.fixture
def painted(desk):
    """The same two objects in the annotation, nothing predicted; at 4 x, filled, opaque."""
    desk.canvas.resize(600, 480)
    labels, ids = two_touching()
    desk.open(desk.flat(40, 50), labels, instances=ids)
    desk.session.set_view(layer=Layer.ANNOTATION, style=OverlayStyle.FILL, opacity=1.0)
    desk.settle()
    desk.viewport.zoom_to(4.0, (0, 0))
    desk.settle()
    return desk


def test_the_objects_of_an_annotation_are_seen_in_all_three_ways(painted):
    look(painted, Flavour.SEMANTIC)
    seen = colours(painted)
    assert seen["first"] == seen["second"] == painted.RED
    assert said(painted).endswith("\u00b7 by class")
    look(painted, Flavour.INSTANCE)
    seen = colours(painted)
    assert (seen["first"], seen["second"]) == OBJECT_COLORS[:2]
    assert seen["stuff"] == painted.GREEN  # what is painted is never hidden
    document, view = painted.session.document, painted.session.view
    entries = legend(document, view, ViewNames(), alone=True).entries
    assert [e.text for e in entries] == ["a colour for each object"]
    look(painted, Flavour.PANOPTIC)
    seen = colours(painted)
    assert seen["first"] == painted.RED
    lighter = tuple(round(c + (255 - c) * 0.3) for c in painted.RED)
    assert seen["second"] == lighter


def test_semantic_draws_no_line_between_objects_of_an_annotation(painted):
    painted.viewport.zoom_to(2.0, (0, 0))  # so that a line covers a pixel
    look(painted, Flavour.SEMANTIC, style=OverlayStyle.OUTLINE)
    ground = color_at(painted, 0, 40, 20)
    assert color_at(painted, 0, 15, 9) == ground
    look(painted, Flavour.PANOPTIC, style=OverlayStyle.OUTLINE)
    assert color_at(painted, 0, 15, 9) != ground


def test_a_stroke_is_seen_among_the_objects_of_an_annotation(painted):
    look(painted, Flavour.INSTANCE)
    painted.session.set_view(active_class=2, brush_size=5)
    painted.editing.begin_stroke(40.5, 20.5)
    painted.editing.end_stroke()
    painted.settle()
    assert color_at(painted, 0, 40, 20) != (100, 100, 100)
