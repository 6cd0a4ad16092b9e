// Copyright (C) the ngx_tradesec authors
//
// Verifies by panva's jose: {"jwks": {...}, "tokens": [...]} on stdin, the
// claims of each, or its error, on stdout.

const jose = require('jose');

(async () => {
    const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    const keys = jose.createLocalJWKSet(asked.jwks);
    const said = [];

    for (const token of asked.tokens) {
        try {
            const { payload } = await jose.jwtVerify(token, keys, {
                issuer: 'https://gateway.test', audience: 'app', typ: 'JWT',
            });
            said.push(payload);
        } catch (error) {
            said.push({ error: error.code || String(error) });
        }
    }

    console.log(JSON.stringify(said));
})();
