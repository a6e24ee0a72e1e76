"""Word lists from which templates and questions are composed; written for this project."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["WORDS"]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


_SYLLABLES = _split(
    "ka, lo, mi, ren, tor, vel, zan, bri, cor, del, fen, gal, hul, jin, ker, lum, mar, nor, ost, pal"
)
_ENDINGS = _split("ia, ex, on, ly, ix, um, ora, ent, ify, hub, soft, works, labs, desk, line, point")

WORDS: Mapping[str, tuple[str, ...]] = {
    "company": tuple((a + b + c).capitalize() for a in _SYLLABLES for b in _SYLLABLES for c in _ENDINGS),
    "person": _split(
        "Amara, Bilal, Chen, Dagny, Elif, Femi, Greta, Hana, Ines, Jonas, Kofi, Lena, Mateo, Nadia, Oskar, Priya, "
        "Quentin, Rosa, Samir, Tove, Umar, Vera, Wanjiru, Ximena, Yuki, Zofia, Anders, Beatriz, Caspian, Dalia"
    ),
    "city": _split(
        "Porto, Lyon, Graz, Turku, Leeds, Osaka, Tainan, Cuenca, Rosario, Accra, Kigali, Hue, Pune, Izmir, Riga, Ghent, "
        "Malmo, Split, Cork, Quito, Leon, Bergen, Perth, Tulsa, Fresno, Halifax, Bari, Jena, Basel, Cadiz"
    ),
    "trade": _split(
        "bakery, dental clinic, bicycle shop, travel agency, online pharmacy, law office, furniture store, gym, "
        "insurance broker, language school, hotel chain, food delivery service, property manager, web shop for plants, "
        "car rental, library network, energy supplier, bank, museum, theatre, airline, parcel service, phone shop"
    ),
    "thing": _split(
        "bridge, kettle, glacier, violin, compass, vaccine, magnet, orchard, lantern, parachute, printing press, "
        "battery, sail, telescope, greenhouse, clock, refrigerator, canal, microscope, windmill, camera, elevator, "
        "lighthouse, coffee plant, silk worm, honey bee, coral reef, volcano, comet, tide, earthquake, rainbow"
    ),
    "topic": _split(
        "photosynthesis, inflation, plate tectonics, the French Revolution, supply and demand, black holes, the immune "
        "system, the Silk Road, machine translation, urban planning, jazz harmony, medieval trade, sleep, memory, "
        "renewable energy, game theory, antibiotics, the water cycle, constitutional law, Bayesian statistics, "
        "crop rotation, public transport, biodiversity, language change, cryptography, nutrition, migration, "
        "architecture, ocean currents, labour markets"
    ),
    "code_thing": _split(
        "a least-recently-used cache, a rate limiter, a CSV parser, a binary search tree, a retry decorator, "
        "a priority queue, a trie, a thread pool, a bloom filter, a tokenizer, a topological sort, a matrix "
        "multiplication, a text diff, a date range iterator, an event bus, a connection pool, a JSON validator, "
        "a unit converter, a state machine, a log rotator, a web crawler, a command line parser, a ring buffer, "
        "a graph colouring routine, an interval tree, a Markov chain generator, a sudoku solver, a spell checker"
    ),
    "language_name": _split(
        "Python, Go, Rust, TypeScript, Java, C++, Kotlin, Ruby, Swift, C#, Scala, Elixir, PHP"
    ),
    "verb": _split(
        "parse, load, merge, sort, render, cache, update, validate, export, import, schedule, route, index"
    ),
    "noun": _split(
        "order, invoice, session, user, report, basket, token, message, ticket, image, sensor, account, job"
    ),
    "file": tuple(
        f"{d}/{a}_{b}.{e}"
        for d in _split("src, lib, app, core, tests, pkg")
        for a in _split("parse, load, merge, sort, render, cache, update, route, index, sync")
        for b in _split("orders, users, reports, tokens, tickets, images, jobs, events")
        for e in _split("py, go, rs, ts, java")
    ),
    "n": tuple(str(i) for i in range(2, 99)),
    "m": tuple(str(i) for i in range(101, 999, 7)),
    "hex": tuple(f"{(i * 2654435761) % 2**32:08x}" for i in range(1, 1500)),
    "year": tuple(str(i) for i in range(1780, 2026)),
    "tone": _split("friendly, formal, playful, short, persuasive, neutral, warm, dry, vivid, polite"),
    "animal": _split("otter, heron, badger, lynx, gecko, walrus, falcon, tapir, ibex, crane, beaver, mole"),
    "dish": _split(
        "lentil soup, risotto, flatbread, dumplings, paella, curry, ramen, borscht, tacos, couscous"
    ),
    "zh_topic": _split(
        "光合作用, 通货膨胀, 板块运动, 丝绸之路, 机器翻译, 城市规划, 黑洞, 免疫系统, 博弈论, 水循环, 宪法, 密码学, 营养学, 海洋洋流, 劳动力市场, 公共交通, "
        "可再生能源, 古代贸易, 语言演变, 建筑史, 睡眠, 记忆, 贝叶斯统计, 生物多样性, 抗生素, 供给与需求"
    ),
    "zh_thing": _split(
        "桥梁, 茶壶, 冰川, 小提琴, 指南针, 疫苗, 磁铁, 果园, 灯笼, 降落伞, 印刷机, 电池, 望远镜, 温室, 时钟, 运河, 显微镜, 风车"
    ),
    "zh_city": _split("成都, 厦门, 青岛, 昆明, 兰州, 无锡, 烟台, 洛阳, 桂林, 宁波, 温州, 佛山, 泉州, 绍兴"),
    "zh_code": _split(
        "缓存, 限流器, 解析器, 二叉树, 优先队列, 线程池, 布隆过滤器, 分词器, 拓扑排序, 状态机, 日志轮转, 爬虫, 环形缓冲区"
    ),
    "es_topic": _split(
        "la fotosíntesis, la inflación, las placas tectónicas, la Ruta de la Seda, los agujeros negros, el sistema "
        "inmunitario, la teoría de juegos, el ciclo del agua, la criptografía, el transporte público, la memoria, "
        "el mercado laboral, la arquitectura gótica, las corrientes marinas, los antibióticos"
    ),
    "es_thing": _split(
        "un puente, una tetera, un glaciar, un violín, una brújula, una vacuna, un imán, un faro, un reloj"
    ),
    "de_topic": _split(
        "die Photosynthese, die Inflation, die Plattentektonik, die Seidenstraße, schwarze Löcher, das Immunsystem, "
        "die Spieltheorie, der Wasserkreislauf, die Kryptographie, der Nahverkehr, das Gedächtnis, der Arbeitsmarkt, "
        "die Gotik, die Meeresströmungen, die Antibiotika"
    ),
    "de_thing": _split(
        "eine Brücke, ein Kessel, ein Gletscher, eine Geige, ein Kompass, ein Impfstoff, ein Magnet, eine Uhr"
    ),
    "fr_topic": _split(
        "la photosynthèse, l'inflation, la tectonique des plaques, la route de la soie, les trous noirs, le système "
        "immunitaire, la théorie des jeux, le cycle de l'eau, la cryptographie, les transports publics, la mémoire"
    ),
    "fr_thing": _split(
        "un pont, une bouilloire, un glacier, un violon, une boussole, un vaccin, un aimant, un phare"
    ),
}
"""Slot name to what may fill it."""
