/* Loading and unloading of models. */
#ifndef INIT_H
#define INIT_H

#include "model.h"

/* rkllm_init, with the callbacks of any generation. */
int init_model(LLMHandle *handle, const RKLLMParam *param, const struct callbacks *callbacks);

#endif
