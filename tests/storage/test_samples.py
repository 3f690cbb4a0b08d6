"""The samples as a folder of the user's own."""

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.storage.project import open_project
from segstudio.storage.samples import PHOTOGRAPHS, assemble_lessons, assemble_samples
from segstudio.storage.truth import read_truth


def test_samples_open_with_ground_truth_and_photographs_without(tmp_path):
    project = open_project(assemble_samples(tmp_path), home=tmp_path)
    names = [ref.name for ref in project.images]
    assert sum(name.startswith("nuclei-") for name in names) == 12
    assert sum(name.startswith("photo-") for name in names) == len(PHOTOGRAPHS)
    assert project.truth is not None
    assert [project.truth.has(ref) for ref in project.images] == [
        name.startswith("nuclei-") for name in names
    ]
    labels = read_truth(project.images[0], project.truth)
    assert labels is not None
    assert np.unique(labels.labels).tolist() == [0, 1]
    assert labels.instances is not None


def test_what_the_user_did_to_a_sample_stays(tmp_path):
    folder = assemble_samples(tmp_path)
    (folder / "nuclei-01-even.png").write_bytes(b"mine")
    (folder / "masks").mkdir()
    (folder / "masks" / "nuclei-02-sparse.png").write_bytes(b"painted")
    assert assemble_samples(tmp_path) == folder
    assert (folder / "nuclei-01-even.png").read_bytes() == b"mine"
    assert (folder / "masks" / "nuclei-02-sparse.png").read_bytes() == b"painted"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(SegstudioError, match="file"):
        assemble_samples(blocked)


def test_the_lessons_samples_open_with_their_classes_and_have_sides_of_256(tmp_path):
    project = open_project(assemble_lessons(tmp_path), home=tmp_path)
    assert len(project.images) >= 5
    assert project.truth is not None
    for ref in project.images:
        labels = read_truth(ref, project.truth)
        assert labels is not None
        assert labels.labels.shape == (256, 256)
        assert set(np.unique(labels.labels)) == {0, 1, 2, 3}
        assert labels.instances is None
