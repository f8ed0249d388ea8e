"""Python's `ollama` against a running server; see support.py."""

import json

import httpx
import ollama
from support import ASK_PERSON, ASK_WEATHER, CALLS, COUNT, DEADLINE, HELLO, LONG, MODEL, PERSON
from support import URL, WEATHER, check_person, done, raised, step

client = ollama.Client(host=URL, timeout=DEADLINE)
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER},
}


def chat(messages, length=16, **options):
    return client.chat(MODEL, messages, options={"num_predict": length}, **options)


@step
def models_are_listed():
    listed = client.list().models
    (model,) = [model for model in listed if model.model.removesuffix(":latest") == MODEL]
    assert model.modified_at and model.size > 0 and model.digest and model.details.format


@step
def a_model_is_described():
    about = client.show(MODEL)
    assert about.modelinfo["general.architecture"]
    assert {"completion", "tools"} <= set(about.capabilities), about.capabilities
    missing = raised(ollama.ResponseError, lambda: client.show("none"))
    assert missing.status_code == 404 and "not found" in missing.error


@step
def an_answer_in_one_piece():
    answer = chat(HELLO, think=False, keep_alive="5m")
    assert answer.message.role == "assistant" and answer.message.content
    assert answer.done and answer.done_reason in ("stop", "length")
    assert answer.prompt_eval_count > 0 and answer.eval_count > 0
    assert answer.total_duration > 0 and answer.eval_duration >= 0


@step
def a_stream():
    *before, last = chat(HELLO, stream=True)
    assert before and not any(part.done for part in before) and last.done
    assert "".join(part.message.content for part in [*before, last])
    assert last.done_reason and last.eval_count > 0


@step
def a_limit_is_a_reason_to_end():
    answer = chat(COUNT, length=2)
    assert (answer.done_reason, answer.eval_count) == ("length", 2)


@step
def a_conversation_with_a_call():
    function = {"name": "get_weather", "arguments": {"city": "Paris"}}
    said = {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
    for stream in (False, True):
        if CALLS:
            answer = chat(ASK_WEATHER, length=64, tools=[TOOL], stream=stream)
            parts = answer if stream else [answer]
            calls = [call for part in parts for call in part.message.tool_calls or []]
            (call,) = calls
            assert call.function.name == "get_weather"
            assert isinstance(call.function.arguments["city"], str)
            said = {"role": "assistant", "content": "", "tool_calls": calls}
        # Not every program says which tool a result is of.
        result = {"role": "tool", "content": "21 degrees"}
        answer = chat([*ASK_WEATHER, said, result], length=32, tools=[TOOL])
        assert not CALLS or "21" in answer.message.content, answer


@step
def an_answer_of_a_schema():
    answer = chat(ASK_PERSON, length=100, format=PERSON)
    check_person(json.loads(answer.message.content))
    stream = chat(ASK_PERSON, length=100, format=PERSON, stream=True)
    check_person(json.loads("".join(part.message.content for part in stream)))
    text = client.generate(MODEL, ASK_PERSON[0]["content"], format=PERSON).response
    check_person(json.loads(text))


@step
def texts():
    options = {"num_predict": 8}
    answer = client.generate(MODEL, "Say hello.", options=options)
    assert answer.done and answer.response
    stream = client.generate(MODEL, "Say hello.", options=options, stream=True)
    assert "".join(part.response for part in stream)
    assert client.generate(MODEL, "Once upon a", raw=True, options=options).response


@step
def embeddings():
    vectors = client.embed(MODEL, ["one", "another"]).embeddings
    assert len(vectors) == 2 and len(vectors[0]) == len(vectors[1]) > 16
    (alone,) = client.embed(MODEL, "one").embeddings
    assert all(abs(one - other) < 1e-3 for one, other in zip(vectors[0], alone))
    assert len(client.embeddings(MODEL, "one").embedding) == len(alone)


@step
def a_model_is_loaded_and_kept():
    for keep_alive in ("-1s", -1, "10m", 300, "1h30m"):
        loaded = client.generate(MODEL, "", keep_alive=keep_alive)
        assert loaded.done_reason == "load"
    (running,) = client.ps().models
    assert running.model.removesuffix(":latest") == MODEL and running.expires_at


@step
def errors():
    for stream in (False, True):
        missing = raised(
            ollama.ResponseError, lambda: list(client.chat("none", HELLO, stream=stream))
        )
        assert missing.status_code == 404 and "not found" in missing.error
        too_long = raised(ollama.ResponseError, lambda: list(chat(LONG, stream=stream)))
        assert too_long.status_code == 400 and "context length" in too_long.error, too_long
    picture = [{"role": "user", "content": "What is this?", "images": [b"\x89PNG"]}]
    refused = raised(ollama.ResponseError, lambda: chat(picture))
    assert refused.status_code == 400 and "image" in refused.error, refused


@step
def leaving_a_stream():
    parts = client.chat(MODEL, COUNT, stream=True)
    next(parts)
    parts.close()
    assert chat(HELLO, length=4).message.content


@step
def leaving_before_the_answer():
    impatient = ollama.Client(host=URL, timeout=0.2)
    raised(httpx.TimeoutException, lambda: impatient.chat(MODEL, COUNT))
    assert chat(HELLO, length=4).message.content


done()
