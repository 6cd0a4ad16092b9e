/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Preloaded into nginx by t/alloc_failure.t: makes one allocation fail. The
 * file named by TRADESEC_ALLOC holds a number; each allocation counts it down,
 * and the one that reaches zero fails.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


static volatile int  *countdown;


static int
fails(void)
{
    return countdown != NULL && *countdown > 0 && --*countdown == 0;
}


void *
malloc(size_t size)
{
    static void  *(*next)(size_t);

    if (next == NULL) {
        next = (void *(*)(size_t)) dlsym(RTLD_NEXT, "malloc");
    }

    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }

    return next(size);
}


int
posix_memalign(void **memptr, size_t alignment, size_t size)
{
    static int  (*next)(void **, size_t, size_t);

    if (next == NULL) {
        next = (int (*)(void **, size_t, size_t)) dlsym(RTLD_NEXT,
                                                        "posix_memalign");
    }

    return fails() ? ENOMEM : next(memptr, alignment, size);
}


__attribute__((constructor)) static void
start(void)
{
    int          fd;
    void        *map;
    const char  *name;

    name = getenv("TRADESEC_ALLOC");
    fd = name ? open(name, O_RDWR) : -1;

    if (fd == -1) {
        return;
    }

    map = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);

    if (map != MAP_FAILED) {
        countdown = map;
    }
}
