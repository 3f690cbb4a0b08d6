"""The network inspector: what each stage of a network sees, found from a forward pass.

`tracing` runs a network and names its stages and skip edges, `ablation` cuts them, `joins` compares
what a join brings together, `attribution` and `lens` ask where a class comes from, `statistics`,
`projection`, `similarity` and `spectrum` measure activations. No module knows the name of any
architecture. May import torch, `models` and `core`; results that cross layers are `core.features`.
"""

from segstudio.inspection.ablation import cutting, run_with_cuts
from segstudio.inspection.tracing import trace, trace_with_output

__all__ = ["cutting", "run_with_cuts", "trace", "trace_with_output"]
