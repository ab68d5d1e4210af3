/* config_detect: the keys under `detect`: what is done with each group of private data, and with
 * what detection works.  Pure.  Any thread. */
#pragma once
#include "nigh/config.h"
#include "nigh/yaml.h"

enum {
    CONFIG_WORD_LEAST = 3, /* bytes: a shorter word of the user's own is met in every text */
    CONFIG_WORD_MAX = 100,
    CONFIG_BUDGET_MS_MAX = 10000,
};

void config_detect_defaults(struct config_detect *detect);
/* Reads the mapping into *at, a struct config_detect. */
yaml_read_fn config_detect_read;
/* Writes it as an object that reads back as the same. */
void config_detect_put(const struct config_detect *detect, struct buf *out);
/* May a word be searched for?  Otherwise what is wrong with it. */
const char *config_word_bad(struct slice word);
