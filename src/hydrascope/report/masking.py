"""What may be written of text that callers sent.

Fixed words of a template that several accounts sent are the campaign's own and are shown; what filled its
slots, and any template of fewer accounts, may be one person's words, and becomes blocks of the same length.
Every string from a log may also carry control or direction characters; none reaches a page or a terminal.
"""

from __future__ import annotations

import unicodedata

from hydrascope.report.shape import TemplateEntry, TemplatePart

__all__ = ["MIN_ACCOUNTS_SHOWN", "clean", "mask", "shown_template"]

MIN_ACCOUNTS_SHOWN = 3
"""Fixed words of a template are shown without `reveal` only when at least this many accounts sent it."""

BLOCK = "\u2588"
LONGEST_TEXT = 4_000
LONGEST_EXAMPLE = 400
MOST_EXAMPLES = 5


def clean(text: object, *, breaks: bool = False) -> str:
    """The text with control, format and surrogate characters replaced, so that it cannot steer its display.

    Args:
        text: anything; its `str` is taken.
        breaks: keep line breaks and tabs.

    >>> clean("a\\x1b[31mb")
    'a\\ufffd[31mb'
    """
    keep = "\n\t" if breaks else ""
    return "".join(c if c in keep or unicodedata.category(c) not in UNSAFE else "\ufffd" for c in str(text))


UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def mask(text: str) -> str:
    """Blocks in place of every character that is not a space.

    >>> mask("two words")
    '███ █████'
    """
    return "".join(c if c in " \n" else BLOCK for c in clean(text, breaks=True))


def clip(text: str, longest: int) -> str:
    """The text, cut with an ellipsis where it is longer than `longest` characters."""
    return text if len(text) <= longest else text[:longest].rstrip() + " …"


def shown_template(template: TemplateEntry, *, reveal: bool) -> tuple[TemplatePart, ...]:
    """The parts of a template as they may be shown."""
    open_words = reveal or template.n_accounts >= MIN_ACCOUNTS_SHOWN
    return tuple(shown_part(part, words=open_words, reveal=reveal) for part in template.parts)


def shown_part(part: TemplatePart, *, words: bool, reveal: bool) -> TemplatePart:
    """One part: fixed words where `words`, slot examples where `reveal`, blocks otherwise."""
    text = clip(clean(part.text, breaks=True), LONGEST_TEXT)
    examples = tuple(clip(clean(e, breaks=True), LONGEST_EXAMPLE) for e in part.examples[:MOST_EXAMPLES])
    return TemplatePart(
        text=text if (reveal or (words and not part.slot)) else mask(text),
        slot=part.slot,
        examples=examples if reveal else tuple(mask(e) for e in examples),
    )
