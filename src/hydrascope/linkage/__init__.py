"""Accounts become links and clusters: candidates, surprise, nulls, communities of interest, pooled profiles.

`prepare` makes a table ready, `link_table` links it, `cluster_links` reads clusters off the links, `grow_clusters` attaches
and merges; `link_accounts` is the first two in one. `dense_blocks` finds sets of hub values above the bucket cap.
"""

from hydrascope.linkage.blocks import Block, dense_blocks
from hydrascope.linkage.clusters import cluster_links, grow_clusters
from hydrascope.linkage.incidence import ChannelSpec, Incidence, incidence_from_rows
from hydrascope.linkage.links import Links, Table, link_accounts, link_table, prepare
from hydrascope.linkage.settings import LinkSettings

__all__ = [
    "Block",
    "ChannelSpec",
    "Incidence",
    "LinkSettings",
    "Links",
    "Table",
    "cluster_links",
    "dense_blocks",
    "grow_clusters",
    "incidence_from_rows",
    "link_accounts",
    "link_table",
    "prepare",
]
