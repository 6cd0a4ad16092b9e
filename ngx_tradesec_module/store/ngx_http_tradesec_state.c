/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_state.h"
#include "store/ngx_http_tradesec_state.h"


#define NGX_HTTP_TRADESEC_STATE_IDLE   500      /* ms between looks */
#define NGX_HTTP_TRADESEC_STATE_BUSY   20       /* ms between pieces */
#define NGX_HTTP_TRADESEC_STATE_RETRY  60000    /* ms after a failure */

#define NGX_HTTP_TRADESEC_STATE_PIECE  16384


/* What was found in a file. */

typedef struct {
    ngx_http_tradesec_area_t  *area;        /* of the lines that come */
    ngx_uint_t                 lines;
    ngx_uint_t                 loaded;
    ngx_uint_t                 refused;
    unsigned                   foreign:1;   /* the first line is another */
    unsigned                   complete:1;  /* the last line is ours */
} ngx_http_tradesec_state_found_t;


static ngx_int_t ngx_http_tradesec_state_read(
    ngx_http_tradesec_state_t *state, ngx_file_t *file);
static void ngx_http_tradesec_state_line(ngx_http_tradesec_state_t *state,
    ngx_http_tradesec_state_found_t *found, ts_slice_t line);
static ngx_http_tradesec_area_t *ngx_http_tradesec_state_area(
    ngx_http_tradesec_state_t *state, ts_slice_t name);
static void ngx_http_tradesec_state_handler(ngx_event_t *ev);
static ngx_flag_t ngx_http_tradesec_state_changed(
    ngx_http_tradesec_state_t *state);
static ngx_int_t ngx_http_tradesec_state_begin(
    ngx_http_tradesec_state_t *state);
static ngx_int_t ngx_http_tradesec_state_piece(
    ngx_http_tradesec_state_t *state);
static ngx_int_t ngx_http_tradesec_state_end(
    ngx_http_tradesec_state_t *state);
static ngx_int_t ngx_http_tradesec_state_write(
    ngx_http_tradesec_state_t *state, const void *data, size_t len);
static ngx_int_t ngx_http_tradesec_state_failed(
    ngx_http_tradesec_state_t *state, const char *what);


ngx_int_t
ngx_http_tradesec_state_conf(ngx_conf_t *cf, ngx_str_t *parameter,
    ngx_http_tradesec_state_t *state)
{
    size_t            len;
    u_char           *directory;
    ngx_str_t         path;
    ngx_file_info_t   fi;

    if (parameter->len <= sizeof("state=") - 1
        || ngx_strncmp(parameter->data, "state=", 6) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"tradesec_zone\", "
                           "write \"state=file\"", parameter);
        return NGX_ERROR;
    }

    path.data = parameter->data + 6;
    path.len = parameter->len - 6;

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    directory = ngx_pstrdup(cf->pool, &path);
    if (directory == NULL) {
        return NGX_ERROR;
    }

    for (len = path.len; len > 1 && path.data[len - 1] != '/'; len--) {
        /* void */
    }

    if (len == path.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"tradesec_zone\": "
                           "it names no file", parameter);
        return NGX_ERROR;
    }

    directory[len] = '\0';

    if (ngx_file_info(directory, &fi) == NGX_FILE_ERROR || !ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "there is no directory for the state file \"%V\" "
                           "of \"tradesec_zone\"", &path);
        return NGX_ERROR;
    }

    state->path = path;

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_state_load(ngx_http_tradesec_state_t *state, ngx_log_t *log)
{
    ngx_int_t        rc;
    ngx_file_t       file;
    ngx_file_info_t  fi;

    if (state->path.len == 0) {
        return NGX_OK;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = state->path;
    file.log = log;
    file.fd = ngx_open_file(state->path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", &state->path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file.fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "state file \"%V\" is not a file", &state->path);
        rc = NGX_ERROR;

    } else {
        rc = ngx_http_tradesec_state_read(state, &file);
    }

    (void) ngx_close_file(file.fd);

    return rc;
}


/*
 * A damaged file must not keep nginx from starting: what is readable counts,
 * and the log tells of the rest.
 */

