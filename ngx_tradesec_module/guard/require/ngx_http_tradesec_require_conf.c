/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_require.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_refusal.h"
#include "guard/require/ngx_http_tradesec_require_conf.h"


static char *ngx_http_tradesec_require_word(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *word);
static char *ngx_http_tradesec_require_condition(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *word);
static char *ngx_http_tradesec_require_values(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ts_condition_t *condition,
    const ngx_str_t *claim);
static char *ngx_http_tradesec_require_finish(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line);


char *
ngx_http_tradesec_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_require_conf_t  *qlcf = conf;

    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_http_tradesec_rule_t          **slot, **first;
    ngx_http_tradesec_require_line_t    line;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            return "takes no parameters with \"off\"";
        }

        qlcf->off = 1;
        return NGX_CONF_OK;
    }

    ngx_memzero(&line, sizeof(ngx_http_tradesec_require_line_t));

    line.rule = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_rule_t));
    if (line.rule == NULL) {
        return NGX_CONF_ERROR;
    }

    line.rule->answer.status = NGX_HTTP_FORBIDDEN;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_tradesec_require_word(cf, &line, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_tradesec_require_finish(cf, &line) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (qlcf->own == NULL) {
        qlcf->own = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_tradesec_rule_t *));
        if (qlcf->own == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(qlcf->own);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = line.rule;

    first = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_require_module);
    line.rule->file = cf->conf_file->file.name;
    line.rule->line = cf->conf_file->line;
    line.rule->place = ngx_http_tradesec_conf_place(cf);
    line.rule->next = *first;
    *first = line.rule;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_require_word(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *word)
{
    if (ngx_strcmp(word->data, "or") == 0) {

        if (line->or || line->rule->n == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"or\" in \"tradesec_require\" stands between "
                               "conditions");
            return NGX_CONF_ERROR;
        }

        line->or = 1;
        return NGX_CONF_OK;
    }

    switch (ngx_http_tradesec_require_parameter(cf, line, word)) {

    case NGX_OK:
        return NGX_CONF_OK;

    case NGX_DECLINED:
        return ngx_http_tradesec_require_condition(cf, line, word);

    default:
        return NGX_CONF_ERROR;
    }
}


static char *
ngx_http_tradesec_require_condition(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *word)
{
    ngx_str_t                          name;
    ts_slice_t                         claim, source;
    ts_condition_e                     rc;
    ts_condition_t                     read, *condition;
    ts_rule_value_t                    values[TS_RULE_VALUES];
    ngx_http_tradesec_rule_t          *rule;
    ngx_http_tradesec_require_part_t  *part;

    rc = ts_condition_read(&read, ts_slice(word->data, word->len), &claim,
                           &source, values);

    if (rc != TS_CONDITION_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"tradesec_require\" %s", word,
                           ts_condition_text(rc));
        return NGX_CONF_ERROR;
    }

    name.data = (u_char *) claim.data;
    name.len = claim.len;

    condition = ngx_http_tradesec_require_add(cf, line, &name);
    if (condition == NULL) {
        return NGX_CONF_ERROR;
    }

    condition->op = read.op;
    condition->relative = read.relative;
    condition->number = read.number;
    condition->from_part = read.from_part;
    condition->n = read.n;
    condition->values = values;

    if (!read.from_part) {
        return ngx_http_tradesec_require_values(cf, line, condition, &name);
    }

    rule = line->rule;

    if (rule->n_parts == NGX_HTTP_TRADESEC_REQUIRE_PARTS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d parts of the request in "
                           "\"tradesec_require\"",
                           NGX_HTTP_TRADESEC_REQUIRE_PARTS);
        return NGX_CONF_ERROR;
    }

    if (rule->parts == NULL) {
        rule->parts = ngx_pcalloc(cf->pool, NGX_HTTP_TRADESEC_REQUIRE_PARTS
                                   * sizeof(ngx_http_tradesec_require_part_t));
        if (rule->parts == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    condition->part = (uint32_t) rule->n_parts;
    part = &rule->parts[rule->n_parts++];

    return ngx_http_tradesec_require_conf_part(cf, part, source);
}


ts_condition_t *
ngx_http_tradesec_require_add(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *claim)
{
    ngx_int_t                  id;
    ts_condition_t            *condition;
    ts_json_pointer_t          pointer;
    ngx_http_tradesec_rule_t  *rule;

    rule = line->rule;

    if (!ngx_http_tradesec_conf_claim_pointer(cf, &pointer, claim)
        || pointer.n == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid claim \"%V\" in \"tradesec_require\"",
                           claim);
        return NULL;
    }

    id = ngx_http_tradesec_conf_claim(cf, &pointer);
    if (id == NGX_ERROR) {
        return NULL;
    }

    if (rule->n == NGX_HTTP_TRADESEC_REQUIRE_CONDITIONS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d conditions in \"tradesec_require\"",
                           NGX_HTTP_TRADESEC_REQUIRE_CONDITIONS);
        return NULL;
    }

    if (rule->conditions == NULL) {
        rule->conditions = ngx_pcalloc(cf->pool,
                                       NGX_HTTP_TRADESEC_REQUIRE_CONDITIONS
                                       * sizeof(ts_condition_t));
        if (rule->conditions == NULL) {
            return NULL;
        }
    }

    condition = &rule->conditions[rule->n++];

    condition->claim = (uint8_t) id;
    condition->alternative = (uint8_t) line->or;
    condition->step_up = pointer.n == 1
                         && (ts_slice_eq(pointer.names[0], TS_SLICE("amr"))
                             || ts_slice_eq(pointer.names[0],
                                            TS_SLICE("acr")));
    line->or = 0;

    return condition;
}


