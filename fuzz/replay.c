/* Without libFuzzer: runs a fuzz target over the files of the folders (or the files) it is given.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 ||
        fseek(file, 0, SEEK_SET) != 0) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    uint8_t *data =
        malloc((size_t)size + 1); /* exact but for one byte, so that the sanitizers see */
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 1;
}

static size_t run(const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISDIR(about.st_mode)) {
        return run_file(path);
    }
    DIR *folder = opendir(path);
    size_t count = 0;
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        char name[1024];
        int len = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && len > 0 && (size_t)len < sizeof name) {
            count += run_file(name);
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        count += run(argv[i]);
    }
    (void)printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