static ngx_int_t
ngx_http_tradesec_state_read(ngx_http_tradesec_state_t *state,
    ngx_file_t *file)
{
    off_t                            offset;
    u_char                           buf[NGX_HTTP_TRADESEC_STATE_PIECE];
    u_char                          *p, *lf;
    ssize_t                          n;
    ngx_http_tradesec_state_found_t  found;

    ngx_memzero(&found, sizeof(ngx_http_tradesec_state_found_t));

    offset = 0;

    do {
        n = ngx_read_file(file, buf, sizeof(buf), offset);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        for (p = buf; !found.foreign; p = lf + 1) {
            lf = ngx_strlchr(p, buf + n, '\n');

            if (lf == NULL) {
                break;
            }

            ngx_http_tradesec_state_line(state, &found, ts_slice(p, lf - p));
        }

        offset += p - buf;

        /* without progress it is the end, or a line longer than any of ours */

    } while (p != buf && !found.foreign);

    if (found.foreign || n != 0 || !found.complete || found.refused) {
        ngx_log_error(NGX_LOG_ERR, file->log, 0,
                      "state file \"%V\" is damaged or larger than the "
                      "zone: %ui records read, %ui refused",
                      &file->name, found.loaded, found.refused);

    } else {
        ngx_log_error(NGX_LOG_NOTICE, file->log, 0,
                      "state file \"%V\": %ui records read",
                      &file->name, found.loaded);
    }

    return NGX_OK;
}


static void
ngx_http_tradesec_state_line(ngx_http_tradesec_state_t *state,
    ngx_http_tradesec_state_found_t *found, ts_slice_t line)
{
    uint8_t     key[TS_STATE_KEY];
    ts_slice_t  name;

    if (found->lines++ == 0) {
        found->foreign = !ts_slice_eq(line, TS_SLICE(TS_STATE_HEAD));
        return;
    }

    found->complete = ts_slice_eq(line, TS_SLICE(TS_STATE_END));

    if (found->complete) {
        return;
    }

    if (ts_state_read_key(line, &name, key)) {
        found->area = ngx_http_tradesec_state_area(state, name);

        if (found->area != NULL) {
            ngx_memcpy(found->area->key, key, TS_STATE_KEY);
        }

        return;
    }

    if (found->area == NULL) {
        /* of an area that is not used now, or that a reload has copied */
        return;
    }

    if (found->area->state->load(found->area, line)) {
        found->loaded++;

    } else {
        found->refused++;
    }
}


/* NULL when there is none of that name that wants to be filled. */

static ngx_http_tradesec_area_t *
ngx_http_tradesec_state_area(ngx_http_tradesec_state_t *state,
    ts_slice_t name)
{
    ngx_uint_t                 i;
    ngx_http_tradesec_area_t  *area;

    for (i = 0; i < state->n; i++) {
        area = state->areas[i];

        if (area->state != NULL && area->fresh
            && ts_slice_eq(name, ts_slice(area->name, ngx_strlen(area->name))))
        {
            return area;
        }
    }

    return NULL;
}


void
ngx_http_tradesec_state_start(ngx_http_tradesec_state_t *state,
    ngx_log_t *log)
{
    size_t  len;

    len = state->path.len + sizeof(".tmp.") + NGX_INT64_LEN;

    state->temp.data = ngx_alloc(len, log);
    if (state->temp.data == NULL) {
        return;
    }

    state->temp.len = ngx_sprintf(state->temp.data, "%V.tmp.%P%Z",
                                  &state->path, ngx_pid)
                      - state->temp.data - 1;

    *state->keeper = ngx_pid;

    state->fd = NGX_INVALID_FILE;
    state->connection.fd = -1;
    state->connection.data = state;

    state->event.handler = ngx_http_tradesec_state_handler;
    state->event.data = &state->connection;
    state->event.log = log;
    state->event.cancelable = 1;

    /* the first one right away: it shows whether the file can be written */

    ngx_add_timer(&state->event, 1);
}


void
ngx_http_tradesec_state_stop(ngx_http_tradesec_state_t *state)
{
    ngx_int_t  rc;

    if (state->temp.data == NULL || *state->keeper != ngx_pid) {
        return;
    }

    rc = state->fd != NGX_INVALID_FILE ? NGX_AGAIN : NGX_OK;

    for ( ;; ) {

        while (rc == NGX_AGAIN) {
            rc = ngx_http_tradesec_state_piece(state);
        }

        /* a file that was begun may have missed the latest changes */

        if (rc != NGX_OK || !ngx_http_tradesec_state_changed(state)
            || ngx_http_tradesec_state_begin(state) != NGX_OK)
        {
            return;
        }

        rc = NGX_AGAIN;
    }
}


