/* The KV cache: what is reused, kept, counted and cleared. */
#include "suite.h"

static void reuse(LLMHandle handle) {
    static struct recorder first, second;
    struct run run = run_prompt("Tell me one thing about the sea and the sky and the land.");
    CHECK(cache_size(handle) == 0, "the cache is empty at first");
    run_now(handle, &run, &first);
    int evaluated = recorder_finish(&first, 8)->prefill_tokens;
    CHECK(cache_size(handle) >= evaluated, "then it has the prompt");
    run_now(handle, &run, &second);
    int again = recorder_finish(&second, 8)->prefill_tokens;
    CHECK(again < evaluated, "which is not evaluated again: %d after %d", again, evaluated);
    CHECK(rkllm.clear_kv_cache(handle, 0, NULL, NULL) == 0, "it can be cleared");
    CHECK(cache_size(handle) == 0, "and is empty then");
}

static void history(LLMHandle handle) {
    static struct recorder recorder;
    struct run run = run_prompt("My name is Ada.");
    run.params.keep_history = 1;
    run_now(handle, &run, &recorder);
    int before = cache_size(handle);
    run.input.prompt_input = "What is my name?";
    run_now(handle, &run, &recorder);
    recorder_finish(&recorder, 8);
    CHECK(cache_size(handle) > before + 8, "a conversation grows");
    rkllm.clear_kv_cache(handle, 0, NULL, NULL);
    CHECK(cache_size(handle) == 0, "and can be forgotten");
}

static void ranges(LLMHandle handle) {
    static struct recorder recorder;
    struct run run = run_prompt("Ranges?");
    int start = 1, end = 3;
    run_now(handle, &run, &recorder);
    int before = cache_size(handle);
    CHECK(rkllm.clear_kv_cache(handle, 0, &start, &end) == -1,
          "ranges are refused while nothing is paused");
    CHECK(cache_size(handle) == before, "and nothing is cleared");
    CHECK(rkllm.get_kv_cache_size(handle, NULL) == -1, "no room for the size is refused");
}

void test_cache(void) {
    check_group("cache");
    LLMHandle handle = session_open(NULL);
    reuse(handle);
    history(handle);
    ranges(handle);
    rkllm.destroy(handle);
}
