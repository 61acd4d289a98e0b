/* The state's file on the simulated disk, though LMDB runs for real.
 *
 * Model. LMDB opens, locks and maps a real file. This program's own write, pwrite, writev and fsync
 * (the dynamic linker takes the program's before libc's) see what LMDB does to it: each write goes
 * to the real file, so that the map shows it, and to a file of the simulated disk; each sync is one
 * of the simulated disk. So the same faults, capacity and crashes hold for the state as for the
 * log. A write through a descriptor opened with O_DSYNC (LMDB's meta page) is followed by its sync.
 * A crash gives the real file the bytes the simulated disk was left with.
 *
 * One restriction: a write within one sector is never half there (sim_disk_atomic_sectors). LMDB's
 * meta page relies on that, as disks promise; it has no checksum.
 *
 * Names are durable at once; a file that was never synced may be empty or torn. One thread, one
 * file. */
#ifndef KN_SIM_STATE_H
#define KN_SIM_STATE_H

#include "sim/sim_disk.h"

/* From now on files named data.mdb below `dir` (an absolute path that exists, without links;
 * borrowed) are on `disk`. NULL: none is. */
void sim_state_watch(struct sim_disk *disk, const char *dir);
/* After sim_disk_crash, the environment closed: what the disk has becomes what the file has. False:
 * the file cannot be written. */
bool sim_state_crash(void);

#endif
