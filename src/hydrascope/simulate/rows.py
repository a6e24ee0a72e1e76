"""Columns of the log for exchanges that have a time, an account and an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.schema import EXCHANGES
from hydrascope.simulate.arrivals import Moments
from hydrascope.simulate.client import clients
from hydrascope.simulate.content import Writer, signatures
from hydrascope.simulate.decoding import choose_models, choose_tuples, output_lengths, tuples, usual_tuples
from hydrascope.simulate.identity import organizations, pick
from hydrascope.simulate.network import AddressBook, addresses, format_addresses
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.scenario import Flow, Group
from hydrascope.simulate.seeds import hex_ids, mix, salt, stream
from hydrascope.simulate.setting import Calendar, World

__all__ = ["LOG", "Source", "draw_source", "exchange_rows"]

Ints = npt.NDArray[np.int64]

CODED = frozenset(
    (
        "account_id",
        "system",
        "organization_id",
        "api_key_id",
        "end_user_id",
        "platform",
        "client_ip",
        "client_country",
        "user_agent",
        "tls_fingerprint",
        "model",
        "stop_reason",
    )
)
DROPPED = ("sketch", "signatures", "sent_signatures", "source_file", "source_line")
LOG = pa.schema(
    [
        pa.field(f.name, pa.dictionary(pa.int32(), pa.string()) if f.name in CODED else f.type)
        for f in EXCHANGES
        if f.name not in DROPPED
    ]
)
"""The log's columns while they are made: repeated strings stay encoded."""
HIDDEN_BY_CLOUDS = ("client_ip", "client_country", "client_asn", "user_agent", "tls_fingerprint")
LOSABLE = (
    "system",
    "organization_id",
    "api_key_id",
    "client_ip",
    "client_country",
    "client_asn",
    "user_agent",
    "tls_fingerprint",
    "tools",
    "turns",
    "temperature",
    "top_p",
    "max_tokens",
    "reasoning",
    "platform",
)
SIGNED = pa.scalar(" signature=")
LATE = ("output_tokens", "reasoning_tokens", "duration_ms", "stop_reason", "status")


@dataclass(frozen=True, slots=True)
class Source:
    """A flow of a group with all that its rows need."""

    group: Group
    flow: Flow
    roster: Roster
    writer: Writer
    number: int
    """Place of the flow in the world, below 65,536."""
    key: int
    account_ids: pa.Array
    organizations: pa.Array
    platforms: tuple[str, ...]
    platform: Ints
    """For each account, its place in `platforms`."""
    tuples: pa.Table
    """Columns temperature, top_p, max_tokens of every decoding tuple the group may send."""
    tuple_row: Ints
    """For each account, the tuple it sends as a rule."""


def draw_source(group: Group, flow: Flow, roster: Roster, writer: Writer, number: int) -> Source:
    """A flow with what stays the same for all its days."""
    platforms, platform = np.unique(pick(group.identity.platform, roster, "platform"), return_inverse=True)
    decoding = flow.decoding or group.decoding
    known = tuples(decoding, roster)
    kinds = (("temperature", pa.float32()), ("top_p", pa.float32()), ("max_tokens", pa.int32()))
    return Source(
        group=group,
        flow=flow,
        roster=roster,
        writer=writer,
        number=number,
        key=writer.key,
        account_ids=hex_ids(mix(roster.account, salt("account"))),
        organizations=organizations(group.identity, roster),
        platforms=tuple(str(name) for name in platforms),
        platform=platform,
        tuples=pa.table(
            {name: pa.array([t[i] for t in known], kind) for i, (name, kind) in enumerate(kinds)}
        ),
        tuple_row=usual_tuples(roster, len(known)),
    )


