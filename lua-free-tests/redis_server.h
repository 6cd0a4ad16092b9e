/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For tests: a redis-server of their own on a unix socket, which ends with
 * them.
 */

#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "ts_test.h"


typedef struct {
    char           dir[64];
    char           path[96];
    pid_t          pid;
    redisContext  *c;
} redis_server_t;


static redis_server_t
redis_start(void)
{
    int             i;
    redis_server_t  s;

    memset(&s, 0, sizeof(s));
    (void) snprintf(s.dir, sizeof(s.dir), "/tmp/tradesec-redis-XXXXXX");
    assert_non_null(mkdtemp(s.dir));
    (void) snprintf(s.path, sizeof(s.path), "%s/socket", s.dir);

    s.pid = fork();
    assert_true(s.pid >= 0);

    if (s.pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) execlp("redis-server", "redis-server", "--port", "0",
                      "--unixsocket", s.path, "--dir", s.dir, "--save", "",
                      "--logfile", "log", (char *) NULL);
        _exit(127);
    }

    for (i = 0; i < 3000; i++) {
        s.c = redisConnectUnix(s.path);

        if (s.c != NULL && s.c->err == 0) {
            return s;
        }

        redisFree(s.c);
        (void) usleep(10000);
    }

    (void) kill(s.pid, SIGKILL);
    fail_msg("redis-server does not start");

    return s;
}


static void
redis_stop(redis_server_t *s)
{
    char  log[96];

    redisFree(s->c);

    (void) kill(s->pid, SIGKILL);
    (void) waitpid(s->pid, NULL, 0);

    (void) snprintf(log, sizeof(log), "%s/log", s->dir);
    (void) unlink(log);
    (void) unlink(s->path);
    assert_int_equal(rmdir(s->dir), 0);
}


#endif /* REDIS_SERVER_H */
