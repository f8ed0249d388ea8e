/* Runs that cannot be. */
#include <math.h>

#include "suite.h"

static LLMHandle handle;
static struct recorder recorder;

static void refused(struct run run, const char *what) {
    int status = run_now(handle, &run, &recorder);
    CHECK(status == -1 && recorder.count == 0, "%s is refused without a callback", what);
}

static void prompts(void) {
    struct run run = run_prompt(NULL);
    refused(run, "a null prompt");
    run = run_prompt("Hello.");
    run.input.role = "wizard";
    refused(run, "an unknown role");
    run = run_prompt("Hello.");
    run.input.input_type = (RKLLMInputType)99;
    refused(run, "an unknown type of input");
    run = run_prompt("Hello.");
    run.params.mode = (RKLLMInferMode)99;
    refused(run, "an unknown mode");
    static char text[2 * 600 + 1];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i % 2 == 0 ? 'a' : ' ';
    refused(run_prompt(text), "a prompt beyond the context");
    if (library_is_embedded())
        refused(run_prompt("Caf\xe9"), "text that is not UTF-8");
}

static void tokens(void) {
    int32_t ids[] = { 504, -1, 504 };
    refused(run_tokens(NULL, 3), "a null array of ids");
    refused(run_tokens(ids, 0), "input without tokens");
    refused(run_tokens(ids, SIZE_MAX), "a number of ids beyond all memory");
    refused(run_tokens(ids, 3), "a negative id");
    ids[1] = 1 << 30;
    if (library_is_embedded())
        refused(run_tokens(ids, 3), "an id beyond the vocabulary");
}

static void samplings(void) {
    static const struct {
        RKLLMSamplingParam param;
        const char *what;
    } bad[] = {
        { { .top_p = NAN, .temperature = 1, .repeat_penalty = 1 }, "top_p that is no number" },
        { { .top_p = 2, .temperature = 1, .repeat_penalty = 1 }, "top_p above 1" },
        { { .top_p = 1, .temperature = INFINITY, .repeat_penalty = 1 }, "infinite temperature" },
        { { .top_p = 1, .temperature = 1, .repeat_penalty = 1, .mirostat = 7 }, "mirostat 7" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        RKLLMSamplingParam param = bad[i].param;
        struct run run = run_prompt("Hello.");
        run.params.sampling_params = &param;
        refused(run, bad[i].what);
    }
}

static int interfere(struct recorder *running) {
    running->answer = NULL;
    static struct recorder other;
    struct run run = run_prompt("Me too.");
    int size;
    CHECK(run_now(handle, &run, &other) == -1 && other.count == 0, "a second run is refused");
    CHECK(rkllm.run_async(handle, &run.input, &run.params, &other) == -1, "elsewhere as well");
    CHECK(rkllm.get_kv_cache_size(handle, &size) == -1, "and the size of the cache");
    CHECK(rkllm.clear_kv_cache(handle, 0, NULL, NULL) == -1, "and clearing it");
    CHECK(rkllm.set_chat_template(handle, "", "", "") == -1, "and a new template");
    CHECK(rkllm.destroy(handle) == -1, "and destroying the handle");
    return 0;
}

static void null_arguments(void) {
    struct run run = run_prompt("Hello.");
    recorder.count = 0;
    CHECK(rkllm.run(handle, NULL, &run.params, &recorder) == -1, "null input is refused");
    CHECK(rkllm.run(handle, &run.input, NULL, &recorder) == -1, "null parameters are refused");
    CHECK(rkllm.run_async(handle, NULL, &run.params, &recorder) == -1, "also by run_async");
    CHECK(rkllm.run_async(handle, &run.input, NULL, &recorder) == -1, "also by run_async");
    CHECK(rkllm.set_function_tools(handle, NULL, NULL, NULL) == -1, "null tools are refused");
    CHECK(rkllm.set_cross_attn_params(handle, NULL) == -1, "null cross attention is refused");
    CHECK(recorder.count == 0, "none of them calls back");
}

void test_refuse(void) {
    check_group("refuse");
    handle = session_open(NULL);
    null_arguments();
    prompts();
    tokens();
    samplings();
    RKLLMCrossAttnParam cross = { 0 };
    CHECK(rkllm.set_cross_attn_params(handle, &cross) == -1,
          "cross attention is refused by a model without it");
    struct run run = run_prompt("Hello.");
    recorder.answer = interfere;
    CHECK(run_now(handle, &run, &recorder) == 0, "a run goes on whatever else is tried");
    recorder_finish(&recorder, 8);
    CHECK(rkllm.destroy(handle) == 0, "the model is unloaded");
}
