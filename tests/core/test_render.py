import numpy as np
import pytest

from segstudio.core import difference
from segstudio.core.render import (
    color_table,
    confidence_table,
    difference_table,
    entropy_table,
    outline,
    overlay_rgb,
)
from segstudio.core.schema import ClassSpec, LabelSchema

SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "cell", (200, 100, 0)),
        ClassSpec(2, "debris", (0, 50, 250)),
        ClassSpec(3, "void", (9, 9, 9)),
    ),
    ignore_index=3,
)


def test_colour_table():
    table = color_table(SCHEMA, hidden=frozenset({2}), opacity=0.5)
    assert table.shape == (256, 4)
    assert table.dtype == np.uint8
    assert table[1].tolist() == [200, 100, 0, 128]
    assert table[[0, 2, 3], 3].tolist() == [0, 0, 0]
    assert table[77, 3] == 128  # an id outside the schema is seen
    shown = color_table(SCHEMA, opacity=1, show_background=True, show_ignored=True)
    assert shown[[0, 3], 3].tolist() == [255, 255]
    assert color_table(SCHEMA, opacity=7)[1, 3] == 255


def test_difference_table_has_the_agreed_colours():
    table = difference_table(1.0)
    assert table[difference.AGREE].tolist() == [0x00, 0x9E, 0x73, 255]
    assert table[difference.ONLY_PREDICTION].tolist() == [0xD5, 0x5E, 0x00, 255]
    assert table[difference.ONLY_REFERENCE].tolist() == [0x56, 0xB4, 0xE9, 255]
    assert table[difference.WRONG_CLASS].tolist() == [0xCC, 0x79, 0xA7, 255]
    assert table[[difference.NOTHING, difference.IGNORED], 3].tolist() == [0, 0]


def test_confidence_table_is_clear_where_certain_and_lightest_in_doubt():
    table = confidence_table(0.6).astype(int)
    assert table[255, 3] == 0
    assert (np.diff(table[:, 3]) <= 0).all()
    assert table[:128, 3].tolist() == [153] * 128
    lightness = table[:, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(lightness) < 1).all()  # but for rounding
    assert lightness[:128].min() > 200  # a guess is seen on dark photos


def test_entropy_table_is_clear_without_doubt_and_lightest_at_the_highest():
    table = entropy_table(0.6).astype(int)
    assert table[0, 3] == 0
    assert table[64, 3] == round(64 / 127.5 * 153)
    assert set(table[128:, 3]) == {153}
    lightness = table[:, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(lightness) > -1).all()  # but for rounding
    half = entropy_table(0.6, 0.5)
    assert (half[128:] == table[255]).all()  # what is half as high at most is half as far to go
    assert half[51].tolist() == table[102].tolist()


def inner_borders(values, labels):
    result = np.zeros_like(labels)
    h, w = labels.shape
    for y in range(h):
        for x in range(w):
            for b, a in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= b < h and 0 <= a < w and values[b, a] != values[y, x]:
                    result[y, x] = labels[y, x]
    return result


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (12, 14)])
def test_outline_equals_a_pixel_by_pixel_search(shape):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, shape, dtype=np.uint8)
    np.testing.assert_array_equal(outline(labels), inner_borders(labels, labels))
    instances = rng.integers(0, 3, shape, dtype=np.uint16)
    both = labels.astype(int) * 10 + instances
    np.testing.assert_array_equal(outline(labels, instances), inner_borders(both, labels))


def test_outline_of_a_square_is_its_rim():
    labels = np.zeros((7, 7), np.uint8)
    labels[1:6, 1:6] = 4
    expected = labels.copy()
    expected[2:5, 2:5] = 0
    np.testing.assert_array_equal(outline(labels), expected)


def test_outline_of_a_rectangle_grown_by_one_pixel_is_that_of_the_whole():
    labels = np.random.default_rng(4).integers(0, 3, (20, 20), dtype=np.uint8)
    whole = outline(labels)
    part = outline(labels[4:12, 6:18])[1:-1, 1:-1]
    np.testing.assert_array_equal(part, whole[5:11, 7:17])


def test_touching_instances_are_outlined_apart():
    labels = np.ones((3, 4), np.uint8)
    instances = np.array([[1, 1, 2, 2]] * 3, np.uint16)
    assert not outline(labels).any()
    assert outline(labels, instances).tolist() == [[0, 1, 1, 0]] * 3


def test_overlay_fill_by_hand():
    image = np.full((1, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 3]], np.uint8)
    shown = overlay_rgb(image, labels, SCHEMA, 0.5, "fill")
    # alpha 128/255: 100 * 127/255 + (200, 100, 0) * 128/255, rounded
    assert shown.tolist() == [[[100, 100, 100], [150, 100, 50], [100, 100, 100]]]
    assert image.tolist() == [[[100] * 3] * 3]


def test_overlay_rounds_to_the_nearest_everywhere():
    rng = np.random.default_rng(8)
    image = rng.integers(0, 256, (150, 40, 3), dtype=np.uint8)
    labels = rng.integers(0, 4, (150, 40), dtype=np.uint8)
    table = color_table(SCHEMA, opacity=0.3).astype(np.float64)
    alpha = table[labels][..., 3:] / 255
    exact = image * (1 - alpha) + table[labels][..., :3] * alpha
    shown = overlay_rgb(image, labels, SCHEMA, 0.3, "fill")
    assert np.abs(shown - exact).max() <= 0.5 + 1e-9


def test_overlay_styles():
    image = np.zeros((5, 5, 3), np.uint8)
    labels = np.zeros((5, 5), np.uint8)
    labels[1:4, 1:4] = 1
    outlined = overlay_rgb(image, labels, SCHEMA, 0.5, "outline")
    assert outlined[1, 1].tolist() == [200, 100, 0]
    assert outlined[2, 2].tolist() == [0, 0, 0]
    both = overlay_rgb(image, labels, SCHEMA, 0.5, "both")
    assert both[1, 1].tolist() == [200, 100, 0]
    assert both[2, 2].tolist() == [100, 50, 0]
    hidden = overlay_rgb(image, labels, SCHEMA, 0.5, "both", hidden={1})
    np.testing.assert_array_equal(hidden, image)


def test_overlay_refuses_what_does_not_fit():
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError):
        overlay_rgb(image, np.zeros((2, 3), np.uint8), SCHEMA)
    with pytest.raises(ValueError):
        overlay_rgb(image, np.zeros((2, 2), np.uint8), SCHEMA, 0.5, "dotted")


def test_class_0_is_drawn_where_it_is_no_background():
    sky = LabelSchema((ClassSpec(0, "sky", (10, 20, 30)), ClassSpec(1, "road", (40, 50, 60))))
    table = color_table(sky, opacity=1)
    assert table[0].tolist() == [10, 20, 30, 255]
    assert color_table(sky, opacity=1, hidden={0})[0, 3] == 0
    labels = np.array([[0, 0, 1, 1]], np.uint8)
    photo = np.zeros((1, 4, 3), np.uint8)
    drawn = overlay_rgb(photo, labels, sky, 1.0, "fill")
    assert drawn[0].tolist() == [[10, 20, 30]] * 2 + [[40, 50, 60]] * 2
    lines = overlay_rgb(photo, labels, sky, 1.0, "outline")
    assert lines[0].tolist() == [[0, 0, 0]] * 2 + [[40, 50, 60], [0, 0, 0]]
