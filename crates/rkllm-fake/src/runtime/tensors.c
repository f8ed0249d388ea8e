/* Runs that compute numbers: one callback with a row per token of the prompt. */
#include <stdlib.h>

#include "run.h"

/* A number from -1 to 1 that depends on the token, its place and the column alone. */
static float value(int32_t id, size_t row, size_t column) {
    uint64_t bits = (uint64_t)(uint32_t)id << 32 ^ (uint64_t)row << 16 ^ column;
    bits += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return (float)(int32_t)(bits >> 32) / 2147483648.0f;
}

static float *rows_of(const struct tokens *prompt, size_t width) {
    float *rows = calloc(prompt->length * width + 1, sizeof *rows);
    for (size_t row = 0; row < prompt->length; row++)
        for (size_t column = 0; column < width; column++)
            rows[row * width + column] = value(prompt->ids[row], row, column);
    return rows;
}

enum outcome run_tensors(struct run *run) {
    bool logits = run->params.mode != RKLLM_INFER_GET_LAST_HIDDEN_LAYER;
    int width = logits ? VOCABULARY_SIZE : EMBEDDING_WIDTH;
    float **rows = calloc(run->n_batch, sizeof *rows);
    for (size_t i = 0; i < run->n_batch; i++) {
        rows[i] = rows_of(&run->prompts[i], (size_t)width);
        struct output output = { .width = width, .rows = (int)run->prompts[i].length };
        if (logits)
            output.logits = rows[i];
        else
            output.hidden_states = rows[i];
        abi_write_result(&run->results[i], &output);
    }
    run->delivered = 1;
    int answer = run_deliver(run, logits ? RKLLM_RUN_NORMAL : abi_hidden_state);
    /* Gone when the callback has returned: tools for memory errors see who looks later. */
    for (size_t i = 0; i < run->n_batch; i++)
        free(rows[i]);
    free(rows);
    if (answer == 1)
        return PAUSED;
    return run->script->tensor_finish ? DONE : SILENT;
}
