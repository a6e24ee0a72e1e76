"""Watermarking schemes as pure functions: logits in, logits or a token out; pairs in, scores out."""