/* Keeps the values; those of acr are what the challenge asks for. */

static char *
ngx_http_tradesec_require_values(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ts_condition_t *condition,
    const ngx_str_t *claim)
{
    u_char           *p;
    uint32_t          i;
    ngx_str_t         text;
    ts_rule_value_t  *values;

    if (condition->n == 0) {
        condition->values = NULL;
        return NGX_CONF_OK;
    }

    values = ngx_palloc(cf->pool, condition->n * sizeof(ts_rule_value_t));
    if (values == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(values, condition->values,
               condition->n * sizeof(ts_rule_value_t));

    condition->values = values;

    if (condition->op != TS_RULE_EQUAL
        || !ts_slice_eq(ts_slice(claim->data, claim->len), TS_SLICE("acr")))
    {
        return NGX_CONF_OK;
    }

    for (i = 0; i < condition->n; i++) {
        text.data = (u_char *) values[i].text.data;
        text.len = values[i].text.len;

        if (!ts_refusal_is_title(values[i].text)
            || ngx_strlchr(text.data, text.data + text.len, ' ') != NULL)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"acr\" in \"tradesec_require\" has a value "
                               "that cannot stand in a challenge");
            return NGX_CONF_ERROR;
        }

        p = ngx_pnalloc(cf->pool, line->acr.len + 1 + text.len);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        line->acr.len = ngx_sprintf(p, "%V%s%V", &line->acr,
                                    line->acr.len ? " " : "", &text)
                        - p;
        line->acr.data = p;
    }

    return NGX_CONF_OK;
}


/* RFC 9470, section 3 */

static char *
ngx_http_tradesec_require_finish(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line)
{
    u_char                    *p, *end;
    size_t                     len;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_tradesec_rule_t  *rule;

    static const char  error[] = "Bearer realm=\"restricted\", "
                                 "error=\"insufficient_user_authentication\"";

    rule = line->rule;

    if (rule->n == 0 || line->or) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_require\" %s",
                           line->or ? "ends with \"or\""
                                    : "has no condition such as role=admin");
        return NGX_CONF_ERROR;
    }

    len = sizeof(error) + sizeof(", acr_values=\"\", max_age=\"\"")
          + line->acr.len + NGX_TIME_T_LEN;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    end = p + len;
    rule->challenge.data = p;

    p = ngx_slprintf(p, end, "%s", error);

    if (line->acr.len) {
        p = ngx_slprintf(p, end, ", acr_values=\"%V\"", &line->acr);
    }

    if (line->max_age) {
        p = ngx_slprintf(p, end, ", max_age=\"%T\"", line->max_age);
    }

    rule->challenge.len = p - rule->challenge.data;

    if (rule->name.len) {
        return NGX_CONF_OK;
    }

    /* without a name the rule is called by its words */

    value = cf->args->elts;
    len = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        len += value[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->name.data = p;

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_sprintf(p, "%s%V", i > 1 ? " " : "", &value[i]);
    }

    rule->name.len = p - rule->name.data;

    return NGX_CONF_OK;
}
