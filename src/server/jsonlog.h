/* One JSON line per event to stderr, for the operator. No personal data, no keys. Any thread. */
#ifndef KN_SERVER_JSONLOG_H
#define KN_SERVER_JSONLOG_H

/* level: "info", "warning", "error". detail may be NULL; it is cut at 400 bytes. */
void kn_jsonlog(const char *level, const char *event, const char *detail);

#endif
