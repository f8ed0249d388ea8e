/* Handles that are none. */
#include "suite.h"

/* Every function refuses the handle. */
static void refused(LLMHandle handle, const char *what) {
    static struct recorder recorder;
    recorder.count = 0;
    struct run run = run_prompt("Hello.");
    RKLLMLoraAdapter adapter = { session_model, "style", 1 };
    RKLLMCrossAttnParam cross = { 0 };
    int size = 0;
    CHECK(rkllm.run(handle, &run.input, &run.params, &recorder) == -1
              && rkllm.run_async(handle, &run.input, &run.params, &recorder) == -1
              && recorder.count == 0,
          "%s does not run", what);
    CHECK(rkllm.abort(handle) == -1 && rkllm.is_running(handle) == -1, "nor is it running");
    CHECK(rkllm.clear_kv_cache(handle, 0, NULL, NULL) == -1
              && rkllm.get_kv_cache_size(handle, &size) == -1,
          "nor has it a cache");
    CHECK(rkllm.set_chat_template(handle, "", "", "") == -1
              && rkllm.set_function_tools(handle, "", "[]", "tool_response") == -1
              && rkllm.set_cross_attn_params(handle, &cross) == -1,
          "nor does it take settings");
    CHECK(rkllm.load_lora(handle, &adapter) == -1
              && rkllm.load_prompt_cache(handle, session_model) == -1
              && rkllm.release_prompt_cache(handle) == -1,
          "nor files");
    CHECK(rkllm.destroy(handle) == -1, "nor is it destroyed");
}

void test_destroy(void) {
    check_group("destroy");
    LLMHandle handle = session_open(NULL);
    CHECK(handle != NULL, "a loaded model has a handle");
    CHECK(rkllm.destroy(handle) == 0, "which is destroyed once");
    refused(handle, "a destroyed handle");
    int variable;
    refused(&variable, "a pointer to something else");
    refused(NULL, "a null handle");
}
