#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "memory.h"

#define CACHE_MAGIC "rkllm-fake prompt cache 1"

/* Ends a call, with the vendor's two results. */
static int leave(struct handle *handle, bool good) {
    handle_leave(handle);
    return good ? 0 : -1;
}

static bool add_lora(struct handle *handle, const RKLLMLoraAdapter *adapter) {
    struct model *model = handle->model;
    if (settings_has_lora(model, adapter->lora_adapter_name)) {
        dprintf(STDOUT_FILENO, "E rkllm: Lora adapter '%s' is already initialized!\n",
                adapter->lora_adapter_name);
        return false;
    }
    if (access(adapter->lora_adapter_path, R_OK) != 0) {
        dprintf(STDOUT_FILENO, "E rkllm: Lora adapter path does not exist!\n");
        return false;
    }
    struct lora *lora = malloc(sizeof *lora);
    *lora = (struct lora){ strdup(adapter->lora_adapter_name), model->loras };
    model->loras = lora;
    journal_event(&handle->journal, "load_lora name=%s scale=%g", lora->name,
                  (double)adapter->scale);
    return true;
}

int rkllm_load_lora(LLMHandle raw, RKLLMLoraAdapter *adapter) {
    struct handle *handle = handle_enter_idle(raw, "load_lora");
    if (handle == NULL)
        return -1;
    const struct journal *journal = &handle->journal;
    if (!memory_readable(adapter, sizeof *adapter)) {
        journal_misuse(journal, "load_lora: the adapter cannot be read");
        return leave(handle, false);
    }
    bool good = check_text(journal, adapter->lora_adapter_path, "lora_adapter_path");
    good &= check_text(journal, adapter->lora_adapter_name, "lora_adapter_name");
    return leave(handle, good && add_lora(handle, adapter));
}

bool settings_has_lora(const struct model *model, const char *name) {
    for (const struct lora *lora = model->loras; lora != NULL; lora = lora->next)
        if (strcmp(lora->name, name) == 0)
            return true;
    return false;
}

bool settings_save_prompt_cache(const struct model *model, const char *path) {
    if (path == NULL)
        path = "./prompt_cache.bin";
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    const struct tokens *kv = &model->kv[0];
    fprintf(file, "%s\n%zu %s\n", CACHE_MAGIC, kv->length, model->path);
    fwrite(kv->ids, sizeof *kv->ids, kv->length, file);
    return fclose(file) == 0;
}

/* Puts the tokens of a cache file in place of the KV cache. */
static bool read_cache(struct model *model, FILE *file) {
    char *line = NULL;
    size_t room = 0, count = 0;
    int path_at = 0;
    bool good = getline(&line, &room, file) > 0 && strcmp(line, CACHE_MAGIC "\n") == 0
        && getline(&line, &room, file) > 0 && sscanf(line, "%zu %n", &count, &path_at) == 1
        && count <= (size_t)model->max_context_len;
    if (good) {
        line[strcspn(line, "\n")] = '\0';
        good = strcmp(line + path_at, model->path) == 0;
    }
    struct tokens loaded = { 0 };
    for (int32_t id; good && loaded.length < count; tokens_push(&loaded, id))
        good = fread(&id, sizeof id, 1, file) == 1;
    free(line);
    if (good) {
        tokens_free(&model->kv[0]);
        model->kv[0] = loaded;
    } else {
        tokens_free(&loaded);
    }
    return good;
}

static bool load_cache(struct handle *handle, const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        dprintf(STDOUT_FILENO, "E rkllm: prompt cache file '%s' does not exist\n", path);
        return false;
    }
    bool good = read_cache(handle->model, file);
    fclose(file);
    if (good)
        journal_event(&handle->journal, "load_prompt_cache tokens=%zu",
                      handle->model->kv[0].length);
    else
        dprintf(STDOUT_FILENO, "E rkllm: failed to load prompt cache from %s\n", path);
    return good;
}

int rkllm_load_prompt_cache(LLMHandle raw, const char *path) {
    struct handle *handle = handle_enter_idle(raw, "load_prompt_cache");
    if (handle == NULL)
        return -1;
    /* Observed: the vendor's runtime crashes on it. */
    if (handle->model->dirty)
        journal_misuse(&handle->journal,
                       "load_prompt_cache: after an aborted run and before clear_kv_cache");
    bool good = check_text(&handle->journal, path, "prompt_cache_path");
    return leave(handle, good && load_cache(handle, path));
}

int rkllm_release_prompt_cache(LLMHandle raw) {
    struct handle *handle = handle_enter_idle(raw, "release_prompt_cache");
    if (handle == NULL)
        return -1;
    handle->model->kv[0].length = 0;
    journal_event(&handle->journal, "release_prompt_cache");
    return leave(handle, true);
}

static void clear_all(struct model *model, bool keep_system_prompt) {
    size_t kept = keep_system_prompt ? model->system_tokens : 0;
    for (size_t i = 0; i < model->n_batch; i++)
        tokens_remove(&model->kv[i], kept, model->kv[i].length);
    model->dirty = false;
    model->paused = false;
}

