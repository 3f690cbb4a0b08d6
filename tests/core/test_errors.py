"""What is told of errors is one line each."""

from __future__ import annotations

import pytest

from segstudio.core.errors import SegstudioError, one_line, told


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            (
                "Exception from src/inference/src/cpp/core.cpp:132:\n"
                "Exception from src/inference/src/dev/core_impl.cpp:706:\n"
                'Device with "ZPU" name is not registered in the OpenVINO Runtime\n\n'
            ),
            'Device with "ZPU" name is not registered in the OpenVINO Runtime',
        ),
        (
            (
                "Exception from src/inference/src/cpp/core.cpp:84:\n"
                "Check 'exists(path) || file_exists(path)' failed at src/common/src/frontend.cpp:117:\n"
                "FrontEnd API failed with GeneralFailure:\n"
                'ir: Could not open the file: "/tmp/a  b.xml"\n'
            ),
            'FrontEnd API failed with GeneralFailure: ir: Could not open the file: "/tmp/a  b.xml"',
        ),
        ("Exception from a.cpp:1:\n", "Exception from a.cpp:1:"),  # there is nothing else
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_what_a_library_says_is_one_line(said, line):
    assert one_line(RuntimeError(said)) == line
    assert told(RuntimeError(said)) == f"RuntimeError: {line}"


def test_a_name_with_a_line_break_stays_as_it_is_in_our_own_words():
    assert (
        told(SegstudioError("a\nb.png is damaged.", "Copy it.")) == "a\nb.png is damaged. Copy it."
    )
