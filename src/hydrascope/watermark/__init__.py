"""Mark what is served, seal what is not, and show later that a model was trained on it."""
