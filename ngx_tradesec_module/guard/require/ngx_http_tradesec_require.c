/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The require guard: rules on the claims of the caller's token.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/require/ngx_http_tradesec_require.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_page.h"
#include "request/ngx_http_tradesec_request.h"


#define NGX_HTTP_TRADESEC_REQUIRE_BODY_SIZE  65536


static const void *ngx_http_tradesec_require_get_policy(ngx_conf_t *cf);
static ngx_flag_t ngx_http_tradesec_require_subrequest(ngx_http_request_t *r,
    const void *policy, const void *passed);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_require_applies(ngx_http_request_t *r,
    const ngx_http_tradesec_rule_t *rule);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_judge(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_rule_t *rule,
    ngx_http_tradesec_require_body_t *body);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_judge_parts(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_rule_t *rule,
    ngx_http_tradesec_require_body_t *body, ts_rule_facts_t *facts,
    uint32_t i);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_verdict(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_rule_t *rule, ts_rule_e rc);
static void *ngx_http_tradesec_require_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_require_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_require_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_require_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static const ngx_http_tradesec_require_policy_t *
    ngx_http_tradesec_require_join(ngx_conf_t *cf,
    const ngx_http_tradesec_require_policy_t *inherited,
    const ngx_array_t *own);
static ngx_int_t ngx_http_tradesec_require_init(ngx_conf_t *cf);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_require_guard = {
    NGX_HTTP_TRADESEC_GUARD_REQUIRE,
    ngx_http_tradesec_require_get_policy,
    ngx_http_tradesec_require_check,
    NULL,
    ngx_http_tradesec_require_subrequest
};


static ngx_command_t  ngx_http_tradesec_require_commands[] = {

    { ngx_string("tradesec_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_require_body_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_require_conf_t, body_size),
      NULL },

    { ngx_string("tradesec_public"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_require_conf_t, public),
      &ngx_http_tradesec_public_words },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_require_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_tradesec_require_init,          /* postconfiguration */

    ngx_http_tradesec_require_create_main_conf,  /* create main conf */
    NULL,                                    /* init main configuration */

    ngx_http_tradesec_require_create_srv_conf,  /* create server config */
    NULL,                                    /* merge server configuration */

    ngx_http_tradesec_require_create_conf,   /* create location config */
    ngx_http_tradesec_require_merge_conf     /* merge location config */
};


ngx_module_t  ngx_http_tradesec_require_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_require_module_ctx,   /* module context */
    ngx_http_tradesec_require_commands,      /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    NULL,                                    /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    NULL,                                    /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


static const void *
ngx_http_tradesec_require_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_require_conf_t  *qlcf;

    qlcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_tradesec_require_module);

    return qlcf->policy;
}


/* What was compared with a path says nothing of another path. */

static ngx_flag_t
ngx_http_tradesec_require_subrequest(ngx_http_request_t *r,
    const void *policy, const void *passed)
{
    const ngx_http_tradesec_require_policy_t *p = policy;

    return passed == policy && !p->bound;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_uint_t                               i;
    ngx_http_tradesec_verdict_t              verdict;
    const ngx_http_tradesec_rule_t          *rule;
    ngx_http_tradesec_require_body_t         body;
    const ngx_http_tradesec_require_conf_t  *qlcf;

    qlcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_require_module);

    body.read = 0;

    for (i = 0; i < qlcf->policy->n; i++) {
        rule = qlcf->policy->rules[i];

        if (!ngx_http_tradesec_require_applies(r, rule)) {
            continue;
        }

        verdict = ngx_http_tradesec_require_judge(r, ctx, rule, &body);

        if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
            ctx->broken = verdict.kind == NGX_HTTP_TRADESEC_DENY ? &rule->name
                                                                 : NULL;
            return verdict;
        }
    }

    return ngx_http_tradesec_pass();
}


/* A backend answers HEAD as it would GET: what holds for one, for both. */

