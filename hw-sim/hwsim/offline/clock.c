/* A terminal's clocks, moved while its programs run: preloaded between them and libc.
 *
 * OFFLINECLOCK_CONTROL  a file of sizeof(struct control), changed by the simulator at any time
 * OFFLINECLOCK_BOOT_ID  a file read instead of /proc/sys/kernel/random/boot_id
 *
 * CLOCK_REALTIME and CLOCK_BOOTTIME are shifted, and adjtimex says what it is told to say.
 * CLOCK_MONOTONIC is left alone, so that time-outs and back-off last as long as ever.
 *
 * Days are to pass between two readings of a clock, never between the two of one moment. Programs
 * read how long it is since boot first and the time of day after it. So a thread that has asked for
 * the time since boot sees everything as it was at that moment, until it asks again.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

struct view {
    int64_t realtime_ns; /* added to CLOCK_REALTIME */
    int64_t boottime_ns; /* added to CLOCK_BOOTTIME */
    int64_t synchronised;
    int64_t maxerror_us;
};

struct control {
    _Atomic uint64_t generation; /* odd while the simulator writes */
    struct view view;
};

static struct control *control;
static const char *boot_id;
static __thread struct view seen;
static __thread int looked;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("OFFLINECLOCK_CONTROL");
    if (!path)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (at == MAP_FAILED)
        return;
    boot_id = getenv("OFFLINECLOCK_BOOT_ID");
    control = at;
}

static struct view look(void) {
    struct view view;
    uint64_t before, after;
    do {
        before = atomic_load_explicit(&control->generation, memory_order_acquire);
        memcpy(&view, &control->view, sizeof view);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&control->generation, memory_order_relaxed);
    } while (before != after || before & 1);
    return view;
}

static struct view now(void) { return looked ? seen : look(); }

static void shift(struct timespec *at, int64_t by_ns) {
    const int64_t second = 1000000000;
    int64_t ns = at->tv_nsec + by_ns % second;
    at->tv_sec += by_ns / second + (ns >= second) - (ns < 0);
    at->tv_nsec = ns + (ns < 0 ? second : 0) - (ns >= second ? second : 0);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    int done = (int)syscall(SYS_clock_gettime, which, at);
    if (done != 0 || !control)
        return done;
    if (which == CLOCK_BOOTTIME) {
        seen = look();
        looked = 1;
        shift(at, seen.boottime_ns);
    } else if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)
        shift(at, now().realtime_ns);
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec moment;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &moment) != 0)
        return -1;
    at->tv_sec = moment.tv_sec;
    at->tv_usec = moment.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec moment;
    if (clock_gettime(CLOCK_REALTIME, &moment) != 0)
        return -1;
    if (at)
        *at = moment.tv_sec;
    return moment.tv_sec;
}

int adjtimex(struct timex *timex) {
    int state = (int)syscall(SYS_adjtimex, timex);
    if (state < 0 || !control)
        return state;
    struct view view = now();
    timex->status = (timex->status & ~STA_UNSYNC) | (view.synchronised ? 0 : STA_UNSYNC);
    timex->maxerror = view.maxerror_us;
    return view.synchronised ? TIME_OK : TIME_ERROR;
}

/* -- the boot's id ---------------------------------------------------------------------------- */

static int opened(int at, const char *path, int flags, mode_t mode) {
    if (boot_id && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
        path = boot_id;
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define OPEN_MODE(flags, mode)                                                                 \
    mode_t mode = 0;                                                                           \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        mode = va_arg(rest, mode_t);                                                           \
        va_end(rest);                                                                          \
    }

int open64(const char *path, int flags, ...) {
    OPEN_MODE(flags, mode)
    return opened(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    OPEN_MODE(flags, mode)
    return opened(AT_FDCWD, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    OPEN_MODE(flags, mode)
    return opened(at, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    OPEN_MODE(flags, mode)
    return opened(at, path, flags, mode);
}
