/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_jwt.h"


static ts_reason_e ts_jwt_read_claims(ts_jwt_t *jwt);
static ts_reason_e ts_jwt_check_times(ts_jwt_t *jwt,
    const ts_jwt_policy_t *policy, int64_t now);
static ts_reason_e ts_jwt_check_issued(ts_jwt_t *jwt,
    const ts_jwt_policy_t *policy, int64_t exp, int64_t now);
static ts_reason_e ts_jwt_check_issuer(const ts_jwt_t *jwt,
    const ts_jwt_policy_t *policy);
static ts_reason_e ts_jwt_check_audience(const ts_jwt_t *jwt,
    const ts_jwt_policy_t *policy);
static ts_reason_e ts_jwt_check_type(const ts_jwt_t *jwt,
    const ts_jwt_policy_t *policy);


ts_reason_e
ts_jwt_check(ts_jwt_t *jwt, ts_slice_t token, const ts_jwt_policy_t *policy,
    const ts_jwks_t *jwks, int64_t now)
{
    ts_reason_e  rc;

    rc = ts_jws_read(&jwt->jws, token, policy->algs);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    if (ts_jws_key(&jwt->jws, jwks, NULL) == NULL) {
        return TS_REASON_JWT_UNKNOWN_KEY;
    }

    rc = ts_jwt_read_claims(jwt);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    rc = ts_jwt_check_times(jwt, policy, now);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    rc = ts_jws_decode_signature(&jwt->jws);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    rc = ts_jwt_check_issuer(jwt, policy);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    rc = ts_jwt_check_audience(jwt, policy);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    rc = ts_jwt_check_type(jwt, policy);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    return ts_jws_verify(&jwt->jws, jwks);
}


int
ts_jwt_reread(ts_jwt_t *jwt, ts_slice_t token)
{
    return ts_jws_read(&jwt->jws, token, TS_JWS_ALG_ANY) == TS_REASON_NONE
           && ts_jwt_read_claims(jwt) == TS_REASON_NONE;
}


static ts_reason_e
ts_jwt_read_claims(ts_jwt_t *jwt)
{
    ts_reason_e  rc;

    rc = ts_jws_decode_payload(&jwt->jws);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    jwt->claims.tokens = jwt->values;
    jwt->claims.size = TS_JWT_CLAIMS_VALUES;
    jwt->claims.max_depth = TS_JWT_CLAIMS_DEPTH;

    if (ts_json_parse(&jwt->claims, jwt->jws.payload) != TS_JSON_OK
        || jwt->values[0].type != TS_JSON_OBJECT)
    {
        return TS_REASON_JWT_CLAIMS;
    }

    return TS_REASON_NONE;
}


static const ts_json_token_t *
ts_jwt_member(const ts_jwt_t *jwt, ts_slice_t name)
{
    return ts_json_member(&jwt->claims, jwt->values, name);
}


/*
 * A NumericDate (RFC 7519, section 2) may have a fraction. It is rounded so
 * that the token is never good for longer: exp and iat down, nbf up. What is
 * no number or beyond int64_t is no date.
 */

static int
ts_jwt_date(const ts_jwt_t *jwt, const ts_json_token_t *token, int64_t *date,
    int up)
{
    ts_json_number_e  rc;

    rc = ts_json_number(&jwt->claims, token, date);

    if (rc == TS_JSON_NUMBER_FRACTION && up) {
        return !__builtin_add_overflow(*date, 1, date);
    }

    return rc == TS_JSON_NUMBER_INTEGER || rc == TS_JSON_NUMBER_FRACTION;
}


static ts_reason_e
ts_jwt_check_times(ts_jwt_t *jwt, const ts_jwt_policy_t *policy, int64_t now)
{
    int64_t                 exp, nbf;
    ts_reason_e             rc;
    const ts_json_token_t  *token;

    token = ts_jwt_member(jwt, TS_SLICE("exp"));

    if (token == NULL
        || !ts_jwt_date(jwt, token, &exp, 0)
        || __builtin_add_overflow(exp, policy->leeway, &jwt->expires))
    {
        return TS_REASON_JWT_CLAIMS;
    }

    jwt->not_before = INT64_MIN;
    token = ts_jwt_member(jwt, TS_SLICE("nbf"));

    if (token != NULL
        && (!ts_jwt_date(jwt, token, &nbf, 1)
            || __builtin_sub_overflow(nbf, policy->leeway,
                                      &jwt->not_before)))
    {
        return TS_REASON_JWT_CLAIMS;
    }

    rc = ts_jwt_times(jwt->expires, jwt->not_before, now);
    if (rc != TS_REASON_NONE) {
        return rc;
    }

    return ts_jwt_check_issued(jwt, policy, exp, now);
}


static ts_reason_e
ts_jwt_check_issued(ts_jwt_t *jwt, const ts_jwt_policy_t *policy, int64_t exp,
    int64_t now)
{
    int64_t                 iat, lifetime;
    const ts_json_token_t  *token;

    jwt->issued = INT64_MIN;
    token = ts_jwt_member(jwt, TS_SLICE("iat"));

    if (token == NULL) {

        if (policy->lifetime == 0) {
            return policy->max_lifetime ? TS_REASON_JWT_LIFETIME
                                        : TS_REASON_NONE;
        }

        if (__builtin_sub_overflow(exp, policy->lifetime, &jwt->issued)) {
            return TS_REASON_JWT_CLAIMS;
        }

        return jwt->issued > now
               && jwt->issued - now > policy->leeway + TS_JWT_IAT_SKEW
               ? TS_REASON_JWT_LIFETIME : TS_REASON_NONE;
    }

    if (!ts_jwt_date(jwt, token, &iat, 0)
        || __builtin_sub_overflow(exp, iat, &lifetime))
    {
        return TS_REASON_JWT_CLAIMS;
    }

    if (iat > now && iat - now > policy->leeway + TS_JWT_IAT_SKEW) {
        return TS_REASON_JWT_NOT_YET_VALID;
    }

    if ((policy->max_lifetime && lifetime > policy->max_lifetime)
        || (policy->lifetime && lifetime > policy->lifetime))
    {
        return TS_REASON_JWT_LIFETIME;
    }

    jwt->issued = iat;

    return TS_REASON_NONE;
}


