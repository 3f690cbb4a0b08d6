"""Each architecture is trained for two steps, written, and opened again as a user's file."""

import numpy as np
import pytest
import torch
from training_sets import square_image

from segstudio.core.prediction import Output
from segstudio.core.schema import LabelSchema
from segstudio.models.recognition import spec_from_weights
from segstudio.models.segmenter import Segmenter
from segstudio.training.data import Sample
from segstudio.training.epoch_training import CropLoss, Crops, EpochTrainer, Judge
from segstudio.training.fingerprint import Fingerprint
from segstudio.training.model_file import load_state_of, save_model
from segstudio.training.plan import ARCHITECTURES, Wanted, propose
from segstudio.training.start_networks import built_network, saved_state

SCHEMA = LabelSchema.from_names(["ground", "square"])


class Images:
    def sample(self, name):
        image, labels = square_image(int(name))
        return Sample(name, image, labels)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_what_it_learns_can_be_written_and_read(arch, tmp_path):
    if arch == "segformer":
        pytest.importorskip("transformers")
    names = ["0", "1", "2"]
    images = Images()
    found = Fingerprint.of(images.sample(n) for n in names)
    plan = propose(found, SCHEMA, Wanted(arch=arch, epochs=1, crop=64, batch=2))
    network = built_network(plan)
    loss = CropLoss(plan, Output(), 2)
    trainer = EpochTrainer(network, Crops(images, names, plan), loss, plan)
    before = {k: v.clone() for k, v in saved_state(network).items()}
    trainer.progress.rate = 1e-3
    losses = [trainer.take_step() for _ in range(2)]
    assert np.isfinite(losses).all()
    changed = [k for k, v in saved_state(network).items() if not torch.equal(v, before[k])]
    assert len(changed) > 0.5 * len(before)

    out = tmp_path / "net.safetensors"
    description = {
        "id": "net", "title": "Net", "family": plan.family, "task": "semantic",
        "builder": plan.builder, "options": plan.options, "schema": SCHEMA.to_json(),
        "preprocess": plan.preprocess, "output": {"kind": "softmax"},
    }  # fmt: skip
    save_model(out, trainer.averaged, description, saved_state(trainer.averaged), half=False)
    again = built_network(plan)
    load_state_of(again, out)
    image, _ = square_image(9)
    opened = Segmenter(spec_from_weights(out), device="cpu").predict(image).labels
    judge = Judge(images, ("9",), _preprocess(plan), Output(), (0, 1), torch.device("cpu"))
    shown = {}
    judge.look(again.eval(), show=shown.__setitem__)
    assert np.mean(shown["9"] == opened) > 0.999


def _preprocess(plan):
    from segstudio.models.preprocess import Preprocess

    return Preprocess.from_dict(plan.preprocess)


def test_the_same_seed_makes_the_same_network():
    images = Images()
    found = Fingerprint.of([images.sample("0")])
    one, same, other = (
        built_network(propose(found, SCHEMA, Wanted(seed=seed))).state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(one[k], same[k]) for k in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
