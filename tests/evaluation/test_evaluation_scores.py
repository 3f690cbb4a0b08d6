"""What an evaluation found is in the list of images and in the folder's scores as well."""

from __future__ import annotations

import shutil

import pytest
from evaluating_steps import evaluate, later
from fakes import make_folder, square, write_mask, write_photo

from segstudio.folder.files import FolderFiles


def test_the_folders_scores_follow_an_evaluation(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", 3))
    desk.studio.evaluating.start(("bright",))
    desk.settle()
    assert set(desk.session.counts) == {(i, "bright") for i in range(3)}
    scores = desk.studio.scoring.of_folder("bright")
    assert scores.images == 3
    # two squares of 100 of 600 pixels, two columns apart
    assert scores.summed.mean_iou == pytest.approx((80 / 120 + 480 / 520) / 2)


def test_what_an_evaluation_counted_is_not_counted_again(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "nuclei", 5))
    counted = []
    monkeypatch.setattr(FolderFiles, "counted", lambda *maps: counted.append(maps))
    evaluate(desk)
    assert counted == []
    assert {i for i, _ in desk.session.counts} == set(range(5))
    taken = desk.studio.scoring.of_folder("bright").image_means["image_mean_iou"]
    assert taken == pytest.approx(desk.evaluating.table.figure("bright", "image_mean_iou"))


def test_scores_follow_an_image_that_another_program_changed(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 5)
    desk.open(root)
    evaluate(desk)
    write_mask(root / "masks" / "a4.png", square(left=5))  # exactly what the model finds
    desk.evaluating.refresh([4])
    later(desk)
    desk.segmenting.show("bright")
    assert [desk.studio.scoring.lead_of(i) for i in (3, 4)] == pytest.approx([80 / 120, 1])


def test_scores_are_against_what_is_corrected_though_figures_are_against_the_originals(
    desk, tmp_path
):
    desk.open(make_folder(tmp_path / "nuclei", 5))
    desk.evaluating.set_options(originals=True)
    desk.editing.clear()
    later(desk, 3)
    desk.browsing.select(4)
    desk.settle()
    desk.browsing._documents.drop(desk.session.project.images[0])
    evaluate(desk)
    assert desk.session.counts[0, "bright"].counts.tolist() == [[500, 100], [0, 0]]
    assert desk.session.counts[3, "bright"].counts.tolist() == [[480, 20], [20, 80]]
    assert desk.evaluating.table.class_iou("bright")[0, 1] == pytest.approx(80 / 120)


def test_copies_of_an_image_count_each(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", 2)
    write_photo(root / "a1.png", square(left=9))
    for number in range(2, 12):
        for folder in (root, root / "masks"):
            shutil.copy(folder / f"a{number % 2}.png", folder / f"a{number}.png")
    desk.open(root)
    table = evaluate(desk)
    assert len(desk.engine.runs) == 2
    assert desk.session.evaluation.done == {"bright": 12}
    assert all(desk.session.state(i).runs == {"bright"} for i in range(12))
    scores = desk.scoring.of_folder("bright")
    assert scores.images == 12
    assert scores.summed.truth_pixels.sum() == 12 * 600
    assert scores.summed.mean_iou == pytest.approx(table.figure("bright", "mean_iou"))
