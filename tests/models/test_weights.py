"""Weights: downloads over a real local server, places on disk, safe reading."""

import pickle
import re
import shutil
import threading
import time
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from file_server import CONTENT, DIGEST
from safetensors.torch import save_file
from torch import nn

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.models import weights
from segstudio.models.checkpoints import load_into, load_state, unwrap
from segstudio.models.download import fetch


def file_of(server, sha256=DIGEST[:8], name="w.bin"):
    return WeightsFile(name, server.url(name), sha256, len(CONTENT))


def test_a_file_arrives_whole_with_progress(server, tmp_path):
    reports = []
    folder = tmp_path / "new" / "weights"
    path = fetch(file_of(server), folder, report=lambda *a: reports.append(a))
    assert path == folder / "w.bin"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in folder.iterdir()] == ["w.bin"]
    done = [r[0] for r in reports]
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert {r[1] for r in reports} == {len(CONTENT)}
    assert "w.bin" in reports[0][2]


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    server.break_after = [1_000_000, 500_000]
    assert fetch(file_of(server), tmp_path, pause_s=0.01).read_bytes() == CONTENT
    assert [r for _, r in server.seen] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_after_too_many_breaks_the_part_is_kept_for_the_next_time(server, tmp_path):
    server.break_after = [100_000, 0, 0, 0]
    with pytest.raises(SegstudioError, match=r"broke off after 100000 bytes.*goes on from there"):
        fetch(file_of(server), tmp_path, pause_s=0.01)
    assert (tmp_path / "w.bin.part").stat().st_size == 100_000
    assert not (tmp_path / "w.bin").exists()
    server.seen.clear()
    assert fetch(file_of(server), tmp_path).read_bytes() == CONTENT
    assert server.seen == [("/w.bin", "bytes=100000-")]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "w.bin.part").write_bytes(CONTENT[:700_000])
    assert fetch(file_of(server), tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_complete_is_taken(server, tmp_path):
    (tmp_path / "w.bin.part").write_bytes(CONTENT)
    assert fetch(file_of(server), tmp_path).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_started_afresh(server, tmp_path):
    (tmp_path / "w.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(file_of(server), tmp_path, pause_s=0.01).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_the_part_removed(server, tmp_path):
    with pytest.raises(SegstudioError, match=rf"damaged.*{DIGEST[:8]}, not deadbeef"):
        fetch(file_of(server, "deadbeef"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_says_the_answer_the_address_and_the_folder(server, tmp_path):
    server.status = 404
    with pytest.raises(SegstudioError) as error:
        fetch(file_of(server), tmp_path)
    assert "404" in error.value.message
    assert server.url() in error.value.message
    assert server.url() in error.value.hint
    assert str(tmp_path) in error.value.hint


def test_no_connection_says_the_address_and_the_folder(server, tmp_path):
    file = file_of(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(SegstudioError, match="no connection to 127") as error:
        fetch(file, tmp_path)
    assert "Errno" not in error.value.message
    assert file.url not in error.value.message  # once is enough, where it is needed
    assert file.url in error.value.hint
    assert str(tmp_path) in error.value.hint


def test_cancel_keeps_the_part(server, tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 4:
            raise CancelledError

    with pytest.raises(CancelledError):
        fetch(file_of(server), tmp_path, check=check)
    part = tmp_path / "w.bin.part"
    assert 0 < part.stat().st_size < len(CONTENT)
    assert fetch(file_of(server), tmp_path).read_bytes() == CONTENT
    assert server.seen[-1][1].startswith("bytes=")


def test_a_slow_server_is_followed_and_can_be_left(server, tmp_path):
    """What trickles in is told of, and a cancel need not wait for a whole block."""
    server.pause_s = 0.05
    reports = []
    stop = threading.Event()

    def check():
        if stop.is_set():
            raise CancelledError

    def report(done, total, text):
        reports.append(done)
        if len(reports) == 3:
            stop.set()

    begun = time.monotonic()
    with pytest.raises(CancelledError):
        fetch(file_of(server), tmp_path, check=check, report=report)
    assert time.monotonic() - begun < 5  # all of it takes 50 seconds
    assert reports[-1] < 100_000
    server.pause_s = 0.0
    assert fetch(file_of(server), tmp_path).read_bytes() == CONTENT
    assert server.seen[-1][1] == f"bytes={reports[-1]}-"


def test_proxies_come_from_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    file = WeightsFile("w.bin", "http://weights.invalid/w.bin", DIGEST)
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.seen == [("http://weights.invalid/w.bin", None)]


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SegstudioError, match="cannot be downloaded to"):
        fetch(file_of(server), tmp_path / "file" / "weights")


def test_a_full_disk_is_said_with_its_folder_and_what_is_needed(server, tmp_path):
    (tmp_path / "w.bin.part").symlink_to("/dev/full")  # each write of it fails as on a full disk
    with pytest.raises(SegstudioError) as caught:
        fetch(file_of(server), tmp_path)
    assert caught.value.message == (
        f"w.bin cannot be downloaded: the disk of {tmp_path} is full; 3.0 MB more are needed."
    )
    assert caught.value.hint == (
        "Free 3.0 MB of space there and download again: it goes on where it stopped."
    )


def test_a_download_that_finds_no_room_is_not_begun(server, tmp_path, monkeypatch):
    (tmp_path / "w.bin.part").write_bytes(CONTENT[:1_000_000])
    room = types.SimpleNamespace(total=9_000_000, used=7_100_000, free=1_900_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: room)
    with pytest.raises(SegstudioError, match=r"is full; 2\.0 MB more are needed"):
        fetch(file_of(server), tmp_path)
    assert (tmp_path / "w.bin.part").stat().st_size == 1_000_000
    room.free = 2_000_000  # just enough
    assert fetch(file_of(server), tmp_path).read_bytes() == CONTENT


def test_only_http_addresses_are_fetched(tmp_path):
    with pytest.raises(SegstudioError, match="no address"):
        fetch(WeightsFile("w.bin", "file:///etc/hosts"), tmp_path)


# --- where weights lie


def spec_with(file, *, embedded=False):
    schema = LabelSchema.from_names(["a", "b"])
    return ModelSpec("m", "M", "unet", "semantic", schema, "m:f", weights=file, embedded=embedded)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_download_puts_weights_where_they_are_found(server, home):
    spec = spec_with(file_of(server))
    assert not weights.is_available(spec)
    path = weights.download(spec)
    assert path == home / "home" / "data" / "weights" / "w.bin"
    assert weights.find_weights(spec) == path
    assert weights.require_weights(spec) == path


def test_what_torch_hub_downloaded_is_used_and_left_alone(home):
    cached = home / "torch" / "hub" / "checkpoints" / "w.bin"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    spec = spec_with(WeightsFile("w.bin", "https://example.org/w.bin", DIGEST[:8]))
    assert weights.require_weights(spec) == cached
    assert not (home / "home").exists()


def test_the_folder_is_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("SEGSTUDIO_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/share")
    assert "segstudio" in weights.weights_folder().parts
    assert weights.weights_folder().name == "weights"


def test_missing_weights_say_where_to_get_and_put_them(home):
    spec = spec_with(WeightsFile("w.bin", "https://example.org/w.bin", DIGEST[:8]))
    with pytest.raises(SegstudioError) as error:
        weights.require_weights(spec)
    assert "https://example.org/w.bin" in error.value.hint
    assert str(weights.weights_folder()) in error.value.hint


def test_damaged_weights_are_refused(home):
    folder = weights.weights_folder()
    folder.mkdir(parents=True)
    (folder / "w.bin").write_bytes(CONTENT[:-1])
    spec = spec_with(WeightsFile("w.bin", "https://example.org/w.bin", DIGEST[:8]))
    with pytest.raises(SegstudioError, match=r"w\.bin is damaged"):
        weights.require_weights(spec)


def test_a_model_without_published_weights_asks_for_a_file(home):
    with pytest.raises(SegstudioError, match="no published weights"):
        weights.download(spec_with(None))
    with pytest.raises(SegstudioError, match="Give a file"):
        weights.require_weights(spec_with(None))


# --- reading them


STATE = {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.tensor([1.0, -2.0])}


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil-was-here"),))


def test_safetensors_and_pytorch_files_are_read(tmp_path):
    save_file(STATE, tmp_path / "a.safetensors")
    torch.save(STATE, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        state = load_state(tmp_path / name)
        assert set(state) == set(STATE)
        assert torch.equal(state["0.weight"], STATE["0.weight"])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"model": s, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}},
        lambda s: {f"module.{k}": v for k, v in s.items()},
        lambda s: {"model_state_dict": {f"module._orig_mod.{k}": v for k, v in s.items()}},
        lambda s: {**s, "mask_values": [0, 255]},
        lambda s: OrderedDict(s),
    ],
)
def test_wrappers_and_prefixes_of_training_scripts_come_off(tmp_path, wrap):
    torch.save(wrap(STATE), tmp_path / "w.pth")
    state = load_state(tmp_path / "w.pth")
    assert set(state) == set(STATE)
    assert torch.equal(state["0.bias"], STATE["0.bias"])


def test_numpy_scores_beside_the_weights_do_no_harm(tmp_path):
    torch.save({"model": STATE, "best": np.float64(0.91)}, tmp_path / "w.pth")
    assert set(load_state(tmp_path / "w.pth")) == set(STATE)


def test_code_in_a_file_is_not_run_and_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": STATE, "hook": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(SegstudioError, match=r"evil\.pth holds more than weights.*getattr"):
        load_state(tmp_path / "evil.pth")
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
def test_damaged_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is no file of weights" * 10)
    with pytest.raises(SegstudioError, match=re.escape(name)):
        load_state(tmp_path / name)


def test_missing_and_empty_files_are_named(tmp_path):
    with pytest.raises(SegstudioError, match=r"none\.pth is not there"):
        load_state(tmp_path / "none.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(SegstudioError, match=r"empty\.pth holds no weights"):
        load_state(tmp_path / "empty.pth")
    with (tmp_path / "plain.pkl").open("wb") as file:
        pickle.dump([1, 2], file)
    with pytest.raises(SegstudioError, match=r"plain\.pkl"):
        load_state(tmp_path / "plain.pkl")


def test_unwrap_leaves_names_alone_that_only_some_share():
    state = {"model.a": torch.zeros(1), "head.b": torch.zeros(1)}
    assert set(unwrap(state)) == {"model.a", "head.b"}


def test_half_precision_weights_become_the_networks_type():
    network = nn.Sequential(nn.Linear(3, 2))
    load_into(network, {k: v.half() for k, v in STATE.items()})
    assert network[0].weight.dtype == torch.float32
    assert torch.equal(network[0].weight, STATE["0.weight"])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"0.weight": STATE["0.weight"]}, r"1 of 2 tensors match; 1 missing \(0\.bias\)"),
        ({**STATE, "1.weight": STATE["0.bias"]}, r"2 of 2.*1 unexpected \(1\.weight\)"),
        ({**STATE, "0.bias": torch.zeros(5)}, r"1 of 2.*another shape \(0\.bias \(5,\)\)"),
        ({f"x{i}": torch.zeros(1) for i in range(5)}, r"0 of 2.*5 unexpected \(x0.*and 2 more\)"),
    ],
)
def test_anything_but_a_full_match_is_refused_with_numbers(state, words):
    with pytest.raises(SegstudioError, match=rf"w\.pth does not fit.*{words}"):
        load_into(nn.Sequential(nn.Linear(3, 2)), state, "w.pth")
