"""Python's `openai` against a running server; see support.py."""

import json

import openai
from support import ASK_PERSON, ASK_WEATHER, CALLS, COUNT, DEADLINE, HELLO, LONG, MODEL, PERSON
from support import URL, WEATHER, check_person, done, raised, step

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0, timeout=DEADLINE)
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER},
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "person", "schema": PERSON, "strict": True},
}


def create(messages, **options):
    return client.chat.completions.create(model=MODEL, messages=messages, **options)


@step
def models_are_listed_and_found():
    listed = client.models.list().data
    assert MODEL in [model.id for model in listed], listed
    assert client.models.retrieve(MODEL).id == MODEL
    error = raised(openai.NotFoundError, lambda: client.models.retrieve("org/none"))
    assert error.code == "model_not_found", error.body


@step
def an_answer_in_one_piece():
    answer = create(HELLO, max_tokens=16, temperature=0, stop=["\n\n"])
    assert answer._request_id
    (choice,) = answer.choices
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason in ("stop", "length") and choice.message.tool_calls is None
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@step
def a_stream():
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(create(HELLO, max_tokens=16, **options))
    *before, last = chunks
    assert last.choices == [] and last.usage.completion_tokens > 0
    assert all(chunk.usage is None and len(chunk.choices) == 1 for chunk in before)
    assert len({chunk.id for chunk in chunks}) == 1
    choices = [chunk.choices[0] for chunk in before]
    assert [choice.delta.role for choice in choices].count("assistant") == 1
    assert choices[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for choice in choices)
    assert [choice.finish_reason is not None for choice in choices].count(True) == 1
    assert choices[-1].finish_reason in ("stop", "length")


@step
def a_stream_without_usage():
    for chunk in create(HELLO, max_tokens=4, stream=True):
        assert chunk.usage is None and chunk.choices


@step
def a_limit_is_a_reason_to_end():
    answer = create(COUNT, max_completion_tokens=2)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


def check_call(choice):
    assert choice.finish_reason == "tool_calls", choice
    (call,) = choice.message.tool_calls
    assert call.id and call.type == "function" and call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    return call


@step
def a_forced_call():
    answer = create(ASK_WEATHER, tools=[TOOL], tool_choice="required", max_tokens=64)
    check_call(answer.choices[0])


@step
def a_forced_call_as_a_stream():
    forced = {"type": "function", "function": {"name": "get_weather"}}
    with client.chat.completions.stream(
        model=MODEL, messages=ASK_WEATHER, tools=[TOOL], tool_choice=forced, max_tokens=64
    ) as stream:
        check_call(stream.get_final_completion().choices[0])


@step
def a_conversation_with_a_call():
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    call = {"id": "call_1", "type": "function", "function": function}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    if CALLS:
        said = create(ASK_WEATHER, tools=[TOOL]).choices[0]
        call, said = check_call(said).model_dump(), said.message
    result = {"role": "tool", "tool_call_id": call["id"], "content": "21 degrees"}
    answer = create([*ASK_WEATHER, said, result], tools=[TOOL], max_tokens=32)
    assert not CALLS or "21" in answer.choices[0].message.content, answer


@step
def tools_may_be_forbidden():
    answer = create(ASK_WEATHER, tools=[TOOL], tool_choice="none", max_tokens=8)
    assert answer.choices[0].message.content and not answer.choices[0].message.tool_calls


@step
def an_answer_of_a_schema():
    answer = create(ASK_PERSON, response_format=SCHEMA, max_tokens=100)
    check_person(json.loads(answer.choices[0].message.content))
    stream = create(ASK_PERSON, response_format=SCHEMA, max_tokens=100, stream=True)
    check_person(json.loads("".join(chunk.choices[0].delta.content or "" for chunk in stream)))


@step
def responses():
    # Without a limit: the SDK takes a stream that one ended for broken.
    with client.responses.stream(model=MODEL, input="Say hello.") as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_response()
    assert (events[0], events[-1]) == ("response.created", "response.completed"), events
    assert answer.output_text and answer.status == "completed"
    again = {"model": MODEL, "input": "And again.", "max_output_tokens": 4}
    more = client.responses.create(previous_response_id=answer.id, **again)
    assert more.output_text and more.usage.output_tokens <= 4
    assert more.usage.input_tokens > answer.usage.input_tokens
    raised(
        openai.NotFoundError,
        lambda: client.responses.create(previous_response_id="resp_none", **again),
    )


@step
def responses_that_call():
    tool = {"type": "function", **TOOL["function"]}
    options = {"model": MODEL, "tools": [tool], "tool_choice": "required"}
    options |= {"input": ASK_WEATHER, "max_output_tokens": 64}
    answers = [client.responses.create(**options)]
    with client.responses.stream(**options) as stream:
        answers.append(stream.get_final_response())
    for answer in answers:
        call = answer.output[-1]
        assert (call.type, call.name) == ("function_call", "get_weather"), answer
        assert call.call_id and isinstance(json.loads(call.arguments)["city"], str)


@step
def texts_are_continued():
    options = {"model": MODEL, "prompt": "Once upon a", "max_tokens": 4}
    answer = client.completions.create(**options)
    assert answer.object == "text_completion" and answer.choices[0].text
    stream = client.completions.create(**options, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream)


@step
def embeddings():
    # In base64, which is what the SDK asks for, and as numbers.
    packed = client.embeddings.create(model=MODEL, input=["one", "another"]).data
    assert [vector.index for vector in packed] == [0, 1]
    plain = client.embeddings.create(model=MODEL, input="one", encoding_format="float").data
    assert len(packed[0].embedding) == len(plain[0].embedding) > 16
    pairs = zip(packed[0].embedding, plain[0].embedding)
    assert all(abs(one - other) < 1e-3 for one, other in pairs)
    assert client.embeddings.create(model=MODEL, input=[[101, 102]]).data[0].embedding


@step
def errors():
    unknown = raised(
        openai.NotFoundError,
        lambda: client.chat.completions.create(model="none", messages=HELLO),
    )
    assert (unknown.code, unknown.param) == ("model_not_found", "model"), unknown.body
    empty = raised(openai.BadRequestError, lambda: create([]))
    assert empty.type == "invalid_request_error" and empty.request_id, empty.body
    for stream in (False, True):
        too_long = raised(openai.BadRequestError, lambda: create(LONG, stream=stream))
        assert too_long.code == "context_length_exceeded", too_long.body
        assert "maximum context length is" in too_long.message, too_long.message
    raised(openai.NotFoundError, lambda: client.post("/nowhere", cast_to=object))


@step
def leaving_a_stream():
    stream = create(COUNT, stream=True)
    chunks = iter(stream)
    next(chunks), next(chunks)
    stream.close()
    assert create(HELLO, max_tokens=4).choices[0].message.content


@step
def leaving_before_the_answer():
    impatient = client.with_options(timeout=0.2).chat.completions
    raised(openai.APITimeoutError, lambda: impatient.create(model=MODEL, messages=COUNT))
    assert create(HELLO, max_tokens=4).choices[0].message.content


done()
