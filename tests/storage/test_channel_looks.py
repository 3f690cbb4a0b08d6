"""Channels in chosen colours and ranges, added up: values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.channel_looks import AS_IN_FILES, ChannelLook, ChannelLooks, looks_of
from segstudio.storage.picture import COMPOSITE, Picture, channel_colors
from segstudio.storage.states import load_channels, save_channels, set_damaged_aside


def picture(*channels, dtype=np.uint16, **about):
    """A picture of one row, from the values of each channel."""
    raw = np.stack([np.array([values], dtype) for values in channels], axis=-1)
    count = len(channels)
    names = tuple(f"c{i}" for i in range(count))
    return Picture(raw, 8 * raw.dtype.itemsize, channel_colors(count), names, **about)


def looks(**chosen):
    return looks_of((int(name[1:]), look) for name, look in chosen.items())


def seen(shown):
    return shown[0].tolist()


def test_colours_are_added_up_and_held_at_255():
    three = picture([0, 500, 1000], [1000, 500, 0], [0, 0, 1000])
    chosen = looks(
        c0=ChannelLook(color=(255, 128, 0), low=0, high=1000),
        c1=ChannelLook(color=(255, 0, 0), low=0, high=1000),
        c2=ChannelLook(on=False),
    )
    # 500 of 1000 is 127.5, to the even 128: of 128 that is 128 * 128 / 255 = 64.25
    # 0 + 255 red; 128 + 128 held at 255 and 64 green; 255 red and 128 green
    assert seen(three.shown(COMPOSITE, looks=chosen)) == [[255, 0, 0], [255, 64, 0], [255, 128, 0]]


def test_a_range_in_stored_values_spreads_them_from_black_to_white():
    three = picture([100, 150, 200, 400], [0] * 4, [0] * 4)
    chosen = looks(c0=ChannelLook(color=(255, 255, 255), low=100, high=200))
    # 100 -> 0, 150 -> 127.5 -> 128, 200 and above -> 255
    grey = [[v] * 3 for v in (0, 128, 255, 255)]
    assert seen(three.shown(COMPOSITE, looks=chosen)) == grey
    assert seen(three.shown(0, looks=chosen)) == grey  # also where it is shown alone
    assert seen(three.shown(0)) != grey


def test_one_end_may_be_left_to_the_image():
    three = picture([0, 100, 200], [0] * 3, [0] * 3)
    assert three.range_shown(0, looks(c0=ChannelLook(low=100.0))) == (100.0, 200.0)
    assert three.range_shown(0) == (0.0, 200.0)


def test_channels_beyond_the_composite_can_be_switched_on_and_others_off():
    raw = np.zeros((1, 2, 8), np.uint8)
    raw[0, 1, 5] = 255
    eight = Picture(raw, 8, channel_colors(8), tuple("abcdefgh"))
    assert not eight.is_on(5)
    assert seen(eight.shown()) == [[0, 0, 0], [0, 0, 0]]
    chosen = looks(c5=ChannelLook(on=True))
    assert seen(eight.shown(looks=chosen)) == [[0, 0, 0], [255, 0, 255]]
    red = looks(c5=ChannelLook(on=True, color=(51, 0, 0)), c0=ChannelLook(on=False))
    assert seen(eight.shown(looks=red)) == [[0, 0, 0], [51, 0, 0]]


@pytest.mark.parametrize("count", [2, 3, 4, 7, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_is_as_usual_in_other_words_looks_as_usual(count, dtype):
    raw = (np.random.default_rng(count).random((9, 11, count)) * 250).astype(dtype)
    names = tuple(map(str, range(count)))
    usual = Picture(raw, 8 * raw.dtype.itemsize, channel_colors(count), names)
    said = looks_of(
        (c, ChannelLook(usual.is_on(c), usual.color_of(c), *usual.ranges[c])) for c in range(count)
    )
    assert np.array_equal(usual.shown(looks=said), usual.shown())


def test_small_values_are_bright_where_the_file_says_so():
    inverse = picture([0, 100], [0, 0], [0, 0], white_is_zero=True)
    chosen = looks(
        c0=ChannelLook(color=(255, 0, 0), low=0, high=100),
        c1=ChannelLook(on=False),
        c2=ChannelLook(on=False),
    )
    assert seen(inverse.shown(looks=chosen)) == [[255, 0, 0], [0, 0, 0]]


def test_what_is_chosen_as_it_was_is_no_choice():
    chosen = AS_IN_FILES.changed(1, on=True).changed(0, color=(1, 2, 3))
    assert [number for number, _ in chosen.chosen] == [0, 1]
    assert chosen.upto(1).chosen == ((0, ChannelLook(color=(1, 2, 3))),)
    assert chosen.changed(1, on=None).changed(0, color=None) == AS_IN_FILES
    assert not AS_IN_FILES


def test_it_is_kept_and_nonsense_is_left_out(tmp_path):
    chosen = ChannelLooks(
        ((0, ChannelLook(on=False)), (2, ChannelLook(True, (1, 2, 255), 0.5, 7.0)))
    )
    save_channels(tmp_path, tmp_path, chosen)
    assert load_channels(tmp_path) == chosen
    assert set_damaged_aside(tmp_path) == ()
    (tmp_path / "channels.json").write_text(
        '{"channels": [{"channel": 1, "on": true}, {"channel": -1}, {"color": [1, 2]}, 5,'
        ' {"channel": 3, "color": [1, 2, 300]}, {"channel": 4, "low": "x"}]}'
    )
    assert load_channels(tmp_path) == ChannelLooks(((1, ChannelLook(on=True)),))
    (told,) = set_damaged_aside(tmp_path)
    assert "has values that cannot be used" in told
    assert load_channels(tmp_path / "nowhere") == AS_IN_FILES
