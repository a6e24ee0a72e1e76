"""Accounts become links: candidates, surprise, nulls."""

from hydrascope.linkage.clusters import cluster_links
from hydrascope.linkage.incidence import ChannelSpec, Incidence, incidence_from_rows
from hydrascope.linkage.links import Links, link_accounts
from hydrascope.linkage.settings import LinkSettings

__all__ = [
    "ChannelSpec",
    "Incidence",
    "LinkSettings",
    "Links",
    "cluster_links",
    "incidence_from_rows",
    "link_accounts",
]
