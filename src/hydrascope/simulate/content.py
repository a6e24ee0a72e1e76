"""What exchanges say: wrappers and system prompts around items, in languages, by session and step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hydrascope.errors import ConfigError, nearest
from hydrascope.simulate.arrivals import Moments, ranks
from hydrascope.simulate.prompts import HEAD, PromptPool, follow_ups, tool_outputs
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import hex_ids, mix, salt, stream
from hydrascope.simulate.texts import Variants, render_variants

__all__ = ["Content", "Writer", "item_numbers", "recorded_order", "signatures"]

Ints = npt.NDArray[np.int64]
Uint64s = npt.NDArray[np.uint64]
Texts = Mapping[str, Mapping[str, str]]
OWN = np.uint64(1 << 40)
NOTHING, MARK = pa.scalar(""), pa.scalar("EqQB")
ORDERS = ("fresh", "queue", "recorded", "shard", "list", "own_list")
RECORDED_STEPS = 64
"""Numbers set aside for the steps of a recorded session."""
KNOWN = np.uint64(1 << 45)
"""Items from here on are those whose answers an operator knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How a flow's texts are made."""

    wrappers: tuple[str, ...] = ()
    """Names of texts with `{item}`; one is drawn per session; none: the bare item."""
    systems: tuple[str, ...] = ()
    """Names of texts, one for each account; "" for none."""
    vary: str = "none"
    """Wrapper wording by: none, account, session or exchange."""
    variants: int = 1
    """Number of paraphrases; 0 stands for composed afresh (4,096 renderings)."""
    system_vary: str = "none"
    """System wording by: none or account."""
    items: str = "fresh"
    """fresh (everybody's own), queue (each once), recorded (whole sessions, numbered, which another flow may replay
    step by step), shard (index modulo accounts), list (a shared list), own_list."""
    list_size: int = 500
    list_name: str = ""
    """Groups that name the same list work on the same items."""
    repeat: float = 0.0
    """Share of a queue's items that are asked again soon after, for comparison."""
    checks: float = 0.0
    """Share of a queue's requests whose answer is known, asked from every account to notice worse answers."""
    known_answers: int = 30
    """How many such questions there are."""
    samples: int = 1
    """How often each item of a queue is asked, for self-consistency."""
    popular: float = 0.03
    """Share of fresh items that come from a short list of what everybody asks."""
    capabilities: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("benign",)
    """Origin of the items in a pool that has it."""
    languages: tuple[str, ...] = ()
    """Languages of the items by session; empty: the account's."""
    translate: bool = False
    """The wrapper is in the item's language where there is such a text."""
    follow: str = "chat"
    """Later steps of a session: chat, tool (results sent back), or same (the wrapper around another item)."""
    tools: tuple[str, ...] = ()
    stretch: int = 0
    """Items of a queue's list set aside for a day; 0: as many as the flow needs."""
    lag_days: int = 0
    """The queue takes the items that came this many days before (what another flow relayed, say); both name one list."""
    signed: bool = False
    """Completions carry the reasoning signature of their item."""
    turns: int = 1
    """Messages in the first request of a session."""


def item_numbers(content: Content, roster: Roster, moments: Moments, first: int) -> Uint64s:
    """The item of each exchange; equal numbers are equal texts. `first` is where a queue's list stands today."""
    step = moments.step.astype(np.uint64) if content.follow == "same" else np.uint64(0)
    if content.items == "queue":
        number = moments.order.astype(np.uint64) // np.uint64(content.samples) + np.uint64(first)
        again = mix(moments.session + moments.step.astype(np.uint64), 97)
        back = np.where(
            again % np.uint64(1000) < np.uint64(int(content.repeat * 1000)),
            again % np.uint64(50),
            np.uint64(0),
        )
        number = np.maximum(number, back) - back
        if content.checks:
            draw = mix(moments.session + moments.step.astype(np.uint64), 227)
            known = draw % np.uint64(10_000) < np.uint64(int(content.checks * 10_000))
            number = np.where(
                known, KNOWN + (draw >> np.uint64(20)) % np.uint64(content.known_answers), number
            )
        return np.asarray(number, dtype=np.uint64)
    if content.items == "recorded":
        return moments.order.astype(np.uint64) + np.uint64(first)
    if content.items == "shard":
        turn = own_ranks(moments.account).astype(np.uint64) + np.uint64(first)
        return np.asarray(turn * np.uint64(len(roster)) + moments.account.astype(np.uint64), dtype=np.uint64)
    if content.items == "list":
        place: Ints = (
            moments.order
            if moments.order.any()
            else (mix(moments.session + step, 101) >> np.uint64(8)).astype(np.int64)
        )
        return (place % content.list_size).astype(np.uint64)
    if content.items == "own_list":
        own = mix(moments.session + step, 103) % np.uint64(content.list_size)
        return mix(roster.account[moments.account] + own, 107) >> np.uint64(24)
    if content.items != "fresh":
        raise ConfigError(f"no such order of items '{content.items}'", hint=nearest(content.items, ORDERS))
    number = mix(moments.session + step, 109)
    common = number % np.uint64(10_000) < np.uint64(int(content.popular * 10_000))
    head = (HEAD ** (mix(number, 113) / 2.0**64)).astype(np.uint64)
    return np.where(common, head, number >> np.uint64(24))


