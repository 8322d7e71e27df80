#!/usr/bin/python3 -B
"""A stock OAuth 2 client (Authlib) against a live node over HTTPS.

  live.py BASE LEDGER KEY CA

The clients "shop" (secret "correct horse battery") and "robot" (private_key_jwt by KEY, kid "r1") act for an
organisation of LEDGER, which the node shows to nobody else.
"""
import sys

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

BASE, LEDGER, KEY, CA = sys.argv[1:5]
ENTRIES = f'{BASE}/v1/ledgers/{LEDGER}/entries?from=0&count=1'


def check(what, holds):
    if not holds:
        sys.exit(f'{what}: does not hold')


def session(**options):
    made = OAuth2Session(**options)
    made.verify = CA
    made.trust_env = False  # else a bundle named by the environment goes before ours
    return made


def read(what, client, status):
    reply = client.get(ENTRIES, withhold_token=client.token is None)
    check(f'{what}: {reply.status_code} {reply.text[:100]}', reply.status_code == status)


def by_secret(document, method):
    client = session(client_id='shop', client_secret='correct horse battery', token_endpoint_auth_method=method)
    token = client.fetch_token(document['token_endpoint'], grant_type='client_credentials')
    read(f'entries with a token by {method}', client, 200)
    return client, token


def by_key(document):
    with open(KEY, encoding='ascii') as file:
        client = session(client_id='robot', client_secret=file.read(), token_endpoint_auth_method='private_key_jwt')
    client.register_client_auth_method(PrivateKeyJWT(document['token_endpoint'], headers={'kid': 'r1'}, alg='ES256'))
    client.fetch_token(document['token_endpoint'], grant_type='client_credentials')
    read('entries with a token by private_key_jwt', client, 200)


def claims(document, token):
    keys = JsonWebKey.import_key_set(session().get(document['jwks_uri'], withhold_token=True).json())
    decoded = JsonWebToken(document.get('token_signing_alg_values_supported', ['ES256'])).decode(
        token['access_token'], keys, claims_options={'iss': {'essential': True, 'value': BASE}})
    decoded.validate()
    check('typ', decoded.header['typ'] == 'at+jwt')


def refused(document):
    wrong = session(client_id='shop', client_secret='wrong horse battery')
    try:
        wrong.fetch_token(document['token_endpoint'], grant_type='client_credentials')
    except OAuthError as error:
        check('error code', error.error == 'invalid_client')
    else:
        sys.exit('a wrong secret gets a token')
    read('entries without a token', session(), 404)


def revoked(document, client, token):
    reply = client.introspect_token(document['introspection_endpoint'], token=token['access_token'])
    check('active before', reply.json()['active'] is True)
    check('revocation', client.revoke_token(document['revocation_endpoint'],
                                            token=token['access_token']).status_code == 200)
    read('entries with a revoked token', client, 401)


def main():
    document = session().get(f'{BASE}/.well-known/oauth-authorization-server', withhold_token=True).json()
    AuthorizationServerMetadata(document).validate()
    check('issuer', document['issuer'] == BASE)
    client, token = by_secret(document, 'client_secret_basic')
    claims(document, token)
    by_key(document)
    refused(document)
    revoked(document, client, token)


main()
