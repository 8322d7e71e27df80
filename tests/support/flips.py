"""Flips bytes one at a time and asks `cairn verify`, a process each:

  flips.py file    CAIRN FILE TRUST COUNT   the verdict is no and names the segment of the byte
  flips.py receipt CAIRN FILE TRUST         there is no yes for any changed byte of FILE.receipt
  flips.py state   CAIRN PROOF TRUST        nor for any of a state proof

Ends at the first miss. FLIPS_SEED draws the bits, and the bytes of `file` beside the segments' edges.
"""
import json
import os
import random
import subprocess
import sys

SEGMENT = 4096  # of files up to 64 MiB


def verify(cairn, *arguments):
    run = subprocess.run([cairn, 'verify', '--json', *arguments], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    return run.returncode, run.stdout, run.stderr.decode()


def miss(*words):
    print(*words)
    sys.exit(1)


def each_flip(path, offsets):
    """Yields each offset while that byte of the file is changed."""
    with open(path, 'r+b', buffering=0) as file:
        for offset in offsets:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1 << random.randrange(8)]))
            yield offset
            file.seek(offset)
            file.write(bytes([byte]))


def flip_file(cairn, path, trust, count):
    size = os.path.getsize(path)
    edges = {edge for start in range(0, size, SEGMENT)
             for edge in (start, min(start + SEGMENT, size) - 1)}
    offsets = edges | {random.randrange(size) for _ in range(int(count))}
    for offset in each_flip(path, sorted(offsets)):
        code, out, err = verify(cairn, path, '--trust', trust)
        if code != 1 or err:
            miss(f'byte {offset}: exit {code}, {err}')
        facts = json.loads(out)
        segment = offset // SEGMENT
        wanted = {'kind': 'bytes differ', 'segment': segment, 'from_byte': segment * SEGMENT,
                  'to_byte': min((segment + 1) * SEGMENT, size), 'differing_segments': 1,
                  'file_size': size, 'anchored_size': size}
        if facts['verdict'] != 'no' or facts['difference'] != wanted:
            miss(f'byte {offset}: {facts}')
    return len(offsets)


def flip_proof(cairn, path, *arguments):
    size = os.path.getsize(path)
    for offset in each_flip(path, range(size)):
        code, out, err = verify(cairn, *arguments)
        if code not in (1, 3):
            miss(f'{path} with byte {offset} of {size} changed: exit {code} {out.decode()} {err}')
    return size


def main(what, cairn, path, trust, *rest):
    random.seed(os.environ.get('FLIPS_SEED', '1'))
    if what == 'file':
        count = flip_file(cairn, path, trust, *rest)
    elif what == 'receipt':
        count = flip_proof(cairn, f'{path}.receipt', path, '--trust', trust)
    else:
        count = flip_proof(cairn, path, '--state', path, '--trust', trust)
    print(f'{what}: {count} flips')


main(*sys.argv[1:])
