# Copyright (C) the ngx_tradesec authors
#
# Verifies by PyJWT: {"jwks": {...}, "tokens": [...]} on stdin, the claims of
# each, or its error, on stdout.

import json
import sys

import jwt

asked = json.load(sys.stdin)
keys = {key["kid"]: jwt.PyJWK(key) for key in asked["jwks"]["keys"]}
said = []

for token in asked["tokens"]:
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        said.append(jwt.decode(
            token, key.key, algorithms=["RS256", "ES256", "EdDSA"],
            audience="app", issuer="https://gateway.test",
            options={"require": ["exp", "iat", "sub", "iss", "aud", "jti"]}))
    except (jwt.PyJWTError, KeyError) as error:
        said.append({"error": str(error)})

print(json.dumps(said))
