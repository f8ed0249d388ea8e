/* What is set on a model between runs: adapters, caches, templates. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "model.h"

/* The functions that some generations lack or declare otherwise, without their prefix. */
int clear_kv_cache(LLMHandle handle, int keep_system_prompt, const int *starts, const int *ends);
int get_kv_cache_size(LLMHandle handle, int *sizes);
int set_chat_template(LLMHandle handle, const char *system, const char *prefix,
                      const char *postfix);
int set_function_tools(LLMHandle handle, const char *system, const char *tools,
                       const char *response);

/* `arrays` are the keys, the values and the mask; null when the parameters cannot be read. */
int set_cross_attn(LLMHandle handle, const float *const *arrays, const int32_t *positions,
                   int count);

/* Whether an adapter of this name was loaded. */
bool settings_has_lora(const struct model *model, const char *name);

/* Writes the KV cache of the first batch entry to a file; null means `./prompt_cache.bin`. */
bool settings_save_prompt_cache(const struct model *model, const char *path);

#endif
