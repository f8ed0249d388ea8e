"""Python's `anthropic` against a running server; see support.py."""

import anthropic
from support import ASK_PERSON, ASK_WEATHER, CALLS, COUNT, DEADLINE, HELLO, LONG, MODEL, PERSON
from support import URL, WEATHER, check_person, done, raised, step

client = anthropic.Anthropic(base_url=URL, api_key="none", max_retries=0, timeout=DEADLINE)
TOOL = {"name": "get_weather", "description": "The weather", "input_schema": WEATHER}


def create(messages, max_tokens, **options):
    return client.messages.create(
        model=MODEL, messages=messages, max_tokens=max_tokens, **options
    )


@step
def models_are_listed_and_found():
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    error = raised(anthropic.NotFoundError, lambda: client.models.retrieve("org/none"))
    assert error.body["error"]["type"] == "not_found_error", error.body


@step
def an_answer_in_one_piece():
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    answer = create(HELLO, 16, system=system, stop_sequences=["\n\n"])
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", MODEL)
    assert answer.content[-1].type == "text" and answer.content[-1].text
    assert answer.stop_reason in ("end_turn", "max_tokens", "stop_sequence")
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0
    assert answer._request_id


@step
def a_stream():
    with client.messages.stream(model=MODEL, messages=HELLO, max_tokens=16) as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_message()
    assert events[0] == "message_start" and events[-1] == "message_stop", events
    assert events.count("content_block_start") == events.count("content_block_stop") == 1
    assert answer.content[0].text and answer.stop_reason and answer.usage.output_tokens > 0


@step
def a_limit_is_a_reason_to_end():
    answer = create(COUNT, 2)
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 2)


def check_call(answer):
    assert answer.stop_reason == "tool_use", answer
    call = answer.content[-1]
    assert call.type == "tool_use" and call.id and call.name == "get_weather"
    assert isinstance(call.input["city"], str)
    return call


@step
def a_forced_call():
    check_call(create(ASK_WEATHER, 64, tools=[TOOL], tool_choice={"type": "any"}))


@step
def a_forced_call_as_a_stream():
    forced = {"type": "tool", "name": "get_weather"}
    with client.messages.stream(
        model=MODEL, messages=ASK_WEATHER, max_tokens=64, tools=[TOOL], tool_choice=forced
    ) as stream:
        check_call(stream.get_final_message())


@step
def a_conversation_with_a_call():
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather"}
    said = [{**call, "input": {"city": "Paris"}}]
    if CALLS:
        said = create(ASK_WEATHER, 64, tools=[TOOL])
        call, said = check_call(said).model_dump(), said.content
    text = [{"type": "text", "text": "21 degrees"}]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": text}
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
    answer = create([*ASK_WEATHER, *turns], 32, tools=[TOOL])
    assert not CALLS or "21" in answer.content[-1].text, answer


@step
def an_answer_of_a_schema():
    # As the input of a tool that has to be called, which works with every version of the API.
    tool = {"name": "person", "description": "Tells about a person", "input_schema": PERSON}
    answer = create(ASK_PERSON, 100, tools=[tool], tool_choice={"type": "tool", "name": "person"})
    check_person(answer.content[-1].input)


@step
def tokens_are_counted():
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be brief.")
    more = client.messages.count_tokens(
        model=MODEL, messages=HELLO, system="Be brief.", tools=[TOOL]
    )
    assert more.input_tokens > counted.input_tokens > 0
    usage = create(HELLO, 1, system="Be brief.").usage
    assert usage.input_tokens + usage.cache_read_input_tokens == counted.input_tokens


@step
def betas_and_thinking_are_taken():
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = client.beta.messages.create(
        model=MODEL,
        messages=HELLO,
        max_tokens=1100,
        thinking=thinking,
        stop_sequences=["."],
        betas=["interleaved-thinking-2025-05-14"],
    )
    assert all(block.type in ("thinking", "text") for block in answer.content)


@step
def errors():
    unknown = raised(
        anthropic.NotFoundError,
        lambda: client.messages.create(model="none", messages=HELLO, max_tokens=4),
    )
    assert unknown.body["error"]["type"] == "not_found_error" and unknown.request_id
    body = {"model": MODEL, "messages": HELLO}
    for stream in (False, True):
        endless = raised(
            anthropic.BadRequestError,
            lambda: client.post("/v1/messages", body={**body, "stream": stream}, cast_to=object),
        )
        assert endless.body["error"]["type"] == "invalid_request_error"
        assert "max_tokens" in endless.body["error"]["message"]
    too_long = raised(anthropic.BadRequestError, lambda: create(LONG, 4))
    message = too_long.body["error"]["message"]
    assert message.startswith("prompt is too long"), message


@step
def leaving_a_stream():
    with client.messages.stream(model=MODEL, messages=COUNT, max_tokens=20_000) as stream:
        next(stream.text_stream)
    assert create(HELLO, 4).content[0].text


@step
def leaving_before_the_answer():
    impatient = client.with_options(timeout=0.2).messages
    raised(
        anthropic.APITimeoutError,
        lambda: impatient.create(model=MODEL, messages=COUNT, max_tokens=20_000),
    )
    assert create(HELLO, 4).content[0].text


done()
