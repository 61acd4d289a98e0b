/* A simulated disk: the interface of os/disk.h in memory, with crashes and faults drawn from a
 * seed.
 *
 * Model. A file has a durable image and pending operations (writes, truncations) since its last
 * sync; reads see both. Names live in directories: made, renamed and removed names are durable only
 * after a sync of their directory; a rename is atomic. crash() decides, for each pending operation
 * by itself, whether it reached the disk, was lost, or was torn: of a torn write each 512-byte
 * sector was written, not written, or holds garbage. Then names go back to what was durable, and
 * files nobody names vanish. (After SQLite's test6.c and TigerBeetle's storage fault model: "what
 * was not synced may be anything".)
 *
 * Faults: the n-th operation of a kind from now fails with a code; a capacity makes writes that
 * grow files fail with KN_E_FULL. One thread. map() gives a copy of the bytes as they are.
 */
#ifndef KN_SIM_DISK_H
#define KN_SIM_DISK_H

#include "base/rand.h"
#include "os/disk.h"

struct sim_disk;

enum sim_op {
    SIM_OPEN,
    SIM_READ,
    SIM_MAP,
    SIM_LIST,
    SIM_WRITE, /* zeroing too */
    SIM_TRUNCATE,
    SIM_SYNC,
    SIM_SYNC_DIR,
    SIM_RENAME,
    SIM_REMOVE,
    SIM_OPS
};

struct sim_disk *sim_disk_new(uint64_t seed);
void sim_disk_free(struct sim_disk *d);
struct kn_disk sim_disk_interface(struct sim_disk *d);
/* Every open file must be closed before. */
void sim_disk_crash(struct sim_disk *d);
/* The n-th operation of this kind from now, 0 = the next, fails; UINT64_MAX: none. A failed write
 * or truncation did nothing. A crash forgets what was to fail. */
void sim_disk_fail(struct sim_disk *d, enum sim_op op, uint64_t n, enum kn_rc code);
/* How many operations of this kind there were; how many of all failed on purpose. */
uint64_t sim_disk_count(const struct sim_disk *d, enum sim_op op);
uint64_t sim_disk_failures(const struct sim_disk *d);
/* Bytes all files may have together; UINT64_MAX: any. */
void sim_disk_set_capacity(struct sim_disk *d, uint64_t bytes);
/* Paused: nothing fails, nothing is counted, there is room for everything. */
void sim_disk_pause(struct sim_disk *d, bool paused);
/* In this file a write within one sector is whole or not there, as disks promise of a sector; in
 * others it may be garbage as well. */
void sim_disk_atomic_sectors(struct sim_disk *d, const char *path);
/* Flips a bit of the durable image; false: no such file or byte. */
bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t offset, unsigned bit);
/* The durable bytes of a file; p == NULL: no such file. Borrowed until the next call. */
struct kn_str sim_disk_bytes(struct sim_disk *d, const char *path);

#endif
