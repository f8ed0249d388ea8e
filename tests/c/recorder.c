#include <string.h>

#include "suite.h"

const RKLLMPerfStat *recorder_finish(const struct recorder *recorder, size_t delivered) {
    static const RKLLMPerfStat none;
    size_t ends = 0;
    for (size_t i = 0; i < recorder->count; i++)
        ends += recorder->events[i].state >= RKLLM_RUN_FINISH;
    CHECK(recorder->delivered == delivered, "%zu tokens are delivered", delivered);
    CHECK(ends == 1, "one event ends the run");
    if (recorder->count == 0)
        return &none;
    const struct event *last = &recorder->events[recorder->count - 1];
    CHECK(last->state == RKLLM_RUN_FINISH, "FINISH comes last");
    return &last->perf;
}

bool recorder_equal(const struct recorder *one, const struct recorder *other) {
    bool same = one->delivered == other->delivered && strcmp(one->text, other->text) == 0;
    for (size_t i = 0; same && i < one->delivered; i++)
        same = one->events[i].token == other->events[i].token;
    return same;
}
