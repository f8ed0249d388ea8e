/*
 * Extension functions of the embedded runtime, beside the C ABI of the RKLLM runtime.
 *
 * Libraries for the NPU do not export them: look each symbol up before use. The handle is
 * the one that rkllm_init made. Every function may be called from any thread at any time while
 * the handle lives, also during a run; only rkllm_ext_set_seed and rkllm_ext_set_constraint belong
 * between runs.
 */
#ifndef RKLLM_EXT_H
#define RKLLM_EXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef RKLLM_HANDLE_DEFINED
#define RKLLM_HANDLE_DEFINED
/** A loaded model, made by `rkllm_init`. */
typedef void *LLMHandle;
#endif

/** Flag of `rkllm_ext_tokenize`: add the tokens at begin and end that the model asks for. */
#define RKLLM_EXT_ADD_SPECIAL 1
/** Flag of `rkllm_ext_tokenize`: special tokens written as text become those tokens. */
#define RKLLM_EXT_PARSE_SPECIAL 2

/** Notation of a constraint: a grammar in llama.cpp's GBNF, whose rule `root` is the answer. */
#define RKLLM_EXT_CONSTRAINT_GBNF 0
/** Notation of a constraint: a JSON schema of the answer. */
#define RKLLM_EXT_CONSTRAINT_JSON_SCHEMA 1
/** Notation of a constraint: a regular expression that the whole answer matches. */
#define RKLLM_EXT_CONSTRAINT_REGEX 2
/** Notation of a constraint: a grammar in llguidance's Lark, whose rule `start` is the answer. */
#define RKLLM_EXT_CONSTRAINT_LARK 3

/** Facts about a loaded model. */
typedef struct {
    /** Size of this struct in bytes; the caller sets it before the call. */
    uint32_t size;
    /** Number of tokens in the vocabulary. */
    int32_t vocab_size;
    /** Width of an embedding. */
    int32_t embd_size;
    /** Context that the model was trained with, in tokens. */
    int32_t context_train;
    /** Context in use, in tokens. */
    int32_t context;
    /** Id of the token that begins a text; -1 if there is none. */
    int32_t bos_token;
    /** Id of the token that ends a text; -1 if there is none. */
    int32_t eos_token;
    /** The model wants its begin token before a text. */
    bool add_bos;
    /** The model wants its end token after a text. */
    bool add_eos;
} RKLLMExtModelInfo;

/**
 * Tokenizes `text_len` bytes of UTF-8 and returns how many tokens the text has.
 *
 * Writes at most `capacity` ids to `tokens`, which may be null if `capacity` is 0. `flags`
 * is a sum of `RKLLM_EXT_ADD_SPECIAL` and `RKLLM_EXT_PARSE_SPECIAL`. Negative on failure.
 */
int64_t rkllm_ext_tokenize(LLMHandle handle, const char *text, size_t text_len, uint32_t flags,
                           int32_t *tokens, size_t capacity);

/**
 * Turns ids into text and returns how many bytes the text has.
 *
 * Writes at most `capacity` bytes to `text`, without NUL; it may be null if `capacity` is
 * 0. `special` writes special tokens as text, else they are left out. Negative on failure.
 */
int64_t rkllm_ext_detokenize(LLMHandle handle, const int32_t *tokens, size_t n_tokens,
                             bool special, char *text, size_t capacity);

/**
 * Looks up a metadata key of the model file and returns how many bytes its value has as text.
 *
 * Writes at most `capacity` bytes to `value`, without NUL; it may be null if `capacity` is
 * 0. Returns -1 if the model has no such key.
 */
int64_t rkllm_ext_metadata(LLMHandle handle, const char *key, char *value, size_t capacity);

/** Fills `info`, as far as its `size` reaches. Returns 0, or -1 on failure. */
int rkllm_ext_model_info(LLMHandle handle, RKLLMExtModelInfo *info);

/**
 * Finds every token that ends an answer and returns how many there are.
 *
 * Writes at most `capacity` ids to `tokens`, which may be null if `capacity` is 0. Negative
 * on failure.
 */
int64_t rkllm_ext_end_tokens(LLMHandle handle, int32_t *tokens, size_t capacity);

/**
 * Finds every control token: those that a chat template may write and a message may not.
 *
 * Writes at most `capacity` ids to `tokens`, which may be null if `capacity` is 0, and returns
 * how many there are. Negative on failure.
 */
int64_t rkllm_ext_special_tokens(LLMHandle handle, int32_t *tokens, size_t capacity);

/** Seeds the random numbers of the next run only. Returns 0, or -1 on failure. */
int rkllm_ext_set_seed(LLMHandle handle, uint32_t seed);

/**
 * Makes the next run, and only that one, write what a constraint allows.
 *
 * `notation` is one of `RKLLM_EXT_CONSTRAINT_`, and `text` is written in it, as UTF-8 ending in NUL;
 * null takes an earlier constraint back. Returns 0, or -1 on failure, and then nothing has changed.
 */
int rkllm_ext_set_constraint(LLMHandle handle, uint32_t notation, const char *text);

/**
 * Tells whether `rkllm_ext_set_constraint` would take a constraint, without setting it.
 *
 * Returns 0, or -1 on failure.
 */
int rkllm_ext_check_constraint(LLMHandle handle, uint32_t notation, const char *text);

/**
 * Tells why the last function that failed on this thread did so: the text of its `E rkllm: ` line.
 *
 * Writes at most `capacity` bytes of UTF-8 to `text`, without NUL, and returns how many there are;
 * 0 if none has failed. `text` may be null if `capacity` is 0.
 */
int64_t rkllm_ext_last_error(char *text, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
