#!/usr/bin/env bash
# 10^5 malformed requests (FAULTS_COUNT) against a live node, over TLS and again without, from a seed of the
# day (FAULTS_SEED): tests/integration/node_faults/malformed.py.
set -u
here=$(dirname "$0")
export FAULTS_COUNT=${FAULTS_COUNT:-100000} FAULTS_SEED=${FAULTS_SEED:-$(date -u +%Y%m%d)}
exec "$here/../integration/node_faults.sh" malformed
