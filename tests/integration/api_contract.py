"""Walks api/openapi.yaml against a live node: example requests answer with a documented status, type and
schema; then bad requests at every route: never a 5xx, always a problem document with a known code.

  api_contract.py OPENAPI URL CA LEDGER [NAME:PASSWORD REQUEST.PEM]

With a user who has every scope, and a certificate request, it is the privileged routes that take JSON which are
tried, by him; else all routes, by nobody.
"""
import base64
import http.client
import json
import random
import re
import ssl
import sys
import urllib.parse

import yaml

METHODS = ('get', 'put', 'post', 'delete', 'patch')
PROBLEM = 'application/problem+json'
BAD_VALUES = ('', '%00', '%', '%zz', '%C3', '..', '-1', '0x10', '1e3', '18446744073709551616', 'true', 'A' * 300,
              '%2F', "'", '%22', '{}', '%F0%9F%9A%97', '00', 'a&b', '/', '//', '?', '#')
BAD_ROUNDS = 40  # for each operation
random.seed(4)


class Node:
    """One kept connection, opened anew when the node closes it."""

    def __init__(self, url, ca):
        self.parts = urllib.parse.urlsplit(url)
        self.context = ssl.create_default_context(cafile=ca)
        self.connection = None

    def call(self, method, target, headers=None, body=None):
        for attempt in range(3):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(
                    self.parts.hostname, self.parts.port, context=self.context, timeout=20)
                self.connection._http_vsn_str = 'HTTP/1.1'
                self.connection._validate_path = lambda path: None
            try:
                self.connection.request(method, target, body=body, headers=headers or {})
                answer = self.connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (http.client.HTTPException, ConnectionError, OSError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise


# --- schemas: what of JSON Schema the contract uses ----------------------------------------------

TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool}


