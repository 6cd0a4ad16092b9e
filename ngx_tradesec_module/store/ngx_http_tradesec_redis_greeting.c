/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/evp.h>

#include "store/ngx_http_tradesec_redis_greeting.h"


#define NGX_HTTP_TRADESEC_REDIS_PROBE  "tradesec:{login}:probe"


typedef struct ngx_http_tradesec_redis_step_s
    ngx_http_tradesec_redis_step_t;

struct ngx_http_tradesec_redis_step_s {
    const char   *what;
    void        (*look)(const redisReply *reply);   /* NULL: it has to work */
};


typedef struct {
    const ngx_http_tradesec_redis_conf_t  *conf;
    ngx_log_t                             *log;
    ngx_http_tradesec_redis_greeted_pt     greeted;     /* NULL: it was */
    unsigned                               forgets:1;   /* no AOF */
    unsigned                               looked:1;    /* in this worker */
} ngx_http_tradesec_redis_greeting_t;


static int ngx_http_tradesec_redis_say(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_step_t *step, int n, const char **args,
    const size_t *lens);
static int ngx_http_tradesec_redis_say_who(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_conf_t *conf);
static int ngx_http_tradesec_redis_say_script(redisAsyncContext *ac,
    ts_slice_t script);
static void ngx_http_tradesec_redis_heard(redisAsyncContext *ac, void *reply,
    void *data);
static void ngx_http_tradesec_redis_refused(const char *what,
    const redisReply *reply);
static void ngx_http_tradesec_redis_look_at_info(const redisReply *reply);
static void ngx_http_tradesec_redis_look_at_save(const redisReply *reply);


static ngx_http_tradesec_redis_greeting_t  ngx_http_tradesec_redis_greeting;


static const ngx_http_tradesec_redis_step_t  ngx_http_tradesec_redis_steps[] = {
    { "AUTH", NULL },
    { "SELECT", NULL },
    { "INFO", ngx_http_tradesec_redis_look_at_info },
    { "CONFIG GET", ngx_http_tradesec_redis_look_at_save },
    { "SCRIPT LOAD", NULL },
    { "SET", NULL }
};

#define NGX_HTTP_TRADESEC_REDIS_AUTH    (&ngx_http_tradesec_redis_steps[0])
#define NGX_HTTP_TRADESEC_REDIS_SELECT  (&ngx_http_tradesec_redis_steps[1])
#define NGX_HTTP_TRADESEC_REDIS_INFO    (&ngx_http_tradesec_redis_steps[2])
#define NGX_HTTP_TRADESEC_REDIS_CONFIG  (&ngx_http_tradesec_redis_steps[3])
#define NGX_HTTP_TRADESEC_REDIS_LOAD    (&ngx_http_tradesec_redis_steps[4])
#define NGX_HTTP_TRADESEC_REDIS_LAST    (&ngx_http_tradesec_redis_steps[5])


ngx_int_t
ngx_http_tradesec_redis_greet(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_conf_t *conf,
    const ngx_http_tradesec_redis_clients_t *clients, ngx_log_t *log,
    ngx_http_tradesec_redis_greeted_pt greeted)
{
    int         rc;
    ngx_uint_t  i, j;

    static const char    *info[] = { "INFO" };
    static const char    *save[] = { "CONFIG", "GET", "save" };
    static const char    *probe[] = {
        "SET", NGX_HTTP_TRADESEC_REDIS_PROBE, "1", "EX", "60"
    };
    static const size_t   info_lens[] = { 4 };
    static const size_t   save_lens[] = { 6, 3, 4 };
    static const size_t   probe_lens[] = {
        3, sizeof(NGX_HTTP_TRADESEC_REDIS_PROBE) - 1, 1, 2, 2
    };

    ngx_http_tradesec_redis_greeting.conf = conf;
    ngx_http_tradesec_redis_greeting.log = log;
    ngx_http_tradesec_redis_greeting.greeted = greeted;

    rc = ngx_http_tradesec_redis_say_who(ac, conf);

    /* one worker looks, once: what it finds is for the log */

    if (ngx_worker == 0 && !ngx_http_tradesec_redis_greeting.looked) {
        rc |= ngx_http_tradesec_redis_say(ac, NGX_HTTP_TRADESEC_REDIS_INFO, 1,
                                          info, info_lens);
        rc |= ngx_http_tradesec_redis_say(ac, NGX_HTTP_TRADESEC_REDIS_CONFIG,
                                          3, save, save_lens);
    }

    for (i = 0; i < clients->n; i++) {
        for (j = 0; j < clients->list[i]->nscripts; j++) {
            rc |= ngx_http_tradesec_redis_say_script(ac,
                                                clients->list[i]->scripts[j]);
        }
    }

    rc |= ngx_http_tradesec_redis_say(ac, NGX_HTTP_TRADESEC_REDIS_LAST, 5,
                                      probe, probe_lens);

    return rc == REDIS_OK ? NGX_OK : NGX_ERROR;
}


static int
ngx_http_tradesec_redis_say(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_step_t *step, int n, const char **args,
    const size_t *lens)
{
    return redisAsyncCommandArgv(ac, ngx_http_tradesec_redis_heard,
                                 (void *) (uintptr_t) step, n, args, lens);
}