static ngx_flag_t
ngx_http_tradesec_require_applies(ngx_http_request_t *r,
    const ngx_http_tradesec_rule_t *rule)
{
    switch (rule->which) {

    case NGX_HTTP_TRADESEC_REQUIRE_ANY:
        return 1;

    case NGX_HTTP_TRADESEC_REQUIRE_UNSAFE:
        return !ngx_http_tradesec_is_safe(r);

    default:
        return ngx_http_tradesec_method_in(r, &rule->methods)
               || (r->method == NGX_HTTP_HEAD
                   && (rule->methods.known & NGX_HTTP_GET));
    }
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_judge(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_rule_t *rule,
    ngx_http_tradesec_require_body_t *body)
{
    uint32_t         i;
    ts_rule_e        rc;
    ts_rule_part_t   parts[NGX_HTTP_TRADESEC_REQUIRE_PARTS];
    ts_rule_facts_t  facts;

    facts.claims = ctx->identity.claims;
    facts.now = ngx_time();
    facts.parts = parts;

    if (rule->n_parts) {
        ngx_memzero(parts, rule->n_parts * sizeof(ts_rule_part_t));
    }

    rc = ts_rule(rule->conditions, rule->n, &facts, &i);

    if (rc == TS_RULE_HOLDS) {
        return ngx_http_tradesec_pass();
    }

    if (rc == TS_RULE_NEEDS_PART) {
        return ngx_http_tradesec_require_judge_parts(r, ctx, rule, body,
                                                     &facts, i);
    }

    return ngx_http_tradesec_require_verdict(r, ctx, rule, rc);
}


/* Part i is needed, perhaps others after it. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_judge_parts(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_rule_t *rule,
    ngx_http_tradesec_require_body_t *body, ts_rule_facts_t *facts,
    uint32_t i)
{
    u_char                        bufs[NGX_HTTP_TRADESEC_REQUIRE_PARTS]
                                      [TS_PART_VALUE];
    ts_rule_e                     rc;
    ts_rule_part_t               *parts;
    ngx_http_tradesec_verdict_t   verdict;

    parts = (ts_rule_part_t *) facts->parts;

    do {
        verdict = ngx_http_tradesec_require_read(r, ctx, &rule->parts[i], body,
                                                 bufs[i], &parts[i].text);

        if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
            return verdict;
        }

        parts[i].known = 1;

        rc = ts_rule(rule->conditions, rule->n, facts, &i);

    } while (rc == TS_RULE_NEEDS_PART);

    return ngx_http_tradesec_require_verdict(r, ctx, rule, rc);
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_verdict(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_rule_t *rule,
    ts_rule_e rc)
{
    ngx_int_t  redirect;

    if (rc == TS_RULE_HOLDS) {
        return ngx_http_tradesec_pass();
    }

    if (rc == TS_RULE_STEP_UP) {
        ctx->challenge = rule->challenge;
        redirect = ngx_http_tradesec_page_redirect(r, &rule->step_up,
                                                   &ctx->redirect);

        return redirect == NGX_OK
               ? ngx_http_tradesec_deny(TS_REASON_REQUIRE_STEP_UP)
               : ngx_http_tradesec_fault();
    }

    ctx->answer = &rule->answer;
    redirect = ngx_http_tradesec_page_redirect(r, &rule->redirect,
                                               &ctx->redirect);

    return redirect == NGX_OK
           ? ngx_http_tradesec_deny(TS_REASON_REQUIRE_UNMET)
           : ngx_http_tradesec_fault();
}


static void *
ngx_http_tradesec_require_create_main_conf(ngx_conf_t *cf)
{
    /* the first of all rules, which are a list */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_rule_t *));
}


static void *
ngx_http_tradesec_require_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_require_srv_conf_t));
}


static void *
ngx_http_tradesec_require_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_require_conf_t  *qlcf;

    /*
     * set by ngx_pcalloc():
     *
     *     qlcf->own = NULL;
     *     qlcf->off = 0;
     *     qlcf->policy = NULL;
     */

    qlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_require_conf_t));
    if (qlcf == NULL) {
        return NULL;
    }

    qlcf->body_size = NGX_CONF_UNSET_SIZE;
    qlcf->public = NGX_CONF_UNSET_UINT;

    return qlcf;
}


/*
 * Rules add up: a location can be stricter than what is around it, and only
 * "off" makes it less strict.
 */

static char *
ngx_http_tradesec_require_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_require_conf_t  *prev = parent;
    ngx_http_tradesec_require_conf_t  *conf = child;

    ngx_uint_t                             i;
    ngx_http_tradesec_require_srv_conf_t  *qscf;

    ngx_conf_merge_size_value(conf->body_size, prev->body_size,
                              NGX_HTTP_TRADESEC_REQUIRE_BODY_SIZE);
    ngx_conf_merge_uint_value(conf->public, prev->public,
                              NGX_HTTP_TRADESEC_PUBLIC_AUTO);

    conf->inner = ngx_http_tradesec_conf_place(cf)->inner;

    if (ngx_http_tradesec_conf_is_verified(cf)) {
        qscf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_tradesec_require_module);
        qscf->verified = 1;
    }

    conf->policy = conf->off ? NULL : prev->policy;

    if (conf->own != NULL) {
        conf->policy = ngx_http_tradesec_require_join(cf, conf->policy,
                                                      conf->own);
        if (conf->policy == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->policy == NULL || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    if (!ngx_http_tradesec_conf_is_verified(cf)) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_require\" needs a verified token, and there is "
                   "no \"tradesec_jwt\"; write \"tradesec_require off\" where "
                   "no token is asked for");
    }

    for (i = 0; i < conf->policy->n; i++) {
        conf->policy->rules[i]->active = 1;
    }

    return NGX_CONF_OK;
}


static const ngx_http_tradesec_require_policy_t *
ngx_http_tradesec_require_join(ngx_conf_t *cf,
    const ngx_http_tradesec_require_policy_t *inherited,
    const ngx_array_t *own)
{
    ngx_uint_t                           i, n;
    ngx_http_tradesec_rule_t           **rules;
    ngx_http_tradesec_require_policy_t  *policy;

    n = inherited ? inherited->n : 0;

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_require_policy_t));
    rules = ngx_palloc(cf->pool, (n + own->nelts)
                                 * sizeof(ngx_http_tradesec_rule_t *));

    if (policy == NULL || rules == NULL) {
        return NULL;
    }

    if (n) {
        ngx_memcpy(rules, inherited->rules,
                   n * sizeof(ngx_http_tradesec_rule_t *));
    }

    ngx_memcpy(rules + n, own->elts,
               own->nelts * sizeof(ngx_http_tradesec_rule_t *));

    policy->rules = rules;
    policy->n = n + own->nelts;

    for (i = 0; i < policy->n; i++) {
        policy->bound |= rules[i]->n_parts != 0;
    }

    return policy;
}


static ngx_int_t
ngx_http_tradesec_require_init(ngx_conf_t *cf)
{
    ngx_http_tradesec_rule_t  **first, *rule;

    first = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_require_module);

    for (rule = *first; rule; rule = rule->next) {
        if (!rule->active) {
            ngx_http_tradesec_finding_at(cf, TS_FINDING_REQUIRE_UNUSED,
                                         rule->place, &rule->file, rule->line,
                                         NULL);
        }
    }

    return NGX_OK;
}
