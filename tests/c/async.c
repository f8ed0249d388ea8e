/* Runs on a thread of the library, and two models at once. */
#include <errno.h>
#include <semaphore.h>
#include <time.h>

#include "suite.h"

/* Long enough under any instrument. */
#define DEADLINE_S 300

static void tell_the_end(struct recorder *recorder) {
    sem_post(recorder->context);
}

static bool ends(sem_t *ended) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += DEADLINE_S;
    int status;
    do
        status = sem_timedwait(ended, &deadline);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

static void run_elsewhere(void) {
    check_group("async");
    sem_t ended;
    sem_init(&ended, 0, 0);
    static struct recorder recorder;
    recorder.context = &ended;
    recorder.ended = tell_the_end;
    RKLLMParam param = session_param();
    param.is_async = true;
    LLMHandle handle = NULL;
    CHECK(session_init(&handle, &param, NULL) == 0, "the model is loaded");
    struct run run = run_prompt("Elsewhere.");
    CHECK(rkllm.run_async(handle, &run.input, &run.params, &recorder) == 0, "run_async returns 0");
    CHECK(ends(&ended), "the run ends");
    recorder_finish(&recorder, 8);
    bool elsewhere = true;
    for (size_t i = 0; i < recorder.count; i++)
        elsewhere &= !pthread_equal(recorder.events[i].thread, pthread_self());
    CHECK(elsewhere, "all events come on another thread");
    CHECK(rkllm.destroy(handle) == 0, "destroy right after FINISH is safe");
    sem_destroy(&ended);
}

struct worker {
    LLMHandle handle;
    struct recorder recorder;
    int status;
};

static void *work(void *context) {
    struct worker *worker = context;
    struct run run = run_prompt("One of two.");
    worker->status = run_now(worker->handle, &run, &worker->recorder);
    return NULL;
}

static void two_models(void) {
    check_group("two models");
    static struct worker workers[2];
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        workers[i].handle = session_open(NULL);
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, &workers[i]);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK(workers[i].status == 0, "run %zu returns 0", i);
        recorder_finish(&workers[i].recorder, 8);
    }
    CHECK(recorder_equal(&workers[0].recorder, &workers[1].recorder),
          "they say the same at the same time");
    for (size_t i = 0; i < 2; i++)
        CHECK(rkllm.destroy(workers[i].handle) == 0, "model %zu is unloaded", i);
}

void test_async(void) {
    run_elsewhere();
    two_models();
}
