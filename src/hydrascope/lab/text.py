"""Training text found on this machine: nothing is shipped and nothing is downloaded.

Paragraphs come from doc-strings of the installed Python packages and standard library, and from the system's
documentation and licence folders; or from a path that is given. They are de-duplicated and dealt to named
splits by a hash of the paragraph, so that no paragraph is in two splits and a rerun deals the same way.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hydrascope.errors import InputError

__all__ = ["gather_text", "paragraphs", "split_text"]

_DOCSTRING = re.compile(r'"""(.+?)"""', re.DOTALL)
_BLANK = re.compile(r"\n\s*\n")
_SPACE = re.compile(r"\s+")
_SUFFIXES = {".py", ".md", ".rst", ".txt", ".gz", ""}
_FILE_LIMIT = 1 << 20


def paragraphs(text: str) -> Iterator[str]:
    """Prose paragraphs of 80 to 2,000 characters, white space collapsed.

    >>> list(paragraphs("short\\n\\n" + "a plain sentence of words " * 4))[0][:16]
    'a plain sentence'
    """
    for raw in _BLANK.split(text):
        flat = _SPACE.sub(" ", raw).strip()
        letters = sum(c.isalpha() or c == " " for c in flat)
        if 80 <= len(flat) <= 2000 and flat.isascii() and letters > 0.85 * len(flat):
            yield flat


def _default_roots() -> list[Path]:
    paths = sysconfig.get_paths()
    named = [paths["stdlib"], paths["purelib"], "/usr/share/common-licenses", "/usr/share/doc"]
    return [Path(p) for p in dict.fromkeys([*named, *(p for p in sys.path if "site-packages" in p)])]


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _FILE_LIMIT:
            return ""
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "ignore")
    except (OSError, EOFError, gzip.BadGzipFile):
        return ""
    return "\n\n".join(_DOCSTRING.findall(text)) if path.suffix == ".py" else text


def _files(root: Path) -> Iterator[Path]:
    """Files below `root` in a fixed order, found as they are asked for: most of a large tree is never listed."""
    if root.is_file():
        yield root
        return
    for folder, below, names in os.walk(root):
        below.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in _SUFFIXES and not path.is_symlink():
                yield path


def gather_text(roots: Iterable[Path] | None = None, *, limit_mb: float = 12.0) -> list[str]:
    """Distinct paragraphs, in an order that depends on their text alone.

    Args:
        roots: files or folders; the machine's own documentation where None.
        limit_mb: stop reading after this much prose.

    Raises:
        InputError: less than 200 kB was found.
    """
    found = _default_roots() if roots is None else list(roots)
    seen: dict[bytes, str] = {}
    size = 0
    for path in (path for root in found for path in _files(root)):
        for paragraph in paragraphs(_read(path)):
            name = hashlib.blake2b(paragraph.encode(), digest_size=12).digest()
            if name not in seen:
                seen[name] = paragraph
                size += len(paragraph)
        if size > limit_mb * 1e6:
            break
    if size < 200_000:
        raise InputError(
            f"only {size} characters of prose were found", hint="name a file or folder with --text PATH"
        )
    return [seen[name] for name in sorted(seen)]


def split_text(texts: Iterable[str], shares: Mapping[str, int]) -> dict[str, list[str]]:
    """Deal paragraphs to splits in proportion to `shares`, by hash.

    Args:
        shares: split name to whole-numbered weight.
    """
    slots = [name for name, share in shares.items() for _ in range(share)]
    dealt: dict[str, list[str]] = {name: [] for name in shares}
    for text in texts:
        draw = int.from_bytes(hashlib.blake2b(b"split" + text.encode(), digest_size=8).digest(), "big")
        dealt[slots[draw % len(slots)]].append(text)
    return dealt
