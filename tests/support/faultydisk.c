/* A disk that fails when told to, for programs that were not told: preloaded between them and libc.
 *
 * FAULTYDISK_DIRECTORY  the files under this directory are on the disk; a real path
 * FAULTYDISK_CONTROL    a file of sizeof(struct control), changed by the test at any time
 * FAULTYDISK_SHADOW     a directory beside it, where what has reached the disk is kept
 *
 * The shadow is what a power cut would leave. A write only notes which octets are dirty; a sync that
 * succeeds copies them to the shadow; one that fails forgets them, as ext4 does: they still read
 * back, a later sync succeeds, and they were never written. Names are durable at once.
 *
 * Functions that are not here pass unseen: mmap, sendfile, copy_file_range, stdio within libc.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum mode { OK, EIO_WRITE, EIO_FSYNC, ENOSPC_, EROFS_ };
enum kind { WRITE = 1, GROW = 2, SYNC = 4, NAME = 8, REMOVE = 16, OPEN = 32, SHRINK = 64 };

struct control {
    _Atomic int32_t mode;
    _Atomic int32_t after; /* how many calls that could fail still succeed */
    _Atomic int32_t times; /* how many fail then; -1: all */
    _Atomic int32_t failed; /* how many did */
};

struct range {
    int64_t offset; /* or TRUNCATED */
    int64_t length; /* or the size it was truncated to */
};
#define TRUNCATED (-1)

static struct control *control;
static char directory[PATH_MAX], shadow[PATH_MAX];
static size_t directory_length;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* -- the disk underneath: system calls, never the functions below -------------------------- */

static int sys_open(const char *path, int flags) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static void die(const char *what) {
    static const char words[] = "faultydisk: the shadow cannot be kept: ";
    syscall(SYS_write, 2, words, sizeof words - 1);
    syscall(SYS_write, 2, what, strlen(what));
    syscall(SYS_write, 2, "\n", 1);
    abort();
}

static void write_all(int fd, const void *data, size_t length, off_t offset) {
    while (length > 0) {
        ssize_t n = syscall(SYS_pwrite64, fd, data, length, offset);
        if (n <= 0)
            die(strerror(errno));
        data = (const char *)data + n;
        length -= (size_t)n;
        offset += n;
    }
}

