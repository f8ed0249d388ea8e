#include "fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pace.h"

static const char *const stages[] = { "none", "init", "prefill", "decode", "destroy" };
static const char *const crashes[] = { "segv", "ill", "abort", "exit", "kill" };

/* A real bad access: handlers that return from a signal sent by kill() would let us live on. */
static void segfault(void) {
    volatile int *volatile nowhere = (volatile int *)8;
    *nowhere = 1;
}

static void illegal_instruction(void) {
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("ud2");
#elif defined(__aarch64__)
    __asm__ volatile(".inst 0x00000000");
#elif defined(__arm__)
    __asm__ volatile(".inst 0xe7f000f0");
#else
    signal(SIGILL, SIG_DFL);
    raise(SIGILL);
#endif
}

/* A death on cue is no reason for a core file of the size of the server. */
static void no_core_file(void) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static void crash(enum crash_kind kind) {
    no_core_file();
    switch (kind) {
    case CRASH_SEGV:
        segfault();
        break;
    case CRASH_ILL:
        illegal_instruction();
        break;
    case CRASH_ABORT:
        break;
    case CRASH_EXIT:
        _exit(3);
    case CRASH_KILL:
        kill(getpid(), SIGKILL);
        /* The signal may take a moment when another thread is chosen to receive it. */
        for (;;)
            pause();
    }
    abort();
}

/* Whether a fault that may happen only once has its turn. */
static bool may_happen(const struct script *script) {
    if (script->fault_once == NULL)
        return true;
    int marker = open(script->fault_once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (marker < 0)
        return false;
    close(marker);
    return true;
}

static bool hang(const struct script *script, struct model *model) {
    for (;;) {
        pace_sleep(5);
        if (model != NULL && script->hang_abortable && pace_aborted(model))
            return true;
    }
}

bool fault_at(const struct script *script, const struct journal *journal, struct model *model,
              enum stage stage, long progress) {
    bool crashes_now = script->crash_in == stage && progress == script->crash_after;
    bool hangs_now = script->hang_in == stage && progress == script->hang_after;
    if (!crashes_now && !hangs_now)
        return false;
    if (!may_happen(script))
        return false;
    if (crashes_now) {
        journal_event(journal, "crash in=%s after=%ld kind=%s", stages[stage], progress,
                      crashes[script->crash_kind]);
        crash(script->crash_kind);
    }
    journal_event(journal, "hang in=%s after=%ld", stages[stage], progress);
    return hang(script, model);
}

static void print_lines(int file, const char *name, long count) {
    for (long i = 0; i < count; i++)
        dprintf(file, "I rkllm: line %ld of the fake runtime on %s\n", i, name);
}

/* Every page is written to, or the system would not count it. The list keeps it from being freed
   by an optimiser. */
static void leak(long megabytes) {
    static void *volatile leaked;
    size_t size = (size_t)megabytes << 20;
    void **block = malloc(size);
    if (block == NULL)
        return;
    memset(block, 0x5a, size);
    *block = leaked;
    leaked = block;
}

void fault_noise(const struct script *script) {
    print_lines(STDOUT_FILENO, "stdout", script->stdout_lines);
    print_lines(STDERR_FILENO, "stderr", script->stderr_lines);
    if (script->leak_mb > 0)
        leak(script->leak_mb);
}
