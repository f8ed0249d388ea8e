"""LangChain over the APIs of OpenAI and Ollama; arguments as in support.py."""

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from support import ASK_PERSON, ASK_WEATHER, CALLS, DEADLINE, HELLO, MODEL, PERSON, URL, WEATHER
from support import check_person, done, step

TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather of a city", "parameters": WEATHER},
}


def openai(**options):
    fixed = {"base_url": f"{URL}/v1", "api_key": "none", "max_retries": 0, "timeout": DEADLINE}
    return ChatOpenAI(model=MODEL, stream_usage=True, **fixed, **options)


def ollama(max_tokens=None, **options):
    limit = {"num_predict": max_tokens, "client_kwargs": {"timeout": DEADLINE}}
    return ChatOllama(model=MODEL, base_url=URL, **limit, **options)


def responses(**options):
    return openai(use_responses_api=True, **options)


CHATS = [openai, responses, ollama]


def check_answer(answer):
    assert answer.text, answer
    usage = answer.usage_metadata
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0, usage


def whole(chunks):
    chunks = iter(chunks)
    answer = next(chunks)
    for chunk in chunks:
        answer += chunk
    return answer


@step
def answers():
    for chat in CHATS:
        check_answer(chat(max_tokens=16).invoke(HELLO))


@step
def streams():
    for chat in CHATS:
        check_answer(whole(chat(max_tokens=16).stream(HELLO)))


@step
def forced_calls():
    # Ollama's API cannot force.
    for chat in [openai, responses]:
        [call] = chat().bind_tools([TOOL], tool_choice="any").invoke(ASK_WEATHER).tool_calls
        assert call["name"] == "get_weather" and isinstance(call["args"]["city"], str), call


@step
def functions_that_are_called_by_themselves():
    if not CALLS:
        return
    for chat in CHATS:
        model = chat().bind_tools([TOOL])
        messages = [HumanMessage(ASK_WEATHER[0]["content"])]
        for ask in [model.invoke, lambda messages: whole(model.stream(messages))]:
            answer = ask(messages)
            [call] = answer.tool_calls
            assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"}), call
            result = ToolMessage("21 degrees", tool_call_id=call["id"])
            assert "21" in ask([*messages, answer, result]).text


@step
def answers_of_a_schema():
    schema = {"title": "answer", "description": "Who it is", **PERSON}
    for chat in CHATS:
        model = chat(max_tokens=100).with_structured_output(schema, method="json_schema")
        check_person(model.invoke(ASK_PERSON))


@step
def embeddings():
    openai = OpenAIEmbeddings(
        model=MODEL, base_url=f"{URL}/v1", api_key="none", check_embedding_ctx_length=False
    )
    for embeddings in [openai, OllamaEmbeddings(model=MODEL, base_url=URL)]:
        one, two = embeddings.embed_documents(["one", "two"])
        assert len(one) == len(two) > 16 and one != two


done()
