"""Dense blocks: sets of hub values shared as a set."""

from __future__ import annotations

import numpy as np

from hydrascope.linkage.blocks import dense_blocks
from hydrascope.linkage.incidence import ChannelSpec, incidence_from_rows
from hydrascope.linkage.settings import LinkSettings


def table(rng, pool):
    """Eight thousand accounts with six addresses each; with a pool, 219 of them use fourteen of its forty too."""
    account = np.repeat(np.arange(8000), 6)
    value = (4000 * rng.random(len(account)) ** 2).astype(int)
    if pool:
        who = np.repeat(np.arange(219), 14)
        account = np.concatenate((account, who))
        value = np.concatenate((value, 90_000 + rng.integers(0, 40, len(who))))
    return incidence_from_rows(
        account,
        np.zeros(len(account), int),
        value,
        n_accounts=8000,
        channels=(ChannelSpec(name="ip", family="egress"),),
    )


def test_an_egress_pool_above_the_cap_is_found_as_a_set():
    """Forty addresses of 77 accounts each make one block with the accounts that use them."""
    blocks = dense_blocks(table(np.random.default_rng(0), True), LinkSettings())
    assert len(blocks) == 1
    assert set(blocks[0].accounts) >= set(range(210)) and len(blocks[0].accounts) < 230
    assert blocks[0].values.min() >= 90_000 and len(blocks[0].values) > 30
    assert blocks[0].surprise > 100


def test_independent_hubs_make_no_block():
    """Hubs alone are popular, not a set."""
    assert dense_blocks(table(np.random.default_rng(1), False), LinkSettings()) == []
