"""A studio with a trace, and what its explanations answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from fakes import make_folder, settle, write_photo
from tiny_networks import UNET, TinyEngine

from segstudio.clock import ManualClock
from segstudio.studio import Studio

HEIGHT, WIDTH = 20, 30


def studios(tmp_path, tiny_specs):
    """Opens a studio on three images of 20 x 30 with a network's trace."""
    made = []

    def make(**preprocess):
        spec = tiny_specs[UNET]
        spec = replace(spec, preprocess={**spec.preprocess, **preprocess})
        clock = ManualClock()
        studio = Studio(clock, tmp_path / f"home{len(made)}", TinyEngine({spec.id: spec}))
        made.append((studio, clock))
        studio.browsing.open_path(noisy_folder(tmp_path / "images"))
        rest(studio, clock)
        studio.inspecting.open()
        rest(studio, clock)
        assert studio.session.inspection.traced is not None
        return studio, clock

    yield make
    for studio, clock in made:
        studio.close()
        clock.run_posted()


def noisy_folder(root):
    """Images without flat parts, where the largest of four pixels would not be one."""
    make_folder(root)
    for number in range(3):
        rng = np.random.default_rng(number)
        write_photo(root / f"a{number}.png", rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8))
    return root


def rest(studio, clock):
    for _ in range(3):
        settle(studio, clock)
        clock.advance(0.2)
    for _ in range(3):
        settle(studio, clock)


def network_of(studio):
    (traced_model,) = studio.inspecting._traced_models.values()
    return traced_model._network


def photo_of(studio):
    pixels = studio.session.document.pixels
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()


def asked(studio, clock, verb, *args, **options):
    """What a verb answers; an error it told is raised."""
    answers, errors = [], []
    assert verb(*args, answers.append, errors.append, **options)
    rest(studio, clock)
    if errors:
        raise errors[0]
    (answer,) = answers
    return answer


def explained(studio, clock, stage, over):
    return asked(studio, clock, studio.explaining.explain, stage, over)
