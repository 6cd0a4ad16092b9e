/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_state.h"
#include "store/ngx_http_tradesec_revocations_journal.h"


#define NGX_HTTP_TRADESEC_JOURNAL_IDLE   250    /* ms between looks */
#define NGX_HTTP_TRADESEC_JOURNAL_BUSY   20     /* ms between pieces */
#define NGX_HTTP_TRADESEC_JOURNAL_RETRY  60000  /* ms after a failure */

#define NGX_HTTP_TRADESEC_JOURNAL_PIECE  16384

/* Written anew when it is longer than this, and than so many times what is in
   the list. */

#define NGX_HTTP_TRADESEC_JOURNAL_MIN     65536
#define NGX_HTTP_TRADESEC_JOURNAL_FACTOR  4


static void ngx_http_tradesec_journal_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_tradesec_journal_step(
    ngx_http_tradesec_revocations_journal_t *j);
static ngx_int_t ngx_http_tradesec_journal_follow(
    ngx_http_tradesec_revocations_journal_t *j);
static ngx_int_t ngx_http_tradesec_journal_read(
    ngx_http_tradesec_revocations_journal_t *j, ngx_fd_t fd, off_t *offset,
    ngx_log_t *log);
static void ngx_http_tradesec_journal_line(
    ngx_http_tradesec_revocations_journal_t *j, ts_slice_t line,
    ngx_log_t *log);
static ngx_flag_t ngx_http_tradesec_journal_is_long(
    ngx_http_tradesec_revocations_journal_t *j);


