"""The long instructions of coding agents, composed afresh for each: vendors share subjects and no wording."""

from __future__ import annotations

from random import Random

__all__ = ["agent_instruction", "rule"]

HEADS = (
    "You are {name}, a coding assistant in the user's {place}.", "{name} is an engineer that lives in the {place}.", "Role: {name}, pair programmer for the {place}.",
    "This {place} session is run by {name}.", "As {name} you change software on request, working from the {place}.", "{name}, agent for {place} work. Be exact.",
)  # fmt: skip
WHEN = (
    "Before editing", "When a check fails", "Unless told otherwise", "If the request is unclear", "After each change", "Once a plan stands", "In large files", "On protected branches",
    "With secrets in view", "Where tests exist", "During long commands", "At the end of a task", "If two readings are possible", "Outside the workspace", "When blocked",
    "For generated code", "In a monorepo", "On first contact with a file", "Whenever output is cut", "While other jobs run",
)  # fmt: skip
DO = (
    "open", "list", "explain", "test", "quote", "summarise", "compare", "search", "confirm", "measure", "leave alone", "reformat", "rename", "log", "revert", "split", "document", "lint",
    "reproduce", "narrow down", "point to", "check", "number", "keep", "mention",
)  # fmt: skip
WHAT = (
    "the file concerned", "every caller", "the failing case", "the user's intent", "the smallest diff", "imports", "the public interface", "configuration", "the migration", "types",
    "error messages", "the commit history", "third-party licences", "the cache", "fixtures", "the build output", "line endings", "open questions", "side effects", "the lock file",
    "tool results", "the stack trace", "naming", "related modules",
)  # fmt: skip
HOW = (
    "in one message", "without commentary", "by path and line", "with the provided tool", "at most twice", "in plain words", "step by step", "and wait", "and say so", "before anything else",
    "as the project does", "in the background", "only on request", "with care", "in four lines or fewer", "and move on", "never by guesswork", "from the root", "as a list", "in the terminal",
)  # fmt: skip
TOOL_WORDS = (
    "path",
    "limit",
    "pattern",
    "content",
    "timeout",
    "scope",
    "depth",
    "query",
    "mode",
    "target",
    "encoding",
    "range",
    "filter",
    "dry_run",
)


def rule(r: Random) -> str:
    """One rule: when, what to do with what, and how."""
    text = f"{r.choice(WHEN)}, {r.choice(DO)} {r.choice(WHAT)} {r.choice(HOW)}"
    return text + (f"; {r.choice(DO)} {r.choice(WHAT)} {r.choice(HOW)}." if r.random() < 0.6 else ".")


def tool_text(name: str, r: Random) -> str:
    """What an agent is told of a tool."""
    parameters = ", ".join(r.sample(TOOL_WORDS, r.randrange(2, 5)))
    return f"## {name}\n{r.choice(DO).capitalize()} {r.choice(WHAT)} {r.choice(HOW)}. ({parameters})"


def agent_instruction(name: str, tools: list[str], r: Random) -> tuple[str, list[str], str]:
    """The head, the rules and the tool section of one agent."""
    place = r.choice(("terminal", "editor", "repository", "browser", "container"))
    head = r.choice(HEADS).format(name=name, place=place)
    return head, [rule(r) for _ in range(r.randrange(9, 18))], "\n".join(tool_text(x, r) for x in tools)