static bool clear_ranges(struct handle *handle, const int *starts, const int *ends) {
    struct model *model = handle->model;
    size_t length = model->n_batch * sizeof *starts;
    if (!memory_readable(starts, length) || !memory_readable(ends, length)) {
        journal_misuse(&handle->journal, "clear_kv_cache: one of the ranges cannot be read");
        return false;
    }
    if (!model->paused || model->paused_with_history) {
        dprintf(STDOUT_FILENO,
                "E rkllm: start_pos and end_pos are only valid when keep_history == 0 and the "
                "generation has been paused by returning 1 in the callback!\n");
        return false;
    }
    for (size_t i = 0; i < model->n_batch; i++) {
        if (starts[i] < 0 || starts[i] > ends[i]) {
            journal_misuse(&handle->journal, "clear_kv_cache: range %zu is from %d to %d", i,
                           starts[i], ends[i]);
            return false;
        }
    }
    for (size_t i = 0; i < model->n_batch; i++)
        tokens_remove(&model->kv[i], (size_t)starts[i], (size_t)ends[i]);
    return true;
}

int clear_kv_cache(LLMHandle raw, int keep_system_prompt, const int *starts, const int *ends) {
    struct handle *handle = handle_enter_idle(raw, "clear_kv_cache");
    if (handle == NULL)
        return -1;
    bool good = true;
    if (keep_system_prompt != 0 && keep_system_prompt != 1) {
        journal_misuse(&handle->journal, "clear_kv_cache: keep_system_prompt is %d",
                       keep_system_prompt);
        good = false;
    } else if (starts != NULL || ends != NULL) {
        good = clear_ranges(handle, starts, ends);
    } else {
        clear_all(handle->model, keep_system_prompt == 1);
    }
    journal_event(&handle->journal, "clear_kv_cache keep_system_prompt=%d ranges=%d status=%d",
                  keep_system_prompt, starts != NULL, good ? 0 : -1);
    return leave(handle, good);
}

int get_kv_cache_size(LLMHandle raw, int *sizes) {
    struct handle *handle = handle_enter_idle(raw, "get_kv_cache_size");
    if (handle == NULL)
        return -1;
    const struct model *model = handle->model;
    bool good = memory_readable(sizes, model->n_batch * sizeof *sizes);
    for (size_t i = 0; good && i < model->n_batch; i++)
        sizes[i] = (int)model->kv[i].length;
    if (!good)
        journal_misuse(&handle->journal, "get_kv_cache_size: no room for %zu sizes",
                       model->n_batch);
    return leave(handle, good);
}

static void keep_template(struct model *model, const char *const *texts) {
    for (size_t i = 0; i < 3; i++) {
        free(model->chat_template[i]);
        model->chat_template[i] = strdup(texts[i]);
    }
    struct tokens system = { 0 };
    tokens_append_words(&system, texts[0]);
    model->system_tokens = system.length;
    tokens_free(&system);
}

int set_chat_template(LLMHandle raw, const char *system, const char *prefix,
                      const char *postfix) {
    struct handle *handle = handle_enter_idle(raw, "set_chat_template");
    if (handle == NULL)
        return -1;
    bool good = check_text(&handle->journal, system, "system_prompt");
    good &= check_text(&handle->journal, prefix, "prompt_prefix");
    good &= check_text(&handle->journal, postfix, "prompt_postfix");
    if (good) {
        clear_all(handle->model, false);
        keep_template(handle->model, (const char *[]){ system, prefix, postfix });
        journal_event(&handle->journal, "set_chat_template lengths=%zu,%zu,%zu", strlen(system),
                      strlen(prefix), strlen(postfix));
    }
    return leave(handle, good);
}

int set_function_tools(LLMHandle raw, const char *system, const char *tools,
                       const char *response) {
    struct handle *handle = handle_enter_idle(raw, "set_function_tools");
    if (handle == NULL)
        return -1;
    bool good = check_text(&handle->journal, system, "system_prompt");
    good &= check_text(&handle->journal, tools, "tools");
    good &= check_text(&handle->journal, response, "tool_response_str");
    if (good && tools[strspn(tools, " \t\r\n")] != '[') {
        journal_misuse(&handle->journal, "set_function_tools: tools is not a JSON array");
        good = false;
    }
    if (good && handle->model->chat_template[0] != NULL) {
        dprintf(STDOUT_FILENO, "E rkllm: Failed to set function tools, possibly because the "
                               "chat_template is empty.\n");
        good = false;
    }
    if (good)
        journal_event(&handle->journal, "set_function_tools lengths=%zu,%zu,%zu", strlen(system),
                      strlen(tools), strlen(response));
    return leave(handle, good);
}

int set_cross_attn(LLMHandle raw, const float *const *arrays, const int32_t *positions,
                   int count) {
    struct handle *handle = handle_enter_idle(raw, "set_cross_attn_params");
    if (handle == NULL)
        return -1;
    bool good = arrays != NULL && count > 0;
    for (size_t i = 0; good && i < 3; i++)
        good = memory_readable(arrays[i], (size_t)count * sizeof **arrays);
    good = good && memory_readable(positions, (size_t)count * sizeof *positions);
    if (!good)
        journal_misuse(&handle->journal, "set_cross_attn_params: parameters cannot be read");
    else if (!handle->model->use_cross_attn) {
        journal_misuse(&handle->journal,
                       "set_cross_attn_params: the model was loaded without use_cross_attn");
        good = false;
    } else
        journal_event(&handle->journal, "set_cross_attn_params tokens=%d", count);
    return leave(handle, good);
}
