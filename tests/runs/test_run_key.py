"""Names of runs: the same for what gives the same answers, another one for what does not."""

from __future__ import annotations

import os
from dataclasses import replace

from fakes import BLOBS, BRIGHT

from segstudio.core.prediction import (
    Ensemble,
    RunOptions,
    Variant,
    WeightsFile,
    effective_options,
    exact,
    route_names,
    with_routes,
)
from segstudio.runs.batch import model_of, run_key

USUAL = RunOptions()


def test_usual_options_and_thresholds_leave_the_models_name():
    assert run_key(BRIGHT, USUAL) == "bright"
    strict = RunOptions(device="cuda", score_threshold=0.9, mask_threshold=0.1)
    assert run_key(BRIGHT, strict) == "bright"


def test_options_that_change_the_answer_belong_to_it():
    options = [
        USUAL,
        RunOptions(tile_px=512),
        RunOptions(input_scale=2.0),
        RunOptions(flips=True),
        RunOptions(scales=(1.0, 1.5)),
    ]
    keys = [run_key(BRIGHT, o) for o in options]
    assert len(set(keys)) == len(keys)
    assert {model_of(key) for key in keys} == {"bright"}


def test_a_variants_own_options_are_in_its_id():
    variant = replace(
        BRIGHT, id="bright+half-123", made_of=Variant(BRIGHT, {"input_scale": 0.5, "tile_px": 512})
    )
    key = run_key(variant, USUAL)
    assert key == run_key(variant, effective_options(variant, USUAL))
    assert key == run_key(variant, RunOptions(tile_px=4096))
    assert run_key(variant, RunOptions(flips=True)) != key


def test_weights_that_change_make_another_run(tmp_path):
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"1")
    own = replace(BRIGHT, id="own", weights=WeightsFile(str(file)), embedded=False)
    both = replace(BRIGHT, id="mean", made_of=Ensemble((own, BLOBS)))
    before = [run_key(spec, USUAL) for spec in (own, both)]
    os.utime(file, ns=(5, 5))
    after = [run_key(spec, USUAL) for spec in (own, both)]
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert model_of(after[0]) == "own"


def test_published_weights_are_told_by_their_digest():
    specs = [
        replace(BRIGHT, embedded=False, weights=WeightsFile("net.pth", sha256=digest))
        for digest in ("aaaa", "bbbb")
    ]
    assert run_key(specs[0], USUAL) != run_key(specs[1], USUAL)


def test_the_route_by_which_a_network_runs_makes_another_run():
    quick = replace(BRIGHT, route="openvino")
    assert run_key(quick, USUAL) == "bright@openvino"
    assert model_of(run_key(quick, USUAL)) == "bright"
    both = replace(BRIGHT, id="mean", made_of=Ensemble((quick, BLOBS)))
    assert run_key(both, USUAL) == "mean@openvino+exact"
    half = replace(BRIGHT, id="half", made_of=Variant(quick, {"input_scale": 0.5}))
    assert run_key(half, USUAL) == "half@openvino"


def test_routes_are_given_to_the_parts_of_a_model_and_taken_from_them():
    both = replace(BRIGHT, id="mean", made_of=Ensemble((BRIGHT, BLOBS)))
    quick = with_routes(both, lambda part: "openvino" if part.id == "bright" else "")
    assert route_names(quick) == ("openvino",)
    assert exact(quick) == both
    assert with_routes(quick, lambda part: part.route) is quick
