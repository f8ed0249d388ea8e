/* What a run delivers, to whom, and how it is measured. */
#include <math.h>

#include "suite.h"

static bool sane(float value) {
    return isfinite(value) && value >= 0;
}

static void perf_holds(const RKLLMPerfStat *perf, int generated) {
    CHECK(perf->prefill_tokens > 0, "the input was evaluated: %d tokens", perf->prefill_tokens);
    CHECK(perf->generate_tokens == generated, "generate_tokens is %d", generated);
    CHECK(sane(perf->prefill_time_ms) && sane(perf->generate_time_ms), "times are sane");
    CHECK(sane(perf->memory_usage_mb) && perf->memory_usage_mb > 0, "so is memory");
}

static void events_hold(const struct recorder *recorder) {
    bool on_thread = true, have_text = true, have_ids = true;
    for (size_t i = 0; i < recorder->count; i++) {
        const struct event *event = &recorder->events[i];
        on_thread &= pthread_equal(event->thread, pthread_self()) != 0;
        if (event->state == RKLLM_RUN_NORMAL) {
            have_text &= event->has_text;
            have_ids &= event->token >= 0;
        }
    }
    CHECK(on_thread, "all events come on the thread that called run");
    CHECK(have_text && have_ids, "each token has text and id");
    CHECK(recorder->text[0] != '\0', "together they have some text");
}

static int ask_whether_running(struct recorder *recorder) {
    CHECK(rkllm.is_running(recorder->context) == 1, "is_running is 1 within a run");
    recorder->answer = NULL;
    return 0;
}

static void delivery(LLMHandle handle, struct recorder *first) {
    struct run run = run_prompt("What is the capital of France?");
    first->answer = ask_whether_running;
    first->context = handle;
    CHECK(run_now(handle, &run, first) == 0, "run returns 0");
    CHECK(rkllm.is_running(handle) == 0, "is_running is 0 after it");
    perf_holds(recorder_finish(first, 8), 7);
    events_hold(first);

    static struct recorder second;
    CHECK(rkllm.clear_kv_cache(handle, 0, NULL, NULL) == 0, "the cache is cleared");
    run_now(handle, &run, &second);
    CHECK(recorder_equal(first, &second), "greedy runs of a prompt are equal");
    run.input.role = NULL;
    rkllm.clear_kv_cache(handle, 0, NULL, NULL);
    run_now(handle, &run, &second);
    CHECK(recorder_equal(first, &second), "without a role it is the user's turn");
}

static void limits(LLMHandle handle) {
    static struct recorder recorder;
    struct run run = run_prompt("Count.");
    run.params.max_new_tokens = 3;
    run_now(handle, &run, &recorder);
    recorder_finish(&recorder, 3);
    run.params.max_new_tokens = -1;
    run_now(handle, &run, &recorder);
    recorder_finish(&recorder, 8);
    RKLLMSamplingParam greedy = { .top_k = 1, .top_p = 1, .temperature = 1, .repeat_penalty = 1 };
    run.params.sampling_params = &greedy;
    run.params.max_new_tokens = 1;
    run_now(handle, &run, &recorder);
    const RKLLMPerfStat *perf = recorder_finish(&recorder, 1);
    CHECK(perf->generate_tokens == 0, "the only token belongs to prefill");
}

static void user_pointers(LLMHandle handle, struct recorder *fallback) {
    struct run run = run_prompt("Whose?");
    run.params.max_new_tokens = 2;
    fallback->count = 0;
    CHECK(rkllm.run(handle, &run.input, &run.params, NULL) == 0, "a run without a user pointer");
    CHECK(fallback->count == 3, "reports to the one of init");
    static struct recorder own;
    run_now(handle, &run, &own);
    CHECK(own.count == 3 && fallback->count == 3, "a run's own user pointer comes first");
}

static void token_input(LLMHandle handle) {
    static struct recorder recorder;
    int32_t ids[] = { 504, 3575, 282, 4649, 314 };
    struct run run = run_tokens(ids, sizeof ids / sizeof *ids);
    rkllm.clear_kv_cache(handle, 0, NULL, NULL);
    CHECK(run_now(handle, &run, &recorder) == 0, "token ids are taken");
    const RKLLMPerfStat *perf = recorder_finish(&recorder, 8);
    CHECK(perf->prefill_tokens == 5, "each is evaluated, and nothing else");
}

void test_answer(void) {
    check_group("answer");
    static struct recorder fallback, first;
    LLMHandle handle = session_open(&fallback);
    delivery(handle, &first);
    limits(handle);
    user_pointers(handle, &fallback);
    token_input(handle);
    CHECK(rkllm.destroy(handle) == 0, "the model is unloaded");
}
