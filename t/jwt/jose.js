// Copyright (C) the ngx_tradesec authors
//
// Tokens by panva's jose: {"jwks": {...}, "secrets": {...}, "tokens":
// {"ES256": "..."}}, each algorithm with a key of its own.

const jose = require('jose');

const PUBLIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512',
    'ES256', 'ES384', 'ES512', 'EdDSA'];
const SECRET = ['HS256', 'HS384', 'HS512'];


async function sign(alg, key) {
    return await new jose.SignJWT({ roles: ['trader', 'päivi'] })
        .setProtectedHeader({ alg, kid: alg, typ: 'JWT' })
        .setIssuer('https://idp.test')
        .setAudience(['mobile', 'portal'])
        .setSubject('jose-' + alg)
        .setIssuedAt()
        .setNotBefore('0s')
        .setExpirationTime('1h')
        .sign(key);
}


(async () => {
    const made = { jwks: { keys: [] }, secrets: { keys: [] }, tokens: {} };

    for (const alg of PUBLIC) {
        const { publicKey, privateKey } = await jose.generateKeyPair(alg);
        const jwk = await jose.exportJWK(publicKey);

        made.jwks.keys.push({ ...jwk, alg, kid: alg, use: 'sig' });
        made.tokens[alg] = await sign(alg, privateKey);
    }

    for (const alg of SECRET) {
        const secret = await jose.generateSecret(alg, { extractable: true });
        const jwk = await jose.exportJWK(secret);

        made.secrets.keys.push({ ...jwk, alg, kid: alg });
        made.tokens[alg] = await sign(alg, secret);
    }

    console.log(JSON.stringify(made));
})();
