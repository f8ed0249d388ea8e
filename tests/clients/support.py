"""What the checks have in common: where the server is, steps that are counted, things to ask for.

Every script is called with the server's address and the model's name, and with `calls` if the model
calls functions by itself and makes use of what they return.
"""

import sys
import traceback

URL, MODEL = sys.argv[1:3]
CALLS = "calls" in sys.argv[3:]
# Seconds; far longer than an answer here takes, shorter than one that nobody ends.
DEADLINE = 60

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
HELLO = [{"role": "user", "content": "Say hello."}]
ASK_WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
ASK_PERSON = [{"role": "user", "content": "Invent a person."}]
COUNT = [{"role": "user", "content": "Count from 1 to 1000, one number per line."}]
LONG = [{"role": "user", "content": "word " * 20_000}]

_failed = []


def step(check):
    """Runs a check at once, under its name."""
    try:
        check()
    except Exception:
        _failed.append(check.__name__)
        print(f"FAILED {check.__name__}\n{traceback.format_exc()}")
    else:
        print(f"passed {check.__name__}")


def raised(kind, act):
    """The exception of this kind that `act` ends in."""
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def check_person(person):
    assert set(person) == {"name", "age"}, person
    assert isinstance(person["name"], str) and 0 <= person["age"] <= 150, person


def done():
    sys.exit(1 if _failed else 0)
