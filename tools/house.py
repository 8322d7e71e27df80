"""What the checks share: where the files are and how a check reports."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIPPED = 77  # exit code of a check that could not run; Automake's and Meson's convention


def files(folders, pattern):
    """Paths below the folders, relative to ROOT, sorted, whose name matches the pattern."""
    found = []
    for folder in folders:
        for where, inner, names in os.walk(os.path.join(ROOT, folder)):
            inner[:] = [name for name in inner if name not in ('corpus', '__pycache__')]
            found += [os.path.relpath(os.path.join(where, name), ROOT)
                      for name in names if re.search(pattern, name)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def is_test(path):
    return path.startswith('tests/') or path.endswith('_test.c')


def finish(problems, skips=()):
    """Prints what was found and ends the check."""
    for why in skips:
        print('SKIP', why)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
