"""Mark what is served, seal what is not, and show later that a model was trained on it."""

from __future__ import annotations

from hydrascope.watermark.keys import Key, KeyPath, Level, decoy_keys, derive_key
from hydrascope.watermark.marks import COMPLIANCE, TRACE, Mark, Prf, Scheme
from hydrascope.watermark.pairs import dedup_pairs, keep_served, served_contexts
from hydrascope.watermark.prf import green_counts, green_matrix
from hydrascope.watermark.pvalues import binomial_log10_p, gamma_log10_p, holm
from hydrascope.watermark.schemes.gumbel import Gumbel
from hydrascope.watermark.schemes.red_green import RedGreen

__all__ = [
    "COMPLIANCE",
    "TRACE",
    "Gumbel",
    "Key",
    "KeyPath",
    "Level",
    "Mark",
    "Prf",
    "RedGreen",
    "Scheme",
    "binomial_log10_p",
    "decoy_keys",
    "dedup_pairs",
    "derive_key",
    "gamma_log10_p",
    "green_counts",
    "green_matrix",
    "holm",
    "keep_served",
    "served_contexts",
]
