/*
 * Copyright (C) the ngx_tradesec authors
 *
 * usage: verify RS256|ES256 N
 *
 * Verifies one signature N times with OpenSSL and a key that is there: the
 * floor under every gateway that verifies tokens. bench/bench runs it under
 * callgrind, with few and with many, and divides the difference.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>


#define INPUT  420      /* bytes that are signed in the tokens of the bench */


static __attribute__((noinline)) int
verify(EVP_MD_CTX *ctx, const EVP_MD *md, EVP_PKEY *key,
    const unsigned char *input, const unsigned char *sig, size_t len)
{
    int  rc;

    rc = EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1
         && EVP_DigestVerify(ctx, sig, len, input, INPUT) == 1;

    EVP_MD_CTX_reset(ctx);

    return rc;
}


int
main(int argc, char **argv)
{
    int            i, n;
    size_t         len;
    EVP_MD        *md;
    EVP_PKEY      *key;
    EVP_MD_CTX    *ctx;
    unsigned char  input[INPUT], sig[512];

    if (argc != 3) {
        fprintf(stderr, "usage: verify RS256|ES256 N\n");
        return 2;
    }

    n = atoi(argv[2]);
    key = strcmp(argv[1], "ES256") == 0 ? EVP_EC_gen("P-256")
                                        : EVP_RSA_gen(2048);
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    ctx = EVP_MD_CTX_new();
    len = sizeof(sig);
    memset(input, 'x', sizeof(input));

    if (key == NULL || md == NULL || ctx == NULL
        || EVP_DigestSignInit(ctx, NULL, md, NULL, key) != 1
        || EVP_DigestSign(ctx, sig, &len, input, sizeof(input)) != 1)
    {
        return 1;
    }

    EVP_MD_CTX_reset(ctx);

    for (i = 0; i < n; i++) {
        if (!verify(ctx, md, key, input, sig, len)) {
            return 1;
        }
    }

    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
    EVP_PKEY_free(key);

    return 0;
}
