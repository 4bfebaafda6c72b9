/*
 * Lets a program take a named pipe for a keyboard: ioctls of the input subsystem (linux/input.h) on a
 * pipe are answered as a device would that has no name to speak of, and that nobody else holds.
 * Events are read from the pipe as they were written into it, until its path is gone: then there is
 * no device any more, as after a real one was pulled out.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/input.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>

static int is_pipe(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode);
}

static int is_gone(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode) && found.st_nlink == 0;
}

ssize_t read(int fd, void *into, size_t most)
{
    static ssize_t (*next)(int, void *, size_t);
    if (most % sizeof(struct input_event) == 0 && is_gone(fd)) {
        errno = ENODEV;
        return -1;
    }
    if (!next)
        next = dlsym(RTLD_NEXT, "read");
    return next(fd, into, most);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (_IOC_TYPE(request) != 'E' || !is_pipe(fd)) {
        int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
        return next(fd, request, argument);
    }
    if (_IOC_DIR(request) & _IOC_READ)
        memset(argument, 0, _IOC_SIZE(request));
    if (_IOC_NR(request) == _IOC_NR(EVIOCGNAME(0)))
        strncpy(argument, "Simulated wedge", _IOC_SIZE(request) - 1);
    return 0;
}
