"""The network inspector: what each stage of a network sees, found from a forward pass.

`tracing` runs a network and names its stages and skip edges, `ablation` cuts them, `joins` compares
what a join brings together, `attribution` and `lens` ask where a class comes from, `statistics`,
`projection`, `similarity` and `spectrum` measure activations. No module knows the name of any
architecture. May import torch, `models` and `core`; results that cross layers are `core.features`.
"""
