/* Abort and pause. */
#include <semaphore.h>

#include "suite.h"

/* A thread that aborts when the run has come to its third token. */
struct aborter {
    LLMHandle handle;
    sem_t wanted;
    sem_t done;
    int status;
};

static int hand_over(struct recorder *recorder) {
    struct aborter *aborter = recorder->context;
    if (recorder->delivered == 3) {
        sem_post(&aborter->wanted);
        sem_wait(&aborter->done);
    }
    return 0;
}

static void *abort_when_wanted(void *context) {
    struct aborter *aborter = context;
    sem_wait(&aborter->wanted);
    aborter->status = rkllm.abort(aborter->handle);
    sem_post(&aborter->done);
    return NULL;
}

static void abort_from_a_thread(LLMHandle handle) {
    struct aborter aborter = { .handle = handle };
    sem_init(&aborter.wanted, 0, 0);
    sem_init(&aborter.done, 0, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, abort_when_wanted, &aborter);
    static struct recorder recorder;
    recorder.answer = hand_over;
    recorder.context = &aborter;
    struct run run = run_prompt("Write a long story.");
    run.params.max_new_tokens = 200;
    CHECK(run_now(handle, &run, &recorder) == 0, "an aborted run returns 0");
    pthread_join(thread, NULL);
    CHECK(aborter.status == 0, "abort returns 0");
    CHECK(rkllm.is_running(handle) == 0, "nothing runs");
    recorder_finish(&recorder, 3);

    recorder.answer = NULL;
    run.params.max_new_tokens = 5;
    CHECK(run_now(handle, &run, &recorder) == 0, "the next run is a whole one");
    recorder_finish(&recorder, 5);
    sem_destroy(&aborter.wanted);
    sem_destroy(&aborter.done);
}

#define ROUNDS 10

static void *abort_at_once(void *handle) {
    rkllm.abort(handle);
    return NULL;
}

static void abort_at_any_time(LLMHandle handle) {
    static struct recorder recorder;
    struct run run = run_prompt("Race!");
    run.params.max_new_tokens = 4;
    recorder.answer = NULL;
    int good = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread;
        pthread_create(&thread, NULL, abort_at_once, handle);
        int status = run_now(handle, &run, &recorder);
        pthread_join(thread, NULL);
        good += status == 0 && recorder.delivered <= 4 && recorder.count == recorder.delivered + 1
            && recorder.events[recorder.count - 1].state == RKLLM_RUN_FINISH;
    }
    CHECK(good == ROUNDS, "%d of %d runs that raced with abort ended with FINISH", good, ROUNDS);
    CHECK(run_now(handle, &run, &recorder) == 0, "the next run is a whole one");
    recorder_finish(&recorder, 4);
}

static int pause_at_third(struct recorder *recorder) {
    return recorder->delivered == 3;
}

static void pause_and_resume(LLMHandle handle) {
    static struct recorder recorder;
    recorder.answer = pause_at_third;
    struct run run = run_prompt("Pause here.");
    CHECK(run_now(handle, &run, &recorder) == 0, "a paused run returns 0");
    CHECK(recorder.count == 3 && recorder.delivered == 3, "without FINISH");
    CHECK(rkllm.is_running(handle) == 0, "nothing runs");
    int size = cache_size(handle), start = 1, end = 3;
    CHECK(rkllm.clear_kv_cache(handle, 0, &start, NULL) == -1, "half a range is refused");
    CHECK(rkllm.clear_kv_cache(handle, 0, &end, &start) == -1, "a range must not end first");
    CHECK(rkllm.clear_kv_cache(handle, 0, &start, &end) == 0, "a range of the cache is cleared");
    CHECK(cache_size(handle) == size - 2, "which had two positions");
    recorder.answer = NULL;
    struct run next = run_tokens(NULL, 0);
    next.params.max_new_tokens = 4;
    CHECK(run_now(handle, &next, &recorder) == 0, "the next run goes on");
    recorder_finish(&recorder, 4);
}

void test_stop(void) {
    check_group("stop");
    LLMHandle handle = session_open(NULL);
    if (library_is_embedded())
        CHECK(rkllm.abort(handle) == -1, "without a run there is nothing to abort");
    abort_from_a_thread(handle);
    abort_at_any_time(handle);
    pause_and_resume(handle);
    rkllm.destroy(handle);
}
