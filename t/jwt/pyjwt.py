# Copyright (C) the ngx_tradesec authors
#
# Tokens by PyJWT, without kid: {"pem": {"RS": "...", ...}, "secret": "...",
# "tokens": {"ES256": "..."}}.

import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (Encoding,
                                                          PublicFormat)

SECRET = "s" * 32 + "0123456789abcdef" * 2

KEYS = {
    "RS256 RS384 RS512 PS256 PS384 PS512": rsa.generate_private_key(65537, 3072),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "HS256 HS384 HS512": SECRET,
}

pem = ""
tokens = {}

for algs, key in KEYS.items():
    if key != SECRET:
        pem += key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    for alg in algs.split():
        now = int(time.time())
        tokens[alg] = jwt.encode(
            {"iss": "https://idp.test", "aud": "portal", "sub": "pyjwt-" + alg,
             "roles": ["trader", "p\u00e4ivi"], "iat": now, "exp": now + 3600},
            key, algorithm=alg)

print(json.dumps({"pem": pem, "secret": SECRET, "tokens": tokens}))