static int
ngx_http_tradesec_redis_say_who(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_conf_t *conf)
{
    int          n, rc;
    u_char       number[NGX_INT_T_LEN];
    size_t       lens[3];
    const char  *args[3];

    rc = REDIS_OK;

    if (conf->password.len) {
        n = 0;
        args[n] = "AUTH";
        lens[n++] = 4;

        if (conf->user.len) {
            args[n] = (const char *) conf->user.data;
            lens[n++] = conf->user.len;
        }

        args[n] = (const char *) conf->password.data;
        lens[n++] = conf->password.len;

        rc |= ngx_http_tradesec_redis_say(ac, NGX_HTTP_TRADESEC_REDIS_AUTH, n,
                                          args, lens);
    }

    if (conf->database) {
        args[0] = "SELECT";
        lens[0] = 6;
        args[1] = (const char *) number;
        lens[1] = ngx_sprintf(number, "%ui", conf->database) - number;

        rc |= ngx_http_tradesec_redis_say(ac, NGX_HTTP_TRADESEC_REDIS_SELECT,
                                          2, args, lens);
    }

    return rc;
}


static int
ngx_http_tradesec_redis_say_script(redisAsyncContext *ac, ts_slice_t script)
{
    size_t       lens[3];
    const char  *args[3];

    args[0] = "SCRIPT";
    lens[0] = 6;
    args[1] = "LOAD";
    lens[1] = 4;
    args[2] = (const char *) script.data;
    lens[2] = script.len;

    return ngx_http_tradesec_redis_say(ac, NGX_HTTP_TRADESEC_REDIS_LOAD, 3,
                                       args, lens);
}


ngx_int_t
ngx_http_tradesec_redis_script_name(ts_slice_t script,
    u_char name[NGX_HTTP_TRADESEC_REDIS_SHA1])
{
    u_char  md[EVP_MAX_MD_SIZE];

    if (EVP_Digest(script.data, script.len, md, NULL, EVP_sha1(), NULL) != 1) {
        return NGX_ERROR;
    }

    ngx_hex_dump(name, md, NGX_HTTP_TRADESEC_REDIS_SHA1 / 2);

    return NGX_OK;
}


static void
ngx_http_tradesec_redis_heard(redisAsyncContext *ac, void *reply, void *data)
{
    redisReply                             *heard = reply;
    const ngx_http_tradesec_redis_step_t   *step = data;

    ngx_http_tradesec_redis_greeted_pt   greeted;
    ngx_http_tradesec_redis_greeting_t  *greeting;

    greeting = &ngx_http_tradesec_redis_greeting;

    if (heard == NULL || greeting->greeted == NULL) {
        return;
    }

    if (step->look != NULL) {
        step->look(heard);
        return;
    }

    if (heard->type != REDIS_REPLY_STATUS && heard->type != REDIS_REPLY_STRING)
    {
        ngx_http_tradesec_redis_refused(step->what, heard);
        return;
    }

    if (step == NGX_HTTP_TRADESEC_REDIS_LAST) {
        greeted = greeting->greeted;
        greeting->greeted = NULL;
        greeted(NULL);
    }
}


/* Of an error only the first word: what follows may be what we have said. */

static void
ngx_http_tradesec_redis_refused(const char *what, const redisReply *reply)
{
    size_t                               len;
    u_char                               why[NGX_HTTP_TRADESEC_REDIS_WHY];
    ngx_http_tradesec_redis_greeted_pt   greeted;

    len = 0;

    if (reply->type == REDIS_REPLY_ERROR) {
        while (len < (size_t) reply->len && len < 32
               && reply->str[len] >= 'A' && reply->str[len] <= 'Z')
        {
            len++;
        }
    }

    *ngx_snprintf(why, sizeof(why) - 1, "%s is answered by %*s", what,
                  len ? len : sizeof("nonsense") - 1,
                  len ? reply->str : "nonsense") = '\0';

    greeted = ngx_http_tradesec_redis_greeting.greeted;
    ngx_http_tradesec_redis_greeting.greeted = NULL;

    greeted((const char *) why);
}


static void
ngx_http_tradesec_redis_look_at_info(const redisReply *reply)
{
    u_char                              *policy, *end;
    ngx_http_tradesec_redis_greeting_t  *greeting;

    greeting = &ngx_http_tradesec_redis_greeting;

    if (reply->type != REDIS_REPLY_STRING) {
        return;
    }

    policy = (u_char *) ngx_strstr(reply->str, "\nmaxmemory_policy:");
    greeting->forgets = ngx_strstr(reply->str, "\naof_enabled:0") != NULL;

    if (policy == NULL) {
        return;
    }

    policy += sizeof("\nmaxmemory_policy:") - 1;

    for (end = policy; *end >= 'a' && *end <= 'z'; end++) { /* void */ }

    if (end - policy != sizeof("noeviction") - 1
        || ngx_strncmp(policy, "noeviction", 10) != 0)
    {
        ngx_log_error(NGX_LOG_WARN, greeting->log, 0,
                      "tradesec: redis \"%V\" evicts keys when its memory is "
                      "full, locks and revocations too: set "
                      "\"maxmemory-policy noeviction\"",
                      &greeting->conf->name);
    }
}


static void
ngx_http_tradesec_redis_look_at_save(const redisReply *reply)
{
    ngx_http_tradesec_redis_greeting_t  *greeting;

    greeting = &ngx_http_tradesec_redis_greeting;
    greeting->looked = 1;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    if (greeting->forgets && reply->element[1]->len == 0) {
        ngx_log_error(NGX_LOG_WARN, greeting->log, 0,
                      "tradesec: redis \"%V\" forgets all locks and "
                      "revocations when it is restarted: set "
                      "\"appendonly yes\"",
                      &greeting->conf->name);
    }
}
