import json
import math

import pytest

from segstudio.training.records import (
    Done,
    Epoch,
    Failed,
    Note,
    Paused,
    Proof,
    RangeTest,
    Resumed,
    Started,
    StepTaken,
    StoppedEarly,
    event_of,
    read_record,
)

EVENTS = [
    Started(
        "r", "o", "unet", "scratch", "cpu", 2, "float32", [{"id": 0, "name": "é"}],
        {"train": ["a"]}, {"minutes": 2.0}, 64, 4, "dice", 0.003, ["Because."],
    ),
    RangeTest([0.1, 0.2], [3.0, 2.0], 0.1),
    StepTaken(4, 1, 0.5, 12.0, 12.0, 0.7, {"loss": 0.7}, 0.002),
    Epoch(1, 12.0, 0.7, 0.8, [0.5, 0.25], [0.6, 0.4], 0.375, 0.5, best=True, overlays="e"),
    Paused(3.0), Resumed(3.0, 7), StoppedEarly(4.0),
    Proof(0.5, 0.75, 0.25, 0.125, 0.375, 14, better=True, text="t"),
    Done("o", 3, 60.0), Failed("No.", "Do."), Note("n"),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.event)
def test_a_line_says_the_event(event):
    line = event.to_line()
    assert "\n" not in line
    assert event_of(line) == event
    assert event.to_json()["event"] == event.event


def test_what_is_no_number_is_null_in_between():
    epoch = Epoch(1, 1.0, 0.5, math.nan, [math.nan, 0.5], [0.5, math.nan], 0.5, 0.5, True, "")
    assert epoch.to_json()["iou"] == [None, 0.5]
    again = event_of(epoch.to_line())
    assert math.isnan(again.validation_loss)
    assert math.isnan(again.iou[0])
    assert again.iou[1] == 0.5


@pytest.mark.parametrize(
    "line", ["", "{", '{"event": "of another version"}', '{"event": "done"}', "3"]
)
def test_other_lines_are_passed_over(line):
    assert event_of(line) is None


@pytest.mark.parametrize(
    ("event", "name", "value"),
    [
        (EVENTS[0], "classes", 8),
        (EVENTS[0], "images", {"train": 3}),
        (EVENTS[0], "out", None),
        (EVENTS[0], "crop", True),
        (EVENTS[0], "why", ["so", 1]),
    ],
)
def test_a_line_whose_values_are_of_another_kind_is_passed_over(event, name, value):
    data = event.to_json()
    assert event_of(json.dumps(data)) == event
    assert event_of(json.dumps({**data, name: value})) is None


def test_a_record_that_a_crash_cut_off_is_read_up_to_there(tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_text(f"{EVENTS[1].to_line()}\n{EVENTS[3].to_line()[:30]}")
    assert list(read_record(path)) == [EVENTS[1]]
