"""Two networks: the second follows the first, and the stages are compared image by image."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import tifffile
import torchvision  # noqa: F401 - not within the time that jobs are waited for
from fakes import make_folder
from inspecting_desk import inspecting_desk, rest
from tiny_networks import SHUFFLE, UNET

from segstudio.inspection.stage_similarity import on_common_grid

STAGES = ("input", "inc", "down1", "down2", "up1", "up2", "outc")


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "images")


@pytest.fixture
def desk(tmp_path, folder, tiny_engine):
    """A studio with tiny networks whose inspector is open on the first of three images."""
    with inspecting_desk(tmp_path, tiny_engine, folder) as made:
        yield made


def centred(gram):
    """A Gram matrix made ready for the unbiased HSIC, element by element."""
    n = len(gram)
    gram = gram - np.diag(np.diag(gram))
    found = np.zeros_like(gram)
    rows, whole = gram.sum(axis=1), gram.sum()
    for i in range(n):
        for j in range(n):
            if i != j:
                found[i, j] = gram[i, j] - (rows[i] + rows[j]) / (n - 2)
                found[i, j] += whole / ((n - 1) * (n - 2))
    return found


def test_the_second_network_is_traced_beside_the_first_and_follows_the_image(desk):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    inspection = studio.session.inspection
    assert inspection.second.model == SHUFFLE
    assert [(r.stride, r.first, r.second) for r in studio.pairing.rows()][:3] == [
        (1, "input", "input"), (1, "inc", "inc"), (2, "down1", "down1"),
    ]  # fmt: skip
    studio.browsing.select(1)
    rest(studio, clock)
    assert studio.session.inspection.second is not inspection.second
    assert studio.session.inspection.second.document is studio.session.document
    studio.pairing.choose_second("")
    rest(studio, clock)
    assert studio.session.inspection.second is None
    assert studio.pairing.rows() == ()


def test_the_open_image_is_compared_while_someone_looks(desk):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    assert studio.pairing.state.similarity is None
    studio.pairing.watch(True)
    rest(studio, clock)
    found = studio.pairing.state.similarity
    assert (found.first_stages, found.second_stages) == (STAGES, STAGES)
    assert (found.images, found.document) == (1, studio.session.document)
    assert found.value("input", "input") == pytest.approx(1)
    inspection = studio.session.inspection
    grams = []
    for traced in (inspection.traced, inspection.second):
        features = on_common_grid(
            traced.trace.activation("up1"), traced.input_geometry, traced.trace.layer("up1")
        )
        grams.append(centred(features @ features.T))
    one, other = grams
    by_hand = (one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum())
    assert found.value("up1", "up1") == pytest.approx(by_hand, abs=1e-9)
    studio.browsing.select(2)
    rest(studio, clock)
    assert studio.pairing.state.similarity.document is studio.session.document
    assert studio.pairing.state.similarity is not found


def test_a_network_is_like_itself(desk):
    studio, clock = desk
    studio.pairing.choose_second(UNET)
    studio.pairing.watch(True)
    rest(studio, clock)
    found = studio.pairing.state.similarity
    np.testing.assert_allclose(np.diag(found.values), 1, atol=1e-9)
    np.testing.assert_allclose(found.values, found.values.T, atol=1e-9)
    assert found.partner("down1") == "down1"
    rows = list(csv.reader(io.StringIO(found.csv())))
    assert rows[0] == [f"{UNET} \\ {UNET}", *STAGES]
    assert rows[2][0] == "inc"
    assert rows[2][2] == "1.000000"


def compared(studio, clock):
    """What a comparison over the folder gives, and the (done, total) that were told meanwhile."""
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    seen = {}
    studio.session.changed.connect(
        lambda _change: seen.setdefault((studio.pairing.state.done, studio.pairing.state.total))
    )
    studio.pairing.compare(100)
    rest(studio, clock)
    return studio.pairing.state.similarity, [*seen]


def test_a_set_is_compared_image_by_image_and_only_the_open_traces_are_held(desk):
    studio, clock = desk
    found, seen = compared(studio, clock)
    assert (found.images, found.document, found.skipped) == (3, None, ())
    assert seen == [(0, 3), (1, 3), (2, 3), (0, 0)]
    assert len(studio.inspecting._traced_models) == 2
    assert found.value("input", "input") == pytest.approx(1)
    studio.browsing.select(1)
    rest(studio, clock)
    assert studio.pairing.state.similarity is found


def test_every_page_of_a_stack_is_compared(desk, folder):
    studio, clock = desk
    rng = np.random.default_rng(1)
    pages = rng.integers(0, 256, (3, 20, 30), np.uint8)
    tifffile.imwrite(folder / "a1b.tif", pages, photometric="minisblack")
    studio.browsing.rescan()
    found, seen = compared(studio, clock)
    assert (found.images, found.skipped) == (3 + 3, ())
    assert seen == [
        (0, 4), (1, 4), (2, 4), (3, 6), (4, 6), (5, 6), (0, 0),
    ]  # fmt: skip


def test_cancelling_keeps_what_was_compared(desk):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)

    def stop_after_one(_change):
        if studio.pairing.state.done == 1:
            studio.pairing.cancel()

    studio.session.changed.connect(stop_after_one)
    studio.pairing.compare(3)
    rest(studio, clock)
    assert not studio.pairing.state.running
    assert studio.pairing.state.similarity.images == 1


def test_cancelling_the_job_in_the_status_bar_ends_the_comparison(desk):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    studio.pairing.compare(3)
    for job in studio.jobs.jobs():
        job.cancel()
    rest(studio, clock)
    assert not studio.pairing.state.running


def test_an_image_that_cannot_be_read_is_named_and_passed_over(desk, folder):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    broken = studio.session.project.images[1]
    broken.path.write_bytes(b"no picture")
    studio.pairing.compare(3)
    rest(studio, clock)
    found = studio.pairing.state.similarity
    assert found.images == 2
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith(broken.name)


def test_another_first_model_takes_the_result_away(desk):
    studio, clock = desk
    studio.pairing.choose_second(UNET)
    rest(studio, clock)
    studio.pairing.compare(3)
    rest(studio, clock)
    assert studio.pairing.state.similarity.first == UNET
    studio.segmenting.choose(SHUFFLE)
    rest(studio, clock)
    assert studio.pairing.state.similarity is None
    assert studio.session.inspection.second.model == UNET


def test_opening_a_pair_opens_the_first_networks_stage(desk):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    studio.pairing.open_pair("down1", "up1")
    assert studio.pairing.state.pair == ("down1", "up1")
    assert studio.session.inspection.stage == "down1"


def test_a_model_without_weights_is_told(desk):
    studio, clock = desk
    studio.pairing.choose_second("somewhere-else")
    rest(studio, clock)
    assert "not on disk" in studio.pairing.state.problem
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    assert studio.pairing.state.problem == ""


def test_closing_the_panel_stops_and_opening_it_traces_both_again(desk):
    studio, clock = desk
    studio.pairing.choose_second(SHUFFLE)
    rest(studio, clock)
    studio.pairing.compare(3)
    studio.inspecting.close()
    rest(studio, clock)
    assert not studio.pairing.state.running
    assert studio.session.inspection.second is None
    studio.inspecting.open()
    rest(studio, clock)
    assert studio.session.inspection.second.model == SHUFFLE
