"""Union-find against a plain reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrascope.kernels.components import components, components_reference

LINKS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40)


@settings(deadline=None)
@given(LINKS)
def test_components_equal_the_reference(links):
    """Every node gets the smallest node of its component."""
    a = np.array([x for x, _ in links], dtype=np.int32)
    b = np.array([y for _, y in links], dtype=np.int32)
    assert np.array_equal(components(a, b, 30), components_reference(a, b, 30))
