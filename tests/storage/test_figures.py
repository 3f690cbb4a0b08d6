"""Figures on disk."""

from __future__ import annotations

from segstudio.storage.figures import FigureStore, figure_key, packed, unpacked


def test_kept_under_what_they_come_from(tmp_path):
    store = FigureStore(tmp_path / "figures.sqlite")
    key = figure_key("image", "reference", "run")
    store.put({key: packed({"iou": 0.5, "names": ["a", None]})})
    store.close()
    again = FigureStore(tmp_path / "figures.sqlite")
    other = figure_key("image", "reference2", "run")
    found = again.get([key, other])
    assert unpacked(found[key]) == {"iou": 0.5, "names": ["a", None]}
    assert other not in found
    again.close()


def test_keys_tell_parts_apart():
    assert figure_key("ab", "c") != figure_key("a", "bc")
    assert figure_key("a", "") != figure_key("a")
    assert figure_key("a", "b") == figure_key("a", "b")


def test_damage_is_nothing():
    assert unpacked(b"no zlib") is None
    assert unpacked(packed({"a": 1})[:-3]) is None
