/* Chat templates and function tools. */
#include "suite.h"

/* Tokens of the prompt. */
static int length(LLMHandle handle, const char *text) {
    static struct recorder recorder;
    struct run run = run_prompt(text);
    run.params.max_new_tokens = 1;
    rkllm.clear_kv_cache(handle, 0, NULL, NULL);
    if (run_now(handle, &run, &recorder) != 0)
        return -1;
    return recorder.events[recorder.count - 1].perf.prefill_tokens;
}

void test_template(void) {
    check_group("template");
    LLMHandle handle = session_open(NULL);
    int own = length(handle, "Hello there.");
    CHECK(rkllm.set_chat_template(handle, NULL, "", "") == -1
              && rkllm.set_chat_template(handle, "", NULL, "") == -1
              && rkllm.set_chat_template(handle, "", "", NULL) == -1,
          "null texts are refused");
    CHECK(length(handle, "Hello there.") == own, "and change nothing");
    CHECK(rkllm.set_chat_template(handle, "", "", "") == 0, "empty texts are taken");
    CHECK(cache_size(handle) == 0, "a new template clears the cache");
    int bare = length(handle, "Hello there.");
    CHECK(bare <= own, "the text is the whole prompt: %d tokens instead of %d", bare, own);
    CHECK(rkllm.set_chat_template(handle, "Be brief. ", "Question: ", " Answer:") == 0,
          "texts are taken");
    int wrapped = length(handle, "Hello there.");
    CHECK(wrapped > bare, "and stand around the prompt: %d tokens", wrapped);
    CHECK(rkllm.clear_kv_cache(handle, 1, NULL, NULL) == 0, "the cache is cleared but for");
    int system = cache_size(handle);
    CHECK(system > 0 && system < wrapped, "the system prompt: %d tokens", system);
    CHECK(rkllm.set_function_tools(handle, "", "[]", "tool_response") == -1,
          "function tools need the model's own template");
    rkllm.destroy(handle);
}
