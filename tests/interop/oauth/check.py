#!/usr/bin/python3 -B
"""A stock OAuth 2 client (Authlib) against a token endpoint of ours.

  check.py BASE RESOURCE KEY [CA]   BASE: https://host:port of the node; RESOURCE: a path that wants a token;
                                    KEY: PEM of the client "robot", kid "r1"; CA: PEM of the only trusted roots

The clients "shop" (secret "correct horse") and "robot" (private_key_jwt) must be registered.
"""
import sys
import urllib.parse

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

BASE, RESOURCE, KEY = sys.argv[1:4]
VERIFY = sys.argv[4] if len(sys.argv) > 4 else True
URL = urllib.parse.urljoin(BASE, RESOURCE)


def check(what, holds):
    if not holds:
        sys.exit(f'{what}: does not hold')


def session(**options):
    made = OAuth2Session(**options)
    made.verify = VERIFY
    made.trust_env = False  # else a bundle named by the environment goes before it
    return made


def metadata():
    document = session().get(f'{BASE}/.well-known/oauth-authorization-server', withhold_token=True).json()
    if BASE.startswith('https://'):
        AuthorizationServerMetadata(document).validate()
    check('issuer', document['issuer'] == BASE)
    return document


def by_secret(document):
    client = session(client_id='shop', client_secret='correct horse',
                     token_endpoint_auth_method='client_secret_basic')
    token = client.fetch_token(document['token_endpoint'], grant_type='client_credentials')
    check('token type', token['token_type'] == 'Bearer')
    check('resource with the token', client.get(URL).status_code == 200)
    return client, token


def by_key(document):
    with open(KEY, encoding='ascii') as file:
        client = session(client_id='robot', client_secret=file.read(), token_endpoint_auth_method='private_key_jwt')
    client.register_client_auth_method(PrivateKeyJWT(document['token_endpoint'], headers={'kid': 'r1'}, alg='ES256'))
    client.fetch_token(document['token_endpoint'], grant_type='client_credentials')
    check('resource with the key client\'s token', client.get(URL).status_code == 200)


def claims(document, token):
    keys = JsonWebKey.import_key_set(session().get(document['jwks_uri'], withhold_token=True).json())
    decoded = JsonWebToken(['ES256']).decode(token['access_token'], keys)
    decoded.validate()
    check('typ', decoded.header['typ'] == 'at+jwt')
    check('iss', decoded['iss'] == BASE)
    check('client_id', decoded['client_id'] == 'shop')


def refused(document):
    wrong = session(client_id='shop', client_secret='wrong', token_endpoint_auth_method='client_secret_basic')
    try:
        wrong.fetch_token(document['token_endpoint'], grant_type='client_credentials')
    except OAuthError as error:
        check('error code', error.error == 'invalid_client')
    else:
        sys.exit('a wrong secret gets a token')
    check('resource without a token', session().get(URL, withhold_token=True).status_code == 401)


def revoked(document, client, token):
    reply = client.introspect_token(document['introspection_endpoint'], token=token['access_token'])
    check('active before', reply.json()['active'] is True)
    reply = client.revoke_token(document['revocation_endpoint'], token=token['access_token'])
    check('revocation', reply.status_code == 200)
    check('resource with a revoked token', client.get(URL).status_code == 401)


def main():
    document = metadata()
    client, token = by_secret(document)
    claims(document, token)
    by_key(document)
    refused(document)
    revoked(document, client, token)


main()
