/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_cookie_date.h"
#include "core/ts_param.h"
#include "core/ts_set_cookie.h"


/* A longer attribute is ignored (section 5.6). */

#define TS_SET_COOKIE_VALUE_LEN  1024


typedef enum {
    TS_SET_COOKIE_OTHER = 0,
    TS_SET_COOKIE_SECURE,
    TS_SET_COOKIE_HTTP_ONLY,
    TS_SET_COOKIE_SAME_SITE,
    TS_SET_COOKIE_MAX_AGE,
    TS_SET_COOKIE_EXPIRES,
    TS_SET_COOKIE_DOMAIN,
    TS_SET_COOKIE_PATH,
    TS_SET_COOKIE_ATTRIBUTES
} ts_set_cookie_attribute_e;


/* What the attributes of a line say. */

typedef struct {
    int             secure;
    int             http_only;
    int             domain;

    int             same_sites;         /* how many */
    ts_same_site_e  same_site;          /* the last */
    ts_same_site_e  weakest;

    int             paths;
    int             other_paths;        /* than "/" */

    int             has_max_age;
    int64_t         max_age;            /* the last, saturated */
    int             has_expires;
    int64_t         expires;
} ts_set_cookie_said_t;


/* What has to change: attributes that leave, attributes that are added. */

typedef struct {
    int             drop[TS_SET_COOKIE_ATTRIBUTES];
    int             secure;
    int             http_only;
    int             path;
    ts_same_site_e  same_site;
    int64_t         max_age;
} ts_set_cookie_change_t;


static ts_slice_t ts_set_cookie_cut(ts_slice_t *rest, uint8_t separator);
static int ts_set_cookie_starts(ts_slice_t text, ts_slice_t prefix);
static ts_set_cookie_attribute_e ts_set_cookie_attribute(ts_slice_t *text);
static void ts_set_cookie_read(ts_set_cookie_said_t *said, ts_slice_t rest);
static ts_same_site_e ts_set_cookie_same_site(ts_slice_t value);
static int ts_set_cookie_max_age(ts_slice_t value, int64_t *seconds);
static int ts_set_cookie_compare(ts_set_cookie_change_t *change,
    const ts_set_cookie_said_t *said, const ts_set_cookie_policy_t *policy,
    int64_t now);
static int ts_set_cookie_prefix(ts_set_cookie_change_t *change,
    const ts_set_cookie_said_t *said, ts_slice_t name);
static uint8_t *ts_set_cookie_write(uint8_t *p, ts_slice_t line,
    const ts_set_cookie_change_t *change);


static const ts_slice_t  ts_set_cookie_host = {
    (const uint8_t *) "__host-", 7
};

static const ts_slice_t  ts_set_cookie_secure = {
    (const uint8_t *) "__secure-", 9
};


ts_slice_t
ts_set_cookie_name(ts_slice_t line)
{
    ts_slice_t  pair, name;

    pair = ts_set_cookie_cut(&line, ';');
    name = ts_set_cookie_cut(&pair, '=');

    return pair.data != NULL ? ts_param_trim(name) : ts_slice(name.data, 0);
}


int
ts_set_cookie_value(ts_slice_t line, int64_t now, ts_slice_t *value)
{
    ts_slice_t            pair;
    ts_set_cookie_said_t  said;

    pair = ts_set_cookie_cut(&line, ';');
    (void) ts_set_cookie_cut(&pair, '=');
    *value = ts_param_trim(pair);

    if (value->len == 0 || ts_slice_eq(*value, TS_SLICE("\"\""))) {
        return 0;
    }

    ts_set_cookie_read(&said, line);

    return said.has_max_age ? said.max_age > 0
                            : !said.has_expires || said.expires > now;
}


ts_set_cookie_e
ts_set_cookie_harden(ts_slice_t line, const ts_set_cookie_policy_t *policy,
    int64_t now, uint8_t *out, size_t *len)
{
    int                     changed;
    size_t                  i;
    ts_slice_t              name, rest, pair;
    ts_set_cookie_said_t    said;
    ts_set_cookie_change_t  change;

    for (i = 0; i < line.len; i++) {
        if ((line.data[i] < 0x20 && line.data[i] != '\t')
            || line.data[i] == 0x7f)
        {
            return TS_SET_COOKIE_DROP;
        }
    }

    name = ts_set_cookie_name(line);

    rest = line;
    pair = ts_param_trim(ts_set_cookie_cut(&rest, ';'));

    if (name.len == 0) {

        if (pair.len && pair.data[0] == '=') {
            pair = ts_param_trim(ts_slice(pair.data + 1, pair.len - 1));
        }

        if (ts_set_cookie_starts(pair, ts_set_cookie_host)
            || ts_set_cookie_starts(pair, ts_set_cookie_secure))
        {
            return TS_SET_COOKIE_DROP;
        }
    }

    ts_set_cookie_read(&said, rest);

    memset(&change, 0, sizeof(change));

    changed = ts_set_cookie_prefix(&change, &said, name);
    changed |= ts_set_cookie_compare(&change, &said, policy, now);

    if (!changed) {
        return TS_SET_COOKIE_KEEP;
    }

    *len = (size_t) (ts_set_cookie_write(out, line, &change) - out);

    return TS_SET_COOKIE_CHANGE;
}


