"""Measures: counts, and every figure that derives from them. No Qt, no torch."""