ngx_int_t
ngx_http_tradesec_revocations_journal_conf(ngx_conf_t *cf,
    ngx_http_tradesec_revocations_journal_t *j, ngx_http_tradesec_area_t *area)
{
    u_char  *p;

    j->area = area;

    if (area->state_path->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, area->state_path->len + sizeof(".revocations"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    j->path.data = p;
    j->path.len = ngx_sprintf(p, "%V.revocations%Z", area->state_path) - p - 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_revocations_journal_load(
    ngx_http_tradesec_revocations_journal_t *j, ngx_log_t *log)
{
    off_t      offset;
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (j->path.len == 0) {
        return NGX_OK;
    }

    fd = ngx_open_file(j->path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", &j->path);
        return NGX_ERROR;
    }

    offset = 0;

    do {
        rc = ngx_http_tradesec_journal_read(j, fd, &offset, log);
    } while (rc == NGX_AGAIN);

    (void) ngx_close_file(fd);

    /* it is read once more by the keeper, who then must not find another's */

    j->foreign = 0;
    j->renamed = 0;

    return rc;
}


void
ngx_http_tradesec_revocations_journal_start(
    ngx_http_tradesec_revocations_journal_t *j, ngx_log_t *log)
{
    size_t  len;

    len = j->path.len + sizeof(".tmp.") + NGX_INT64_LEN;

    j->temp.data = ngx_alloc(len, log);
    if (j->temp.data == NULL) {
        return;
    }

    j->temp.len = ngx_sprintf(j->temp.data, "%V.tmp.%P%Z", &j->path, ngx_pid)
                  - j->temp.data - 1;

    j->fd = NGX_INVALID_FILE;
    j->old = NGX_INVALID_FILE;
    j->known = 0;
    j->foreign = 0;
    j->connection.fd = -1;
    j->connection.data = j;

    j->event.handler = ngx_http_tradesec_journal_handler;
    j->event.data = &j->connection;
    j->event.log = log;
    j->event.cancelable = 1;

    ngx_add_timer(&j->event, 1);
}


void
ngx_http_tradesec_revocations_journal_stop(
    ngx_http_tradesec_revocations_journal_t *j)
{
    if (j->temp.data == NULL) {
        return;
    }

    while (j->fd != NGX_INVALID_FILE) {
        if (ngx_http_tradesec_journal_step(j) == NGX_ERROR) {
            return;
        }
    }

    while (j->old != NGX_INVALID_FILE) {
        if (ngx_http_tradesec_journal_late(j) == NGX_ERROR) {
            return;
        }
    }
}


void
ngx_http_tradesec_revocations_journal_add(
    ngx_http_tradesec_revocations_journal_t *j, const ts_revocation_t *list,
    ngx_uint_t n, ngx_log_t *log)
{
    char         text[NGX_HTTP_TRADESEC_JOURNAL_LINES * TS_STATE_LINE_MAX + 1];
    char        *p;
    ssize_t      written;
    ngx_fd_t     fd;
    ngx_uint_t   i;

    if (j->path.len == 0 || n == 0) {
        return;
    }

    fd = ngx_open_file(j->path.data, O_WRONLY|O_APPEND|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {

        /* the keeper has not made it yet, and will find the list as it is */

        if (ngx_errno != NGX_ENOENT) {
            ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                          ngx_open_file_n " \"%V\" failed, a revocation will "
                          "be forgotten when nginx is restarted", &j->path);
        }

        return;
    }

    /* one write is one piece; a line that broke off before is not continued */

    p = text;
    *p++ = '\n';

    for (i = 0; i < n && i < NGX_HTTP_TRADESEC_JOURNAL_LINES; i++) {
        p += ts_state_write_revocation(p, &list[i]);
    }

    written = ngx_write_fd(fd, text, p - text);

    if (written != p - text) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      ngx_write_fd_n " \"%V\" failed, a revocation will be "
                      "forgotten when nginx is restarted", &j->path);
    }

    (void) ngx_close_file(fd);
}


static void
ngx_http_tradesec_journal_handler(ngx_event_t *ev)
{
    ngx_int_t                                 rc;
    ngx_connection_t                         *c;
    ngx_http_tradesec_revocations_journal_t  *j;

    c = ev->data;
    j = c->data;

    rc = ngx_http_tradesec_journal_step(j);

    ngx_add_timer(ev, rc == NGX_AGAIN ? NGX_HTTP_TRADESEC_JOURNAL_BUSY
                      : rc == NGX_OK ? NGX_HTTP_TRADESEC_JOURNAL_IDLE
                      : NGX_HTTP_TRADESEC_JOURNAL_RETRY);
}


/* NGX_AGAIN: there is more to do. */

static ngx_int_t
ngx_http_tradesec_journal_step(ngx_http_tradesec_revocations_journal_t *j)
{
    ngx_int_t   rc;
    ngx_flag_t  keeper;

    /* a worker that is retired may be the last one of its zone */

    if (ngx_worker != 0 && !ngx_exiting) {
        return NGX_OK;
    }

    keeper = *j->area->keeper == ngx_pid;

    if (!keeper && j->fd != NGX_INVALID_FILE && j->old != NGX_INVALID_FILE) {
        (void) ngx_close_file(j->fd);
        (void) ngx_delete_file(j->temp.data);
        j->fd = NGX_INVALID_FILE;
    }

    if (j->fd != NGX_INVALID_FILE) {
        return ngx_http_tradesec_journal_piece(j);
    }

    if (j->old != NGX_INVALID_FILE) {
        rc = ngx_http_tradesec_journal_late(j);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_http_tradesec_journal_follow(j);

    if (!keeper || rc == NGX_AGAIN || rc == NGX_ERROR) {
        return rc;
    }

    if (rc == NGX_DECLINED || ngx_http_tradesec_journal_is_long(j)) {
        return ngx_http_tradesec_journal_begin(j, rc == NGX_OK);
    }

    return NGX_OK;
}


/* Reads what is new; NGX_DECLINED: there is no file, or it is no journal. */

static ngx_int_t
ngx_http_tradesec_journal_follow(ngx_http_tradesec_revocations_journal_t *j)
{
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    if (ngx_file_info(j->path.data, &fi) == NGX_FILE_ERROR) {
        return NGX_DECLINED;
    }

    if (!j->known || ngx_file_uniq(&fi) != j->uniq
        || ngx_file_size(&fi) < j->offset)
    {
        j->known = 1;
        j->uniq = ngx_file_uniq(&fi);
        j->offset = 0;
        j->foreign = 0;
    }

    if (j->foreign) {
        return NGX_DECLINED;
    }

    if (ngx_file_size(&fi) == j->offset) {
        return NGX_OK;
    }

    fd = ngx_open_file(j->path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return ngx_http_tradesec_journal_failed(j, ngx_open_file_n);
    }

    /* one that was replaced meanwhile is noticed at the next look */

    rc = ngx_http_tradesec_journal_read(j, fd, &j->offset, j->event.log);

    (void) ngx_close_file(fd);

    return j->foreign ? NGX_DECLINED : rc;
}


/* One piece, from offset on, which moves behind its last whole line. */

static ngx_int_t
ngx_http_tradesec_journal_read(ngx_http_tradesec_revocations_journal_t *j,
    ngx_fd_t fd, off_t *offset, ngx_log_t *log)
{
    u_char    buf[NGX_HTTP_TRADESEC_JOURNAL_PIECE];
    u_char   *p, *lf;
    ssize_t   n;

    n = pread(fd, buf, sizeof(buf), *offset);

    if (n == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno, "pread() \"%V\" failed",
                      &j->path);
        return NGX_ERROR;
    }

    if (*offset == 0
        && (n < (ssize_t) sizeof(TS_STATE_HEAD)
            || ngx_memcmp(buf, TS_STATE_HEAD "\n", sizeof(TS_STATE_HEAD)) != 0))
    {
        j->foreign = 1;
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "\"%V\" is no journal of revocations", &j->path);
        return NGX_OK;
    }

    for (p = buf; !j->foreign; p = lf + 1) {
        lf = ngx_strlchr(p, buf + n, '\n');

        if (lf == NULL) {
            break;
        }

        ngx_http_tradesec_journal_line(j, ts_slice(p, lf - p), log);
    }

    *offset += p - buf;

    /* without progress it is the end, or a line longer than any of ours */

    if (p == buf) {
        *offset += n == (ssize_t) sizeof(buf) ? n : 0;
    }

    return n == (ssize_t) sizeof(buf) ? NGX_AGAIN : NGX_OK;
}


