/*
 * A suite of checks of a librkllmrt.so, written as an application would use it.
 *
 * A check is a line on standard output; what the library prints goes there as well.
 */
#ifndef SUITE_H
#define SUITE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "rkllm-1.3.h"
#include "rkllm-ext.h"

/* The functions of the library, by their names in the header. */
#define FUNCTION(name) __typeof__(rkllm_##name) *name
extern struct library {
    FUNCTION(createDefaultParam);
    FUNCTION(init);
    FUNCTION(load_lora);
    FUNCTION(load_prompt_cache);
    FUNCTION(release_prompt_cache);
    FUNCTION(destroy);
    FUNCTION(run);
    FUNCTION(run_async);
    FUNCTION(abort);
    FUNCTION(is_running);
    FUNCTION(clear_kv_cache);
    FUNCTION(get_kv_cache_size);
    FUNCTION(set_chat_template);
    FUNCTION(set_function_tools);
    FUNCTION(set_cross_attn_params);
    /* The rest is null in libraries for the NPU. */
    FUNCTION(ext_tokenize);
    FUNCTION(ext_detokenize);
    FUNCTION(ext_metadata);
    FUNCTION(ext_model_info);
    FUNCTION(ext_end_tokens);
    FUNCTION(ext_set_seed);
    FUNCTION(ext_set_constraint);
    FUNCTION(ext_check_constraint);
} rkllm;

/* Opens the library; ends the program if it cannot. */
void library_open(const char *path);

/* Whether it is the embedded runtime: then what its BEHAVIOUR.md promises is checked as well. */
bool library_is_embedded(void);

/* A fact that must hold. The text says what holds if it does. */
#define CHECK(condition, ...) check((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)
void check(bool good, const char *condition, const char *file, int line, const char *text, ...)
    __attribute__((format(printf, 5, 6)));

/* The checks that follow are about this. */
void check_group(const char *name);

/* The number of checks that failed; says so. */
int check_failures(void);

#define EVENTS_MAX 256
#define TEXT_MAX 8192

/* One call of the result callback. */
struct event {
    LLMCallState state;
    int32_t token;
    bool has_text;
    pthread_t thread;
    RKLLMPerfStat perf;
};

/* What the callbacks of a run brought. Its address is the user pointer of the run. */
struct recorder {
    struct event events[EVENTS_MAX];
    size_t count;
    size_t delivered;
    char text[TEXT_MAX];
    /* Answers the callback of a delivered token; null to go on. */
    int (*answer)(struct recorder *recorder);
    void *context;
    /* Called at the end of the run; null if nobody waits. */
    void (*ended)(struct recorder *recorder);
};

/* The figures of a run that ended as it should: with FINISH, once, after `delivered` tokens. */
const RKLLMPerfStat *recorder_finish(const struct recorder *recorder, size_t delivered);

/* Whether two runs delivered the same tokens. */
bool recorder_equal(const struct recorder *one, const struct recorder *other);

/* The model that the program was started with, and a folder to write to. */
extern const char *session_model;
extern const char *session_folder;

/* Writes the path of a file in the folder. */
void session_path(char path[TEXT_MAX], const char *name);

/* Parameters for the model: greedy, context 512, 8 new tokens, on one CPU. */
RKLLMParam session_param(void);

/* Loads a model whose runs without a user pointer report to `fallback`. */
int session_init(LLMHandle *handle, RKLLMParam *param, struct recorder *fallback);

/* Loads the model with the usual parameters; ends the program if that fails. */
LLMHandle session_open(struct recorder *fallback);

/* Input and parameters of a run. */
struct run {
    RKLLMInput input;
    RKLLMInferParam params;
};

/* A prompt of the user, with everything else off. */
struct run run_prompt(const char *text);

/* Token ids instead; the array must outlive the run. */
struct run run_tokens(int32_t *ids, size_t count);

/* Runs with a recorder that is emptied before. */
int run_now(LLMHandle handle, struct run *run, struct recorder *recorder);

/* The number of positions in the cache. */
int cache_size(LLMHandle handle);

/* The parts of the suite. */
void test_start(void);
void test_answer(void);
void test_cache(void);
void test_template(void);
void test_stop(void);
void test_async(void);
void test_refuse(void);
void test_files(void);
void test_destroy(void);
void test_extensions(void);

#endif
