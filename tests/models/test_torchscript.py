"""TorchScript models are recognised, run as they were saved, and reach for nothing else."""

import re
import warnings
import zipfile

import numpy as np
import pytest
import torch
from scripted_nets import Halving, Wrapped, halving, save_script
from segmenters import image, logits_of
from torch import nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import RunOptions
from segstudio.models import torchscript_file
from segstudio.models.checkpoints import load_state
from segstudio.models.families import torchscript
from segstudio.models.recognition import spec_from_weights
from segstudio.models.segmenter import Segmenter
from segstudio.models.torchscript_file import checked_archive, is_torchscript


@pytest.fixture
def at_once(monkeypatch):
    """Files are tried in this process, which is quicker."""
    monkeypatch.setattr(
        torchscript, "done_apart", lambda _work, path, *_, **__: torchscript.look(path).to_json()
    )


@pytest.mark.slow
def test_one_that_was_traced_runs_as_it_was_saved(tmp_path):
    """In a process of its own, as in the program."""
    network = halving(channels=3, classes=4)
    spec = spec_from_weights(save_script(network, tmp_path / "cells.weights"))
    assert (spec.family, spec.task, spec.title) == (
        "torchscript", "semantic", "TorchScript model (cells.weights)",
    )  # fmt: skip
    assert spec.options == {"in_channels": 3, "num_classes": 4, "gives": "scores"}
    assert spec.preprocess == {"scaling": "unit", "divisor": 8}
    assert len(spec.schema.classes) == 4
    x = torch.rand(1, 3, 40, 56)
    assert torch.allclose(logits_of(spec, x), network(x), atol=1e-4)
    pixels = image(40, 56)
    found = Segmenter(spec, device="cpu").predict(pixels)
    given = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    assert np.array_equal(found.labels, network(given)[0].argmax(0).numpy())


@pytest.mark.parametrize("how", ["scripted", "frozen"])
@pytest.mark.parametrize("channels", [1, 4])
def test_channels_are_found_with_and_without_weights_of_their_own(tmp_path, at_once, how, channels):
    network = halving(channels=channels, classes=2)
    spec = spec_from_weights(save_script(network, tmp_path / "m.pt", how))
    assert spec.options["in_channels"] == channels
    assert spec.preprocess["channels"] == ("grey" if channels == 1 else [1, 2, 3, 4])
    x = torch.rand(1, channels, 32, 48)
    assert torch.allclose(logits_of(spec, x), network(x), atol=1e-4)


@pytest.mark.parametrize("way", ["dict", "tuple"])
def test_the_main_one_of_several_answers_is_taken(tmp_path, at_once, way):
    network = Wrapped(halving(), way)
    spec = spec_from_weights(save_script(network, tmp_path / "m.pt"))
    x = torch.rand(1, 3, 32, 48)
    assert torch.allclose(logits_of(spec, x), network.network(x), atol=1e-4)


@pytest.mark.parametrize("way", ["softmax", "sigmoid"])
def test_probabilities_are_told_from_scores_and_come_out_as_they_are(tmp_path, at_once, way):
    network = Wrapped(halving(classes=2), way)
    spec = spec_from_weights(save_script(network, tmp_path / "m.pt"))
    assert spec.options["gives"] == f"{way} applied"
    assert [q.option for q in spec.questions] == ["gives"]
    x = torch.rand(1, 3, 32, 48)
    logits = logits_of(spec, x)
    again = logits.softmax(1) if way == "softmax" else logits.sigmoid()
    assert torch.allclose(again, network(x), atol=1e-4)
    each_alone = way == "sigmoid"
    assert spec.output.kind == ("sigmoid" if each_alone else "softmax")
    assert spec.schema.ids == ((0, 1, 2) if each_alone else (0, 1))


def test_one_class_is_a_logit_against_background(tmp_path, at_once):
    network = halving(classes=1)
    spec = spec_from_weights(save_script(network, tmp_path / "m.pt"))
    assert spec.output.kind == "logit"
    pixels = image(32, 48)
    given = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    found = Segmenter(spec, device="cpu").predict(pixels)
    assert np.array_equal(found.labels, (network(given)[0, 0] > 0).numpy())


class Fixed(nn.Module):
    """Works with images of 64 x 64 only, as a vision transformer does."""

    def __init__(self):
        super().__init__()
        self.inner = Halving()
        self.place = nn.Parameter(torch.randn(1, 3, 64, 64))

    def forward(self, x):
        return self.inner(x) + self.place


def test_the_only_size_is_found_and_images_are_brought_to_it_and_back(tmp_path, at_once):
    torch.manual_seed(1)
    network = Fixed().eval()
    spec = spec_from_weights(save_script(network, tmp_path / "m.pt", example_hw=(64, 64)))
    assert spec.preprocess["size"] == [64, 64]
    assert "always 64 x 64 pixels" in spec.description
    found = Segmenter(spec, device="cpu").predict(image(90, 40))
    assert found.labels.shape == (90, 40)
    assert found.notes == ("Seen at 64 x 64 pixels, the only size that the network takes.",)
    with pytest.raises(SegstudioError, match="64 x 64 pixels only, not of 128 x 128"):
        Segmenter(spec, device="cpu").predict(image(90, 40), RunOptions(input_scale=2.0))


