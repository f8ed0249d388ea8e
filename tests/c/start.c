/* Default parameters, and parameters that no model is loaded with. */
#include <math.h>
#include <stdio.h>

#include "suite.h"

static bool near(float value, float expected) {
    return fabsf(value - expected) < 1e-6f;
}

static void defaults(void) {
    check_group("defaults");
    RKLLMParam param = rkllm.createDefaultParam();
    CHECK(param.model_path == NULL, "no model");
    CHECK(param.top_k == 40 && near(param.top_p, 0.9f) && near(param.temperature, 0.8f),
          "top_k 40, top_p 0.9, temperature 0.8");
    CHECK(near(param.repeat_penalty, 1.1f) && param.frequency_penalty == 0
              && param.presence_penalty == 0,
          "repeat_penalty 1.1, the other penalties off");
    CHECK(param.mirostat == 0 && near(param.mirostat_tau, 5) && near(param.mirostat_eta, 0.1f),
          "mirostat off, tau 5, eta 0.1");
    CHECK(!param.ignore_eos_token && !param.is_async, "end tokens end, synchronous");
    CHECK(param.extend_param.n_batch == 1, "one input per run");
    CHECK(param.extend_param.base_domain_id == 0 && param.extend_param.use_cross_attn == 0,
          "first memory domain, no cross attention");
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof param.extend_param.reserved; i++)
        sum |= param.extend_param.reserved[i];
    CHECK(sum == 0, "reserved bytes are zero");
}

/* An init with these parameters fails and leaves the handle alone. */
static void refused(RKLLMParam param, const char *what) {
    int mark;
    LLMHandle handle = &mark;
    int status = session_init(&handle, &param, NULL);
    CHECK(status == -1 && handle == (LLMHandle)&mark, "%s is refused", what);
}

#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        RKLLMParam param = session_param();                                                        \
        param.field = value;                                                                       \
        refused(param, #field " = " #value);                                                       \
    } while (0)

static void refused_by_the_embedded(void) {
    REFUSED(model_path, session_folder);
    REFUSED(max_context_len, 1 << 20);
    char empty[TEXT_MAX];
    session_path(empty, "empty.gguf");
    fclose(fopen(empty, "w"));
    REFUSED(model_path, empty);
}

void test_start(void) {
    defaults();
    check_group("init");
    RKLLMParam param = session_param();
    RKLLMCallback no_callback = { 0 };
    LLMHandle handle = NULL;
    CHECK(session_init(NULL, &param, NULL) == -1, "a null handle is refused");
    CHECK(session_init(&handle, NULL, NULL) == -1, "null parameters are refused");
    CHECK(rkllm.init(&handle, &param, NULL) == -1, "null callbacks are refused");
    CHECK(rkllm.init(&handle, &param, &no_callback) == -1, "a null result callback is refused");
    CHECK(handle == NULL, "no handle was made");
    REFUSED(model_path, NULL);
    REFUSED(model_path, "/no/such/model.gguf");
    REFUSED(n_keep, 512);
    REFUSED(top_p, 2);
    REFUSED(temperature, NAN);
    REFUSED(repeat_penalty, INFINITY);
    REFUSED(mirostat, 3);
    REFUSED(extend_param.n_batch, 0);
    REFUSED(extend_param.n_batch, 101);
    REFUSED(extend_param.enabled_cpus_num, 2);
    if (library_is_embedded())
        refused_by_the_embedded();
}
