/* The audit log as its two files share it. */
#ifndef KN_API_AUDIT_INTERNAL_H
#define KN_API_AUDIT_INTERNAL_H

#include "api/audit.h"
#include "log/log.h"
#include "os/thread.h"

enum { KN_AUDIT_COUNTS = 64, KN_AUDIT_ID_SLOTS = 256, KN_AUDIT_RECENT = 4096, KN_AUDIT_TEXT = 64 };

/* What one actor did of one kind in a workspace within a minute. */
struct kn_audit_count {
    uint64_t key; /* 0: free */
    int64_t since_us;
    uint64_t count;
    size_t id_count;
    enum kn_audit_kind kind;
    char action[KN_AUDIT_TEXT], actor[KN_AUDIT_TEXT], workspace[KN_AUDIT_TEXT];
    char address[KN_AUDIT_TEXT], name[256];
    unsigned char slots[KN_AUDIT_ID_SLOTS]; /* hashed: place in ids + 1; 0: free */
    char ids[KN_AUDIT_IDS][KN_AUDIT_ID_TEXT];
};
_Static_assert(KN_AUDIT_IDS < KN_AUDIT_ID_SLOTS / 2, "a free slot is near");

struct kn_audit {
    struct kn_mutex log_mutex; /* held while an entry is written */
    struct kn_log *log;
    struct kn_clock clock;
    struct kn_hash_key key;
    struct kn_mutex count_mutex; /* of what follows; never held during a write */
    struct kn_audit_count counts[KN_AUDIT_COUNTS];
    struct {
        uint64_t key;
        int64_t at_us;
    } recent[KN_AUDIT_RECENT];
};

#endif
