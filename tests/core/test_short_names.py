"""What names have in common is left out of all alike; values worked out by hand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.short_names import TITLE_CUTS, elided_middle, shared_parts

SAMPLES = ["nuclei-01-even.png", "nuclei-04-clusters.png", "nuclei-05-small.png"]


@pytest.mark.parametrize(
    ("names", "begin", "end", "own"),
    [
        (SAMPLES, "nuclei-", ".png", ["01-even", "04-clusters", "05-small"]),
        (["well_01.tif", "well_02.tif"], "well_", ".tif", ["01", "02"]),
        # never inside a word or a number
        (["img10.png", "img12.png"], "", ".png", ["img10", "img12"]),
        (["reddish cell", "reddest cell"], "", " cell", ["reddish", "reddest"]),
        (["zoom 0.5.png", "zoom 0.7.png"], "zoom ", ".png", ["0.5", "0.7"]),
        (["1.5.png", "2.5.png"], "", ".png", ["1.5", "2.5"]),
        # a folder, an extension of two parts, a title of a model
        (["train/a.ome.tif", "train/b.ome.tif"], "train/", ".ome.tif", ["a", "b"]),
        (["Small U-Net, bilinear", "Small U-Net, transposed"], "Small U-Net, ", "",
         ["bilinear", "transposed"]),
        (["3 May, left", "4 May, left"], "", " May, left", ["3", "4"]),
        # nothing in common
        (["x.png", "y.tif"], "", "", ["x.png", "y.tif"]),
        ([*SAMPLES, "notes.jpg"], "", "", [*SAMPLES, "notes.jpg"]),
        ([], "", "", []),
        (["alone-1.png"], "", "", ["alone-1.png"]),
    ],
)  # fmt: skip
def test_what_all_names_share_is_cut_at_the_ends_of_words(names, begin, end, own):
    parts = shared_parts(names)
    assert (parts.begin, parts.end) == (begin, end)
    assert [parts.own(name) for name in names] == own


def test_titles_of_models_are_not_cut_at_a_hyphen():
    def own(*titles: str) -> list[str]:
        parts = shared_parts(titles, TITLE_CUTS)
        return [parts.own(title) for title in titles]

    assert own("Small U-Net", "U-Net") == ["Small U-Net", "U-Net"]
    assert own("U-Net, nuclei", "U-Net++, nuclei") == ["U-Net", "U-Net++"]
    assert own("A", "A b") == ["A", "A b"]
    assert own("U-Net, nuclei", "U-Net (nuclei)") == ["U-Net, nuclei", "U-Net (nuclei)"]
    assert own("run_01", "run_02") == ["01", "02"]


@pytest.mark.parametrize(
    ("names", "own"),
    [
        # "cell_" and ".png" would leave nothing of the first
        (["cell_.png", "cell_2.png"], ["cell_", "cell_2"]),
        # both ends overlap in the shorter name
        (["ab_ab", "ab_ab_ab"], ["ab", "ab_ab"]),
        (["-", "--"], ["-", "--"]),
        (["a.png", "a.png"], ["a", "a"]),
    ],
)
def test_no_name_becomes_empty(names, own):
    parts = shared_parts(names)
    assert [parts.own(name) for name in names] == own


PHOTOS = ["photo-01-ihc.png", "photo-02-cell.png", "photo-03-coins.png"]


def test_names_of_two_kinds_lose_the_beginning_of_their_kind_which_is_said_once():
    names = [*SAMPLES, *PHOTOS]
    parts = shared_parts(names)
    own = ["01-even", "04-clusters", "05-small", "01-ihc", "02-cell", "03-coins"]
    assert [parts.own(name) for name in names] == own
    assert parts.pattern == "nuclei-*, photo-*.png"
    folders = [f"{folder}/img_{n}.tif" for folder, n in
               (("test", 1), ("test", 2), ("test", 3), ("train", 4), ("train", 5), ("train", 6))]  # fmt: skip
    assert shared_parts(folders).pattern == "test/img_*, train/img_*.tif"


@pytest.mark.parametrize(
    "names",
    [
        # one more, alone of its kind: it would not be known which are meant
        [*SAMPLES, *PHOTOS, "notes-1.png"],
        # four kinds
        [f"{kind}-{n}.png" for kind, n in zip("aaabbbcccddd", range(12), strict=True)],
        # without the beginnings two would be called the same
        ["left-1.png", "left-2.png", "left-3.png", "right-1.png", "right-4.png", "right-5.png"],
        # a name that is a beginning and nothing else
        ["a-.png", "a-1.png", "a-2.png", "b-3.png", "b-4.png", "b-5.png"],
        # no cut inside a number
        ["1.5.png", "1.6.png", "1.7.png", "2.5.png", "2.6.png", "2.8.png"],
    ],
)
def test_beginnings_of_kinds_stay_where_something_would_be_lost(names):
    parts = shared_parts(names)
    assert parts.pattern == "*.png"
    assert [parts.own(name) for name in names] == [name.removesuffix(".png") for name in names]


def test_one_name_that_is_other_than_the_rest_counts_for_all():
    many = [f"plate_{n:06d}_x.png" for n in range(10_000)]
    assert shared_parts(many).pattern == "plate_*_x.png"
    many[7_777] = "plate_7777_y.png"
    assert shared_parts(many).pattern == "plate_*.png"
    many[3_333] = "3333.png"
    assert shared_parts(many).pattern == "*.png"
    many[5_000] = "5000"
    assert shared_parts(many).pattern == ""


@given(st.lists(st.text("ab-_. 1", min_size=1, max_size=8), min_size=2, max_size=5, unique=True))
def test_names_that_differ_stay_different_and_can_be_put_together_again(names):
    parts = shared_parts(names)
    own = [parts.own(name) for name in names]
    assert all(own)
    assert len({*own}) == len(names)
    if not parts.kinds:
        assert [parts.begin + text + parts.end for text in own] == names


def test_a_hundred_thousand_names_take_about_a_frame():
    names = [f"experiment-2026-03_well_{n:06d}_section.png" for n in range(100_000)]
    spent = []
    for _ in range(3):
        began = time.thread_time()
        assert shared_parts(names).pattern == "experiment-2026-03_well_*_section.png"
        spent.append(time.thread_time() - began)
    assert min(spent) < 0.1


def test_a_long_name_keeps_its_last_six_characters():
    def elided(width: int) -> str:
        return elided_middle("a rather long name-04b.x", width, len)

    assert elided(24) == "a rather long name-04b.x"
    assert elided(23) == "a rather long na…-04b.x"
    assert elided(12) == "a rat…-04b.x"
    assert elided(9) == "a…-04b.x", "no space before the gap"
    assert elided(7) == "…-04b.x"
    assert elided(4) == "…b.x"
    assert elided(1) == "…x"
    assert elided_middle("", 0, len) == ""


def test_an_accent_is_not_parted_from_its_letter():
    def seen(text: str) -> int:
        return sum(character != "\u0301" for character in text)

    text = "0123456789e\u0301abcdef"  # the last six letters would begin after the accent
    assert elided_middle(text, 9, seen) == "01…abcdef"
    text = "0123456789e\u0301bcdef"
    assert elided_middle(text, 9, seen) == "01…e\u0301bcdef"
    text = "0e\u03011234567abcdef"
    assert elided_middle(text, 9, seen) == "0e\u0301…abcdef"
