"""Places the link graph on a plane, on this machine, so that the page only draws.

Beyond `max_nodes` accounts, those joined by the strongest links are drawn as one node. Each connected part
is laid out by springs with a fixed seed and the parts are packed in rows; accounts without a kept link lie
in a block of their own. Same graph and seed: same picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import rustworkx as rx

from hydrascope.report.shape import Graph, GraphLink

__all__ = ["MAX_NODES", "Drawing", "DrawnEdge", "DrawnNode", "draw_graph"]

MAX_NODES = 1_500
MAX_GROUPS = 500
"""Accounts drawn together are fewer dots than accounts drawn alone, or none could be told from its neighbour."""
EDGES_PER_NODE = 2.5
STRETCH = 1.45
"""Wider than high, as the page is; the axes of a spring layout mean nothing."""
WIDTH = 1000.0
PADDING = 14.0
TALLEST = 640.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnNode:
    """An account, or several drawn as one."""

    x: float
    y: float
    r: float
    accounts: tuple[str, ...]
    """Sorted; more than one where accounts were drawn together."""
    n_exchanges: int
    n_links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnEdge:
    """A link between two drawn nodes, by index, with the family that carries most of it."""

    a: int
    b: int
    bits: float
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A placed graph, `width` x `height` units."""

    width: float
    height: float
    nodes: tuple[DrawnNode, ...] = ()
    edges: tuple[DrawnEdge, ...] = ()
    n_accounts: int = 0
    n_links: int = 0
    """Links between the accounts, before any were left out or drawn together."""
    families: tuple[str, ...] = field(default=())
    """Families that carry a drawn edge, sorted."""

    @property
    def lines(self) -> dict[str, str]:
        """One SVG path a family, of all its edges."""
        found: dict[str, list[str]] = {f: [] for f in self.families}
        for e in self.edges:
            a, b = self.nodes[e.a], self.nodes[e.b]
            found[e.family].append(f"M{a.x:g} {a.y:g}L{b.x:g} {b.y:g}")
        return {family: "".join(parts) for family, parts in found.items()}

    @property
    def is_aggregate(self) -> bool:
        """Whether some nodes stand for several accounts."""
        return len(self.nodes) < self.n_accounts


def draw_graph(graph: Graph, *, max_nodes: int = MAX_NODES, seed: int = 7) -> Drawing | None:
    """Lays the graph out, or None where there is nothing to draw.

    Args:
        graph: accounts and scored links; order does not matter.
        max_nodes: accounts beyond it are drawn together.
        seed: of the spring layout.
    """
    volumes = volumes_of(graph)
    if len(volumes) < 2 or max_nodes < 2:
        return None
    names = sorted(volumes)
    index = {name: i for i, name in enumerate(names)}
    links = sorted(graph.links, key=lambda k: (-k.bits, k.account_a, k.account_b))
    groups = group_accounts(
        index, links, max_nodes if len(names) <= max_nodes else min(max_nodes, MAX_GROUPS)
    )
    members: list[list[str]] = [[] for _ in range(max(groups) + 1)]
    for name, group in zip(names, groups, strict=True):
        members[group].append(name)
    edges = group_edges(index, links, groups)
    places, height = place(len(members), edges, seed)
    degree = degrees(len(members), edges)
    nodes = tuple(
        DrawnNode(
            x=round(places[g][0], 1),
            y=round(places[g][1], 1),
            r=radius(sum(volumes[n] for n in found), len(found), len(members)),
            accounts=tuple(found),
            n_exchanges=sum(volumes[n] for n in found),
            n_links=degree[g],
        )
        for g, found in enumerate(members)
    )
    return Drawing(
        width=WIDTH,
        height=height,
        nodes=nodes,
        edges=tuple(edges),
        n_accounts=len(names),
        n_links=len(links),
        families=tuple(sorted({e.family for e in edges})),
    )


def volumes_of(graph: Graph) -> dict[str, int]:
    """Exchanges by account, with the accounts that only a link names."""
    volumes = {node.account_id: node.n_exchanges for node in graph.nodes}
    for link in graph.links:
        volumes.setdefault(link.account_a, 0)
        volumes.setdefault(link.account_b, 0)
    return volumes