class Contract:
    def __init__(self, path):
        with open(path, encoding='utf-8') as file:
            self.document = yaml.safe_load(file)

    def resolve(self, node):
        while isinstance(node, dict) and '$ref' in node:
            target = self.document
            for name in node['$ref'].removeprefix('#/').split('/'):
                target = target[name]
            node = target
        return node

    def operations(self):
        for path, item in self.document['paths'].items():
            for method in METHODS:
                if method in item:
                    parameters = [self.resolve(p) for p in
                                  item.get('parameters', []) + item[method].get('parameters', [])]
                    yield path, method, item[method], parameters

    def problems(self, schema, value, where='$'):
        schema = self.resolve(schema)
        kind = schema.get('type')
        if kind == 'integer' and (not isinstance(value, int) or isinstance(value, bool)):
            yield f'{where}: is no integer'
            return
        if kind in TYPES and not isinstance(value, TYPES[kind]):
            yield f'{where}: is no {kind}'
            return
        if 'enum' in schema and value not in schema['enum']:
            yield f'{where}: {value!r} is none of the enum'
        if 'const' in schema and value != schema['const']:
            yield f'{where}: {value!r}'
        if isinstance(value, str):
            if 'pattern' in schema and not re.search(schema['pattern'], value):
                yield f'{where}: {value[:80]!r} does not match'
            if schema.get('format') == 'date-time' and not re.fullmatch(
                    r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', value):
                yield f'{where}: {value!r} is no time'
        if isinstance(value, int) and not isinstance(value, bool):
            if value < schema.get('minimum', value) or value > schema.get('maximum', value):
                yield f'{where}: {value} is out of range'
        if isinstance(value, list):
            if len(value) > schema.get('maxItems', len(value)):
                yield f'{where}: has {len(value)} items'
            for i, item in enumerate(value):
                yield from self.problems(schema.get('items', {}), item, f'{where}[{i}]')
        if isinstance(value, dict):
            properties = schema.get('properties', {})
            for name in schema.get('required', []):
                if name not in value:
                    yield f'{where}.{name}: is missing'
            for name, item in value.items():
                if name in properties:
                    yield from self.problems(properties[name], item, f'{where}.{name}')
                elif schema.get('additionalProperties') is False:
                    yield f'{where}.{name}: is not in the schema'

    def check(self, operation, status, headers, body):
        """Is this an answer that the operation documents?"""
        responses = operation['responses']
        response = self.resolve(responses.get(str(status), responses.get('default')))
        kind = headers.get('Content-Type', '')
        if str(status) not in responses and status < 400:
            yield f'status {status} is not documented'
        content = {name.lower().replace(' ', ''): media for name, media in
                   response.get('content', {}).items()}
        media = content.get(kind.lower().replace(' ', ''))
        if response.get('content') and media is None:
            yield f'{status}: type {kind!r} is not documented'
            return
        if kind in ('application/json', PROBLEM):
            yield from self.problems(media['schema'], json.loads(body))
        for name, header in response.get('headers', {}).items():
            if self.resolve(header).get('required') and name not in headers:
                yield f'{status}: no {name}'


# --- good requests --------------------------------------------------------------------------------

def examples(node, ledger):
    """Values for path parameters, from what the node says of itself."""
    def get(path):
        return json.loads(node.call('GET', f'/v1/ledgers/{ledger}{path}')[2])
    organisation = get('/organisations')['organisations'][0]['id']
    block = next(b for b in get('/blocks')['blocks'] if b['count'] > 0)
    transaction = get(f'/blocks/{block["height"]}')['transactions'][0]['transaction']
    # The key of a path parameter depends on where it stands.
    return {'ledger': ledger, 'organisation': organisation, 'org': organisation, 'partition': '0',
            'request': 'MEIwQDA', 'list': 'none', 'transaction': transaction,
            'height': str(block['height']), 'path': '0/000.p/1',
            'state/{key}': 'members', 'keys/{key}': get('/keys')['keys'][0]['id']}


def fill(path, values):
    for name, value in values.items():
        path = path.replace(name, name.split('{')[0] + value) if '{' in name else \
            path.replace('{' + name + '}', value)
    return path


def walk(contract, node, values):
    for path, method, operation, _ in contract.operations():
        target = fill(path, values)
        if '{' in target or method != 'get':
            continue  # of another part of the API, or tried by the script
        status, headers, body = node.call('GET', target)
        for problem in contract.check(operation, status, headers, body):
            yield f'GET {target}: {problem}'
        if status >= 500:
            yield f'GET {target}: {status}'
        head = node.call('HEAD', target)
        if head[0] != status or head[2]:
            yield f'HEAD {target}: {head[0]} where GET says {status}'


# --- bodies of JSON -------------------------------------------------------------------------------

BAD_JSON = (None, True, -1, 0, 1.5, 10 ** 30, '', 'A' * 300, '\u0000', '../..', [], [[]], {}, {'a': 1}, ['x'] * 20,
            [None])


def good_body(contract, operation, csr):
    """The smallest body that the schema takes, or None when the operation takes no JSON."""
    content = contract.resolve(operation.get('requestBody', {})).get('content', {})
    if 'application/json' not in content:
        return None
    schema = contract.resolve(content['application/json']['schema'])
    body = {}
    for name in schema.get('required', []):
        member = contract.resolve(schema['properties'][name])
        body[name] = csr if name == 'request' else member.get('enum', ['5' + '0' * 39])[0]
    return body


def bad_bodies(contract, operation, csr):
    good = good_body(contract, operation, csr)
    schema = contract.resolve(contract.resolve(operation['requestBody'])['content']['application/json']['schema'])
    yield b''
    yield b'[' * 100
    yield b'{' * 5000
    yield json.dumps(good).encode() + b'x'
    yield json.dumps(good).encode()[:-1] + b',"profile":"tls-client","profile":"tls-client"}'
    yield json.dumps(good).encode('utf-16')
    for name in list(schema['properties']) + ['nobody']:
        yield json.dumps({k: v for k, v in good.items() if k != name}).encode()
        for value in BAD_JSON:
            yield json.dumps(dict(good, **{name: value})).encode()
    der = bytearray(base64.b64decode(''.join(csr.split('\n')[1:-2])))
    for _ in range(BAD_ROUNDS):
        bent = bytearray(der)
        bent[random.randrange(len(bent))] ^= 1 << random.randrange(8)
        pem = base64.b64encode(bent[:random.choice((len(bent), random.randrange(len(bent))))]).decode()
        text = '-----BEGIN CERTIFICATE REQUEST-----\n' + pem + '\n-----END CERTIFICATE REQUEST-----\n'
        yield json.dumps(dict(good, request=text)).encode()


def attack_bodies(contract, node, values, user, csr):
    """Whoever may, and asks for nonsense: refused, and nobody falls over."""
    codes = set(contract.document['components']['schemas']['ProblemCode']['enum'])
    headers = {'Content-Type': 'application/json',
               'Authorization': 'Basic ' + base64.b64encode(user.encode()).decode()}
    count = 0
    for path, method, operation, _ in contract.operations():
        if 'basic' not in [name for one in operation.get('security', []) for name in one] or \
                good_body(contract, operation, csr) is None:
            continue
        for body in bad_bodies(contract, operation, csr):
            count += 1
            target = fill(path, values)
            answer = node.call(method.upper(), target, headers, body)
            request = (method.upper(), target, body[:200])
            yield from check_bad(contract, codes, operation, request, answer)
            if answer[0] < 400:
                yield from (f'{request}: {p}' for p in contract.check(operation, *answer))
    print(f'{count} bad bodies')


# --- bad requests ---------------------------------------------------------------------------------

def bad_requests(path, method, parameters, values):
    """(method, target, headers, body) of requests that break something."""
    good = fill(path, values)
    upper = method.upper()
    body = b'\xd2\x84' + b'\x00' * 50 if method == 'post' else None
    kind = {'Content-Type': 'application/cose'} if method == 'post' else {}
    yield upper, good + '?nobody=1', kind, body
    yield upper, good + '?&=', kind, body
    yield upper, good + '?x', kind, body
    for wrong in ('DELETE', 'PUT', 'PATCH', 'POST', 'OPTIONS', 'TRACE', 'FOO', 'get'):
        if wrong != upper:
            yield wrong, good, kind, None
    for name in ('text/plain', 'application/json', 'multipart/form-data', '', '\x7f'):
        yield upper, good, {'Content-Type': name}, body
    yield upper, good, kind, b'\x00' * 70000
    yield upper, good, dict(kind, Accept='*/*;q=nonsense, ,;'), body
    yield upper, good, dict(kind, Authorization='Bearer x'), body
    yield upper, good, dict(kind, Authorization='Basic ' + 'A' * 5000), body
    yield upper, good, dict(kind, **{'Last-Event-ID': 'x-y', 'Accept': 'text/event-stream'}), body
    for parameter in parameters:
        for value in BAD_VALUES:
            if parameter['in'] == 'path':
                broken = re.sub(r'\{' + parameter['name'] + r'\}', lambda _: value, path)
                yield upper, fill(broken, values), kind, body
            elif parameter['in'] == 'query':
                yield upper, f'{good}?{parameter["name"]}={value}', kind, body
                yield upper, f'{good}?{parameter["name"]}={value}&{parameter["name"]}=1', kind, body
    for _ in range(BAD_ROUNDS):
        yield upper, good + '?' + ''.join(random.choice('abc%=&12/?+') for _ in range(12)), kind, body
        noise = bytes(random.randrange(256) for _ in range(random.randrange(200)))
        yield upper, good, kind, noise


def own_refusal(contract, operation, status, kind):
    """Does the standard that the route follows have a refusal of its own form?"""
    response = contract.resolve(operation['responses'].get(str(status), {}))
    return kind != PROBLEM and kind in response.get('content', {})


def check_bad(contract, codes, operation, request, answer):
    status, headers, body = answer
    if status >= 400 and own_refusal(contract, operation, status, headers.get('Content-Type')):
        return
    where = f'{request[0]} {request[1][:120]} {request[2]}'
    if status >= 500 and status not in (501, 505):
        yield f'{where}: {status} {body[:200]!r}'
    if status >= 400 and request[0] != 'HEAD':
        if headers.get('Content-Type') != PROBLEM:
            yield f'{where}: {status} {headers.get("Content-Type")}'
            return
        document = json.loads(body)
        if document.get('code') not in codes or document.get('status') != status:
            yield f'{where}: {document}'


def attack(contract, node, values):
    codes = set(contract.document['components']['schemas']['ProblemCode']['enum'])
    count = 0
    for path, method, operation, parameters in contract.operations():
        if '{' in fill(path, values):
            continue
        for request in bad_requests(path, method, parameters, values):
            if request[2].get('Accept') == 'text/event-stream' and 'Last-Event-ID' not in request[2]:
                continue
            count += 1
            try:
                answer = node.call(*request)
            except (ValueError, http.client.InvalidURL):
                continue  # the client itself refuses to send it
            yield from check_bad(contract, codes, operation, request, answer)
    print(f'{count} bad requests')


def main():
    contract = Contract(sys.argv[1])
    node = Node(sys.argv[2], sys.argv[3])
    values = examples(node, sys.argv[4])
    if len(sys.argv) > 6:
        with open(sys.argv[6], encoding='ascii') as file:
            problems = list(attack_bodies(contract, node, values, sys.argv[5], file.read()))
    else:
        problems = list(walk(contract, node, values)) + list(attack(contract, node, values))
    for problem in problems[:40]:
        print(problem)
    status = node.call('GET', '/readyz')[0]
    if status != 200:
        problems.append('not ready')
        print(f'/readyz after all that: {status}')
    sys.exit(1 if problems else 0)


main()
