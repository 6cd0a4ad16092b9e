/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What happened while Redis was away. It is told in batches, each behind the
 * answers to the one before; what breaks off is told again, which changes
 * nothing where it was heard.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_attempts_redis.h"


#define NGX_HTTP_TRADESEC_JOURNAL_MAX    4096
#define NGX_HTTP_TRADESEC_JOURNAL_BATCH  64
#define NGX_HTTP_TRADESEC_JOURNAL_TRIES  3      /* with no sound answer */


typedef struct {
    ngx_queue_t   entries;      /* oldest first; no list: never used */
    ngx_uint_t    n;
    ngx_uint_t    sent;         /* of the entries, not answered yet */
    ngx_uint_t    told;         /* since it was last empty */
    ngx_uint_t    lost;
} ngx_http_tradesec_journal_t;


static ngx_int_t ngx_http_tradesec_attempts_journal_told(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply);
static void ngx_http_tradesec_attempts_journal_lose(
    ngx_http_tradesec_attempts_command_t *cmd);
static void ngx_http_tradesec_attempts_journal_lost(void);
static void ngx_http_tradesec_attempts_journal_drop(ngx_queue_t *q);
static void ngx_http_tradesec_attempts_journal_finish(void);


/* Of this worker. */

static ngx_http_tradesec_journal_t  ngx_http_tradesec_journal;


ngx_flag_t
ngx_http_tradesec_attempts_journal_is_empty(void)
{
    return ngx_http_tradesec_journal.n == 0;
}


void
ngx_http_tradesec_attempts_journal_keep(
    ngx_http_tradesec_attempts_command_t *cmd)
{
    ngx_queue_t                           *q;
    ngx_http_tradesec_journal_t           *journal;
    ngx_http_tradesec_attempts_command_t  *oldest;

    journal = &ngx_http_tradesec_journal;

    if (journal->entries.next == NULL) {
        ngx_queue_init(&journal->entries);
    }

    if (journal->n == NGX_HTTP_TRADESEC_JOURNAL_MAX
        && !ngx_queue_empty(&journal->entries))
    {
        q = ngx_queue_head(&journal->entries);
        oldest = ngx_queue_data(q, ngx_http_tradesec_attempts_command_t,
                                queue);

        if (oldest->sent) {
            ngx_free(cmd);
            ngx_http_tradesec_attempts_journal_lost();
            return;
        }

        ngx_http_tradesec_attempts_journal_drop(q);
        ngx_http_tradesec_attempts_journal_lost();
    }

    cmd->redis.handler = ngx_http_tradesec_attempts_journal_told;
    cmd->redis.timeout = NULL;
    cmd->whole = 0;
    cmd->sent = 0;

    ngx_queue_insert_tail(&journal->entries, &cmd->queue);
    journal->n++;

    /* one that comes while Redis listens does not wait for the next time */

    ngx_http_tradesec_attempts_journal_tell();
}


void
ngx_http_tradesec_attempts_journal_tell(void)
{
    ngx_queue_t                           *q;
    ngx_http_tradesec_journal_t           *journal;
    ngx_http_tradesec_attempts_command_t  *cmd;

    journal = &ngx_http_tradesec_journal;

    if (journal->n == 0 || journal->sent != 0
        || !ngx_http_tradesec_redis_is_open())
    {
        return;
    }

    for (q = ngx_queue_head(&journal->entries);
         q != ngx_queue_sentinel(&journal->entries)
         && journal->sent < NGX_HTTP_TRADESEC_JOURNAL_BATCH;
         q = ngx_queue_next(q))
    {
        cmd = ngx_queue_data(q, ngx_http_tradesec_attempts_command_t, queue);

        if (ngx_http_tradesec_attempts_send(cmd) != NGX_OK) {
            return;
        }

        cmd->sent = 1;
        journal->sent++;
    }
}


static ngx_int_t
ngx_http_tradesec_attempts_journal_told(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_journal_t           *journal;
    ngx_http_tradesec_attempts_command_t  *cmd;

    journal = &ngx_http_tradesec_journal;
    cmd = (ngx_http_tradesec_attempts_command_t *) redis;

    if (reply != NULL && ngx_http_tradesec_redis_is_noscript(reply)
        && !cmd->whole)
    {
        cmd->whole = 1;

        if (ngx_http_tradesec_attempts_send(cmd) == NGX_OK) {
            return NGX_OK;
        }

        reply = NULL;
    }

    journal->sent--;

    if (cmd->redis.refused) {
        ngx_http_tradesec_attempts_journal_lose(cmd);
        return NGX_OK;
    }

    if (reply == NULL) {
        cmd->sent = 0;
        cmd->whole = 0;
        return NGX_OK;
    }

    rc = ngx_http_tradesec_attempts_is_settled(cmd, reply);

    if (rc != NGX_OK) {
        cmd->sent = 0;

        if (++cmd->unsound == NGX_HTTP_TRADESEC_JOURNAL_TRIES) {
            ngx_http_tradesec_attempts_journal_lose(cmd);
        }

        return rc;
    }

    ngx_http_tradesec_attempts_journal_drop(&cmd->queue);
    journal->told++;
    ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_TOLD);

    if (journal->n == 0) {
        ngx_http_tradesec_attempts_journal_finish();

    } else {
        ngx_http_tradesec_attempts_journal_tell();
    }

    return NGX_OK;
}


/* It would go wrong again, and keep all others from being told. */

static void
ngx_http_tradesec_attempts_journal_lose(
    ngx_http_tradesec_attempts_command_t *cmd)
{
    ngx_http_tradesec_attempts_journal_drop(&cmd->queue);
    ngx_http_tradesec_attempts_journal_lost();

    if (ngx_http_tradesec_journal.n == 0) {
        ngx_http_tradesec_attempts_journal_finish();
    }
}


static void
ngx_http_tradesec_attempts_journal_lost(void)
{
    ngx_http_tradesec_journal.lost++;
    ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_LOST);
}


static void
ngx_http_tradesec_attempts_journal_drop(ngx_queue_t *q)
{
    ngx_queue_remove(q);
    ngx_http_tradesec_journal.n--;
    ngx_free(ngx_queue_data(q, ngx_http_tradesec_attempts_command_t, queue));
}


static void
ngx_http_tradesec_attempts_journal_finish(void)
{
    ngx_http_tradesec_journal_t  *journal;

    journal = &ngx_http_tradesec_journal;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "tradesec: redis was told %ui login events of this worker "
                  "that it had missed, %ui others are lost",
                  journal->told, journal->lost);

    journal->told = 0;
    journal->lost = 0;
}
