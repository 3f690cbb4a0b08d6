"""Which file a dialog's answer names."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QFileDialog

from segstudio.kit.file_dialogs import ask_csv, ask_file_to_write
from segstudio.session.session import Session

PICTURES = {"PNG picture (*.png)": ".png", "SVG drawing (*.svg)": ".svg"}


@pytest.fixture
def answers(monkeypatch):
    """What the user answers, one after the other; what was suggested to them is noted."""
    given, suggested = [], []

    def ask(_parent, _title, start, _kinds):
        suggested.append(start)
        return given.pop(0)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    return given, suggested


@pytest.mark.parametrize(
    ("typed", "kind", "named"),
    [
        ("a", "SVG drawing (*.svg)", "a.svg"),
        ("a", "", "a.png"),
        ("a.SVG", "PNG picture (*.png)", "a.SVG"),
        ("zoom 0.5", "PNG picture (*.png)", "zoom 0.5.png"),  # 5 is no ending
        ("a.jpg", "PNG picture (*.png)", "a.jpg.png"),
    ],
)
def test_a_name_without_one_of_the_endings_gets_one(answers, tmp_path, typed, kind, named):
    answers[0].append((str(tmp_path / typed), kind))
    found = ask_file_to_write(None, "Save", tmp_path / "x.png", PICTURES)
    assert found == tmp_path / named


def test_a_file_that_the_user_did_not_name_is_not_replaced_unasked(answers, tmp_path):
    (tmp_path / "a.png").touch()
    answers[0][:] = [(str(tmp_path / "a"), ""), (str(tmp_path / "a.png"), "")]
    assert ask_file_to_write(None, "Save", tmp_path / "x.png", PICTURES) == tmp_path / "a.png"
    assert answers[1] == [str(tmp_path / "x.png"), str(tmp_path / "a.png")]
    answers[0][:] = [(str(tmp_path / "a"), ""), ("", "")]
    assert ask_file_to_write(None, "Save", tmp_path / "x.png", PICTURES) is None


def test_a_table_is_a_csv_file_whatever_the_user_types(answers, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    answers[0].append((str(tmp_path / "scores"), "CSV (*.csv)"))
    assert ask_csv(None, "Save scores", Session(), "scores.csv") == tmp_path / "scores.csv"
    assert answers[1] == [str(tmp_path / "scores.csv")]
