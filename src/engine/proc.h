/* proc: what the kernel counted of a process.  Any thread. */
#pragma once
#include <stdint.h>

uint64_t proc_work_ms(int pid);   /* processor time of all its threads; 0: it is gone */
uint64_t proc_rss_bytes(int pid); /* resident memory; 0: it is gone */
uint64_t proc_own_bytes(int pid); /* of it what is no file's and nobody else's */
