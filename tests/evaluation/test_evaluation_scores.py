"""What an evaluation found is in the list of images and in the folder's scores as well."""

from __future__ import annotations

import pytest
from fakes import make_folder


def test_the_folders_scores_follow_an_evaluation(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 3))
    desk.studio.evaluating.start(("bright",))
    desk.settle()
    assert set(desk.session.counts) == {(i, "bright") for i in range(3)}
    scores = desk.studio.scoring.of_folder("bright")
    assert scores.images == 3
    # two squares of 100 of 600 pixels, two columns apart
    assert scores.summed.mean_iou == pytest.approx((80 / 120 + 480 / 520) / 2)