def recorded_order(moments: Moments) -> Ints:
    """The place of each exchange in a day's recordings: sessions in order of their start, then their steps."""
    _, first, session = np.unique(moments.session, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return np.asarray(rank[session] * RECORDED_STEPS + np.minimum(moments.step, RECORDED_STEPS - 1))


def own_ranks(account: Ints) -> Ints:
    """Place of each exchange among its account's, in the order given."""
    order = np.argsort(account, kind="stable")
    rank = np.empty(len(account), dtype=np.int64)
    rank[order] = ranks(account[order])
    return rank


def signatures(numbers: Uint64s, key: int) -> pa.Array:
    """Opaque reasoning signatures of a group's items, the same wherever an item is relayed."""
    halves = [hex_ids(mix(numbers, key ^ turn)) for turn in (127, 128)]
    return pc.binary_join_element_wise(MARK, *halves, NOTHING)


@dataclass(slots=True)
class Writer:
    """Texts of one flow; renders templates once and keeps them."""

    content: Content
    texts: Texts
    pool: PromptPool
    languages: tuple[str, ...]
    edges: npt.NDArray[np.float64]
    """Cumulative shares of the languages."""
    side: str | None
    key: int
    demand: int
    """About how many requests of people's own the world has."""
    _rendered: dict[tuple[str, str], Variants] = field(default_factory=dict)
    _systems: tuple[pa.Array, Ints] | None = None

    @property
    def shift(self) -> int:
        """Tells numbered lists apart; 0 where items are people's own."""
        listed = self.content.items in ("queue", "recorded", "shard", "list")
        return salt(self.content.list_name or self.key) | 1 if listed else 0

    def wording(self, name: str, lang: str, count: int) -> Variants:
        """The renderings of a named text in a language, English where it has none."""
        if name not in self.texts:
            raise ConfigError(f"no text '{name}'", hint=nearest(name, self.texts))
        known = self.texts[name]
        lang = lang if lang in known else "en"
        if (name, lang) not in self._rendered:
            rng = stream(self.key, "wording", name, lang)
            self._rendered[name, lang] = render_variants(
                known.get(lang) or next(iter(known.values())), count, rng
            )
        return self._rendered[name, lang]

    def language_of(self, roster: Roster, moments: Moments, items: Uint64s) -> tuple[tuple[str, ...], Ints]:
        """Languages, and the index of each exchange's: the account's, the item's in a list, or by session."""
        own = self.content.languages
        if not own and self.shift:
            whole = items // np.uint64(RECORDED_STEPS) if self.content.items == "recorded" else items
            draw = mix(whole, 129) / 2.0**64
            return self.languages, np.minimum(np.searchsorted(self.edges, draw), len(self.languages) - 1)
        if not own:
            return self.languages, roster.languages[moments.account]
        return own, (mix(moments.session, 131) % np.uint64(len(own))).astype(np.int64)

    def prompts(self, roster: Roster, moments: Moments, items: Uint64s) -> pa.Array:
        """The last user turn of every exchange."""
        langs, lang = self.language_of(roster, moments, items)
        wrappers = self.content.wrappers
        wrapper = (mix(moments.session, 137) % np.uint64(max(len(wrappers), 1))).astype(np.int64)
        later = (moments.step > 0) & (self.content.follow != "same")
        kind = np.where(later, -1, wrapper) * len(langs) + lang
        order = np.argsort(kind, kind="stable")
        edges = np.flatnonzero(np.r_[True, np.diff(kind[order]) != 0])
        parts = []
        for rows in np.split(order, edges[1:]) if len(order) else []:
            tongue, first = langs[int(lang[rows[0]])], rows[0]
            if later[first]:
                parts.append(self.follow_up(tongue, moments.keep(rows), items[rows]))
            else:
                name = wrappers[int(wrapper[first])] or None if wrappers else None
                parts.append(self.opening(name, tongue, roster, moments.keep(rows), items[rows]))
        if not parts:
            return pa.array([], pa.string())
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(parts).take(pa.array(back))

    def opening(
        self, name: str | None, lang: str, roster: Roster, moments: Moments, items: Uint64s
    ) -> pa.Array:
        """An item in its wrapper."""
        bank = self.pool.bank(
            lang=lang, capabilities=self.content.capabilities, groups=self.content.groups, side=self.side
        )
        asked = bank.read(items, self.shift) if self.shift else bank.read_fresh(items, self.demand)
        if name is None:
            return asked
        variants = self.wording(name, lang if self.content.translate else "en", self.content.variants or 4096)
        values = {"item": asked}
        for turn, slot in enumerate(("answer", "other")):
            if slot in variants.slots:
                values[slot] = self.pool.answers().read_fresh(mix(items, 139 + turn) | OWN, self.demand)
        if "signature" in variants.slots:
            values["signature"] = signatures(items, roster.key)
        return variants.fill(self.variant_of(variants.count, roster, moments), values)

    def variant_of(self, count: int, roster: Roster, moments: Moments) -> Ints:
        """Which rendering each exchange uses."""
        numbers: dict[str, Callable[[], Uint64s]] = {
            "none": lambda: np.zeros(len(moments.at), dtype=np.uint64),
            "account": lambda: mix(roster.account[moments.account], 149),
            "session": lambda: mix(moments.session, 151),
            "exchange": lambda: mix(moments.session + moments.step.astype(np.uint64), 157),
        }
        if self.content.vary not in numbers:
            raise ConfigError(
                f"wording cannot vary by '{self.content.vary}'", hint=nearest(self.content.vary, numbers)
            )
        return (numbers[self.content.vary]() % np.uint64(count)).astype(np.int64)

    def follow_up(self, lang: str, moments: Moments, items: Uint64s) -> pa.Array:
        """Later turns: remarks of a person or results of a tool."""
        source = tool_outputs() if self.content.follow == "tool" else follow_ups(lang)
        recorded = self.content.items == "recorded"
        number = (
            items ^ np.uint64(self.shift) if recorded else moments.session + moments.step.astype(np.uint64)
        )
        return source.compose(mix(number, 163))

    def systems(self, roster: Roster, account: Ints) -> pa.Array:
        """System prompts, dictionary-encoded; null where there is none."""
        if not self.content.systems:
            return pa.nulls(len(account), pa.dictionary(pa.int32(), pa.string()))
        if self._systems is None:
            self._systems = self.systems_of_accounts(roster)
        texts, row = self._systems
        index = row[account].astype(np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), texts)

    def systems_of_accounts(self, roster: Roster) -> tuple[pa.Array, Ints]:
        """The distinct system prompts, and for each account its own; -1 for none."""
        texts: dict[str, int] = {}
        row = np.full(len(roster), -1, dtype=np.int64)
        names = self.content.systems
        which = roster.draw("system", len(names))
        for i in np.flatnonzero([bool(names[w]) for w in which]):
            by_account = self.content.system_vary == "account"
            wording = self.wording(
                names[which[i]],
                self.languages[roster.languages[i]],
                min(len(roster), 4096) if by_account else 1,
            )
            turn = int(self.variant_of_accounts(roster, np.array([i]), wording.count)[0])
            text = wording.pieces[0][turn].as_py()
            row[i] = texts.setdefault(text, len(texts))
        return pa.array(list(texts), pa.string()), row

    def variant_of_accounts(self, roster: Roster, mine: Ints, count: int) -> Ints:
        """Which rendering of a system prompt each account uses."""
        return (mix(roster.account[mine], 167) % np.uint64(count)).astype(np.int64)
