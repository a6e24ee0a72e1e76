"""Source code and error messages, composed line by line so that strangers share a language and not a text."""

from __future__ import annotations

from random import Random

from second_world.text.lexicon import ADJECTIVES, CODE_NOUNS, CODE_VERBS, NOUNS

__all__ = ["failure", "snippet"]

SCRIPTED = (
    ("def {v}_{a}({b}, {c}={k}):", "class {A}{B}:", "async def {w}_{a}_{b}({c}):", "with open({a}_{b}) as {c}:", "for {a} in {b}_{c}:"),
    (
        "    {a} = {b}.{v}({c}_{d}, {k})", "    if {a}.{b} > {k}:", '        raise {A}{B}Error("{e} {c}")', "    self.{a}_{b}[{c}] += {k}", "    return {a} or {b}_{d}",
        "    {a} = [x.{b} for x in {c}_{d} if x.{e}]", '    log.{v}("{e} {d}", {a})', "    assert {a}_{b} == {k}", "    yield {a}, {b}.{c}", "    {a}.{v}_{b}(lambda x: x.{c})",
        "    await {a}.{w}({b}={k})", "    {a}, {b} = {c}.{v}()", '    {a}["{e}"] = {b}["{d}"].{v}({k})', "    del {a}.{b}", "    # {e} {d} {c}",
    ),
)  # fmt: skip
CURLY = (
    ("export async function {v}{A}({b}: {C}[]) {{", "class {A}{B} {{", "public {A} {v}{B}({C} {c}) {{", "const {v}{A} = ({b}, {c}) => {{", "fun {v}{A}({b}: {C}): {D} {{"),
    (
        "  const {a} = await this.{b}.{v}({c}{D});", "  if (!{a}.{b}) return null;", '  throw new {A}Error("{e} {c}");', "  {a}{B}.push({c}.{d} ?? {k});",
        "  return {a}.filter(x => x.{b} > {k});", "  for (const {a} of {b}{C}) {c}.{v}({a});", "  let {a}{B} = {k};", '  console.{v}("{e}", {a}.{d});', "  this.{a}{B} += {c}.{d};",
        "  {a}.{w}{B}({c}, {k});", "  private {a}: {B}{C};", "  // {e} {d} {c}", "  switch ({a}.{b}) {{ default: {v}{C}(); }}", "  try {{ {v}{A}({b}); }} catch (e) {{ {c}.{w}(e); }}",
    ),
)  # fmt: skip
COMPILED = (
    ("func (s *{A}{B}) {V}({c} string) error {{", "fn {v}_{a}({b}: &{C}) -> {D} {{", "{A}* {v}{B}(const {C}& {c}) {{", "impl {A} for {B}{C} {{"),
    (
        "\t{a}, err := s.{b}.{V}({c}, {k})", "\tif err != nil {{ return {a}{B} }}", "\tlet {a}_{b} = {c}.{v}({k})?;", "\tmatch {a}.{b} {{ _ => {c}_{d} }}", "\tauto {a} = {b}->{v}({c});",
        "\tfor _, {a} := range {b}{C} {{ {c}.{V}({a}) }}", "\t{a}.{B} = append({a}.{B}, {c}{D})", "\tdefer {a}.{V}()", "\tlet mut {a} = Vec::with_capacity({k});",
        "\t{a}.iter().map(|x| x.{b}.{v}())", "\t// {e} {d} {c}", "\tstd::sort({a}.begin(), {b}.end());", "\t{a}_{b}[{k}] = {c};", "\treturn &{A}{B}{{{c}}}, nil",
    ),
)  # fmt: skip
FAILURES = (
    'Traceback (most recent call last):\n  File "/app/{a}/{b}.py", line {k}, in {v}_{a}\n    self.{c}[{b}_{d}]\nKeyError: \'{e}\'',
    "TypeError: Cannot read properties of undefined (reading '{a}')\n    at {v}{B} (/srv/{b}/{c}{D}.ts:{k})",
    'psycopg2.errors.UndefinedColumn: column "{a}_{b}" does not exist\nLINE {k}: SELECT {a}_{b} FROM {c}_{d}',
    "error[E0502]: cannot borrow `{a}_{b}` as mutable\n  --> src/{c}/{d}.rs:{k}", "{A}{B}Error: {e} {d} in {c} at {a}.{v} ({k})", "panic: {e} {c}\ngoroutine {k}: {a}.{V}(0x{k})",
    "FAIL tests/{a}_{b}: {e} {d}, got {k}", "{a}/{b}.{v}: undefined reference to `{c}_{d}'", "npm ERR! {a}-{b}@{k}: {e} {c}", "Segmentation fault in {v}_{a} near {b}:{k}",
)  # fmt: skip
STYLES = {
    "typescript": CURLY, "java": CURLY, "csharp": CURLY, "kotlin": CURLY, "swift": CURLY, "scala": CURLY, "php": CURLY, "go": COMPILED, "rust": COMPILED, "c++": COMPILED,
}  # fmt: skip
VOCABULARY = CODE_NOUNS + NOUNS


def line(form: str, r: Random) -> str:
    """A form with names and numbers drawn."""
    a, b, c, d = r.sample(VOCABULARY, 4)
    v, w = r.choice(CODE_VERBS), r.choice(CODE_VERBS)
    return form.format(
        a=a, b=b, c=c, d=d, e=r.choice(ADJECTIVES), v=v, w=w, k=2 + int(r.random() * 300), A=a.capitalize(), B=b.capitalize(), C=c.capitalize(), D=d.capitalize(), V=v.capitalize(),
    )  # fmt: skip


def snippet(r: Random, language: str = "python") -> str:
    """A piece of source code: a head and some lines."""
    heads, bodies = STYLES.get(language, SCRIPTED)
    lines = [line(r.choice(heads), r)] + [
        line(r.choice(bodies), r) for _ in range(3 + int(r.expovariate(1 / 4)))
    ]
    return "\n".join(lines) + ("" if heads is SCRIPTED[0] else "\n}")


def failure(r: Random) -> str:
    """An error as a developer pastes it."""
    return line(r.choice(FAILURES), r)
