#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"

struct library rkllm;

static void *symbol(void *library, const char *name) {
    void *address = dlsym(library, name);
    if (address == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    return address;
}

/* What dlsym returns may be called only after this conversion, which POSIX allows. */
#define LOAD(name) *(void **)&rkllm.name = symbol(library, "rkllm_" #name)

static void load_extensions(void *library) {
    LOAD(ext_tokenize);
    LOAD(ext_detokenize);
    LOAD(ext_metadata);
    LOAD(ext_model_info);
    LOAD(ext_end_tokens);
    LOAD(ext_set_seed);
    LOAD(ext_set_constraint);
    LOAD(ext_check_constraint);
}

void library_open(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    LOAD(createDefaultParam);
    LOAD(init);
    LOAD(load_lora);
    LOAD(load_prompt_cache);
    LOAD(release_prompt_cache);
    LOAD(destroy);
    LOAD(run);
    LOAD(run_async);
    LOAD(abort);
    LOAD(is_running);
    LOAD(clear_kv_cache);
    LOAD(get_kv_cache_size);
    LOAD(set_chat_template);
    LOAD(set_function_tools);
    LOAD(set_cross_attn_params);
    if (dlsym(library, "rkllm_ext_tokenize") != NULL)
        load_extensions(library);
}

bool library_is_embedded(void) {
    return rkllm.ext_tokenize != NULL;
}