/* What stands before the separator; rest is what follows it, NULL for none. */

static ts_slice_t
ts_set_cookie_cut(ts_slice_t *rest, uint8_t separator)
{
    ts_slice_t      text;
    const uint8_t  *p;

    text = *rest;
    p = text.len ? memchr(text.data, separator, text.len) : NULL;

    if (p == NULL) {
        *rest = ts_slice(NULL, 0);
        return text;
    }

    *rest = ts_slice(p + 1, (size_t) (text.data + text.len - p - 1));
    text.len = (size_t) (p - text.data);

    return text;
}


static int
ts_set_cookie_starts(ts_slice_t text, ts_slice_t prefix)
{
    return text.len >= prefix.len
           && ts_slice_eq_nocase(ts_slice(text.data, prefix.len), prefix);
}


/* Which attribute it is; text becomes its value. */

static ts_set_cookie_attribute_e
ts_set_cookie_attribute(ts_slice_t *text)
{
    int         i;
    ts_slice_t  name;

    static const ts_slice_t  names[] = {
        { (const uint8_t *) "", 0 },
        { (const uint8_t *) "secure", 6 },
        { (const uint8_t *) "httponly", 8 },
        { (const uint8_t *) "samesite", 8 },
        { (const uint8_t *) "max-age", 7 },
        { (const uint8_t *) "expires", 7 },
        { (const uint8_t *) "domain", 6 },
        { (const uint8_t *) "path", 4 },
    };

    name = ts_param_trim(ts_set_cookie_cut(text, '='));
    *text = ts_param_trim(*text);

    for (i = 1; i < TS_SET_COOKIE_ATTRIBUTES; i++) {
        if (ts_slice_eq_nocase(name, names[i])) {
            return (ts_set_cookie_attribute_e) i;
        }
    }

    return TS_SET_COOKIE_OTHER;
}


static void
ts_set_cookie_read(ts_set_cookie_said_t *said, ts_slice_t rest)
{
    int                        ignored;
    int64_t                    seconds;
    ts_slice_t                 value;
    ts_same_site_e             same_site;
    ts_set_cookie_attribute_e  attribute;

    memset(said, 0, sizeof(ts_set_cookie_said_t));
    said->weakest = TS_SAME_SITE_STRICT;

    while (rest.data != NULL) {
        value = ts_set_cookie_cut(&rest, ';');
        attribute = ts_set_cookie_attribute(&value);
        ignored = value.len > TS_SET_COOKIE_VALUE_LEN;

        switch (attribute) {

        case TS_SET_COOKIE_SECURE:
            said->secure |= !ignored;
            break;

        case TS_SET_COOKIE_HTTP_ONLY:
            said->http_only |= !ignored;
            break;

        case TS_SET_COOKIE_SAME_SITE:
            same_site = ts_set_cookie_same_site(value);
            said->same_sites++;

            if (!ignored) {
                said->same_site = same_site;
            }

            if (same_site < said->weakest) {
                said->weakest = same_site;
            }

            break;

        case TS_SET_COOKIE_MAX_AGE:

            if (!ignored && ts_set_cookie_max_age(value, &seconds)) {
                said->has_max_age = 1;
                said->max_age = seconds;
            }

            break;

        case TS_SET_COOKIE_EXPIRES:

            if (!ignored && ts_cookie_date(value, &seconds)) {
                said->has_expires = 1;
                said->expires = seconds;
            }

            break;

        case TS_SET_COOKIE_DOMAIN:
            said->domain = 1;
            break;

        case TS_SET_COOKIE_PATH:
            said->paths++;
            said->other_paths |= value.len != 1 || value.data[0] != '/';
            break;

        default:
            break;
        }
    }
}


static ts_same_site_e
ts_set_cookie_same_site(ts_slice_t value)
{
    return ts_slice_eq_nocase(value, TS_SLICE("strict")) ? TS_SAME_SITE_STRICT
           : ts_slice_eq_nocase(value, TS_SLICE("lax")) ? TS_SAME_SITE_LAX
           : ts_slice_eq_nocase(value, TS_SLICE("none")) ? TS_SAME_SITE_NONE
           : TS_SAME_SITE_UNSET;
}


/* Digits, maybe a "-" in front (section 5.6.2); else the attribute is none. */

