/** @file shim.h What may happen to a system call. */
#ifndef TENON_TESTS_FAULTS_SHIM_H
#define TENON_TESTS_FAULTS_SHIM_H

enum {
    SHIM_NOTHING = 0,
    SHIM_KILL_BEFORE = 1,
    SHIM_KILL_INSIDE = 2, /**< After half of a write. */
    SHIM_KILL_AFTER = 3,
    SHIM_EIO = 4, /**< It fails, without effect. */
    SHIM_ENOSPC = 5,
    SHIM_WHATS = 6
};

/** Spoil the n-th call from now on; 0: none. */
void shim_arm(int n, int what);

/** Whether a call has been spoilt since. */
int shim_has_fired(void);

#endif
