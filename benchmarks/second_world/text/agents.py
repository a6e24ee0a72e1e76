"""Coding agents: their instructions, their users' projects, and what goes back and forth."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from second_world.text.bank import Bank
from second_world.text.instructions import agent_instruction, rule
from second_world.text.lexicon import CODE_NOUNS, CODE_VERBS, EXTENSIONS, NAMES
from second_world.text.snippets import failure, snippet

__all__ = ["Agent", "Project", "nudge", "request", "tool_result"]

TOOLS = (
    "read_file", "write_file", "edit_file", "run_command", "grep", "list_dir", "glob", "todo_write", "web_fetch", "apply_patch", "browser_action", "ask_user", "sub_task",
)  # fmt: skip
REQUESTS = (
    "fix the failing test in {f}", "add pagination to {x}", "why is {x}_{y} slow?", "move the {x} logic of {f} into a module", "implement {vb}_{x} with tests",
    "{x} crashes when {y} is empty", "upgrade {x} and fix what breaks", "docs for {f}", "a flag --{x} that skips {y}", "race in {vb}_{y}?", "rename {x} to {y}",
    "type {f}", "log the {x} worker", "review my last commit", "CI for this repo", "migrate {x} from {y}", "CI says\n{err}", "how do {x} and {y} interact",
    "retries for the {x} client", "dead code in {f}", "{err}\n\nsince {f} changed",
)  # fmt: skip
NUDGES = (
    "yes",
    "go on",
    "no, keep {x}",
    "run the tests",
    "commit",
    "still failing",
    "now {f}",
    "use {x}",
    "undo",
    "why {f}?",
    "and if {y} is null?",
    "next: ",
)


class Project:
    """A software project with a vocabulary of its own."""

    def __init__(self, r: Random, language: str | None = None) -> None:
        self.language = language or r.choices(list(EXTENSIONS), [30, 26, 9, 6, 9, 3, 6, 3, 5, 2, 5, 1, 1])[0]
        self.words = r.sample(CODE_NOUNS, 9)
        self.name = f"{r.choice(self.words)}-{r.choice(('api', 'web', 'core', 'service', 'app', 'cli', 'bot', 'lab'))}"
        self.platform = r.choices(("darwin", "linux", "win32"), (45, 35, 20))[0]
        user = r.choice(NAMES).lower() + str(r.randrange(1000))
        root = {
            "darwin": f"/Users/{user}/code/",
            "linux": f"/home/{user}/",
            "win32": f"C:\\Users\\{user}\\src\\",
        }[self.platform]
        self.path = root + self.name

    def file(self, r: Random) -> str:
        """A file of the project."""
        folder = r.choice(("src", "lib", "app", "internal", "tests", self.words[0]))
        return f"{folder}/{r.choice(self.words)}_{r.choice(self.words)}.{EXTENSIONS[self.language]}"


SURROUNDINGS = (
    "\n\n# Environment\nWorking directory: {path}\nPlatform: {os}\nToday: {day}\nGit repository: yes",
    "\n\n<env>\ncwd={path}\nos={os}\ndate={day}\n</env>",
    "\n\nSession opened {day} in {path} on {os}.",
    "\n\n## Workspace\n- root `{path}`\n- system `{os}`\n- day `{day}`",
    '\n\n{{"workspace": "{path}", "platform": "{os}", "started": "{day}"}}',
    "\n\nYou run on {os}. The project lies at {path}. It is {day}.",
    "\n\n--- context ---\n{day} | {os} | {path}",
)
"""How an agent is told where it works."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of an agent."""

    version: str
    system: str
    tools: tuple[str, ...]
    user_agent: str


class Agent:
    """A coding agent in several releases: a long instruction, tools, a user agent."""

    def __init__(self, name: str, r: Random, n_releases: int = 3) -> None:
        tools = r.sample(TOOLS, 7 + int(r.random() * 5))
        head, rules, tool_section = agent_instruction(name, tools, r)
        self.surroundings = r.choice(SURROUNDINGS)
        self.releases: list[Release] = []
        for k in range(n_releases):
            version = f"{1 + (k > 2)}.{10 + k * 3 + int(r.random() * 3)}.{int(r.random() * 9)}"
            if k:
                rules[int(r.random() * len(rules))] = rule(r)
            text = (
                f"{head}\n\n# Rules\n" + "\n".join(f"- {x}" for x in rules) + f"\n\n# Tools\n{tool_section}"
            )
            self.releases.append(
                Release(version, text, tuple(tools), f"{name.lower().replace(' ', '-')}/{version}")
            )

    def system(self, release: int, project: Project, day: str) -> str:
        """The instruction with its environment block."""
        return self.releases[release].system + self.surroundings.format(
            path=project.path, os=project.platform, day=day
        )


def fill(bank: Bank, project: Project, form: str, r: Random) -> str:
    """A form with names of the project."""
    text = (
        form.replace("{f}", project.file(r))
        .replace("{x}", r.choice(project.words))
        .replace("{y}", r.choice(project.words))
    )
    return bank.fill(text, r)


def request(bank: Bank, project: Project, r: Random) -> str:
    """What a developer asks for."""
    before = r.choice(("", "", "", "please ", "now ", "hey, ", f"in {project.file(r)}: "))
    after = r.choice(
        (
            "",
            "",
            f" ({r.choice(project.words)} first)",
            f", see {project.file(r)}",
            f". {bank.prose.sentence(r)}",
        )
    )
    return before + fill(bank, project, r.choice(REQUESTS), r) + after


def nudge(bank: Bank, project: Project, r: Random) -> str:
    """A short later message."""
    text = fill(bank, project, r.choice(NUDGES), r)
    return text + (request(bank, project, r) if text.endswith(": ") else "")


def tool_result(project: Project, r: Random) -> str:
    """A tool's result as an agent sends it back."""
    x = r.random()
    if x < 0.34:
        first = 1 + int(r.random() * 300)
        lines = f"{snippet(r, project.language)}\n\n{snippet(r, project.language)}".split("\n")
        return "\n".join(f"{first + i:5d}  {line}" for i, line in enumerate(lines))
    if x < 0.5:
        n = 1 + int(r.random() ** 2 * 20)
        return "\n".join(
            f"{project.file(r)}:{1 + int(r.random() * 400)}: {r.choice(project.words)}.{r.choice(CODE_VERBS)}_{r.choice(project.words)}"
            for _ in range(n)
        )
    if x < 0.66:
        n = 3 + int(r.random() * 120)
        return f"collected {n} items\n{failure(r)}\n== {1 + int(r.random() * 3)} failed, {n} passed in {r.random() * 40:.2f}s =="
    if x < 0.76:
        return "\n".join(sorted({project.file(r) for _ in range(2 + int(r.random() * 14))}))
    if x < 0.88:
        return f"The file {project.file(r)} has been updated."
    if x < 0.94:
        return "(no output)" if r.random() < 0.5 else f"Exit code {int(r.random() * 3)}\n{failure(r)}"
    lines = snippet(r, project.language).split("\n")
    return f"diff --git {project.file(r)}\n@@ -{1 + int(r.random() * 300)},7 @@\n" + "\n".join(
        r.choice("+- ") + line for line in lines
    )
