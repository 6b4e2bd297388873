/* A disk that takes SLOW_DISK_MICROSECONDS longer to synchronise: preload it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void pause_first(void) {
    const char *word = getenv("SLOW_DISK_MICROSECONDS");
    long wanted = word ? atol(word) : 0;
    struct timespec pause = {wanted / 1000000, wanted % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    pause_first();
    return real(fd);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    pause_first();
    return real(fd);
}
