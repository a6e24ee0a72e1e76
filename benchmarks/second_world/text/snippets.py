"""Source code and error messages."""

from __future__ import annotations

from random import Random

from second_world.text.lexicon import CODE_NOUNS, CODE_VERBS

__all__ = ["failure", "snippet"]

CURLY = (
    "export async function {v}{A}({a}: {B}[], limit = {k}) {{\n  const {c} = await this.{b}.{w}({a});\n  if (!{c}) throw new Error(\"{b} gone\");\n"
    "  return {c}.filter(x => x.{a} > limit).map(x => ({{ ...x, {b}: {m} }}));\n}}",
    "class {V}{A}Service {{\n  private {b} = new Map<string, {C}>();\n  // retries: {k}\n  {w}({a}: string) {{\n    return this.{b}.{v}({a}) ?? null; // {c}\n  }}\n}}",
)  # fmt: skip
COMPILED = (
    'func (s *{A}Store) {V}{B}(ctx context.Context, id string) (*{B}, error) {{\n\trow := s.db.QueryRow(ctx, "select {a}, {c} from {b} where id=$1", id)\n'
    "\tvar out {B}\n\tif err := row.Scan(&out.{A}, &out.{C}); err != nil {{\n\t\treturn nil, err\n\t}}\n\tout.Limit = {k}\n\treturn &out, nil\n}}",
)  # fmt: skip
SCRIPTED = (
    'def {v}_{a}({b}, limit={k}):\n    out = {{}}\n    for x in {b}:\n        out.setdefault(x["{c}"], []).append(x.get("{a}", {m}))\n    return {{k: sum(v) / len(v) for k, v in out.items()}}',
    'class {A}{V}:\n    def __init__(self, {b}, timeout={k}):\n        self.{b} = {b}\n\n    def {w}(self, {c}_id):\n        row = self.{b}.{v}({c}_id)\n        return row["{a}"]',
    'with open("{a}.jsonl") as f:\n    rows = [json.loads(x) for x in f]\n{b} = pd.DataFrame(rows)\n{b}["{c}"] = {b}["{a}"].rolling({k}).mean()\nprint({b}.groupby("{a}").size().head({m}))',
    "async def {v}_{a}(session, ids):\n    tasks = [{w}_{b}(session, i) for i in ids[:{k}]]\n    return await asyncio.gather(*tasks, return_exceptions=True)  # {c}",
)  # fmt: skip
FAILURES = (
    "Traceback (most recent call last):\n  File \"/app/{a}/{b}.py\", line {k}, in {v}_{a}\n    return self.{c}[{b}]\nKeyError: '{c}'",
    "TypeError: Cannot read properties of undefined (reading '{a}')\n    at {v}{B} (/srv/src/{b}/{c}.ts:{k}:{m})",
    'psycopg2.errors.UndefinedColumn: column "{a}_{b}" does not exist\nLINE {m}: SELECT {a}_{b} FROM {c}',
    "error[E0502]: cannot borrow `{a}` as mutable because it is also borrowed as immutable\n  --> src/{b}.rs:{k}:{m}",
    "E       assert {k} == {m}\nE        +  where {k} = {v}_{a}(<{B} object>)\n\ntests/test_{a}.py:{k}: AssertionError",
)
STYLES = {"typescript": CURLY, "java": CURLY, "csharp": CURLY, "kotlin": CURLY, "swift": CURLY, "scala": CURLY, "php": CURLY,
          "go": COMPILED, "rust": COMPILED, "c++": COMPILED}  # fmt: skip


def fill(form: str, r: Random) -> str:
    """A form with names and numbers drawn."""
    a, b, c = r.sample(CODE_NOUNS, 3)
    v, w = r.sample(CODE_VERBS, 2)
    return form.format(
        a=a, b=b, c=c, v=v, w=w, A=a.capitalize(), B=b.capitalize(), C=c.capitalize(), V=v.capitalize(),
        k=2 + int(r.random() * 300), m=1 + int(r.random() * 40),
    )  # fmt: skip


def snippet(r: Random, language: str = "python") -> str:
    """A piece of source code."""
    return fill(r.choice(STYLES.get(language, SCRIPTED)), r)


def failure(r: Random) -> str:
    """An error as a developer pastes it."""
    return fill(r.choice(FAILURES), r)
