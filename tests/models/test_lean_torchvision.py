import subprocess
import sys

PROGRAM = """
import sys, warnings
import segstudio.models.segmenter
import segstudio.models.families.maskrcnn
import segstudio.models.families.torchvision_semantic
print("without", "torchvision" in sys.modules, "torch._dynamo" in sys.modules)

import torch
from segstudio.models.lean_torchvision import compiler_left_out
with compiler_left_out():
    import torch._dynamo  # as another thread may, while torchvision is imported
print("whole", torch._dynamo.utils is sys.modules["torch._dynamo.utils"])
print("compiles", torch._dynamo.optimize.__module__)

from torchvision.ops import roi_align
align = sys.modules["torchvision.ops.roi_align"]
from torch._dynamo.utils import is_compile_supported
print("asked", align.is_compile_supported("cpu") == is_compile_supported("cpu"))
print("no GPU", align.is_compile_supported("meta") == is_compile_supported("meta"))
"""


def test_networks_are_there_without_the_compiler_and_who_needs_it_gets_it():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:-1] == [
        "without True False",
        "whole True",
        "compiles torch._dynamo.eval_frame",
        "asked True",
        "no GPU True",
    ], done.stderr
