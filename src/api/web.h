/* The UI's files, as the build made them of web/. */
#ifndef KN_API_WEB_H
#define KN_API_WEB_H

#include <stdbool.h>
#include <stddef.h>

struct kn_web_file {
    const char *path; /* "/assets/index-4f2a.js" */
    const char *type;
    const unsigned char *bytes;
    size_t len;
    bool packed;      /* with gzip */
    bool is_constant; /* its name changes when it does */
};
extern const struct kn_web_file kn_web_files[];
extern const size_t kn_web_file_count;

#endif
