/* What the embedded runtime can do besides. */
#include <string.h>

#include "suite.h"

#define ROOM 64

static const char sentence[] = "The caf\xc3\xa9 is open, isn't it?";

static void tokens(LLMHandle handle) {
    int32_t ids[ROOM];
    char text[ROOM];
    int64_t count = rkllm.ext_tokenize(handle, sentence, strlen(sentence), 0, ids, ROOM);
    CHECK(count > 0 && count <= ROOM, "a text has %d tokens", (int)count);
    CHECK(rkllm.ext_tokenize(handle, sentence, strlen(sentence), 0, NULL, 0) == count,
          "they are counted without room");
    ids[2] = -7;
    CHECK(rkllm.ext_tokenize(handle, sentence, strlen(sentence), 0, ids, 2) == count,
          "and with too little");
    CHECK(ids[2] == -7, "which is not overrun");
    rkllm.ext_tokenize(handle, sentence, strlen(sentence), 0, ids, ROOM);
    int64_t length = rkllm.ext_detokenize(handle, ids, (size_t)count, false, text, ROOM);
    CHECK(length == (int64_t)strlen(sentence) && memcmp(text, sentence, (size_t)length) == 0,
          "the tokens give the text");
    CHECK(rkllm.ext_tokenize(handle, NULL, 5, 0, ids, ROOM) < 0, "null text is refused");
    CHECK(rkllm.ext_tokenize(handle, sentence, 3, 0, NULL, ROOM) < 0, "so is null room");
    CHECK(rkllm.ext_tokenize(handle, "\xff", 1, 0, ids, ROOM) < 0, "and text that is no UTF-8");
    CHECK(rkllm.ext_detokenize(handle, NULL, 5, false, text, ROOM) < 0, "null ids are refused");
    ids[0] = -1;
    CHECK(rkllm.ext_detokenize(handle, ids, 1, false, text, ROOM) < 0, "so is a wrong id");
}

static void facts(LLMHandle handle) {
    RKLLMExtModelInfo info = { .size = sizeof info };
    CHECK(rkllm.ext_model_info(handle, &info) == 0, "the model tells about itself");
    CHECK(info.vocab_size > 0 && info.embd_size > 0 && info.context == 512
              && info.context_train >= info.context,
          "vocabulary %d, width %d, context %d of %d", info.vocab_size, info.embd_size,
          info.context, info.context_train);
    CHECK(rkllm.ext_model_info(handle, NULL) == -1, "no room for it is refused");
    int32_t ends[ROOM];
    int64_t count = rkllm.ext_end_tokens(handle, ends, ROOM);
    bool has_eos = false;
    for (int64_t i = 0; i < count && i < ROOM; i++)
        has_eos |= ends[i] == info.eos_token;
    CHECK(has_eos, "the end token %d is among %d", info.eos_token, (int)count);
    char value[ROOM];
    int64_t length = rkllm.ext_metadata(handle, "general.architecture", value, ROOM);
    CHECK(length > 0 && length < ROOM, "it has an architecture");
    CHECK(rkllm.ext_metadata(handle, "no.such.key", value, ROOM) == -1, "but not every key");
    CHECK(rkllm.ext_metadata(handle, NULL, value, ROOM) < 0, "a null key is refused");
}

static void seeds(LLMHandle handle) {
    static struct recorder first, second;
    RKLLMSamplingParam loose = { .top_k = 0, .top_p = 1, .temperature = 1.5f, .repeat_penalty = 1 };
    struct run run = run_prompt("Surprise me.");
    run.params.sampling_params = &loose;
    struct recorder *recorders[] = { &first, &second };
    for (size_t i = 0; i < 2; i++) {
        rkllm.clear_kv_cache(handle, 0, NULL, NULL);
        CHECK(rkllm.ext_set_seed(handle, 7) == 0, "a seed is taken");
        run_now(handle, &run, recorders[i]);
    }
    CHECK(recorder_equal(&first, &second), "the same seed draws the same");
}

static void constraints(LLMHandle handle) {
    static struct recorder recorder;
    static const struct {
        uint32_t notation;
        const char *text;
    } yes[] = {
        { RKLLM_EXT_CONSTRAINT_GBNF, "root ::= \"yes!\"" },
        { RKLLM_EXT_CONSTRAINT_JSON_SCHEMA, "{\"const\": \"yes!\"}" },
        { RKLLM_EXT_CONSTRAINT_REGEX, "yes!" },
        { RKLLM_EXT_CONSTRAINT_LARK, "start: \"yes!\"" },
    };
    struct run run = run_prompt("No?");
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        CHECK(rkllm.ext_check_constraint(handle, yes[i].notation, yes[i].text) == 0,
              "notation %u is read", yes[i].notation);
        CHECK(rkllm.ext_set_constraint(handle, yes[i].notation, yes[i].text) == 0, "and taken");
        run_now(handle, &run, &recorder);
        CHECK(strstr(recorder.text, "yes!") != NULL, "and kept to: %s", recorder.text);
        run_now(handle, &run, &recorder);
        CHECK(strstr(recorder.text, "yes!") == NULL, "but once: %s", recorder.text);
    }
    CHECK(rkllm.ext_set_constraint(handle, RKLLM_EXT_CONSTRAINT_REGEX, "(") == -1
              && rkllm.ext_check_constraint(handle, RKLLM_EXT_CONSTRAINT_LARK, NULL) == -1
              && rkllm.ext_check_constraint(handle, 99, "a") == -1,
          "what is none is refused");
    CHECK(rkllm.ext_set_constraint(handle, RKLLM_EXT_CONSTRAINT_REGEX, "yes!") == 0
              && rkllm.ext_set_constraint(handle, RKLLM_EXT_CONSTRAINT_REGEX, NULL) == 0,
          "one is taken back");
    run_now(handle, &run, &recorder);
    CHECK(strstr(recorder.text, "yes!") == NULL, "and does not hold: %s", recorder.text);
}

void test_extensions(void) {
    check_group("extensions");
    LLMHandle handle = session_open(NULL);
    tokens(handle);
    facts(handle);
    seeds(handle);
    constraints(handle);
    rkllm.destroy(handle);
    int32_t id;
    CHECK(rkllm.ext_tokenize(handle, "a", 1, 0, &id, 1) < 0
              && rkllm.ext_detokenize(handle, &id, 1, false, NULL, 0) < 0
              && rkllm.ext_end_tokens(handle, &id, 1) < 0
              && rkllm.ext_set_seed(handle, 1) == -1
              && rkllm.ext_set_constraint(handle, RKLLM_EXT_CONSTRAINT_REGEX, NULL) == -1
              && rkllm.ext_check_constraint(handle, RKLLM_EXT_CONSTRAINT_REGEX, "a") == -1,
          "a destroyed handle is refused by all of them");
}
