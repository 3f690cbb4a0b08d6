"""Numbers as people read them: rounding, steps of units, what is not defined."""

from __future__ import annotations

import math

import pytest

from segstudio.core.formatting import (
    bytes_text,
    cell_text,
    change_text,
    count_text,
    counted,
    duration_text,
    percent_text,
    ratio_text,
    seconds_text,
    short_text,
)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (ratio_text(0.98765), "0.988"),
        (ratio_text(0.98765, 2), "0.99"),
        (percent_text(0.0123), "1.2 %"),
        (percent_text(0.0123, 0), "1 %"),
        (change_text(0.0204), "+0.020"),
        (change_text(-0.5), "\u22120.500"),
        (change_text(-0.0004), "0.000"),
        (count_text(1_234_567), "1,234,567"),
        (short_text(999), "999"),
        (short_text(1000), "1.00 k"),
        (short_text(3_670_834), "3.67 M"),
        (short_text(12_870_000_000), "12.9 G"),
        (short_text(999_999), "1.00 M"),
        (bytes_text(512), "512 B"),
        (bytes_text(999), "999 B"),
        (bytes_text(1536), "1.5 kB"),
        (bytes_text(52_400), "52 kB"),
        (bytes_text(999_600), "1.0 MB"),
        (bytes_text(9_960_000), "10 MB"),
        (bytes_text(150 * 2**20), "157 MB"),
        (bytes_text(2 << 30), "2.1 GB"),
        (bytes_text(12_345e12), "12345 TB"),
        (seconds_text(0.0004), "0 ms"),
        (seconds_text(0.099), "99 ms"),
        (seconds_text(0.1), "0.10 s"),
        (seconds_text(2.349), "2.35 s"),
        (seconds_text(9.994), "9.99 s"),
        (seconds_text(9.996), "10 s"),
        (seconds_text(12.6), "13 s"),
        (duration_text(0.2), "1 s"),
        (duration_text(59.4), "59 s"),
        (duration_text(59.6), "1 min"),
        (duration_text(91), "2 min"),
        (duration_text(3599), "1 h"),
        (duration_text(7800), "2 h 10 min"),
    ],
)
def test_numbers_are_written_for_readers(written, wanted):
    assert written == wanted


@pytest.mark.parametrize("text", [ratio_text, percent_text, change_text, seconds_text])
def test_what_is_not_defined_is_a_dash(text):
    assert text(math.nan) == "\u2013"


def test_a_number_stands_with_its_noun_in_the_right_form():
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(2000, "class", "classes") == "2,000 classes"


def test_a_table_for_programs_has_nothing_where_a_figure_is_not_defined():
    assert (cell_text(0.5), cell_text(0.5, 4), cell_text(math.nan)) == ("0.500000", "0.5000", "")