def group_accounts(index: Mapping[str, int], links: Iterable[GraphLink], max_nodes: int) -> list[int]:
    """Group of each account: itself, or its closest neighbours where there are too many to draw."""
    n = len(index)
    if n <= max_nodes:
        return list(range(n))
    parent = list(range(n))
    size = [1] * n
    largest = math.ceil(2 * n / max_nodes)
    left = n

    for link in links:
        a, b = root(parent, index[link.account_a]), root(parent, index[link.account_b])
        if a != b and size[a] + size[b] <= largest:
            parent[max(a, b)] = min(a, b)
            size[min(a, b)] += size[max(a, b)]
            left -= 1
        if left <= max_nodes:
            break
    roots = [root(parent, i) for i in range(n)]
    kept = sorted(set(roots), key=lambda r: (-size[r], r))
    step = math.ceil(len(kept) / max_nodes)
    number = {r: k // step for k, r in enumerate(kept)}
    return [number[r] for r in roots]


def root(parent: list[int], i: int) -> int:
    """The representative of a node's set, with the path to it halved."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def group_edges(
    index: Mapping[str, int], links: Sequence[GraphLink], groups: Sequence[int]
) -> list[DrawnEdge]:
    """The strongest link between each two groups: a spanning forest first, then the strongest of the rest."""
    best: dict[tuple[int, int], GraphLink] = {}
    for link in links:
        a, b = groups[index[link.account_a]], groups[index[link.account_b]]
        if a != b:
            best.setdefault((min(a, b), max(a, b)), link)
    room = int(EDGES_PER_NODE * (max(groups) + 1))
    parent = list(range(max(groups) + 1))

    tree: list[tuple[int, int, GraphLink]] = []
    rest: list[tuple[int, int, GraphLink]] = []
    for (a, b), link in best.items():
        ra, rb = root(parent, a), root(parent, b)
        (rest if ra == rb else tree).append((a, b, link))
        parent[ra] = rb
    kept = tree + rest[: max(room - len(tree), 0)]
    return [
        DrawnEdge(a=a, b=b, bits=k.bits, family=leading_family(k.families))
        for a, b, k in sorted(kept, key=lambda e: e[:2])
    ]


def leading_family(families: Mapping[str, float]) -> str:
    """The family with the most bits; `other` where none is named."""
    return max(families.items(), key=lambda kv: (kv[1], kv[0]), default=("other", 0.0))[0]


def degrees(n: int, edges: Iterable[DrawnEdge]) -> list[int]:
    """Drawn links of each node."""
    found = [0] * n
    for edge in edges:
        found[edge.a] += 1
        found[edge.b] += 1
    return found


def radius(n_exchanges: int, n_accounts: int, n_nodes: int) -> float:
    """Area grows with the logarithm of the volume, and with the accounts drawn together (to the fourth root)."""
    base = 7.0 if n_nodes <= 60 else 5.0 if n_nodes <= 400 else 3.0
    grown = base * (0.7 + 0.12 * math.log10(1 + n_exchanges)) * min(n_accounts**0.25, 2.0)
    return round(grown, 1)


def place(n: int, edges: Sequence[DrawnEdge], seed: int) -> tuple[list[Point], float]:
    """Coordinates of every node and the height of the picture."""
    graph = rx.PyGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from([(e.a, e.b, max(e.bits, 0.1)) for e in edges])
    parts = sorted((sorted(part) for part in rx.connected_components(graph)), key=lambda p: (-len(p), p[0]))
    boxes = [spread(graph.subgraph(part), part, seed) for part in parts if len(part) > 1]
    loose = [part[0] for part in parts if len(part) == 1]
    if loose:
        boxes.append(block(loose))
    return pack(boxes, n)


def spread(graph: rx.PyGraph, part: Sequence[int], seed: int) -> dict[int, Point]:
    """A connected part, laid out in a square whose area is its number of nodes."""
    side = math.sqrt(len(part)) * (1.6 if len(part) < 40 else 1.0)
    if len(part) == 2:
        return {part[0]: (0.0, 0.0), part[1]: (1.0, 0.5)}
    found = rx.spring_layout(graph, seed=seed, num_iter=80 if len(part) > 150 else 200)
    xs, ys = [p[0] for p in found.values()], [p[1] for p in found.values()]
    wide = max(max(xs) - min(xs), max(ys) - min(ys), 1e-9)
    return {
        part[i]: ((p[0] - min(xs)) / wide * side * STRETCH, (p[1] - min(ys)) / wide * side)
        for i, p in found.items()
    }


def block(loose: Sequence[int]) -> dict[int, Point]:
    """Accounts without a link, in rows three times as wide as high."""
    columns = math.ceil(math.sqrt(3 * len(loose)))
    return {node: (0.6 * (i % columns), 0.6 * (i // columns)) for i, node in enumerate(loose)}


def pack(boxes: Sequence[Mapping[int, Point]], n: int) -> tuple[list[Point], float]:
    """Sets the parts side by side in rows, scaled to the picture's width."""
    gap = 1.0
    sizes = [(max(p[0] for p in b.values()), max(p[1] for p in b.values())) for b in boxes]
    area = sum((w + gap) * (h + gap) for w, h in sizes)
    line = max(max(w for w, _ in sizes) + gap, math.sqrt(area * 1.9))
    x = y = tall = used = 0.0
    spots: dict[int, Point] = {}
    for box, (w, h) in zip(boxes, sizes, strict=True):
        if x and x + w > line:
            x, y, tall = 0.0, y + tall + gap, 0.0
        spots.update({node: (x + px, y + py) for node, (px, py) in box.items()})
        x, tall, used = x + w + gap, max(tall, h), max(used, x + w)
    height = max(y + tall, 1e-9)
    scale = min((WIDTH - 2 * PADDING) / max(used, 1e-9), (TALLEST - 2 * PADDING) / height)
    left = (WIDTH - used * scale) / 2
    places = [(left + spots[i][0] * scale, PADDING + spots[i][1] * scale) for i in range(n)]
    return places, round(height * scale + 2 * PADDING, 1)