static int
ts_set_cookie_max_age(ts_slice_t value, int64_t *seconds)
{
    size_t   i;
    int64_t  n;

    i = value.len != 0 && value.data[0] == '-';

    if (value.len == 0 || (i == 0 && (value.data[0] < '0'
                                      || value.data[0] > '9')))
    {
        return 0;
    }

    for (n = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return 0;
        }

        n = n > INT64_MAX / 10 - 9 ? INT64_MAX / 10
                                   : n * 10 + (value.data[i] - '0');
    }

    *seconds = value.data[0] == '-' ? -n : n;

    return 1;
}


/* Where the line falls short of the policy. */

static int
ts_set_cookie_compare(ts_set_cookie_change_t *change,
    const ts_set_cookie_said_t *said, const ts_set_cookie_policy_t *policy,
    int64_t now)
{
    int      secure;
    int64_t  lifetime;

    if (policy->secure && !said->secure) {
        change->secure = 1;
        change->drop[TS_SET_COOKIE_SECURE] = 1;
    }

    if (policy->http_only && !said->http_only) {
        change->http_only = 1;
        change->drop[TS_SET_COOKIE_HTTP_ONLY] = 1;
    }

    /* browsers take SameSite=None from nobody who is not Secure */

    secure = said->secure || change->secure;

    if (policy->same_site > TS_SAME_SITE_NONE
        || (policy->same_site == TS_SAME_SITE_NONE && secure))
    {
        if (said->same_sites == 0 || said->weakest < policy->same_site) {
            change->same_site = said->same_site > policy->same_site
                                ? said->same_site : policy->same_site;
            change->drop[TS_SET_COOKIE_SAME_SITE] = 1;
        }
    }

    /* Max-Age goes before Expires (section 5.7); none: until it closes */

    lifetime = said->has_max_age ? said->max_age
               : said->has_expires ? said->expires - now : 0;

    if (policy->max_age && lifetime > policy->max_age) {
        change->max_age = policy->max_age;
        change->drop[TS_SET_COOKIE_MAX_AGE] = 1;
        change->drop[TS_SET_COOKIE_EXPIRES] = 1;
    }

    return change->secure || change->http_only || change->same_site
           || change->max_age;
}


/* Where it falls short of what its prefix promises. */

static int
ts_set_cookie_prefix(ts_set_cookie_change_t *change,
    const ts_set_cookie_said_t *said, ts_slice_t name)
{
    int  host, changed;

    host = ts_set_cookie_starts(name, ts_set_cookie_host);

    if (!host && !ts_set_cookie_starts(name, ts_set_cookie_secure)) {
        return 0;
    }

    changed = 0;

    if (!said->secure) {
        change->secure = 1;
        change->drop[TS_SET_COOKIE_SECURE] = 1;
        changed = 1;
    }

    if (host && said->domain) {
        change->drop[TS_SET_COOKIE_DOMAIN] = 1;
        changed = 1;
    }

    if (host && (said->paths == 0 || said->other_paths)) {
        change->path = 1;
        change->drop[TS_SET_COOKIE_PATH] = 1;
        changed = 1;
    }

    return changed;
}


static uint8_t *
ts_set_cookie_append(uint8_t *p, ts_slice_t text)
{
    memcpy(p, text.data, text.len);

    return p + text.len;
}


static uint8_t *
ts_set_cookie_append_number(uint8_t *p, int64_t n)
{
    uint8_t  digits[TS_DIGITS];

    return ts_set_cookie_append(p, ts_decimal((uint64_t) n, digits));
}


static uint8_t *
ts_set_cookie_write(uint8_t *p, ts_slice_t line,
    const ts_set_cookie_change_t *change)
{
    ts_slice_t  text, value;

    static const ts_slice_t  same_sites[] = {
        { (const uint8_t *) "", 0 },
        { (const uint8_t *) "; SameSite=None", 15 },
        { (const uint8_t *) "; SameSite=Lax", 14 },
        { (const uint8_t *) "; SameSite=Strict", 17 },
    };

    p = ts_set_cookie_append(p, ts_set_cookie_cut(&line, ';'));

    while (line.data != NULL) {
        text = ts_set_cookie_cut(&line, ';');
        value = text;

        if (ts_param_trim(text).len == 0
            || change->drop[ts_set_cookie_attribute(&value)])
        {
            continue;
        }

        *p++ = ';';
        p = ts_set_cookie_append(p, text);
    }

    if (change->path) {
        p = ts_set_cookie_append(p, TS_SLICE("; Path=/"));
    }

    if (change->max_age) {
        p = ts_set_cookie_append(p, TS_SLICE("; Max-Age="));
        p = ts_set_cookie_append_number(p, change->max_age);
    }

    if (change->secure) {
        p = ts_set_cookie_append(p, TS_SLICE("; Secure"));
    }

    if (change->http_only) {
        p = ts_set_cookie_append(p, TS_SLICE("; HttpOnly"));
    }

    return ts_set_cookie_append(p, same_sites[change->same_site]);
}
