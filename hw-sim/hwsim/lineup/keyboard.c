/*
 * Lets a program take a named pipe for a keyboard: ioctls of the input subsystem (linux/input.h) on a
 * pipe are answered as a device would that has no name to speak of, and that nobody else holds.
 * Events are read from the pipe as they were written into it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/input.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int is_pipe(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode);
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