ts_reason_e
ts_jwt_times(int64_t expires, int64_t not_before, int64_t now)
{
    /* RFC 7519, section 4.1.4: the current time must be before exp */

    if (now >= expires) {
        return TS_REASON_JWT_EXPIRED;
    }

    if (now < not_before) {
        return TS_REASON_JWT_NOT_YET_VALID;
    }

    return TS_REASON_NONE;
}


static ts_reason_e
ts_jwt_check_issuer(const ts_jwt_t *jwt, const ts_jwt_policy_t *policy)
{
    const ts_json_token_t  *iss;

    if (policy->issuer.data == NULL) {
        return TS_REASON_NONE;
    }

    iss = ts_jwt_member(jwt, TS_SLICE("iss"));

    return iss != NULL && ts_json_string_eq(&jwt->claims, iss, policy->issuer)
           ? TS_REASON_NONE : TS_REASON_JWT_ISSUER;
}


static int
ts_jwt_is_audience(const ts_jwt_t *jwt, const ts_json_token_t *aud,
    const ts_jwt_policy_t *policy)
{
    uint32_t  i;

    for (i = 0; i < policy->n_audiences; i++) {
        if (ts_json_string_eq(&jwt->claims, aud, policy->audiences[i])) {
            return 1;
        }
    }

    return 0;
}


/* RFC 7519, section 4.1.3: one string, or an array of strings */

static ts_reason_e
ts_jwt_check_audience(const ts_jwt_t *jwt, const ts_jwt_policy_t *policy)
{
    uint32_t                i;
    const ts_json_token_t  *aud, *one;

    if (policy->n_audiences == 0) {
        return TS_REASON_NONE;
    }

    aud = ts_jwt_member(jwt, TS_SLICE("aud"));

    if (aud == NULL) {
        return TS_REASON_JWT_AUDIENCE;
    }

    if (aud->type != TS_JSON_ARRAY) {
        return ts_jwt_is_audience(jwt, aud, policy) ? TS_REASON_NONE
                                                    : TS_REASON_JWT_AUDIENCE;
    }

    for (i = 0, one = aud + 1; i < aud->count; i++) {

        if (ts_jwt_is_audience(jwt, one, policy)) {
            return TS_REASON_NONE;
        }

        one = jwt->claims.tokens + one->next;
    }

    return TS_REASON_JWT_AUDIENCE;
}


/*
 * typ is a media type: case does not matter, "application/" may be left out
 * (RFC 7515, section 4.1.9).
 */

static int
ts_jwt_is_typ(ts_slice_t typ, ts_slice_t type)
{
    static const ts_slice_t  prefix = { (const uint8_t *) "application/", 12 };

    if (typ.len > prefix.len
        && ts_slice_eq_nocase(ts_slice(typ.data, prefix.len), prefix))
    {
        typ = ts_slice(typ.data + prefix.len, typ.len - prefix.len);
    }

    return ts_slice_eq_nocase(typ, type);
}


/* What issuers call a token that only buys new ones. */

static int
ts_jwt_is_refresh(const ts_jwt_t *jwt)
{
    size_t                  i, j;
    uint8_t                 buf[TS_JWS_TYP_LEN];
    ts_slice_t              value;
    const ts_json_token_t  *claim;

    static const char *const  claims[] = {
        "type", "token_type", "token_use", "typ"
    };
    static const char *const  words[] = {
        "refresh", "refresh_token", "refresh-token", "offline"
    };

    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {

        claim = ts_jwt_member(jwt, ts_slice(claims[i], strlen(claims[i])));

        if (claim == NULL) {
            continue;
        }

        value = ts_json_string(&jwt->claims, claim, buf, sizeof(buf));

        for (j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            if (ts_slice_eq_nocase(value,
                                   ts_slice(words[j], strlen(words[j]))))
            {
                return 1;
            }
        }
    }

    return 0;
}


static ts_reason_e
ts_jwt_check_type(const ts_jwt_t *jwt, const ts_jwt_policy_t *policy)
{
    int                     good;
    const ts_jws_t         *jws;
    const ts_json_token_t  *claim;

    jws = &jwt->jws;

    if (policy->type.data == NULL) {
        good = (jws->typ.data == NULL
                || ts_jwt_is_typ(jws->typ, TS_SLICE("jwt"))
                || ts_jwt_is_typ(jws->typ, TS_SLICE("at+jwt")))
               && !ts_jwt_is_refresh(jwt);

    } else if (policy->type_claim.n == 0) {
        good = ts_jwt_is_typ(jws->typ, policy->type);

    } else {
        claim = ts_json_get(&jwt->claims, jwt->values, &policy->type_claim);
        good = claim != NULL
               && ts_json_string_eq(&jwt->claims, claim, policy->type);
    }

    return good ? TS_REASON_NONE : TS_REASON_JWT_TYPE;
}
