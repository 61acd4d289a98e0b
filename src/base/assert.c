#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void kn_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr,
                  "{\"level\":\"fatal\",\"event\":\"assertion\",\"at\":\"%s:%d\","
                  "\"condition\":\"%s\"}\n",
                  file, line, condition);
    abort();
}

void kn_panic(const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (void)fprintf(stderr, "{\"level\":\"fatal\",\"event\":\"panic\",\"detail\":\"%s\"}\n", text);
    abort();
}
