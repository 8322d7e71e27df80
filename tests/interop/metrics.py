"""Every figure of /metrics, parsed strictly and found in the page that lists them.

  metrics.py WORK"""
import os
import re
import sys

from node import ROOT, Node, check, failures
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse


def figures(node):
    answer = node.get('/metrics')
    check(answer.status == 200, f'/metrics: {answer.status}')
    check((answer.field('Content-Type') or '').startswith('application/openmetrics-text; version=1.0.0'),
          f'content type {answer.field("Content-Type")}')
    return {family.name: family for family in parse(answer.body.decode())}


def value(families, name):
    return sum(sample.value for sample in families[name].samples)


def main(work):
    node = Node(work, 'metrics').start()
    before = figures(node)
    for transaction in node.transactions(3):
        check(node.submit(transaction).status == 200, 'a transaction is not accepted')
    after = figures(node)
    for name, more in (('cairn_ledger_accepted', 3), ('cairn_signatures', 1), ('cairn_tls_handshakes', 3)):
        check(value(after, name) >= value(before, name) + more, f'{name}: {value(before, name)}, then {value(after, name)}')
    check(value(after, 'cairn_process_resident_bytes') > 1 << 20, 'a node without memory')
    check(value(after, 'cairn_keyd_starts') == 1, 'keyd was not started once')
    check(len(after['cairn_jobs_lag'].samples) >= 1, 'no consumer of events')
    for family in after.values():
        check(family.documentation != '' and family.type in ('counter', 'gauge'), f'{family.name}: {family.type}')
    with open(os.path.join(ROOT, 'docs', 'features', 'node.md'), encoding='utf-8') as file:
        listed = set(re.findall(r'`(cairn_[a-z_]+)`', file.read()))
    check(listed == set(after), f'docs/features/node.md does not list {set(after) - listed}, or lists {listed - set(after)}')
    node.stop()
    return 1 if failures else 0


sys.exit(main(sys.argv[1]))
