"""Finding commands by a few letters."""

from __future__ import annotations

from segstudio.window.command_palette import fuzzy_score, fuzzy_sorted


def test_letters_must_be_there_in_order():
    assert fuzzy_score("rna", "Run all") is not None
    assert fuzzy_score("all", "Run all") is not None
    assert fuzzy_score("lar", "Run all") is None
    assert fuzzy_score("xyz", "Run all") is None


def test_starts_of_words_and_letters_in_a_row_win():
    texts = ["Next image", "Export masks", "Next layer", "Fit image"]
    assert fuzzy_sorted("em", texts)[0] == 1
    assert fuzzy_sorted("next lay", texts)[0] == 2
    assert fuzzy_sorted("image", texts) == [0, 3]


def test_no_query_keeps_everything_in_order():
    assert fuzzy_sorted("", ["b", "a"]) == [0, 1]


def test_words_may_come_in_any_order():
    assert fuzzy_score("image next", "Next image") is not None
