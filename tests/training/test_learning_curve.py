"""Learning curves by formula, with and without noise."""

import subprocess
import sys

import numpy as np
import pytest

from segstudio.training.learning_curve import LearningCurve, nested_parts


def scores(sizes, a, b, c, images=12, noise=0.0, seed=0):
    """Scores (sizes, images) about a - b n^-c; each image is as much easier or harder throughout."""
    rng = np.random.default_rng(seed)
    means = a - b * np.asarray(sizes, float) ** -c
    hard = rng.normal(0, 0.05, images)
    return means[:, None] + hard - hard.mean() + rng.normal(0, noise, (len(sizes), images))


@pytest.mark.parametrize(
    ("a", "b", "c"), [(0.9, 0.6, 0.5), (0.85, 0.9, 0.7), (0.8, 0.5, 0.35), (1.0, 0.8, 0.5)]
)
def test_a_power_law_is_carried_on(a, b, c):
    sizes = (5, 10, 20)
    curve = LearningCurve.of(sizes, scores(sizes, a, b, c))
    assert curve.means == pytest.approx([a - b * n**-c for n in sizes])
    for n in (20, 30, 60):
        assert curve.at(n).value == pytest.approx(a - b * n**-c, abs=0.01)
    wanted = b * (20**-c - 30**-c)
    gain = curve.gain(10)
    assert gain.value == pytest.approx(wanted, abs=0.006)
    assert gain.low <= wanted <= gain.high


def test_the_usual_exponent_is_met_exactly():
    curve = LearningCurve.of((4, 16, 64), scores((4, 16, 64), 0.9, 0.4, 0.5))
    # 0.9 - 0.4 / 16 and 0.9 - 0.4 / 32; the exponent is one of a grid
    assert curve.at(256).value == pytest.approx(0.875, abs=1e-3)
    assert curve.at(1024).value == pytest.approx(0.8875, abs=1e-3)


def test_two_points_give_a_wider_interval_than_three():
    two = LearningCurve.of((10, 20), scores((10, 20), 0.9, 0.6, 0.5))
    three = LearningCurve.of((5, 10, 20), scores((5, 10, 20), 0.9, 0.6, 0.5))
    widths = [g.high - g.low for g in (two.gain(40), three.gain(40))]
    assert widths[0] > widths[1]
    assert two.gain(40).value == pytest.approx(0.6 * (20**-0.5 - 60**-0.5), abs=0.01)


def test_farther_ahead_is_less_sure_and_noise_of_images_makes_it_less_sure():
    sizes = (5, 10, 20)
    curve = LearningCurve.of(sizes, scores(sizes, 0.9, 0.6, 0.5, noise=0.02))
    gains = [curve.gain(n) for n in (5, 20, 100)]
    assert np.all(np.diff([g.high - g.low for g in gains]) > 0)
    noisy = LearningCurve.of(sizes, scores(sizes, 0.9, 0.6, 0.5, images=5, noise=0.1)).gain(10)
    assert noisy.high - noisy.low > gains[1].high - gains[1].low


def test_an_image_that_is_hard_throughout_makes_nothing_less_sure():
    """Resamples draw the same images for all points."""
    sizes = (5, 10, 20)
    even, uneven = scores(sizes, 0.9, 0.6, 0.5), scores(sizes, 0.9, 0.6, 0.5)
    uneven[:, 0] -= 0.3
    gains = [LearningCurve.of(sizes, s, run_noise=0.001).gain(10) for s in (even, uneven)]
    widths = [g.high - g.low for g in gains]
    assert widths[1] == pytest.approx(widths[0], rel=0.3)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    sizes, held = (6, 12, 24), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        c = float(np.exp(rng.normal(np.log(0.5), 0.4)))
        seen = scores(sizes, 0.85, 0.7, c, noise=0.03, seed=seed)
        seen += rng.normal(0, 0.005, (3, 1))
        gain = LearningCurve.of(sizes, seen).gain(12)
        held += gain.low - 1e-9 <= 0.7 * (24**-c - 36**-c) <= gain.high + 1e-9
    assert held >= 52


def test_scores_that_fall_promise_nothing():
    curve = LearningCurve.of((5, 10, 20), [[0.8] * 6, [0.79] * 6, [0.77] * 6])
    assert curve.gain(10).value == 0
    assert curve.sentence().startswith("10 more images: about 0.00 [0.00, ")


def test_no_score_above_one_is_promised():
    curve = LearningCurve.of((5, 10, 20), [[0.5] * 6, [0.75] * 6, [0.97] * 6])
    assert curve.at(10**6).value <= 1
    assert curve.at(10**6).high <= 1


def test_images_without_a_score_in_one_training_are_left_out_of_all():
    seen = [[0.5, 0.2, np.nan], [0.6, np.nan, 0.9]]
    assert LearningCurve.of((5, 10), seen).means == (0.5, 0.6)


def test_the_sentence():
    curve = LearningCurve.of((5, 10, 20), scores((5, 10, 20), 0.9, 0.6, 0.5))
    gain = curve.gain(10)
    assert curve.sentence(10) == (
        f"10 more images: about +{gain.value:.2f} [+{gain.low:.2f}, +{gain.high:.2f}]"
    )
    assert curve.sentence(1).startswith("1 more image: about ")


def test_the_stopping_line_is_where_a_step_gains_less_than_it_is_worth():
    curve = LearningCurve.of((4, 16, 64), scores((4, 16, 64), 0.9, 0.4, 0.5))
    # 0.4 (n^-1/2 - (n + 64)^-1/2): 0.0146 at 64, 0.0049 at 163, 0.005 between 159 and 163
    line = curve.stopping(step=64, worth=0.005)
    assert 155 <= line.images <= 166
    assert (
        line.sentence
        == f"From about {line.images} images on, 64 more images bring less than 0.005."
    )
    here = curve.stopping(step=10, worth=0.01)
    assert here.images == 64
    assert here.sentence == f"{curve.sentence()}, below 0.01: more of the same kind hardly pays."
    far = curve.stopping(step=1000, worth=0.001)
    assert far.images is None
    assert far.sentence.endswith("go on.")


@pytest.mark.parametrize(
    ("sizes", "seen", "words"),
    [
        ((5,), [[0.5]], "two or more"),
        ((10, 5), [[0.5], [0.6]], "rising"),
        ((5, 10), [[0.5, 0.6]], "2 sizes"),
        ((5, 10), [[np.nan], [0.5]], "no image has a score"),
    ],
)
def test_what_gives_no_curve_is_refused(sizes, seen, words):
    with pytest.raises(ValueError, match=words):
        LearningCurve.of(sizes, seen)


def test_parts_lie_within_each_other():
    names = [f"image-{n:02}" for n in range(18)]
    parts = nested_parts(names, seed=3)
    assert [len(p) for p in parts] == [5, 9, 18]
    assert set(parts[0]) < set(parts[1]) < set(parts[2]) == set(names)
    assert nested_parts(names, seed=3) == parts != nested_parts(names, seed=4)
    assert [len(p) for p in nested_parts(names[:3])] == [2, 3]
    assert nested_parts(names[:1]) == [names[:1]]


def test_it_is_known_without_torch():
    code = "import segstudio.training.learning_curve, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