static void copy(int from, int to, off_t offset, off_t length) {
    char buffer[16384];
    while (length > 0) {
        size_t part = length < (off_t)sizeof buffer ? (size_t)length : sizeof buffer;
        ssize_t n = syscall(SYS_pread64, from, buffer, part, offset);
        if (n < 0)
            die(strerror(errno));
        if (n == 0) /* truncated since */
            return;
        write_all(to, buffer, (size_t)n, offset);
        offset += n;
        length -= n;
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *dir = getenv("FAULTYDISK_DIRECTORY");
    const char *path = getenv("FAULTYDISK_CONTROL");
    const char *beside = getenv("FAULTYDISK_SHADOW");
    if (!dir || !path || !beside)
        return;
    int fd = sys_open(path, O_RDWR);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (at == MAP_FAILED)
        return;
    snprintf(directory, sizeof directory, "%s", dir);
    snprintf(shadow, sizeof shadow, "%s", beside);
    directory_length = strlen(directory);
    control = at;
}

/* -- which files, and whether they fail now -------------------------------------------------- */

static int inside(const char *path) {
    return control && strncmp(path, directory, directory_length) == 0 &&
           (path[directory_length] == '/' || path[directory_length] == 0);
}

static int path_inside(int at, const char *path) {
    char whole[PATH_MAX * 2], link[64], base[PATH_MAX];
    if (!control)
        return 0;
    if (path[0] == '/')
        return inside(path);
    if (at == AT_FDCWD) {
        if (syscall(SYS_getcwd, base, sizeof base) < 0)
            return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = syscall(SYS_readlink, link, base, sizeof base - 1);
        if (n < 0)
            return 0;
        base[n] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return inside(whole);
}

static int fd_inside(int fd) {
    char link[64], path[PATH_MAX];
    if (!control)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (n < 0)
        return 0;
    path[n] = 0;
    return inside(path);
}

/* The error this call is to fail with, or 0. */
static int verdict(enum kind kind) {
    static const struct {
        int kinds, error;
    } modes[] = {
        [OK] = {0, 0},
        [EIO_WRITE] = {WRITE | GROW, EIO},
        [EIO_FSYNC] = {SYNC, EIO},
        [ENOSPC_] = {WRITE | GROW | OPEN, ENOSPC},
        [EROFS_] = {WRITE | GROW | SHRINK | SYNC | NAME | REMOVE | OPEN, EROFS},
    };
    int mode = control->mode;
    if (!(modes[mode].kinds & kind))
        return 0;
    if (control->after > 0) {
        control->after--;
        return 0;
    }
    if (control->times == 0)
        return 0;
    if (control->times > 0)
        control->times--;
    control->failed++;
    return modes[mode].error;
}

static int fails(enum kind kind) {
    pthread_mutex_lock(&lock);
    int error = verdict(kind);
    pthread_mutex_unlock(&lock);
    if (error)
        errno = error;
    return error;
}

/* -- the shadow: what a power cut would leave ------------------------------------------------ */

static int shadow_file(int fd, const char *suffix, int flags) {
    struct stat about;
    char path[PATH_MAX + 64];
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return -1;
    snprintf(path, sizeof path, "%s/%llu%s", shadow, (unsigned long long)about.st_ino, suffix);
    return sys_open(path, flags);
}

/* Before a file's first change: what it holds was there before anybody looked. */
static void adopt(int fd) {
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return;
    int to = shadow_file(fd, "", O_WRONLY | O_CREAT | O_EXCL);
    if (to < 0) {
        if (errno == EEXIST)
            return;
        die(strerror(errno));
    }
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* `fd` may be open for writing only */
    int from = sys_open(link, O_RDONLY);
    if (from < 0)
        die(strerror(errno));
    copy(from, to, 0, about.st_size);
    syscall(SYS_close, from);
    syscall(SYS_close, to);
}

static void note(int fd, int64_t offset, int64_t length) {
    struct range range = {offset, length};
    int to = shadow_file(fd, ".dirty", O_WRONLY | O_CREAT | O_APPEND);
    if (to < 0)
        return;
    if (syscall(SYS_write, to, &range, sizeof range) != sizeof range)
        die(strerror(errno));
    syscall(SYS_close, to);
}

/* A sync: what is dirty reaches the disk, or is lost; clean it is in any case. */
static void settle(int fd, int reached) {
    struct range range;
    int list = shadow_file(fd, ".dirty", O_RDWR);
    if (list < 0)
        return;
    if (reached) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        int from = sys_open(link, O_RDONLY);
        int to = shadow_file(fd, "", O_RDWR | O_CREAT);
        if (from < 0 || to < 0)
            die(strerror(errno));
        for (off_t at = 0; syscall(SYS_pread64, list, &range, sizeof range, at) == sizeof range;
             at += (off_t)sizeof range) {
            if (range.offset == TRUNCATED) {
                if (syscall(SYS_ftruncate, to, range.length) != 0)
                    die(strerror(errno));
            } else
                copy(from, to, range.offset, range.length);
        }
        syscall(SYS_close, from);
        syscall(SYS_close, to);
    }
    if (syscall(SYS_ftruncate, list, 0) != 0)
        die(strerror(errno));
    syscall(SYS_close, list);
}

/* -- what programs call ---------------------------------------------------------------------- */

static ssize_t written(int fd, const void *data, size_t length, off_t offset) {
    if (fails(WRITE))
        return -1;
    pthread_mutex_lock(&lock);
    adopt(fd);
    ssize_t n = syscall(SYS_pwrite64, fd, data, length, offset);
    int error = errno;
    if (n > 0)
        note(fd, offset, n);
    pthread_mutex_unlock(&lock);
    errno = error;
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    if (!fd_inside(fd))
        return syscall(SYS_pwrite64, fd, data, length, offset);
    return written(fd, data, length, offset);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) {
    struct stat about;
    if (!fd_inside(fd) || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return syscall(SYS_write, fd, data, length);
    if (fails(WRITE))
        return -1;
    pthread_mutex_lock(&lock);
    adopt(fd);
    ssize_t n = syscall(SYS_write, fd, data, length);
    int error = errno;
    if (n > 0) /* with O_APPEND only now is it known where */
        note(fd, lseek(fd, 0, SEEK_CUR) - n, n);
    pthread_mutex_unlock(&lock);
    errno = error;
    return n;
}

int ftruncate64(int fd, off64_t length) {
    struct stat about;
    if (!fd_inside(fd))
        return (int)syscall(SYS_ftruncate, fd, length);
    if (fails(fstat(fd, &about) == 0 && length > about.st_size ? GROW : SHRINK))
        return -1;
    pthread_mutex_lock(&lock);
    adopt(fd);
    int done = (int)syscall(SYS_ftruncate, fd, length);
    int error = errno;
    if (done == 0)
        note(fd, TRUNCATED, length);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    if (fd_inside(fd) && fails(GROW))
        return -1;
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    return fallocate64(fd, mode, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return fallocate64(fd, 0, offset, length) == 0 ? 0 : errno; /* it returns its error */
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    return posix_fallocate64(fd, offset, length);
}

static int sync_as(long number, int fd) {
    if (!fd_inside(fd))
        return (int)syscall(number, fd);
    int error = fails(SYNC);
    int done = error ? -1 : (int)syscall(number, fd);
    if (done != 0)
        error = errno;
    pthread_mutex_lock(&lock);
    settle(fd, done == 0);
    pthread_mutex_unlock(&lock);
    if (done != 0)
        errno = error;
    return done;
}

int fsync(int fd) { return sync_as(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_as(SYS_fdatasync, fd); }

static int opened(int at, const char *path, int flags, mode_t mode) {
    int changes = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
    if (!changes || !path_inside(at, path))
        return (int)syscall(SYS_openat, at, path, flags, mode);
    int here = (int)syscall(SYS_faccessat, at, path, F_OK) == 0;
    /* A full disk opens what is there; one that is read only does not, for writing. */
    if ((!here || control->mode == EROFS_) && fails(OPEN))
        return -1;
    int trims = here && flags & O_TRUNC;
    int fd = (int)syscall(SYS_openat, at, path, flags & ~(trims ? O_TRUNC : 0), mode);
    if (fd >= 0 && trims && ftruncate64(fd, 0) != 0) {
        int error = errno;
        syscall(SYS_close, fd);
        errno = error;
        return -1;
    }
    return fd;
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

/* An inode whose last name goes may come back as another file's: its shadow goes with it. */
static void forget(int at, const char *path) {
    struct stat about;
    char name[PATH_MAX + 64];
    if (fstatat(at, path, &about, AT_SYMLINK_NOFOLLOW) != 0 || about.st_nlink > 1 ||
        !S_ISREG(about.st_mode))
        return;
    snprintf(name, sizeof name, "%s/%llu", shadow, (unsigned long long)about.st_ino);
    syscall(SYS_unlinkat, AT_FDCWD, name, 0);
    strcat(name, ".dirty");
    syscall(SYS_unlinkat, AT_FDCWD, name, 0);
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    if (path_inside(to_at, to) || path_inside(from_at, from)) {
        if (fails(NAME))
            return -1;
        forget(to_at, to);
    }
    return (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int at, const char *path, int flags) {
    if (path_inside(at, path)) {
        if (fails(REMOVE))
            return -1;
        forget(at, path);
    }
    return (int)syscall(SYS_unlinkat, at, path, flags);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
