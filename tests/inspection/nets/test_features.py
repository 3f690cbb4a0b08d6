"""The trace's values: the store's budget, look-up by name."""

import numpy as np
import pytest
from inspection_networks import image, unet

from segstudio.core.errors import SegstudioError
from segstudio.core.features import ActivationStore, Role
from segstudio.inspection.nets.tracing import trace


def test_store_drops_the_least_recently_used():
    asked = []

    def again(names):
        asked.extend(names)
        return {name: np.zeros((1, 5, 5), np.float16) for name in names}

    store = ActivationStore(120, again)
    for name in ("a", "b"):
        store.put(name, np.zeros((1, 5, 5), np.float16))  # 50 bytes
    store.get("a")
    store.put("c", np.zeros((1, 5, 5), np.float16))
    assert store.kept == ("a", "c")
    store.get("b")
    assert asked == ["b"]
    assert store.nbytes == 100
    store.put("huge", np.zeros((1, 50, 50), np.float16))
    assert store.kept == ("huge",)


def test_store_says_what_it_cannot_give():
    with pytest.raises(SegstudioError, match="not kept"):
        ActivationStore(10).get("a")
    with pytest.raises(SegstudioError, match="did not run"):
        ActivationStore(10, lambda names: {}).get("a")


def test_look_up_by_name():
    found = trace(unet(3, 2, 4, 2), image(32, 48))
    assert found.skip("down1 -> up1") is found.skip("down1")
    assert found.layer("down2").role is Role.BOTTLENECK
    assert [layer.id for layer in found.of_role(Role.DECODER)] == ["up1", "up2"]
    with pytest.raises(SegstudioError, match=r"no single stage 'x'.*inc, down1"):
        found.layer("x")
    with pytest.raises(SegstudioError, match=r"skip edge 'up1'.*down1 -> up1"):
        found.skip("up1")
    assert found.output_shape == (2, 32, 48)
    assert found.input_scale == (1.0, 1.0)
    assert found.layer("down1").nbytes == 2 * 8 * 16 * 24
