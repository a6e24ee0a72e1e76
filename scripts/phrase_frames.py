"""Frames that put a grammar's instructions around an item, the same ones for eliciting and ordinary requests."""

from __future__ import annotations

import json
import random
import re

__all__ = ["frame"]

_ENDS = re.compile(r"(?<=[.!?。!?;;])\s*(?=\S)")
_NAMES = {
    "en": ["Question", "Text", "Input", "Task", "Item", "Response", "Prompt"],
    "zh": ["问题", "文本", "输入", "任务", "题目", "回答", "内容"],
    "es": ["Pregunta", "Texto", "Entrada", "Tarea", "Respuesta"],
    "de": ["Frage", "Text", "Eingabe", "Aufgabe", "Antwort"],
    "fr": ["Question", "Texte", "Entrée", "Tâche", "Réponse"],
    "ja": ["質問", "本文", "入力", "課題", "回答"],
    "ko": ["질문", "본문", "입력", "과제", "답변"],
    "ru": ["Вопрос", "Текст", "Ввод", "Задача", "Ответ"],
}
_ROLES = {
    "en": ["You are a helpful assistant.", "You are an expert.", "SYSTEM:", "Rules:", "Instructions:", "You assist users."],
    "zh": ["你是一个助手。", "你是专家。", "系统:", "规则:", "要求:"],
    "es": ["Eres un asistente.", "Reglas:", "Instrucciones:"],
    "de": ["Du bist ein Assistent.", "Regeln:", "Anweisung:"],
    "fr": ["Tu es un assistant.", "Règles :", "Consigne :"],
    "ja": ["あなたはアシスタントです。", "規則:", "指示:"],
    "ko": ["당신은 도우미입니다.", "규칙:", "지시:"],
    "ru": ["Ты помощник.", "Правила:", "Инструкция:"],
}  # fmt: skip


def frame(lines: list[str], items: list[str], lang: str, rng: random.Random) -> str:
    """Instructions (one or more lines) and items in one of many layouts."""
    sentences = [s.strip() for line in lines for s in _ENDS.split(line) if s.strip()]
    told = _tell(sentences, lang, rng)
    name = rng.choice(_NAMES.get(lang, _NAMES["en"]))
    item = "\n".join(items)
    gap = rng.choice(["\n", "\n\n", " ", "\n---\n", "\n\n\n"])
    match rng.randrange(12):
        case 0:
            return told
        case 1 | 2:
            return told + gap + item
        case 3 | 4:
            return item + gap + told
        case 5:
            middle = rng.randint(0, len(sentences))
            return " ".join(sentences[:middle]) + gap + item + gap + " ".join(sentences[middle:])
        case 6:
            return f"{told}{gap}{name}: {item}"
        case 7:
            return f"{name}: {item}{gap}{told}"
        case 8:
            keys = rng.choice(
                [("instruction", "input"), ("system", "user"), ("task", "data"), ("rules", "query")]
            )
            return json.dumps(dict(zip(keys, (told, item), strict=True)), ensure_ascii=False)
        case 9:
            return f"### {rng.choice(['Instruction', 'Task', name])}\n{told}\n\n### {name}\n{item}\n"
        case 10:
            tag = rng.choice(["item", "input", "text", "data", "q"])
            return f"{told}{gap}<{tag}>{item}</{tag}>"
        case _:
            return f"{rng.choice(_ROLES.get(lang, _ROLES['en']))}{gap}{told}{gap}{item}"


def _tell(sentences: list[str], lang: str, rng: random.Random) -> str:
    """The sentences as prose, list or numbered rules, now and then in another case or without their stops."""
    match rng.randrange(8):
        case 0:
            told = "\n".join(f"{number}. {s}" for number, s in enumerate(sentences, 1))
        case 1:
            told = "\n".join(f"- {s}" for s in sentences)
        case 2:
            told = "\n".join(sentences)
        case 3:
            told = "; ".join(s.rstrip(".。") for s in sentences).lower()
        case _:
            told = ("" if lang in ("zh", "ja") else " ").join(sentences)
    return told.upper() if rng.random() < 0.03 else told