static void
ngx_http_tradesec_journal_line(ngx_http_tradesec_revocations_journal_t *j,
    ts_slice_t line, ngx_log_t *log)
{
    int              rc;
    uint8_t          key[TS_STATE_KEY];
    uint32_t         now;
    ngx_flag_t       late;
    ts_slice_t       name;
    ts_revocation_t  r;

    late = 0;

    if (line.len == 0 || ts_slice_eq(line, TS_SLICE(TS_STATE_HEAD))) {
        return;
    }

    if (ts_state_read_key(line, &name, key)) {

        if (j->area->fresh && j->event.handler == NULL && j->names == NULL) {
            ngx_memcpy(j->area->key, key, TS_STATE_KEY);

        } else if (j->event.handler == NULL && j->names != NULL) {
            j->renamed = ngx_memcmp(j->names, key, TS_STATE_KEY) != 0;

        } else if (ngx_memcmp(j->area->key, key, TS_STATE_KEY) != 0) {
            j->foreign = 1;
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "the revocations in \"%V\" are those of another "
                          "zone", &j->path);
        }

        return;
    }

    if (!ts_state_read_revocation(line, &r)) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "\"%V\" has a damaged line", &j->path);
        return;
    }

    ngx_http_tradesec_area_lock(j->area);
    now = ngx_http_tradesec_journal_now(j);

    if (j->renamed && ts_revocation_kind(r.key) < TS_REVOKED_CUTOFF) {

        /* nobody's name any more: what it covered is not known */

        r.key = ts_revocation_key(TS_REVOKED_CUTOFF, 0);
        r.time = now;
        late = r.expires > now;
    }

    rc = ts_revocations_restore(j->area->memory, &r, now);
    ngx_http_tradesec_area_unlock(j->area);

    if (late && !j->cut) {
        j->cut = 1;
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "tradesec: the revocations in \"%V\" are under another "
                      "key than \"key_file=\" of \"tradesec_redis\": every "
                      "token that was issued until now is revoked", &j->path);
    }

    if (!rc) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "tradesec_zone has no room for the revocations in "
                      "\"%V\": every token that was issued until now is "
                      "revoked", &j->path);
    }
}


uint32_t
ngx_http_tradesec_journal_now(ngx_http_tradesec_revocations_journal_t *j)
{
    return ts_revocations_now(j->area->memory, ngx_time(),
                              (int64_t) (ngx_current_msec / 1000));
}


static ngx_flag_t
ngx_http_tradesec_journal_is_long(ngx_http_tradesec_revocations_journal_t *j)
{
    off_t  list;

    if (j->offset < NGX_HTTP_TRADESEC_JOURNAL_MIN
        || j->old != NGX_INVALID_FILE)
    {
        return 0;
    }

    ngx_http_tradesec_area_lock(j->area);
    list = (off_t) ts_revocations_stats(j->area->memory).entries
           * sizeof("\nrevoke 0123456789abcdef 1700000000 1700000000");
    ngx_http_tradesec_area_unlock(j->area);

    return j->offset > NGX_HTTP_TRADESEC_JOURNAL_FACTOR * list;
}
