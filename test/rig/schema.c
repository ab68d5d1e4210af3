#include "schema.h"
#include <stdbool.h>

enum { SCHEMA_DEPTH_MAX = 32 };

static yyjson_val *schema_ref(yyjson_val *schema, yyjson_val *root)
{
    const char *ref = yyjson_get_str(yyjson_obj_get(schema, "$ref"));

    return ref && ref[0] == '#' ? yyjson_ptr_get(root, ref + 1) : NULL;
}

static bool schema_requires(yyjson_val *schema, yyjson_val *key)
{
    yyjson_val *required = yyjson_obj_get(schema, "required"), *name;
    size_t i, n;

    yyjson_arr_foreach(required, i, n, name) if (yyjson_equals(name, key)) return true;
    return false;
}

static void schema_object(struct bytes *out, yyjson_val *schema, yyjson_val *root, int depth)
{
    yyjson_val *key, *value;
    size_t i, n, written = 0;

    bytes_text(out, "{");
    yyjson_obj_foreach(yyjson_obj_get(schema, "properties"), i, n, key, value)
    {
        if (!schema_requires(schema, key))
            continue;
        bytes_text(out, written++ ? "," : "");
        bytes_json(out, yyjson_get_str(key), yyjson_get_len(key));
        bytes_text(out, ":");
        schema_value(out, value, root, depth);
    }
    bytes_text(out, "}");
}

void schema_value(struct bytes *out, yyjson_val *schema, yyjson_val *root, int depth)
{
    yyjson_val *type = yyjson_obj_get(schema, "type"), *pick = yyjson_obj_get(schema, "const");
    yyjson_val *other = schema_ref(schema, root);
    const char *word;

    if (!pick)
        pick = yyjson_arr_get_first(yyjson_obj_get(schema, "enum"));
    if (!other)
        other = yyjson_arr_get_first(yyjson_obj_get(schema, "anyOf"));
    if (pick) {
        size_t size;
        char *text = yyjson_val_write(pick, 0, &size);
        bytes_add(out, text, size);
        free(text);
        return;
    }
    if (depth > SCHEMA_DEPTH_MAX || !schema) {
        bytes_text(out, "null");
        return;
    }
    if (other) {
        schema_value(out, other, root, depth + 1);
        return;
    }
    word = yyjson_get_str(yyjson_is_arr(type) ? yyjson_arr_get_first(type) : type);
    if (!word || strcmp(word, "object") == 0)
        schema_object(out, schema, root, depth + 1);
    else if (strcmp(word, "string") == 0)
        bytes_text(out, "\"stand-in\"");
    else if (strcmp(word, "integer") == 0 || strcmp(word, "number") == 0)
        bytes_printf(out, "%g", yyjson_get_num(yyjson_obj_get(schema, "minimum")));
    else if (strcmp(word, "boolean") == 0)
        bytes_text(out, "true");
    else if (strcmp(word, "array") == 0) {
        unsigned long least = yyjson_get_uint(yyjson_obj_get(schema, "minItems"));

        bytes_text(out, "[");
        for (unsigned long i = 0; i < least && i < 64; i++) {
            bytes_text(out, i ? "," : "");
            schema_value(out, yyjson_obj_get(schema, "items"), root, depth + 1);
        }
        bytes_text(out, "]");
    } else
        bytes_text(out, "null");
}
