#!/usr/bin/env python3
"""Answers pairs with `dpkg --compare-versions`.

Left out: versions without any digit before the revision, and those that begin with neither a letter nor a digit,
which dpkg compares with a warning (or takes for an option) and we refuse.
"""
import re
import subprocess
import sys


def holds(left, relation, right):
    run = subprocess.run(["dpkg", "--compare-versions", left, relation, right], capture_output=True, text=True)
    if run.returncode == 2 or "invalid character" in run.stderr or "error" in run.stderr:
        return None
    return run.returncode == 0


def has_number(version):
    return re.search(r"[0-9]", version.split(":", 1)[-1].rsplit("-", 1)[0]) is not None


for line in sys.stdin:
    left, right = line.rstrip("\n").split("\t")
    if not all(has_number(version) and version[:1].isalnum() for version in (left, right)):
        continue
    below = holds(left, "lt", right)
    sign = "?" if below is None else "-1" if below else "0" if holds(left, "eq", right) else "1"
    print(left, right, sign, sep="\t")
