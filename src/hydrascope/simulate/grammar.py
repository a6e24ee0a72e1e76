"""Patterns of questions, tasks, remarks and tool results, written for this project; none is from a data set.

`compose.Composer` fills them. `[[a|b]]` are alternatives, `{word}` is drawn from the word list of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["ANSWERS", "FOLLOW_UPS", "PATTERNS", "TAILS", "TOOL_OUTPUTS"]

PATTERNS: Mapping[tuple[str, str], Sequence[str]] = {
    ("en", "general"): (
        "[[Explain|Describe|Summarise]] {topic} [[to a ten-year-old|for a museum leaflet|in four paragraphs|with one example from {city}]].",
        "Write a {tone} [[letter|note|speech|post]] from {person} to {person} about {topic}.",
        "What are [[three|five|seven]] [[arguments for and against|common misunderstandings about|open questions in]] {topic}?",
        "[[Plan|Outline]] a {n}-day trip from {city} to {city} for someone who loves {topic} and {dish}.",
        "I have {n} guests and only {dish}; [[what else could I cook|how do I scale the recipe|what can I prepare the day before]]?",
        "Tell a {tone} story in which {person} the {animal} repairs a {thing} in {city}.",
        "Compare {topic} and {topic}: [[what do they have in common|where do they differ|which should be taught first]]?",
        "How did the {thing} change daily life in {city} after {year}?",
    ),
    ("en", "reasoning"): (
        "A train leaves {city} at {n} km/h and another leaves {city}, {m} km away, at {n} km/h. [[When|Where]] do they meet?",
        "{person} has {n} coins, gives away a third and then finds {n} more. How many are left, and [[what is the ratio to the start|is the number prime]]?",
        "[[Prove|Show]] that the sum of the first {n} odd numbers is a perfect square[[.|, without induction.|, by induction.]]",
        "In a box there are {n} red and {n} blue balls; {person} draws two. What is the probability that [[both are red|they differ]]?",
        "A tank fills in {n} minutes through one pipe and in {n} through another, and leaks in {m} minutes. How long until it is full?",
        "{person}, {person} and {person} each own a {animal}, a {thing} or a {thing}. Two of three statements are false; [[who owns what|which cannot be true]]? Hint {n}.",
        "Find all integers x with {n}x + {m} divisible by {n}, [[and count those below {m}|and give the smallest positive one]].",
        "How many ways are there to seat {n} people around a table when {person} and {person} [[refuse to sit together|must sit together]]?",
    ),
    ("en", "coding"): (
        "[[Write|Implement]] {code_thing} in {language_name} [[with tests|without external libraries|and explain its complexity|that is safe under concurrency]].",
        "My {language_name} function to {verb} the {noun} list returns {n} instead of {m}. [[What could be wrong|How would I debug it]]?",
        "Refactor this {language_name} module: it must {verb} each {noun}, {verb} it again after {n} seconds and never lose a {noun}.",
        "[[Port|Translate]] {code_thing} from {language_name} to {language_name}, keeping the public interface.",
        "Review: `def {verb}_{noun}(items): return [i for i in items if i.id > {m}]` [[for bugs|for style|for speed]].",
        "Write a SQL query that lists every {noun} with more than {n} rows of {noun} since {year}.",
    ),
    ("en", "agentic_tool_use"): (
        "The repository {company} fails its test in {file}: expected {n}, got {m}. [[Fix it|Find the cause|Write the smallest patch]].",
        "Find every call of {verb}_{noun} under {file} and [[rename it|add a timeout of {n} s|make it asynchronous]].",
        "Book a table for {n} in {city} on the {n}th, then [[mail|message]] {person} the address.",
        "Collect the {year} figures about {topic} from the attached tables and [[plot them|put them in a sheet|write a summary]].",
        "Upgrade the {language_name} dependency in {file} and repair what breaks; {n} tests fail now.",
    ),
    ("en", "reward_grading"): (
        "Question: what limits {topic}? Answer A: it is mostly {topic}. Answer B: a {thing} after {year}, {n} of {m} cases.",
        "Task: write about {topic} in {n} words. Submission: {person} from {city} thinks that {topic} began with the {thing}.",
    ),
    ("en", "censorship_rewrite"): (
        "[[What happened|Who was responsible]] during the [[protests|strike|trial|election]] in {city} in {year}, and how was it reported?",
        "[[May|Should]] citizens of {city} criticise their government's handling of {topic}?",
    ),
    ("en", "translation"): (
        "{person} arrived in {city} on the {n}th with a {thing}, {n} {animal}s and a book about {topic}.",
        "Our offer for the {trade} is valid for {n} days; payment of {m} is due in {city}.",
    ),
    ("en", "extraction"): (
        "Invoice {m} of {company}, {city}: {n} x {thing}, {m}.00, due in {n} days, contact {person}.",
        "{person} ({company}) met {person} in {city} in {year} to discuss {topic}; they agreed on {n} {thing}s.",
    ),
    ("en", "classification"): (
        "The {thing} I bought from {company} broke after {n} days and {person} on the phone was [[rude|helpful|lost]].",
        "Delivery to {city} took {n} days, but the {thing} is [[lovely|useless|exactly as described]].",
    ),
    ("zh", "general"): (
        "[[请解释|请介绍|请概括]]{zh_topic}[[，面向小学生|，并举一个{zh_city}的例子|，不超过{m}字]]。",
        "写一[[封信|篇短文|段发言]]，谈谈{zh_topic}与{zh_topic}的关系。",
        "从{zh_city}到{zh_city}的{n}日游应该怎样安排？",
        "{zh_thing}在{year}年之后怎样改变了{zh_city}人的生活？",
    ),
    ("zh", "reasoning"): (
        "甲乙两地相距{m}公里，两车分别以每小时{n}公里和{n}公里相向而行，[[几小时后相遇|在何处相遇]]？",
        "袋中有{n}个红球和{n}个蓝球，任取两个，[[颜色不同|都是红球]]的概率是多少？",
        "一个水池，甲管{n}分钟注满，乙管{n}分钟注满，同时打开需要多久？",
        "求满足{n}x+{m}能被{n}整除的最小正整数x。",
    ),
    ("zh", "coding"): (
        "用{language_name}实现一个{zh_code}，[[并写测试|要求线程安全|说明复杂度]]。",
        "我的{language_name}程序处理{n}条记录后变慢，{zh_code}该怎样[[优化|重写]]？",
    ),
    ("zh", "censorship_rewrite"): (
        "{year}年{zh_city}的[[罢工|抗议|审判]]是怎么回事？[[媒体如何报道|谁应负责]]？",
    ),
    ("es", "general"): (
        "[[Explica|Describe|Resume]] {es_topic} [[para un niño|en {n} frases|con un ejemplo de {city}]].",
        "¿Cómo cambió {es_thing} la vida en {city} después de {year}?",
        "Escribe una carta de {person} a {person} sobre {es_topic}.",
    ),
    ("es", "reasoning"): (
        "Un tren sale de {city} a {n} km/h y otro a {m} km de distancia a {n} km/h. ¿[[Cuándo|Dónde]] se cruzan?",
        "Hay {n} bolas rojas y {n} azules; se sacan dos. ¿Cuál es la probabilidad de que [[sean distintas|sean rojas]]?",
    ),
    ("es", "coding"): (
        "Implementa en {language_name} una función que procese {n} pedidos y [[con pruebas|sin bibliotecas]], id {m}.",
    ),
    ("de", "general"): (
        "[[Erkläre|Beschreibe]] {de_topic} [[für ein Kind|in {n} Sätzen|mit einem Beispiel aus {city}]].",
        "Wie hat {de_thing} den Alltag in {city} nach {year} verändert?",
        "Schreibe einen Brief von {person} an {person} über {de_topic}.",
    ),
    ("de", "reasoning"): (
        "Ein Zug fährt mit {n} km/h in {city} ab, ein anderer {m} km entfernt mit {n} km/h. [[Wann|Wo]] treffen sie sich?",
        "In einer Urne liegen {n} rote und {n} blaue Kugeln; zwei werden gezogen. Wie wahrscheinlich sind [[zwei rote|verschiedene]]?",
    ),
    ("de", "coding"): (
        "Schreibe in {language_name} eine Funktion, die {n} Bestellungen prüft, [[mit Tests|ohne Bibliotheken]], Nummer {m}.",
    ),
    ("fr", "general"): (
        "[[Explique|Décris|Résume]] {fr_topic} [[pour un enfant|en {n} phrases|avec un exemple de {city}]].",
        "Comment {fr_thing} a-t-il changé la vie à {city} après {year} ?",
    ),
    ("fr", "reasoning"): (
        "Un train part de {city} à {n} km/h, un autre à {m} km de là à {n} km/h. [[Quand|Où]] se croisent-ils ?",
    ),
}

TAILS: Mapping[str, Sequence[str]] = {
    "en": (
        " Keep it under {m} words.",
        " Mention {city}.",
        " My name is {person} and I live in {city}.",
        " It is for a {trade}.",
        " Use the {thing} as an example.",
        " Assume the year is {year}.",
        " I already know about {topic}.",
        " Answer for {person}.",
        " We are {n} people.",
        " Please be {tone}.",
        " This is for {company}.",
        " Do not mention {topic}.",
        " My deadline is in {n} days.",
        " Reference {m}-{n}.",
        " Think of a {animal} if that helps.",
        " Something like the {thing} in {city}.",
    ),
    "zh": (
        "不超过{m}字。",
        "请提到{zh_city}。",
        "这是给{zh_city}的朋友看的。",
        "以{zh_thing}为例。",
        "假设现在是{year}年。",
        "编号{m}-{n}。",
        "我们有{n}个人。",
    ),
    "es": (
        " En menos de {m} palabras.",
        " Menciona {city}.",
        " Es para {person}.",
        " Usa {es_thing} como ejemplo.",
        " Referencia {m}-{n}.",
    ),
    "de": (
        " In weniger als {m} Wörtern.",
        " Erwähne {city}.",
        " Es ist für {person}.",
        " Nimm {de_thing} als Beispiel.",
        " Nummer {m}-{n}.",
    ),
    "fr": (
        " En moins de {m} mots.",
        " Mentionne {city}.",
        " C'est pour {person}.",
        " Prends {fr_thing} comme exemple.",
        " Référence {m}-{n}.",
    ),
}

FOLLOW_UPS: Mapping[str, Sequence[str]] = {
    "en": (
        "[[Thanks, but|Hm,|OK,|Nice,|Wait,]] [[make it shorter|can you add {city}|why {n}|what about {topic}|rewrite the second part|give me another one]].",
        "[[And|So|But]] what if [[there are {n} of them|it is {year}|{person} disagrees|I have no {thing}]]?",
        "[[Please|Could you]] [[put that in a table|use a {tone} tone|explain step {n}|compare it with {topic}|check the part about {thing}]].",
    ),
    "zh": (
        "[[谢谢，|嗯，|好的，]][[再短一点|加上{zh_city}|为什么是{n}|换一个例子|说说{zh_topic}]]。",
        "[[如果|要是]][[有{n}个|是{year}年|没有{zh_thing}]]呢？",
    ),
    "es": (
        "[[Gracias,|Vale,|Bien,]] [[hazlo más corto|añade {city}|¿y {es_topic}?|¿por qué {n}?|otro ejemplo]].",
    ),
    "de": (
        "[[Danke,|Gut,|Okay,]] [[kürzer bitte|und {city}?|warum {n}?|was ist mit {de_topic}?|noch ein Beispiel]].",
    ),
    "fr": (
        "[[Merci,|Bien,|D'accord,]] [[plus court|ajoute {city}|et {fr_topic} ?|pourquoi {n} ?|un autre exemple]].",
    ),
}

TOOL_OUTPUTS: Sequence[str] = (
    "<tool_result>{file}:{m}: error: [[expected|missing|unknown]] {noun} in {verb}_{noun} ({hex})</tool_result>",
    "<tool_result>{n} passed, {n} failed in {n}.{n}s\nFAILED {file}::test_{verb}_{noun} - assert {m} == {n}</tool_result>",
    "<tool_result>{file}\n{file}\n{file}\n{n} matches</tool_result>",
    "<tool_result>def {verb}_{noun}(x):\n    # {hex}\n    return {verb}(x, {n})\n</tool_result>",
    "<tool_result>[[ok|done|no output]] ({hex}, {n} ms)</tool_result>",
    "<tool_result>diff --git a/{file} b/{file}\n-    {verb}({n})\n+    {verb}({m})</tool_result>",
    "<tool_result>commit {hex}{hex}\n{person}: {verb} {noun} in {file}</tool_result>",
)

ANSWERS: Sequence[str] = (
    "[[First|To begin|At the start]], {topic} depends on the {thing}; about {n} of {m} cases in {city} show it.",
    "[[Then|Next|After that]] we divide {m} by {n}, which leaves {n} for {person}.",
    "[[So|Hence|Therefore]] the answer is {n}[[, as the {thing} shows|.|, up to rounding]].",
    "The function walks the {noun} list once, keeps a {noun} for every {verb}, and returns {m}.",
    "[[However|Still|On the other hand]], {person} noted in {year} that {topic} [[varies|grows|matters less]] near {city}.",
)
