"""Published weights in one place: fetched over a real local server with its faults, checked, deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import BRIGHT, FakeEngine, wait_for
from file_server import CONTENT, DIGEST

from segstudio.core.prediction import WeightsFile
from segstudio.models.weights import download, is_available, weights_folder


class FetchingEngine(FakeEngine):
    """A built-in model, and one whose weights the local server publishes."""

    def __init__(self, file: WeightsFile) -> None:
        far = replace(BRIGHT, id="far", title="Far", embedded=False, weights=file, licence="MIT")
        super().__init__(BRIGHT, far)

    def is_available(self, spec):
        return spec.embedded or is_available(spec)

    def download(self, spec, check, report):
        download(spec, check, report)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.fixture
def desk(home, server, new_desk):
    made = new_desk(FetchingEngine(WeightsFile("w.bin", server.url(), DIGEST, len(CONTENT))))
    made.downloads.refresh()
    made.settle()
    return made


def row(desk, model_id="far"):
    return next(r for r in desk.downloads.rows() if r.spec.id == model_id)


def test_all_weights_are_listed_with_size_state_and_where_they_come_from(desk, server):
    prompters = ["sam2.1-hiera-tiny", "sam-vit-b"]
    assert [r.spec.id for r in desk.downloads.rows()] == ["bright", "far", *prompters]
    assert (row(desk, "bright").text, row(desk).text) == ("built in", "not on disk")
    assert row(desk).total == 3_000_000
    assert row(desk).explanation == (
        f"From {server.url()}. By hand: put the file into {weights_folder()}."
    )


def test_weights_are_fetched_checked_and_deleted(desk):
    desk.downloads.start("far")
    assert row(desk).is_under_way
    desk.settle()
    path = weights_folder() / "w.bin"
    assert path.read_bytes() == CONTENT
    assert "far" in desk.session.model.available
    assert (row(desk).text, row(desk).explanation, row(desk).is_ours) == (
        "on disk", str(path), True,
    )  # fmt: skip
    desk.downloads.check("far")
    desk.settle()
    assert desk.messages[-1] == f"{path} is whole: its checksum is right."
    path.write_bytes(CONTENT[:-1])
    desk.downloads.check("far")
    desk.settle()
    assert f"{path} is damaged" in desk.messages[-1]
    desk.downloads.delete("far")
    desk.settle()
    assert not path.exists()
    assert "far" not in desk.session.model.available
    assert row(desk).text == "not on disk"


def test_a_stopped_download_says_how_far_it_came_and_goes_on_from_there(desk, server):
    server.pause_s = 0.02
    desk.downloads.start("far")
    wait_for(desk.clock, lambda: row(desk).done > 6000)
    assert row(desk).text.startswith("0 %, ")
    desk.downloads.stop("far")
    desk.settle()
    part = weights_folder() / "w.bin.part"
    came = part.stat().st_size
    assert 6000 < came < 3_000_000
    desk.downloads.refresh()
    desk.settle()
    assert row(desk).state == "part"
    assert (row(desk).done, row(desk).text.startswith("stopped at ")) == (came, True)
    server.pause_s = 0.0
    desk.downloads.start("far")
    desk.settle()
    assert server.seen[-1] == ("/w.bin", f"bytes={came}-")
    assert row(desk).state == "here"


@pytest.mark.parametrize(
    "fault", ["404", pytest.param("cut", marks=pytest.mark.slow), "checksum", "offline"]
)
def test_what_went_wrong_stays_beside_the_model(desk, server, fault, monkeypatch):
    if fault == "404":
        server.status = 404
    elif fault == "cut":
        monkeypatch.setattr("segstudio.models.download._PAUSE_S", 0.0)
        server.break_after = [100_000, 0, 0, 0, 0]
    elif fault == "checksum":
        spec = row(desk).spec
        desk.session.models = {
            **desk.session.models,
            "far": replace(spec, weights=replace(spec.weights, sha256="deadbeef")),
        }
    else:
        server.shutdown()
        server.server_close()
    desk.downloads.start("far")
    desk.settle()
    words = {"404": "404", "cut": "broke off", "checksum": "damaged", "offline": "no connection"}
    assert row(desk).state == "failed"
    assert words[fault] in row(desk).explanation
    assert server.url() in row(desk).explanation
    assert str(weights_folder()) in row(desk).explanation
    assert row(desk).can_be_fetched
    if fault != "offline":
        server.status, server.break_after = 200, []
        desk.downloads.start("far")
        desk.settle()
        assert (row(desk).state == "here") == (fault != "checksum")


def test_a_full_disk_is_said_beside_the_model_and_it_can_be_tried_again(desk):
    part = weights_folder() / "w.bin.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")  # each write of it fails as on a full disk
    desk.downloads.start("far")
    desk.settle()
    assert row(desk).state == "failed"
    assert row(desk).explanation.startswith(
        f"w.bin cannot be downloaded: the disk of {weights_folder()} is full; 3.0 MB more"
    )
    assert "connection" not in row(desk).explanation
    assert "is full" in desk.messages[-1]
    part.unlink()
    desk.downloads.start("far")
    desk.settle()
    assert row(desk).state == "here"


def test_a_file_of_torch_hub_is_used_and_not_deleted(home, server, new_desk):
    folder = home / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "w.bin").write_bytes(CONTENT)
    desk = new_desk(FetchingEngine(WeightsFile("w.bin", server.url(), DIGEST, len(CONTENT))))
    desk.downloads.refresh()
    desk.settle()
    assert (row(desk).state, row(desk).is_ours) == ("here", False)
    desk.downloads.delete("far")
    desk.settle()
    assert "belongs to torch.hub" in desk.messages[-1]
    assert (folder / "w.bin").exists()
    assert "far" in desk.session.model.available


def test_own_weights_are_listed_with_their_file(desk, tmp_path):
    file = tmp_path / "mine.pt"
    file.write_bytes(b"weights")
    desk.own_weights.open(file)
    desk.settle()
    assert (row(desk, "mine").text, row(desk, "mine").explanation) == ("on disk", str(file))
    file.unlink()
    desk.downloads.refresh()
    desk.settle()
    assert row(desk, "mine").text == "file is missing"
    assert not row(desk, "mine").can_be_fetched
