/* config_can: the words of clouds[].models[].can: what a model answers, and what a chat with it may
 * hold.  Pure.  Any thread. */
#pragma once
#include "nigh/config.h"
#include "nigh/yaml.h"

/* Reads the list into *at, a struct config_model. */
yaml_read_fn config_can_read;
/* Writes it as a list that reads back as the same. */
void config_can_put(const struct config_model *model, struct buf *out);
/* What a model of this name answers when nobody says: embeddings and ranks, where its name speaks
 * of them, else chats. */
unsigned config_can_guess(const char *name);
