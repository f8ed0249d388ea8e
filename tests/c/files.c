/* LoRA adapters and prompt caches. */
#include <stdio.h>

#include "suite.h"

static void adapters(LLMHandle handle) {
    check_group("adapters");
    RKLLMLoraAdapter adapter = { "/no/such/adapter.gguf", "style", 1 };
    CHECK(rkllm.load_lora(handle, NULL) == -1, "a null adapter is refused");
    CHECK(rkllm.load_lora(handle, &adapter) == -1, "a file that is not there is refused");
    adapter.lora_adapter_path = NULL;
    CHECK(rkllm.load_lora(handle, &adapter) == -1, "a null path is refused");
    adapter = (RKLLMLoraAdapter){ session_model, NULL, 1 };
    CHECK(rkllm.load_lora(handle, &adapter) == -1, "a null name is refused");
    RKLLMLoraParam style = { "style" };
    struct run run = run_prompt("Hello.");
    run.params.lora_params = &style;
    static struct recorder recorder;
    CHECK(run_now(handle, &run, &recorder) == -1, "a run with an unknown adapter is refused");
    CHECK(recorder.count == 0, "without a callback");
    if (library_is_embedded()) {
        adapter = (RKLLMLoraAdapter){ session_model, "style", 1 };
        CHECK(rkllm.load_lora(handle, &adapter) == -1, "a model is no adapter");
    }
}

static void write_file(char path[TEXT_MAX], const char *name, const char *text) {
    session_path(path, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void caches(LLMHandle handle) {
    check_group("prompt cache");
    char path[TEXT_MAX];
    CHECK(rkllm.load_prompt_cache(handle, NULL) == -1, "a null path is refused");
    CHECK(rkllm.load_prompt_cache(handle, "/no/such/cache.bin") == -1,
          "a file that is not there is refused");
    write_file(path, "empty.bin", "");
    CHECK(rkllm.load_prompt_cache(handle, path) == -1, "an empty file is refused");
    write_file(path, "foreign.bin", "no prompt cache, but a text of some length\n");
    CHECK(rkllm.load_prompt_cache(handle, path) == -1, "a foreign file is refused");
}

void test_files(void) {
    LLMHandle handle = session_open(NULL);
    adapters(handle);
    caches(handle);
    check_group("files");
    static struct recorder recorder;
    struct run run = run_prompt("Hello.");
    CHECK(run_now(handle, &run, &recorder) == 0, "after all that the model answers");
    recorder_finish(&recorder, 8);
    rkllm.destroy(handle);
}