def coded(
    values: list[str] | pa.Array, index: npt.NDArray[Any], nulls: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """A dictionary column; every row names its value."""
    return pa.DictionaryArray.from_arrays(
        pa.array(index.astype(np.int32), mask=nulls),
        pa.array(values, pa.string()) if isinstance(values, list) else values,
    )


def exchange_rows(
    source: Source,
    moments: Moments,
    items: npt.NDArray[np.uint64],
    ids: npt.NDArray[np.uint64],
    world: World,
    calendar: Calendar,
    book: AddressBook,
) -> pa.Table:
    """The rows of the log for these exchanges of one flow."""
    rng = stream(source.key, "rows", int(moments.at[0]), len(moments.at))
    columns: dict[str, Any] = {"exchange_id": hex_ids(mix(ids, salt("exchange")))}
    columns |= text_columns(source, moments, items, world)
    columns |= who_columns(source, moments, world)
    columns |= network_columns(source, moments, book)
    columns |= request_columns(source, moments, world, calendar)
    columns |= cost_columns(source, moments, columns, world, calendar, rng)
    lose(columns, source, moments, world, rng)
    for name in world.hide:
        columns[name] = pa.nulls(len(moments.at), LOG.field(name).type)
    late = rng.random(len(moments.at)) < world.late
    for name in LATE:
        columns[name] = pc.if_else(pa.array(late), pa.nulls(len(late), columns[name].type), columns[name])
    return pa.table([columns[f.name] for f in LOG], schema=LOG)


def text_columns(
    source: Source, moments: Moments, items: npt.NDArray[np.uint64], world: World
) -> dict[str, Any]:
    """prompt, system, completion."""
    count = len(moments.at)
    completion = pa.nulls(count, pa.string())
    if world.completions == "short":
        numbers = mix(moments.session + moments.step.astype(np.uint64), 173)
        completion = source.writer.pool.answers().read_fresh(numbers, source.writer.demand)
        if source.flow.content.signed:
            completion = pc.binary_join_element_wise(
                completion, signatures(items, source.roster.key), " signature="
            )
    return {
        "prompt": source.writer.prompts(source.roster, moments, items),
        "system": source.writer.systems(source.roster, moments.account),
        "completion": completion,
    }


def who_columns(source: Source, moments: Moments, world: World) -> dict[str, Any]:
    """started_at, account_id, organization_id, api_key_id, end_user_id, platform."""
    roster, account = source.roster, moments.account
    identity = source.group.identity
    key = (mix(moments.session, 179) % np.uint64(max(identity.keys, 1))).astype(np.int64)
    key = np.where(roster.draw("keys", identity.keys)[account] == 0, 0, key)
    keys, key_of = np.unique(mix(roster.account[account] + key.astype(np.uint64), 181), return_inverse=True)
    platform = source.platform[account]
    skew = np.array(
        [world.skew_s * 1e6 * stream("skew", name).standard_normal() for name in source.platforms]
    )
    return {
        "started_at": pa.array(
            moments.at + skew[platform].astype(np.int64), EXCHANGES.field("started_at").type
        ),
        "account_id": coded(source.account_ids, account),
        "organization_id": coded(source.organizations, account),
        "api_key_id": coded(hex_ids(keys), key_of),
        "end_user_id": end_users(source, moments),
        "platform": coded(list(source.platforms), platform),
    }


def end_users(source: Source, moments: Moments) -> pa.Array:
    """Opaque end users of products, by session; a few of them make most of the calls."""
    if not source.flow.users:
        return pa.nulls(len(moments.at), pa.dictionary(pa.int32(), pa.string()))
    draw = mix(moments.session, 191) / 2.0**64
    user = (source.flow.users**draw).astype(np.uint64)
    values, place = np.unique(mix(source.roster.account[moments.account] + user, 193), return_inverse=True)
    return coded(hex_ids(values), place)


def network_columns(source: Source, moments: Moments, book: AddressBook) -> dict[str, Any]:
    """client_ip, client_country, client_asn, user_agent, tls_fingerprint."""
    network = source.flow.network or source.group.network
    block, address = addresses(network, source.roster, book, moments)
    agents, prints, row = clients(
        source.flow.client or source.group.client, source.roster, moments.session, moments.account
    )
    return {
        "client_ip": format_addresses(address),
        "client_country": coded(list(book.country), block),
        "client_asn": pa.array(book.asn[block].astype(np.int32)),
        "user_agent": coded(agents, row),
        "tls_fingerprint": coded(prints, row),
    }


def request_columns(source: Source, moments: Moments, world: World, calendar: Calendar) -> dict[str, Any]:
    """model, tools, turns, temperature, top_p, max_tokens, reasoning."""
    flow, roster = source.flow, source.roster
    models = flow.models or source.group.models
    row = choose_tuples(flow.decoding or source.group.decoding, source.tuple_row, moments, len(source.tuples))
    names, model = choose_models(models, world, calendar, roster, moments)
    count = len(moments.at)
    tools = pa.array([list(flow.content.tools)] if flow.content.tools else [None], pa.list_(pa.string()))
    wants = (
        roster.draw("reasons") < 0.3
        if models.reasoning is None
        else np.full(len(roster), models.reasoning == 1)
    )
    reasoning = wants[moments.account]
    if models.reasoning is not None and 0 < models.reasoning < 1:
        reasoning = mix(moments.session, 197) / 2.0**64 < models.reasoning
    columns: dict[str, Any] = {
        "model": coded(names, model),
        "tools": tools.take(pa.array(np.zeros(count, dtype=np.int64))),
        "turns": pa.array(
            (flow.content.turns + 2 * moments.step * (flow.content.follow != "same")).astype(np.int32)
        ),
        "reasoning": pa.array(reasoning),
    }
    for name in source.tuples.column_names:
        columns[name] = source.tuples[name].combine_chunks().take(pa.array(row))
    return columns


def cost_columns(
    source: Source,
    moments: Moments,
    columns: dict[str, Any],
    world: World,
    calendar: Calendar,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Tokens, duration, stop_reason, status."""
    count = len(moments.at)
    status = statuses(moments, world, calendar, rng)
    fine = status == 200
    refused = rng.random(count) < source.flow.refused
    wanted = output_lengths(source.flow.tokens, source.roster, moments, rng)
    wanted = np.where(refused, rng.integers(12, 60, count), wanted)
    limit = np.array(pc.fill_null(columns["max_tokens"], 64_000))
    output = np.where(fine, np.minimum(wanted, limit), 0)
    reasoning = np.array(columns["reasoning"])
    thought = np.where(reasoning & fine, output * rng.gamma(4.0, 0.5, count), 0).astype(np.int32)
    speed = np.exp(np.log(14.0) + 0.35 * rng.standard_normal(count))
    duration = 300 + rng.exponential(400, count) + (output + thought) * speed
    called = (columns["turns"].to_numpy() > 1) & bool(source.flow.content.tools) & (rng.random(count) < 0.8)
    stop = np.where(refused, 3, np.where(wanted > limit, 1, np.where(called, 2, 0)))
    return {
        "input_tokens": input_tokens(source, moments, columns, rng),
        "output_tokens": pa.array(output.astype(np.int32)),
        "reasoning_tokens": pa.array(thought, mask=~reasoning),
        "duration_ms": pa.array(duration.astype(np.int32)),
        "stop_reason": coded(["end_turn", "max_tokens", "tool_use", "refusal"], stop, ~fine),
        "status": pa.array(status.astype(np.int16)),
    }


def input_tokens(
    source: Source, moments: Moments, columns: dict[str, Any], rng: np.random.Generator
) -> pa.Array:
    """Tokens of the prompt, the system prompt, and the context that a session carries along."""
    tokens = source.flow.tokens
    known = columns["system"].dictionary
    sizes = np.array(pc.fill_null(pc.binary_length(known), 0)) if len(known) else np.zeros(1)
    system = sizes[np.array(pc.fill_null(columns["system"].indices, 0))] * np.array(
        columns["system"].is_valid()
    )
    own = (np.array(pc.binary_length(columns["prompt"])) + system) / 4.1
    steps = moments.step * (source.flow.content.follow != "same")
    frame = tokens.context_base * np.exp(tokens.context_sd * rng.standard_normal(len(own)))
    carried = steps * tokens.context * (tokens.median + own * 0.3)
    return pa.array((own + frame + carried + 4).astype(np.int32))


def statuses(
    moments: Moments, world: World, calendar: Calendar, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """HTTP status: now and then a limit, a bad request or an overload; nearly always one in an outage."""
    status = rng.choice(
        [200, 429, 400, 500, 529], size=len(moments.at), p=[0.972, 0.012, 0.006, 0.003, 0.007]
    )
    for day, hours in world.outages:
        begin = calendar.start_us + int(day * 86_400e6)
        down = (moments.at >= begin) & (moments.at < begin + int(hours * 3600e6))
        status = np.where(down & (rng.random(len(status)) < 0.93), 529, status)
    return np.asarray(status if moments.status is None else np.where(moments.status, moments.status, status))


def lose(
    columns: dict[str, Any], source: Source, moments: Moments, world: World, rng: np.random.Generator
) -> None:
    """Takes out what clouds hide and what clients or collectors dropped, in the same way for everybody."""
    count = len(moments.at)
    cloudy = np.isin(source.platforms, ("bedrock", "vertex", "foundry"))[source.platform[moments.account]]
    for name in LOSABLE:
        never = source.roster.draw(f"never-{name}")[moments.account] < world.missing
        gone = never | (rng.random(count) < world.missing / 3)
        if name in HIDDEN_BY_CLOUDS:
            gone |= cloudy
        columns[name] = pc.if_else(pa.array(gone), pa.nulls(count, columns[name].type), columns[name])
