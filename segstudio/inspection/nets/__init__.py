"""Networks looked into with torch.

Tracing, graph, skips, receptive fields, attribution, ablation.
"""
