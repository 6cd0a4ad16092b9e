/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The journal of revocations, beside the state file (state= of tradesec_zone)
 * and named as it with ".revocations" behind. Whoever revokes adds a line to
 * its end, before anybody is told; the first worker of each cycle, and every
 * one that is retired, reads what the others have added. So nothing is lost
 * over a restart, and two zones that are used at the same time (a binary that
 * is being upgraded, old workers behind a reload that has changed the size)
 * know of each other's revocations within half a second.
 *
 * The keeper of the newest zone writes the file anew when most of its lines
 * are of the past: beside, then renamed, then what was added meanwhile. Where
 * there is none it puts an empty one there first, so that others can add to
 * it, and then the list.
 */

#ifndef NGX_HTTP_TRADESEC_REVOCATIONS_JOURNAL_H
#define NGX_HTTP_TRADESEC_REVOCATIONS_JOURNAL_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "core/ts_revocations.h"
#include "store/ngx_http_tradesec_zone.h"


typedef struct {
    ngx_str_t                  path;        /* empty: there is no journal */
    ngx_http_tradesec_area_t  *area;
    const u_char              *names;       /* the key that names have to be
                                               hashes under, or NULL */

    /* of a process that reads */

    ngx_event_t                event;
    ngx_connection_t           connection;  /* for nginx's debug log */
    ngx_file_uniq_t            uniq;        /* of the file that is read */
    off_t                      offset;
    ngx_flag_t                 foreign;     /* and it is another zone's */
    ngx_flag_t                 renamed;     /* as it is loaded: its names are
                                               under another key */
    ngx_flag_t                 cut;         /* and so all is revoked */
    ngx_flag_t                 known;       /* uniq is set */

    /* while it is written anew, and a moment longer */

    ngx_str_t                  temp;
    ngx_fd_t                   fd;          /* of temp, or, when nothing was
                                               there before, of its place */
    uint32_t                   cursor;
    ngx_fd_t                   old;         /* of the file that it replaces */
    off_t                      old_offset;
    ngx_uint_t                 rounds;      /* to look for late lines in old */
} ngx_http_tradesec_revocations_journal_t;


/* Its name; none without a state file. */

ngx_int_t ngx_http_tradesec_revocations_journal_conf(ngx_conf_t *cf,
    ngx_http_tradesec_revocations_journal_t *j,
    ngx_http_tradesec_area_t *area);

/* Reads it into a fresh area, with its key; in the master. */

ngx_int_t ngx_http_tradesec_revocations_journal_load(
    ngx_http_tradesec_revocations_journal_t *j, ngx_log_t *log);

/* Makes this worker read it, and the keeper write it anew. */

void ngx_http_tradesec_revocations_journal_start(
    ngx_http_tradesec_revocations_journal_t *j, ngx_log_t *log);

/* Finishes what this process has begun to write. */

void ngx_http_tradesec_revocations_journal_stop(
    ngx_http_tradesec_revocations_journal_t *j);

/* Adds lines, at most so many at once, in any process. */

#define NGX_HTTP_TRADESEC_JOURNAL_LINES  66

void ngx_http_tradesec_revocations_journal_add(
    ngx_http_tradesec_revocations_journal_t *j, const ts_revocation_t *list,
    ngx_uint_t n, ngx_log_t *log);


/*
 * Writing it anew, a piece at a time: for the keeper's timer. NGX_AGAIN:
 * there is more to do.
 */

/* Begins a file to replace the one that is there, or the first one. */

ngx_int_t ngx_http_tradesec_journal_begin(
    ngx_http_tradesec_revocations_journal_t *j, ngx_flag_t replace);
ngx_int_t ngx_http_tradesec_journal_piece(
    ngx_http_tradesec_revocations_journal_t *j);

/* Lines that were added to the old file until it had another name. */

ngx_int_t ngx_http_tradesec_journal_late(
    ngx_http_tradesec_revocations_journal_t *j);

/* Says what failed, and gives up what was begun: the old file stays. */

ngx_int_t ngx_http_tradesec_journal_failed(
    ngx_http_tradesec_revocations_journal_t *j, const char *what);

uint32_t ngx_http_tradesec_journal_now(
    ngx_http_tradesec_revocations_journal_t *j);


#endif /* NGX_HTTP_TRADESEC_REVOCATIONS_JOURNAL_H */
