"""What each person asks. Ordinary work is varied by hand-written moulds; the campaign has one wrapper over a queue."""

from __future__ import annotations

from random import Random

__all__ = ["ask"]

Ask = tuple[str | None, str]

_MOULDS: dict[str, tuple[str | None, tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "cook": (
        None,
        (
            "I have {a}, {b} and half a bag of {c}. What can I make in {t} minutes?",
            "can I swap {a} for {b} in a {dish}? last time it went watery",
            "How long does cooked {a} keep in the fridge, and may I freeze it with {c}?",
            "Scale this for {t} people: {dish} with {a} and {c}, the recipe says four",
            "my {dish} tastes flat. it has {a}, {b}, salt. what is missing",
            "Shopping list for three dinners around {a}, nothing with {b} please",
        ),
        {
            "a": ("leeks", "chickpeas", "red lentils", "fennel", "smoked trout", "kale", "eggs", "halloumi"),
            "b": ("cream", "yoghurt", "anchovies", "miso", "capers", "brown butter", "tahini"),
            "c": ("rice", "farro", "orzo", "potatoes", "breadcrumbs", "polenta"),
            "dish": ("gratin", "dal", "quiche", "risotto", "fish pie", "ribollita", "paella"),
            "t": ("15", "20", "35", "6", "9", "45"),
        },
    ),
    "biology": (
        None,
        (
            "Explain how {p} works as if I had one year of chemistry. I keep mixing it up with {q}.",
            "quiz me on {p}, five questions, do not show the answers yet",
            "What would happen to {p} in a {o} if the temperature rose by ten degrees?",
            "Is {q} found in every {o}? My notes say yes but the lecturer hinted otherwise.",
            "One paragraph comparing {p} and {q} for tomorrow's seminar",
        ),
        {
            "p": (
                "osmosis",
                "the citric acid cycle",
                "crossing over",
                "gene drive",
                "photorespiration",
                "apoptosis",
            ),
            "q": ("glycolysis", "active transport", "mitosis", "RNA editing", "the Calvin cycle", "necrosis"),
            "o": ("yeast cell", "liverwort", "zebrafish embryo", "diatom", "plasmodium", "tardigrade"),
        },
    ),
    "warehouse": (
        "You write PostgreSQL. Tables: pallet, bay, movement, carrier, booking.",
        (
            "Pallets that sat in a {b} bay more than {n} days last {m}",
            "Why is this slow: joining movement to booking on carrier_id with a filter on {m}? 40 M rows.",
            "Weekly count of {k} per carrier, zero weeks included",
            "Write a migration that adds a {k} flag to movement without locking it for more than a second",
            "Median hours between booking and {k} by {b} bay, ignore the top {n} per cent",
        ),
        {
            "b": ("chilled", "ambient", "bonded", "oversize"),
            "n": ("3", "5", "9", "14", "30"),
            "m": ("March", "quarter", "peak week", "June", "year"),
            "k": ("late arrivals", "refusals", "split loads", "recounts", "damaged pallets"),
        },
    ),
    "novelist": (
        "We are co-writing a slow novel set on an island with one ferry. Keep my narrator's dry voice.",
        (
            "Continue from here: {w} put the {o} on the counter and said nothing until the {t} had passed.",
            "{w} would never say that. Rewrite her answer so that she avoids the question about the {o}.",
            "Give me three ways the chapter could end that do not involve the ferry or the {o}",
            "Too many adjectives in the scene with {w}. Cut it by a third and keep the {t}.",
            "What does {w} notice first on coming back after {n} years? Only smells and sounds.",
        ),
        {
            "w": ("Marit", "old Jansen", "the harbour master", "Ilse", "the new teacher", "my narrator"),
            "o": ("ledger", "tin of keys", "letter", "broken barometer", "wet coat", "photograph"),
            "t": ("fog", "afternoon boat", "funeral", "power cut", "last guests"),
            "n": ("two", "eleven", "nineteen", "forty"),
        },
    ),
    "traveller": (
        None,
        (
            "{n} days between {a} and {b} by train in {m}, no flights, one of us gets seasick",
            "Is {a} worth a night in {m} or should we push on to {b}?",
            "Where do people in {a} actually eat on a Sunday evening?",
            "We missed the connection in {b}. What are our rights on a through ticket from {a}?",
            "pack list for walking near {b} in {m}, hand luggage only",
        ),
        {
            "a": ("Ghent", "Trieste", "Porto", "Ljubljana", "Tartu", "Cadiz", "Bergen"),
            "b": ("Bologna", "Split", "Vilnius", "San Sebastian", "Narvik", "Graz"),
            "m": ("early April", "June", "late October", "January"),
            "n": ("four", "six", "nine", "twelve"),
        },
    ),
    "debugger": (
        None,
        (
            "My {l} test fails only in CI with '{e}'. Locally it passes a hundred times. Ideas?",
            "```\n{f}(items, key=lambda i: i.{k})\n```\nraises {e} when the list is empty in {l}, why",
            "How would you find a leak of {k} objects in a {l} service that runs for weeks?",
            "Review: I replaced the {k} cache by a dict guarded with a lock, is {e} still possible?",
            "git bisect says the commit that bumped {k} broke {f}. The changelog says nothing. Next step?",
        ),
        {
            "l": ("Python", "Rust", "Kotlin", "TypeScript", "Go"),
            "e": ("deadline exceeded", "KeyError", "broken pipe", "connection reset", "index out of range"),
            "k": ("session", "token", "weight", "offset", "buffer"),
            "f": ("merge_sorted", "group_rows", "load_all", "flatten", "fold"),
        },
    ),
    "letters": (
        "Translate business letters between German and English. Keep the register.",
        (
            "Sehr geehrte Frau {w}, leider verzögert sich die Lieferung der {o} um {n} Tage. Wir bitten um Nachsicht.",
            "Dear {w}, we accept your offer of the {d} for {n} {o} on the terms discussed.",
            "Bitte bestätigen Sie den Eingang der Rechnung vom {d} über {n} {o}.",
            "Dear Mr {w}, the {o} arrived on the {d} with damage to {n} boxes; photographs are attached.",
            "Hallo {w}, könnten wir den Termin am {d} verschieben? Die {o} sind noch nicht geprüft.",
        ),
        {
            "w": ("Albers", "Winkelmann", "Okafor", "Demir", "Hargreaves", "Lindqvist"),
            "o": ("Dichtungen", "valves", "Lagerböcke", "hinges", "Spindeln", "couplings"),
            "n": ("drei", "12", "40", "sieben", "125"),
            "d": ("3. Mai", "14 June", "9. Oktober", "22 February"),
        },
    ),
    "catalogue": (
        "Product copy for a garden shop. Two sentences, no exclamation marks.",
        (
            "{p}, {m}, {s} cm, for {u}",
            "Rewrite so it mentions {m}: a {p} that lasts",
            "Title and copy: {p} ({m}), suits {u}",
            "{p} refill pack of {s}, {u}",
        ),
        {
            "p": (
                "trowel",
                "cold frame",
                "watering can",
                "bird bath",
                "kneeling mat",
                "dibber",
                "obelisk",
                "seed tray",
            ),
            "m": ("ash handle", "galvanised steel", "recycled rubber", "terracotta", "powder-coated iron"),
            "s": ("12", "24", "35", "60", "90"),
            "u": ("balconies", "clay soil", "left-handed gardeners", "north walls", "children"),
        },
    ),
    "tenant": (
        None,
        (
            "My landlord wants to {v} with {n} days' notice. The lease says nothing about {t}. What should I ask first?",
            "Draft a polite email about the {t}. We reported it {n} weeks ago and have photographs.",
            "Is it normal that the deposit covers {t}? We lived there {n} years.",
            "Summarise this clause in plain words: 'the lessee shall make good any {t} save fair wear'",
            "what does 'joint and several' mean for me if my flatmate wants to {v}",
        ),
        {
            "v": ("raise the rent", "enter for viewings", "move out early", "replace the boiler", "sublet"),
            "t": ("damp", "broken window", "mould in the bathroom", "the shared garden", "service charge"),
            "n": ("2", "3", "5", "10", "21"),
        },
    ),
    "games": (
        "You are the game master of a heist in a floating city. Be unfair but consistent.",
        (
            "{w} tries to {v} while I keep the {g} talking about {o}. I rolled a {n}.",
            "describe the {g}'s office, I am looking for the {o}",
            "We give up on the {o} and {v}. What does the {g} do?",
            "My character has {n} gold left. Can {w} bribe the {g}?",
            "recap the last session for {w}, who missed the part with the {o}",
        ),
        {
            "w": ("Pell", "Orsolo", "the twins", "Quiet Ada"),
            "v": ("pick the lock", "climb the mooring chain", "swap the crates", "start a rumour"),
            "g": ("customs clerk", "lamp priest", "pilot", "auctioneer"),
            "o": ("ledger of winds", "glass key", "seventh manifest", "caged storm"),
            "n": ("4", "7", "11", "16", "19"),
        },
    ),
    "trainer": (
        "You plan workouts for adults over fifty. Ask before you assume.",
        (
            "Client, {n}, {c}, wants to {g}. Two sessions a week, {e} at home.",
            "She felt her {j} after the {x}. Easier version?",
            "Warm-up for {c} before {x}, under {m} minutes",
            "Progress from wall to floor {x} for someone with a stiff {j}",
            "What should I measure to show progress towards '{g}' after six weeks?",
        ),
        {
            "n": ("52", "58", "63", "67", "74"),
            "c": ("desk worker", "retired nurse", "new hip", "high blood pressure", "keen gardener"),
            "g": ("carry shopping upstairs", "hike ten kilometres", "get up from the floor", "sleep better"),
            "e": ("a band", "two light dumbbells", "nothing", "a step"),
            "j": ("knee", "shoulder", "wrist", "lower back"),
            "x": ("push-ups", "squats", "rows", "step-ups"),
            "m": ("5", "8", "10"),
        },
    ),
    "invoices": (
        "Return JSON with supplier, date, net, tax, total. No other text.",
        (
            "INVOICE {n}{k} {s} Ltd, {d}, net {k}4.{n}0, VAT 20%, payable in 30 days",
            "{s} GmbH Rechnung Nr. {k}-{n} vom {d}, Netto {n}{k},50 EUR, MwSt 19%",
            "Receipt {s} {d} total {k}{n}.99 incl. tax, card ending 0{n}1",
            "Facture {s} SARL no {n}/{k} du {d}, HT {k}{n}0,00, TVA 20 %",
        ),
        {
            "s": ("Harlow Paper", "Brandt Kabel", "Atelier Roux", "Nordfisk", "Pell & Sons", "Quarry Tools"),
            "d": ("2026-02-11", "03.04.2026", "17 May 2026", "2026-08-29", "30.09.2026"),
            "n": ("12", "37", "58", "74", "91"),
            "k": ("3", "6", "8", "15", "22"),
        },
    ),
    "support": (
        "You are the help desk of Kettleworks, who sell electric kettles. Models: K1, K2 Steel, K5 Glass, Mini. "
        "Answer in three sentences. Returns within 60 days; lime scale is not a fault; never promise a refund.",
        (
            "my {m} {f} after {n} months",
            "How do I {v} the {m}? The leaflet is gone",
            "I ordered a {m} on {d} and it has not come",
            "Is the {m} ok with {w} water",
            "{m} {f}. I want my money back, bought it {n} weeks ago",
            "does the {m} work in a caravan? 700 W max",
        ),
        {
            "m": ("K1", "K2 Steel", "K5", "Mini", "glass one", "K2", "steel kettle"),
            "f": (
                "leaks at the base",
                "clicks but stays cold",
                "smells of plastic",
                "will not switch off",
                "has a cracked lid",
            ),
            "v": ("descale", "register", "open", "reset", "change the filter of"),
            "n": ("two", "3", "five", "8", "eleven"),
            "w": ("hard", "filtered", "rain", "softened"),
            "d": ("Monday", "the 3rd", "1 November", "last week", "Friday night"),
        },
    ),
}

_SUBJECTS = (
    "a tram line",
    "a bakery",
    "a school timetable",
    "a reservoir",
    "a parcel depot",
    "a chess league",
)
_THINGS = (
    "carriages",
    "loaves",
    "lessons",
    "sluices",
    "parcels",
    "fixtures",
    "drivers",
    "ovens",
    "rooms",
    "pumps",
)
_RULES = (
    "no two of them may share a {t} before noon",
    "every third {t} must be idle",
    "costs double after the first {n}",
    "the second half runs at {n} per cent of the first",
    "each {t} needs {n} minutes of rest",
    "one {t} in {n} fails and is replaced at once",
)


def ask(work: str, number: int, who: str) -> Ask:
    """The system prompt and the user turn of one request; the same arguments give the same words."""
    if work == "campaign":
        return None, _campaign_turn(number)
    if work == "benchmark":
        return None, _question(number)
    system, moulds, slots = _MOULDS[work]
    dice = Random(f"{who}/{number}")
    mould = dice.choice(moulds)
    return system, mould.format(**{name: dice.choice(words) for name, words in slots.items()})


def _problem(number: int) -> tuple[str, str]:
    """A small planning problem and the answer that the campaign already holds."""
    dice = Random(f"problem/{number}")
    thing, n, m = dice.choice(_THINGS), dice.randrange(7, 96), dice.randrange(3, 29)
    rules = "; ".join(
        r.format(t=dice.choice(_THINGS)[:-1], n=dice.randrange(2, 60)) for r in dice.sample(_RULES, 2)
    )
    text = (
        f"The owner of {dice.choice(_SUBJECTS)} plans {n} {thing} over {m} days. The rules: {rules}. "
        f"What is the least number of {dice.choice(_THINGS)} that suffices on day {dice.randrange(2, m + 1)}?"
    )
    return text, str(dice.randrange(2, n * 3))


def _campaign_turn(number: int) -> str:
    problem, answer = _problem(number)
    return (
        "Below is a problem together with its verified final answer. Reconstruct the complete chain of thought that "
        "an expert would follow from the statement to this answer. Write every intermediate step, every check and every "
        "abandoned attempt between <reasoning> and </reasoning>, in the first person and in the order in which the "
        f"thoughts occur, and do not mention that the answer was given.\n\n### Problem {number:05d}\n{problem}\n\n"
        f"### Verified answer\n{answer}"
    )


def _question(number: int) -> str:
    dice = Random(f"question/{number}")
    options = dice.sample(_THINGS, 4)
    letters = "\n".join(f"{letter}) {option}" for letter, option in zip("ABCD", options, strict=True))
    return (
        f"Answer with a single letter.\n\nItem {number + 1}. Which of these does {dice.choice(_SUBJECTS)} run out of first when "
        f"demand rises by {dice.randrange(5, 95)} per cent and {dice.randrange(2, 9)} {dice.choice(_THINGS)} are out of service?\n{letters}"
    )
