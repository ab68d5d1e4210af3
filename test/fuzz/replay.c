/* replay: runs a fuzz target over the files of its corpus, as TAP, without a fuzzer.
 *
 * usage: replay-NAME CORPUS-DIRECTORY [FILE...]
 * A target reports a finding by crashing; the line of the input is written before it is run, so
 * that the last line names the culprit.  The empty input is always replayed too. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ran;

static void replay_bytes(const char *name, const uint8_t *data, size_t size)
{
    printf("# %s (%zu bytes)\n", name, size);
    LLVMFuzzerTestOneInput(data, size);
    printf("ok %d - %s\n", ++ran, name);
}

static void replay_file(const char *path)
{
    enum { INPUT_BYTES_MAX = 64 << 20 };
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    FILE *f = fopen(path, "rbe");
    uint8_t *data = NULL;
    long size = -1;

    if (f && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    if (size >= 0 && size <= INPUT_BYTES_MAX)
        data =
            malloc(size > 0 ? (size_t)size : 1); /* exact, so that a sanitizer sees one past it */
    if (data && (rewind(f), fread(data, 1, (size_t)size, f) == (size_t)size))
        replay_bytes(name, data, (size_t)size);
    else
        printf("not ok %d - %s: cannot read it\n", ++ran, name);
    free(data);
    if (f)
        fclose(f);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    replay_bytes("the empty input", (const uint8_t *)"", 0);
    for (int i = 2; i < argc; i++)
        replay_file(argv[i]);
    if (argc >= 2 && (n = scandir(argv[1], &entries, visible, alphasort)) < 0 && errno != ENOENT) {
        printf("Bail out! %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];

        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        replay_file(path);
        free(entries[i]);
    }
    free(entries);
    printf("1..%d\n", ran);
    return 0;
}
