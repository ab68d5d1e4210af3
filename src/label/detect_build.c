/* detect_build OUT HEADER: compiles the patterns of data/detect.tsv and writes Hyperscan's own form
 * of them as it stands in memory, which nigh scans with where it is mapped: nothing is compiled,
 * read or copied at start, and only the pages that a scan touches are resident.  For any processor
 * that Hyperscan runs on, since what builds nigh is rarely what runs it.  Each database: its length
 * in eight bytes of this machine, then itself, both from a multiple of 64 bytes, the alignment that
 * it was laid out for.  HEADER tells where OUT is, for detect.c to include. */
#include "label/detect_kind.h"
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A database holds no address of its own, so it is the same wherever it lies aligned alike. */
static int write_image(const char *bytes, size_t len, FILE *f)
{
    static const char zeros[DETECT_DB_ALIGN];
    size_t size = 0;

    if (hs_serialized_database_size(bytes, len, &size) != HS_SUCCESS)
        return 1;
    size_t room = (size + DETECT_DB_ALIGN - 1) / DETECT_DB_ALIGN * DETECT_DB_ALIGN;
    hs_database_t *image = aligned_alloc(DETECT_DB_ALIGN, room);
    if (!image)
        return 1;
    memset(image, 0, room);
    uint64_t length = room;
    int failed = hs_deserialize_database_at(bytes, len, image) != HS_SUCCESS ||
                 fwrite(&length, sizeof length, 1, f) != 1 ||
                 fwrite(zeros, DETECT_DB_ALIGN - sizeof length, 1, f) != 1 ||
                 fwrite(image, 1, room, f) != room;
    free(image);
    return failed;
}

static int write_db(enum detect_db which, FILE *f)
{
    static struct detect_patterns p;
    const hs_platform_info_t any = {.tune = HS_TUNE_FAMILY_GENERIC};
    hs_database_t *db = NULL;
    hs_compile_error_t *why = NULL;
    char *bytes = NULL;
    size_t len = 0;

    detect_patterns(&p, which, HS_FLAG_SOM_LEFTMOST);
    if (hs_compile_multi(p.text, p.flags, p.id, p.n, HS_MODE_BLOCK, &any, &db, &why) !=
        HS_SUCCESS) {
        fprintf(stderr, "data/detect.tsv: %s: %s\n",
                why->expression >= 0 ? p.text[why->expression] : "", why->message);
        return 1;
    }
    if (hs_serialize_database(db, &bytes, &len) != HS_SUCCESS)
        return 1;
    int failed = write_image(bytes, len, f);
    free(bytes);
    hs_free_database(db);
    return failed;
}

int main(int argc, char **argv)
{
    FILE *f = argc == 3 ? fopen(argv[1], "wb") : NULL;
    FILE *header = f ? fopen(argv[2], "w") : NULL;
    int failed = header == NULL || fprintf(header, "#define DETECT_DBS_FILE \"%s\"\n", argv[1]) < 0;

    for (int i = 0; i < DB_COUNT && !failed; i++)
        failed = write_db((enum detect_db)i, f);
    if (f && fclose(f) != 0)
        failed = 1;
    if (header && fclose(header) != 0)
        failed = 1;
    if (failed)
        fprintf(stderr, "detect_build: nothing written\n");
    return failed;
}