@pytest.mark.slow
def test_class_ids_are_no_scores(tmp_path, at_once):
    path = save_script(Wrapped(halving(), "ids"), tmp_path / "m.pt")
    with pytest.raises(
        SegstudioError, match=r"m\.pt cannot be used\..*class ids.*before any argmax"
    ):
        spec_from_weights(path)


def test_one_that_runs_on_nothing_says_why(tmp_path, at_once):
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Two()), str(tmp_path / "m.pt"))
    with pytest.raises(SegstudioError, match=r"m\.pt cannot be used\. The network ran on no image"):
        spec_from_weights(tmp_path / "m.pt")


def test_weights_alone_are_no_script_and_a_script_is_no_file_of_weights(tmp_path):
    torch.save(halving().state_dict(), tmp_path / "w.pt")
    assert not is_torchscript(tmp_path / "w.pt")
    path = save_script(halving(), tmp_path / "m.pt")
    assert is_torchscript(path)
    with pytest.raises(SegstudioError, match="is a TorchScript model, which is no file of weights"):
        load_state(path)


# -- hostile files -----------------------------------------------------------------------------


class Writes(nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.path = path
        self.first = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        torch.save(x, self.path)
        return self.first(x)


def scripted(module, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module), str(path))
    return path


def test_a_program_that_writes_a_file_is_not_run(tmp_path):
    path = scripted(Writes(str(tmp_path / "written")), tmp_path / "m.pt")
    with pytest.raises(SegstudioError, match=r"m\.pt .*reaches out of the network \(save\)"):
        spec_from_weights(path)
    assert not (tmp_path / "written").exists()


def test_the_words_are_those_of_all_operations_that_reach_out():
    """A new PyTorch that brings another one fails here."""
    names = {schema.name for schema in torch._C._jit_get_all_schemas()}
    reaching = re.compile("(^|_)(file|save|load|library|rpc|system|socket|url|open)(_|$)")
    own = {name.partition("::")[2] for name in names if name.startswith(("aten::", "prim::"))}
    found = {name for name in own if reaching.search(name)}
    assert {"save", "from_file"} <= found <= torchscript_file._REACHING_OUT


def rewritten(path, change):
    """The archive with its parts changed by a function: (name, bytes) -> bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = [(part.filename, archive.read(part)) for part in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts:
            archive.writestr(name, change(name, data))
    return path


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (b"ops.image.write_file(x)", "write_file"),
        (b"torch.from_file('a', True, 9)", "from_file"),
        (b"ops.mine.anything(x)", "ops.mine"),
        (b"ops . mine . anything(x)", "ops.mine"),
    ],
)
def test_code_is_looked_at_before_it_is_loaded(tmp_path, call, word):
    path = save_script(halving(), tmp_path / "m.pt")
    rewritten(path, lambda name, data: data + b"\n# " + call if name.endswith(".py") else data)
    with pytest.raises(SegstudioError, match=rf"reaches out of the network .*{re.escape(word)}"):
        spec_from_weights(path)


def test_a_class_of_a_module_called_ops_is_no_operation(tmp_path):
    """As torchvision has it: torchvision.ops.misc.Conv2dNormActivation."""
    path = save_script(halving(), tmp_path / "m.pt")
    name = b"\n# __torch__.torchvision.ops.misc.ConvNormActivation"
    rewritten(path, lambda part, data: data + name if part.endswith(".py") else data)
    assert checked_archive(path).getbuffer().nbytes > 1000


def test_a_second_part_of_the_same_name_is_refused(tmp_path):
    path = save_script(halving(), tmp_path / "m.pt")
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = next(name for name in archive.namelist() if name.endswith(".py"))
        archive.writestr(code.upper().replace("M/", "m/", 1), b"class A: pass")
    with pytest.raises(SegstudioError, match="PyTorch did not write"):
        spec_from_weights(path)


def test_one_that_would_unpack_to_far_more_is_refused(tmp_path):
    path = save_script(halving(), tmp_path / "m.pt")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data/99", bytes(64 * 1024**2))
    with pytest.raises(SegstudioError, match="would unpack to 6"):
        spec_from_weights(path)


def test_one_that_is_cut_off_is_damaged(tmp_path, at_once):
    path = save_script(halving(), tmp_path / "m.pt")
    rewritten(path, lambda name, data: data[:20] if name.endswith("data.pkl") else data)
    with pytest.raises(SegstudioError, match=r"m\.pt is a TorchScript model that this version"):
        spec_from_weights(path)


class Ending(nn.Module):
    """Never ends."""

    def forward(self, x):
        while bool((x * 0 == 0).all()):
            x = F.relu(x)
        return x


@pytest.mark.slow
def test_one_that_never_ends_is_given_up(tmp_path, monkeypatch):
    path = scripted(Ending(), tmp_path / "m.pt")
    monkeypatch.setattr(torchscript, "_MOST_S", 20.0)
    with pytest.raises(SegstudioError, match=r"m\.pt gave no answer in 20 seconds"):
        spec_from_weights(path)
