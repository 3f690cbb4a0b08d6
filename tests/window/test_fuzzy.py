"""Finding commands by a few letters, and words of the help by their beginnings."""

from __future__ import annotations

from segstudio.kit.actions import ActionSpec
from segstudio.window.command_palette import fuzzy_score, ranked
from segstudio.window.help_pages import HelpPlace


def _spec(text: str) -> ActionSpec:
    return ActionSpec(text.lower(), "Menu", text, lambda _: None)


def _term(title: str, *names: str) -> HelpPlace:
    return HelpPlace("glossary", title, "x", "Glossary", names, "", is_term=True)


def _found(query, commands, places=(), off=()):
    rows = ranked(query, commands, places, lambda spec: spec.text not in off)
    return [row.text if isinstance(row, ActionSpec) else row.title for _, row in rows]


def test_letters_must_be_there_in_order():
    assert fuzzy_score("rna", "Run all") is not None
    assert fuzzy_score("all", "Run all") is not None
    assert fuzzy_score("lar", "Run all") is None
    assert fuzzy_score("xyz", "Run all") is None


def test_starts_of_words_and_letters_in_a_row_win():
    specs = [_spec(t) for t in ("Next image", "Export masks", "Next layer", "Fit image")]
    assert _found("em", specs)[0] == "Export masks"
    assert _found("next lay", specs)[0] == "Next layer"
    assert _found("image", specs) == ["Next image", "Fit image"]


def test_no_query_keeps_all_commands_in_order_and_what_can_be_done_first():
    specs = [_spec("b"), _spec("a"), _spec("c")]
    assert _found("", specs, [_term("a")]) == ["b", "a", "c"]
    assert _found(" ", specs, off=("b",)) == ["a", "c", "b"]


def test_words_may_come_in_any_order():
    assert fuzzy_score("image next", "Next image") is not None


def test_help_is_found_by_beginnings_of_words_and_by_short_forms():
    places = [_term("Mean IoU", "mIoU"), _term("Receptive field", "RF"), _term("Run")]
    specs = [_spec("Run"), _spec("Remove fields"), _spec("Fill, outline or both")]
    assert _found("miou", specs, places) == ["Mean IoU"]
    assert _found("rf", specs, places)[0] == "Receptive field"
    assert _found("iou", specs, places)[0] == "Mean IoU"
    assert "Mean IoU" not in _found("ou", specs, places)  # inside a word
    assert len(_found("r", specs, places)) == 3  # one letter: commands only


def test_a_command_comes_before_a_word_that_is_called_the_same():
    assert _found("run", [_spec("Run all"), _spec("Run")], [_term("Run")]) == [
        "Run",
        "Run",
        "Run all",
    ]
    rows = ranked("run", [_spec("Run")], [_term("Run")], lambda _: True)
    assert isinstance(rows[0][1], ActionSpec)
