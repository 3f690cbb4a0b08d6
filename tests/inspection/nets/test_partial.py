"""Networks that can't be seen in whole: the rest is shown, and why it is not all is said."""

import pytest
import torch
from inspection_networks import image, unet

from segstudio.core.features import Role
from segstudio.inspection.nets.tracing import trace


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_compiled_module_is_named_and_what_follows_is_shown():
    model, picture = unet(3, 2, 4, 2), image(16, 24)
    with torch.inference_mode():
        expected = model(picture[None])
    model.down1 = torch.jit.script(model.down1)
    found = trace(model, picture)
    (why,) = (note for note in found.notes if "TorchScript" in note)
    assert why.endswith(": down1")
    assert found.layers[0].role is Role.INPUT
    assert found.layers[-1].id == "outc"
    assert found.output_shape == (2, 16, 24)
    with torch.inference_mode():
        torch.testing.assert_close(model(picture[None]), expected)


def test_a_network_without_skips_says_that_it_has_none():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(4, 2, 2, stride=2),
    ).eval()
    found = trace(model, image(16, 24))
    assert found.skips == ()
    assert any("no skip connections" in note for note in found.notes)
