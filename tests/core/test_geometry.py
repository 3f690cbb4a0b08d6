from segstudio.core.geometry import Rect


def test_size_and_emptiness():
    rect = Rect(2, 3, 5, 10)
    assert (rect.height, rect.width, rect.shape_hw) == (3, 7, (3, 7))
    assert not rect.is_empty
    for empty in (Rect(2, 3, 2, 10), Rect(2, 3, 5, 1)):
        assert empty.is_empty
        assert 0 in empty.shape_hw


def test_set_operations():
    a, b = Rect(0, 0, 4, 6), Rect(2, 3, 9, 5)
    assert a.intersect(b) == Rect(2, 3, 4, 5)
    assert a.union(b) == Rect(0, 0, 9, 6)
    assert a.union(Rect(50, 50, 50, 60)) == a
    assert Rect(0, 0, 0, 0).union(b) == b
    assert a.intersect(Rect(4, 0, 5, 6)).is_empty


def test_growing_clipping_and_containing():
    assert Rect(1, 1, 2, 3).expand(2) == Rect(-1, -1, 4, 5)
    assert Rect(-1, -1, 4, 5).clip((3, 4)) == Rect(0, 0, 3, 4)
    rect = Rect.of_shape((3, 4))
    assert rect.contains(3, 2)
    assert not rect.contains(4, 2)
    assert not rect.contains(-1, 0)
    assert rect.slices == (slice(0, 3), slice(0, 4))
