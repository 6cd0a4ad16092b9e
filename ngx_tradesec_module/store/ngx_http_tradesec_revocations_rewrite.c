/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How the journal of revocations is written anew.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_state.h"
#include "store/ngx_http_tradesec_revocations_journal.h"


#define NGX_HTTP_TRADESEC_JOURNAL_PIECE   16384

/* How often the replaced file is looked at for lines that come late. */

#define NGX_HTTP_TRADESEC_JOURNAL_ROUNDS  8


static ngx_int_t ngx_http_tradesec_journal_end(
    ngx_http_tradesec_revocations_journal_t *j);
static ngx_int_t ngx_http_tradesec_journal_write(
    ngx_http_tradesec_revocations_journal_t *j, ngx_fd_t fd, const void *data,
    size_t len);


ngx_int_t
ngx_http_tradesec_journal_begin(ngx_http_tradesec_revocations_journal_t *j,
    ngx_flag_t replace)
{
    char    head[sizeof(TS_STATE_HEAD "\n") + TS_STATE_LINE_MAX];
    size_t  n;

    /* whatever has that name is a dead process's, or a neighbour's trap */

    (void) ngx_delete_file(j->temp.data);

    j->fd = ngx_open_file(j->temp.data, NGX_FILE_WRONLY,
                          NGX_FILE_CREATE_OR_OPEN|O_EXCL,
                          NGX_FILE_OWNER_ACCESS);

    if (j->fd == NGX_INVALID_FILE) {
        return ngx_http_tradesec_journal_failed(j, ngx_open_file_n);
    }

    n = ngx_cpymem(head, TS_STATE_HEAD "\n", sizeof(TS_STATE_HEAD))
        - (u_char *) head;
    n += ts_state_write_key(head + n, j->area->name, j->area->key);

    if (ngx_http_tradesec_journal_write(j, j->fd, head, n) != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * What stands in the old file from here on may be newer than the list as
     * it will be written; everything before has been read.
     */

    j->cursor = 0;
    j->old_offset = j->offset;

    if (replace) {
        j->old = ngx_open_file(j->path.data,
                               NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                               NGX_FILE_OPEN, 0);
    }

    if (j->old == NGX_INVALID_FILE) {

        if (ngx_http_tradesec_journal_end(j) != NGX_AGAIN) {
            return NGX_ERROR;
        }

        j->fd = ngx_open_file(j->path.data, O_WRONLY|O_APPEND, NGX_FILE_OPEN,
                              0);

        if (j->fd == NGX_INVALID_FILE) {
            return ngx_http_tradesec_journal_failed(j, ngx_open_file_n);
        }
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_tradesec_journal_piece(ngx_http_tradesec_revocations_journal_t *j)
{
    char              buf[NGX_HTTP_TRADESEC_JOURNAL_PIECE], *p;
    uint32_t          i, n;
    ts_revocation_t   list[NGX_HTTP_TRADESEC_JOURNAL_PIECE / TS_STATE_LINE_MAX];

    ngx_http_tradesec_area_lock(j->area);
    n = ts_revocations_list(j->area->memory, &j->cursor, list,
                            sizeof(list) / sizeof(list[0]),
                            ngx_http_tradesec_journal_now(j));
    ngx_http_tradesec_area_unlock(j->area);

    for (i = 0, p = buf; i < n; i++) {
        p += ts_state_write_revocation(p, &list[i]);
    }

    if (ngx_http_tradesec_journal_write(j, j->fd, buf, p - buf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (j->cursor) {
        return NGX_AGAIN;
    }

    if (j->old == NGX_INVALID_FILE) {
        (void) ngx_close_file(j->fd);
        j->fd = NGX_INVALID_FILE;
        return NGX_OK;
    }

    return ngx_http_tradesec_journal_end(j);
}


static ngx_int_t
ngx_http_tradesec_journal_end(ngx_http_tradesec_revocations_journal_t *j)
{
    ngx_fd_t  fd;

    fd = j->fd;
    j->fd = NGX_INVALID_FILE;

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        return ngx_http_tradesec_journal_failed(j, ngx_close_file_n);
    }

    if (ngx_rename_file(j->temp.data, j->path.data) == NGX_FILE_ERROR) {
        return ngx_http_tradesec_journal_failed(j, ngx_rename_file_n);
    }

    j->foreign = 0;
    j->rounds = NGX_HTTP_TRADESEC_JOURNAL_ROUNDS;

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_tradesec_journal_late(ngx_http_tradesec_revocations_journal_t *j)
{
    u_char     buf[NGX_HTTP_TRADESEC_JOURNAL_PIECE];
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_int_t  rc;

    n = pread(j->old, buf, sizeof(buf), j->old_offset);

    while (n > 0 && buf[n - 1] != '\n') {
        n--;
    }

    if (n > 0) {
        fd = ngx_open_file(j->path.data, O_WRONLY|O_APPEND, NGX_FILE_OPEN, 0);

        if (fd == NGX_INVALID_FILE) {
            return ngx_http_tradesec_journal_failed(j, ngx_open_file_n);
        }

        rc = ngx_http_tradesec_journal_write(j, fd, buf, n);
        (void) ngx_close_file(fd);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        j->old_offset += n;

        return NGX_AGAIN;
    }

    if (j->rounds-- == 0) {
        (void) ngx_close_file(j->old);
        j->old = NGX_INVALID_FILE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_journal_write(ngx_http_tradesec_revocations_journal_t *j,
    ngx_fd_t fd, const void *data, size_t len)
{
    ssize_t  n;

    n = ngx_write_fd(fd, (void *) (uintptr_t) data, len);

    return n == (ssize_t) len
           ? NGX_OK : ngx_http_tradesec_journal_failed(j, ngx_write_fd_n);
}


ngx_int_t
ngx_http_tradesec_journal_failed(ngx_http_tradesec_revocations_journal_t *j,
    const char *what)
{
    ngx_log_error(NGX_LOG_CRIT, j->event.log, ngx_errno,
                  "%s \"%V\" failed, the journal of revocations is not "
                  "written anew: its directory must be writable by the worker "
                  "processes", what, &j->temp);

    if (j->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(j->fd);
        (void) ngx_delete_file(j->temp.data);
        j->fd = NGX_INVALID_FILE;
    }

    if (j->old != NGX_INVALID_FILE) {
        (void) ngx_close_file(j->old);
        j->old = NGX_INVALID_FILE;
    }

    return NGX_ERROR;
}
