"""Renders chat templates with jinja2, set up as Hugging Face transformers sets it up.

Reads {"templates": {name: source}, "cases": [...]} from standard input. A case has "template",
"variables", "now" (ISO 8601) and "continue" (whether the last message is left open). Writes a list
with one object for each case: {"text": ...}, {"raised": words of raise_exception} or
{"failed": any other fault}.
"""

import copy
import datetime
import json
import sys

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

MARK = "rkllmContinueHere "


class Raised(TemplateError):
    """What a template refuses by raise_exception."""


class Generation(Extension):
    """The tag {% generation %}: its body, rendered in a scope of its own."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise Raised(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


def mark_last(variables):
    """Appends the mark to the text of the last message; the space tells whether it is trimmed."""
    marked = copy.deepcopy(variables)
    last = marked["messages"][-1]
    if isinstance(last["content"], str):
        last["content"] += MARK
    else:
        last["content"][-1]["text"] += MARK
    return marked


def cut_at_mark(text):
    at = text.rindex(MARK.strip())
    return text[:at] if text[at:].startswith(MARK) else text[:at].rstrip()


def render(template, case):
    now = datetime.datetime.fromisoformat(case["now"])
    goes_on = case["continue"]
    variables = mark_last(case["variables"]) if goes_on else case["variables"]
    text = template.render(strftime_now=now.strftime, **variables)
    return cut_at_mark(text) if goes_on else text


def answer(env, source, case):
    try:
        return {"text": render(env.from_string(source), case)}
    except Raised as refusal:
        return {"raised": str(refusal)}
    except Exception as fault:  # Whatever a template can do wrong.
        return {"failed": f"{type(fault).__name__}: {fault}"}


def main():
    request = json.load(sys.stdin)
    env = environment()
    sources = request["templates"]
    answers = [answer(env, sources[case["template"]], case) for case in request["cases"]]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