static void
ngx_http_tradesec_state_handler(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    ngx_msec_t                  delay;
    ngx_connection_t           *c;
    ngx_http_tradesec_state_t  *state;

    c = ev->data;
    state = c->data;

    if (*state->keeper != ngx_pid) {
        /* a newer cycle has taken over */

        if (state->fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(state->fd);
            (void) ngx_delete_file(state->temp.data);
            state->fd = NGX_INVALID_FILE;
        }

        return;
    }

    rc = NGX_OK;

    if (state->fd != NGX_INVALID_FILE) {
        rc = ngx_http_tradesec_state_piece(state);

    } else if (ngx_http_tradesec_state_changed(state)) {
        rc = ngx_http_tradesec_state_begin(state);

        if (rc == NGX_OK) {
            rc = ngx_http_tradesec_state_piece(state);
        }
    }

    delay = rc == NGX_AGAIN ? NGX_HTTP_TRADESEC_STATE_BUSY
            : rc == NGX_OK ? NGX_HTTP_TRADESEC_STATE_IDLE
            : NGX_HTTP_TRADESEC_STATE_RETRY;

    ngx_add_timer(ev, delay);
}


static ngx_flag_t
ngx_http_tradesec_state_changed(ngx_http_tradesec_state_t *state)
{
    ngx_uint_t                 i;
    ngx_http_tradesec_area_t  *area;

    if (!state->saved) {
        return 1;
    }

    for (i = 0; i < state->n; i++) {
        area = state->areas[i];

        if (area->state != NULL
            && area->state->changes(area) != state->changes[i])
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_tradesec_state_begin(ngx_http_tradesec_state_t *state)
{
    ngx_uint_t                 i;
    ngx_http_tradesec_area_t  *area;

    /* what changes from now on is for the next file */

    for (i = 0; i < state->n; i++) {
        area = state->areas[i];
        state->changes[i] = area->state ? area->state->changes(area) : 0;
    }

    state->saved = 1;
    state->area = 0;
    state->cursor = 0;

    /* what has that name is a dead process's, or a trap of a neighbour */

    (void) ngx_delete_file(state->temp.data);

    state->fd = ngx_open_file(state->temp.data, NGX_FILE_WRONLY,
                              NGX_FILE_CREATE_OR_OPEN|O_EXCL,
                              NGX_FILE_OWNER_ACCESS);

    if (state->fd == NGX_INVALID_FILE) {
        return ngx_http_tradesec_state_failed(state, ngx_open_file_n);
    }

    return ngx_http_tradesec_state_write(state, TS_STATE_HEAD "\n",
                                         sizeof(TS_STATE_HEAD));
}


/* NGX_AGAIN: there is more to write. NGX_OK: the file is in its place. */

static ngx_int_t
ngx_http_tradesec_state_piece(ngx_http_tradesec_state_t *state)
{
    char                       key[TS_STATE_LINE_MAX];
    u_char                     buf[NGX_HTTP_TRADESEC_STATE_PIECE];
    size_t                     n;
    ngx_http_tradesec_area_t  *area;

    while (state->area < state->n && state->areas[state->area]->state == NULL) {
        state->area++;
    }

    if (state->area == state->n) {
        return ngx_http_tradesec_state_end(state);
    }

    area = state->areas[state->area];

    if (state->cursor == 0) {
        n = ts_state_write_key(key, area->name, area->key);

        if (ngx_http_tradesec_state_write(state, key, n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    n = area->state->dump(area, &state->cursor, buf, sizeof(buf));

    if (ngx_http_tradesec_state_write(state, buf, n) != NGX_OK) {
        return NGX_ERROR;
    }

    if (state->cursor == 0) {
        state->area++;
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_tradesec_state_end(ngx_http_tradesec_state_t *state)
{
    ngx_fd_t  fd;

    if (ngx_http_tradesec_state_write(state, TS_STATE_END "\n",
                                      sizeof(TS_STATE_END))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    fd = state->fd;
    state->fd = NGX_INVALID_FILE;

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        return ngx_http_tradesec_state_failed(state, ngx_close_file_n);
    }

    if (ngx_rename_file(state->temp.data, state->path.data)
        == NGX_FILE_ERROR)
    {
        return ngx_http_tradesec_state_failed(state, ngx_rename_file_n);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_state_write(ngx_http_tradesec_state_t *state,
    const void *data, size_t len)
{
    ssize_t  n;

    n = ngx_write_fd(state->fd, (void *) (uintptr_t) data, len);

    return n == (ssize_t) len
           ? NGX_OK : ngx_http_tradesec_state_failed(state, ngx_write_fd_n);
}


/* The file of before stays as it is. */

static ngx_int_t
ngx_http_tradesec_state_failed(ngx_http_tradesec_state_t *state,
    const char *what)
{
    ngx_log_error(NGX_LOG_CRIT, state->event.log, ngx_errno,
                  "%s \"%V\" failed, the state file is not written: its "
                  "directory must be writable by the worker processes",
                  what, &state->temp);

    if (state->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(state->fd);
        state->fd = NGX_INVALID_FILE;
    }

    (void) ngx_delete_file(state->temp.data);

    state->saved = 0;

    return NGX_ERROR;
}
