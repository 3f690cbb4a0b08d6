"""A backward pass that would take too much memory stops before it does."""

import pytest
import torch
from inspection_networks import image, network, unet

from segstudio.core.errors import SegstudioError
from segstudio.inspection.nets import attribution
from segstudio.inspection.nets.attribution import kept_within, memory_to_spare
from segstudio.inspection.nets.running import masks_left_small, run
from segstudio.inspection.nets.targets import LogitTarget
from segstudio.inspection.nets.tracing import trace


def test_what_is_kept_is_counted_once_for_each_storage():
    # exp keeps its result (4 kB); square keeps its argument, which is that same result
    start = torch.zeros(1000, requires_grad=True)
    with kept_within(4000):
        torch.exp(start).square()
    with pytest.raises(SegstudioError, match="memory"), kept_within(7999):
        torch.exp(torch.exp(start))
    with kept_within(8000):
        result = torch.exp(torch.exp(start)).sum()
    result.backward()
    torch.testing.assert_close(start.grad, torch.full((1000,), torch.e))


def test_gradients_that_would_not_fit_say_so_and_leave_the_network_usable(monkeypatch):
    model, picture = unet(3, 2, 4, 2), image(16, 20)
    found = trace(model, picture)
    monkeypatch.setattr(attribution, "memory_to_spare", lambda _device: 10_000)
    with pytest.raises(SegstudioError, match="needs more than 10 kB of") as caught:
        attribution.gradients(model, picture, found, LogitTarget(0))
    assert "smaller image" in caught.value.hint
    monkeypatch.undo()
    result = attribution.gradients(model, picture, found, LogitTarget(0))
    assert result.image.shape == (3, 16, 20)
    assert result.image.any()


def test_a_part_of_the_free_memory_may_be_taken():
    assert 0 < memory_to_spare(torch.device("cpu")) < 2**50


def test_masks_are_not_pasted_where_only_the_features_are_wanted():
    model, picture = network("maskrcnn-embedded"), image(96, 128)
    with torch.no_grad():
        (usual,) = run(model, picture[None])
        with masks_left_small(model):
            (small,) = run(model, picture[None])
        (again,) = run(model, picture[None])
    assert len(usual["scores"]) > 0
    assert usual["masks"].shape[1:] == again["masks"].shape[1:] == (1, 96, 128)
    assert small["masks"].shape == (len(usual["scores"]), 1, 28, 28)
    assert torch.equal(small["scores"], usual["scores"])
    assert torch.equal(again["masks"], usual["masks"])
