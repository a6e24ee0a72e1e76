"""What people ask of a chat page, in pieces and in several languages."""

from __future__ import annotations

__all__ = ["CLOSERS", "CODE_REQUESTS", "FOLLOW_UPS", "LANGUAGE_OF", "LOCAL", "OPENERS", "REQUESTS"]

OPENERS = (
    "", "", "", "", "hi, ", "hey. ", "Hello! ", "ok so ", "quick one: ", "Question. ", "I'm stuck. ", "Help? ", "Weird one: ", "For work: ",
    "For uni: ", "Not urgent. ", "My {n1} is {adj}. ", "{name} asked me this. ", "{sent} ",
)  # fmt: skip
REQUESTS = (
    "write a {tone} {doc} about {t} for {aud}", "what's the deal with {t} and {adj} {n1}s?", "{t} vs {t2}?", "explain {t} to {aud}",
    "{tone} {doc} on {t}, {w} words", "how do I start {t} with a {adj} {n1}", "{n} ideas: {t}", "is {t} normal if {name} {verb} the {n1}?",
    "{name} says {t} ruins a {n1}. True?", "plan {n} days, {t}, {m} people", "{doc}: {t} against {t2}, {aud}", "worth {money} for {t}?",
    "pros, cons: {t}", "I'm {age}. Where to begin, {t}?", "make a {doc} of this: {win}", "{n} bullets please\n\n{win}", "typos?\n\n{win}",
    "more {tone}, for {aud}:\n{win}", "meaning? \"{sent}\"", "into {lang}: {sent}", "any good? {win}", "flashcards\n{win}", "main point?\n\n{win}",
    "true or not: {sent}", "quiz me, {t}, {n} rounds", "be {name}, who knows {t}", "what comes next\n\n{win}", "reply to {name}: \"{sent}\"",
    "cost of {t}, {m} people, {money} each", "how does {t} touch {t2}", "{w} / {n} + {m}, with working", "{t}, one step at a time",
    "{t} or {t2}, and why", "mistakes people make, {t}", "does {t} work with a {adj} {n1}", "read my {doc}?\n\n{win}", "titles: {doc}, {t}, {t2}",
    "why would a {n1} need {t}", "rename my {n1} shop: {adj}, {tone}, {t}", "{sent} {sent} so what do I do",
)  # fmt: skip
CLOSERS = (
    "",
    "",
    "",
    "",
    "",
    " thanks",
    "?",
    " pls",
    ", short",
    ". Be honest.",
    " asap",
    "\n\nmore: {sent}",
    " ({sent})",
    " - {name}",
)
CODE_REQUESTS = (
    "why\n\n{err}", "{err}\nfix?", "tidy:\n```\n{code}\n```", "{pl} function: list of {x}, {y} per {z}", "complexity?\n{code}", "to {pl}\n\n{code}",
    "types and docstrings\n```\n{code}\n```", "regex for {id1}-{n} {x} ids", "SQL: {x}(id, {y}, created_at), top {n} {y}", "tests for\n```{pl}\n{code}\n```",
    "{vb}_{x} without nested loops?\n{code}", "{pl} leak when {x} passes {w}", "line by line:\n{code}", "Dockerfile, {pl}, port {w}", "mock the {x} client, {pl}",
    "CI for {pl}, upload {x}", "gives {n}, want {m}\n{code}", "cron, every {n} hours, weekdays", "pandas: {x}, rolling {y}, {n} rows",
)  # fmt: skip
FOLLOW_UPS = (
    "shorter", "more formal", "now in {lang}", "an example with a {n1}", "that's not it", "step {n} again", "why?", "and if the {n1} is {adj}?", "{n} more",
    "as a table", "the {n1} part is wrong", "simpler words", "no bullets", "go on", "cheaper?", "downsides?", "sources?", "perfect", "now the end", "same error",
    "comments please", "what does that line do", "add tests", "on windows?", "which one would you take", "the other one", "{w} words", "check my grammar",
    "how long", "a title", "what about {t}", "does it apply to {t}", "mention {t}", "less pushy", "budget is {n}", "{n} people not {m}", "only {n} days",
    "call it {name}", "merge both", "sure?", "one more: {t}", "again", "undo", "{sent}",
)  # fmt: skip
LOCAL: dict[str, tuple[str, ...]] = {
    "es": ("Explícame {t}", "correo a {name}, {n} líneas, {t}", "¿cómo aprendo {t}?", "corrige: {sent}", "en {n} puntos: {win}", "¿qué es \"{sent}\"?", "plan de {n} días: {t}"),
    "de": ("E-Mail an {name} wegen {t}", "Was ist {t}?", "Kosten von {t}?", "auf Deutsch: {sent}", "{n} Sätze: {win}", "Alternative zu {t}?", "Tabelle, {n} Vorschläge, {t}"),
    "fr": ("lettre à {name}, {t}", "explique {t}", "{n} idées : {t}", "en français : {sent}", "résumé : {win}", "{t}, pour et contre", "les fautes : {sent}"),
    "pt": ("ajuda com {t}, {n} dias", "e-mail para {name}, {t}", "o que é {t}?", "em português: {sent}", "resumo: {win}", "{n} legendas, {t}", "{t} ou {t2}?"),
    "ja": ("{t}とは", "{name}さんにメール、{t}", "訳して：{sent}", "{t}、{n}個", "要約\n{win}", "{t}と{t2}の違い"),
    "ko": ("{t} 설명", "{name}님께 메일, {t}", "번역: {sent}", "{t} {n}개", "요약\n{win}"),
    "ru": ("Что такое {t}", "письмо для {name}: {t}", "переведи: {sent}", "{n} идей, {t}", "кратко: {win}", "{t} или {t2}?"),
    "zh": ("给{name}的邮件：{t}", "{t}是什么", "翻译：{sent}", "{n}个点子，{t}", "总结：{win}", "{t}和{t2}", "{w}字，{t}", "{zh}怎么办", "{zh}{zh}对吗", "改一下：{zh}"),
    "tr": ("{t} nedir", "{name} için e-posta, {t}", "Türkçesi: {sent}", "{t}, {n} fikir"),
    "vi": ("{t} là gì", "email cho {name}, {t}", "dịch: {sent}", "{n} ý tưởng, {t}"),
}  # fmt: skip
LANGUAGE_OF = {
    "ES": "es", "MX": "es", "DE": "de", "FR": "fr", "BR": "pt", "JP": "ja", "KR": "ko", "RU": "ru", "UA": "ru", "CN": "zh", "HK": "zh", "TW": "zh",
    "TR": "tr", "VN": "vi",
}  # fmt: skip
