#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

const char *session_model;
const char *session_folder;

void session_path(char path[TEXT_MAX], const char *name) {
    snprintf(path, TEXT_MAX, "%s/%s", session_folder, name);
}

static int record(RKLLMResult *result, void *userdata, LLMCallState state) {
    struct recorder *recorder = userdata;
    bool delivers = state == RKLLM_RUN_NORMAL || state == RKLLM_RUN_WAITING;
    if (recorder->count < EVENTS_MAX) {
        struct event *event = &recorder->events[recorder->count++];
        *event = (struct event){ .state = state, .token = -1, .thread = pthread_self() };
        if (result != NULL) {
            event->token = result->token_id;
            event->has_text = result->text != NULL;
            event->perf = result->perf;
        }
    }
    if (result != NULL && result->text != NULL)
        strncat(recorder->text, result->text, TEXT_MAX - strlen(recorder->text) - 1);
    int answer = 0;
    if (delivers) {
        recorder->delivered++;
        if (recorder->answer != NULL)
            answer = recorder->answer(recorder);
    } else if (recorder->ended != NULL) {
        recorder->ended(recorder);
    }
    return answer;
}

RKLLMParam session_param(void) {
    RKLLMParam param = rkllm.createDefaultParam();
    param.model_path = session_model;
    param.max_context_len = 512;
    param.max_new_tokens = 8;
    param.top_k = 1;
    param.ignore_eos_token = true;
    param.extend_param.enabled_cpus_num = 1;
    param.extend_param.enabled_cpus_mask = CPU0;
    return param;
}

int session_init(LLMHandle *handle, RKLLMParam *param, struct recorder *fallback) {
    RKLLMCallback callback = { .result_callback = record, .result_userdata = fallback };
    return rkllm.init(handle, param, &callback);
}

LLMHandle session_open(struct recorder *fallback) {
    LLMHandle handle = NULL;
    RKLLMParam param = session_param();
    if (session_init(&handle, &param, fallback) != 0) {
        fprintf(stderr, "%s: the model cannot be loaded\n", session_model);
        exit(1);
    }
    return handle;
}

struct run run_prompt(const char *text) {
    return (struct run){
        .input = { .role = "user", .input_type = RKLLM_INPUT_PROMPT, .prompt_input = text },
    };
}

struct run run_tokens(int32_t *ids, size_t count) {
    return (struct run){
        .input = { .input_type = RKLLM_INPUT_TOKEN, .token_input = { ids, count } },
    };
}

int run_now(LLMHandle handle, struct run *run, struct recorder *recorder) {
    recorder->count = recorder->delivered = 0;
    recorder->text[0] = '\0';
    return rkllm.run(handle, &run->input, &run->params, recorder);
}

int cache_size(LLMHandle handle) {
    int size = -1;
    if (rkllm.get_kv_cache_size(handle, &size) != 0)
        return -1;
    return size;
}
