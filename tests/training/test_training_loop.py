import itertools

import pytest
import torch
from torch import nn

from segstudio.training.loop import Ema, FitOptions, Trainer, learning_rate_factor


def squares(model, batch):
    x, y = batch
    return {"loss": ((model(x) - y) ** 2).mean()}


def line_batches():
    x = torch.linspace(-1, 1, 16)[:, None]
    return itertools.repeat((x, 3 * x - 1))


def trainer(**options):
    torch.manual_seed(0)
    settings = {"steps": 120, "learning_rate": 0.1, "weight_decay": 0.0, "ema": 0.8} | options
    return Trainer(nn.Linear(1, 1), squares, FitOptions(**settings))


def test_learns_a_line():
    told = []
    model = trainer().run(line_batches(), told.append)
    assert model.weight.item() == pytest.approx(3, abs=0.1)
    assert model.bias.item() == pytest.approx(-1, abs=0.1)
    assert not model.training
    assert [p.step for p in told] == list(range(1, 121))
    assert told[-1].fraction == 1
    assert told[-1].losses["loss"] < told[0].losses["loss"]


def test_learning_rate_rises_and_falls():
    factors = [learning_rate_factor(f / 100, 0.05) for f in range(101)]
    assert factors[0] == pytest.approx(0.04)
    assert factors[5] == pytest.approx(1)
    assert factors[100] == pytest.approx(0.01)
    assert factors[5:] == sorted(factors[5:], reverse=True)


def test_time_budget_ends(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    running = trainer(steps=None, minutes=10 / 60)
    running.run(line_batches())
    assert running.seconds == 10
    assert running.step == 10


def test_cancel_stops_before_the_next_step_and_keeps_what_is_done(tmp_path):
    class Cancelled(Exception):
        pass

    running = trainer(checkpoint=tmp_path / "run.pt")

    def check():
        if running.step == 7:
            raise Cancelled

    with pytest.raises(Cancelled):
        running.run(line_batches(), check=check)
    assert running.step == 7
    assert trainer(checkpoint=tmp_path / "run.pt").step == 7


def test_resumed_training_equals_an_uninterrupted_one(tmp_path):
    whole = trainer(checkpoint=tmp_path / "whole.pt").run(line_batches())

    class StopError(Exception):
        pass

    first = trainer(checkpoint=tmp_path / "part.pt")

    def check():
        if first.step == 25:
            raise StopError

    with pytest.raises(StopError):
        first.run(line_batches(), check=check)
    resumed = trainer(checkpoint=tmp_path / "part.pt").run(line_batches())
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_bad_loss_is_skipped():
    running = trainer(steps=2)
    before = running.model.weight.item()
    x = torch.ones(1, 1)
    running.run(itertools.repeat((x, x * float("nan"))))
    assert running.model.weight.item() == before


def test_average_covers_buffers_too():
    model = nn.BatchNorm2d(1)
    ema = Ema(model, decay=0.5)
    model.running_mean.fill_(8.0)
    model.num_batches_tracked.fill_(3)
    ema.update(model)  # the first decay is 2 / 11
    assert ema.model.running_mean.item() == pytest.approx(8 * 9 / 11)
    assert ema.model.num_batches_tracked.item() == 3


def test_norms_and_biases_do_not_decay():
    running = Trainer(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), squares, FitOptions())
    decayed, free = running.optimizer.param_groups
    assert [p.ndim for p in decayed["params"]] == [2]
    assert [p.ndim for p in free["params"]] == [1, 1, 1]
    assert free["weight_decay"] == 0


def test_frozen_norm_keeps_the_averaged_statistics():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    norm = model[1]
    seen = []

    def loss(network, x):
        seen.append((norm.training, norm.running_mean.tolist()))
        return {"loss": network(x).square().mean()}

    running = Trainer(model, loss, FitOptions(steps=10, freeze_norm=0.5))
    running.run(itertools.repeat(torch.rand(4, 1, 3, 3)))
    assert [training for training, _ in seen] == [True] * 5 + [False] * 5
    means = [mean for _, mean in seen]
    assert means[3] != means[4]
    assert all(mean == means[5] for mean in means[6:])
    torch.testing.assert_close(norm.running_mean, running.ema.model[1].running_mean)


def test_a_spoilt_batch_leaves_no_trace_in_the_statistics():
    norm = nn.BatchNorm2d(1)

    def mean(model, batch):
        return {"loss": model(batch).square().mean()}

    running = Trainer(norm, mean, FitOptions(steps=3, learning_rate=0.1, freeze_norm=2.0))
    good = torch.arange(8.0).reshape(2, 1, 2, 2)
    running.run(iter([good, good * float("nan"), good]))
    # momentum 0.1, batch mean 3.5, twice: 0.35, then 0.9 * 0.35 + 0.35
    assert norm.running_mean.item() == pytest.approx(0.665)
    assert torch.isfinite(running.ema.model.running_var).all()
    assert norm.num_batches_tracked.item() == 2
