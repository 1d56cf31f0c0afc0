#!/usr/bin/env python3
"""Answers pairs with librpm (Debian's python3-rpm: run with /usr/bin/python3).

Left out: versions and releases without a letter or digit, which librpm compares and we refuse.
"""
import re
import sys

import rpm


def split(text):
    found = re.match(r"^(?:([0-9]*):)?(.*?)(?:-([^-]*))?$", text)
    return (found[1] or "0", found[2], found[3])


def readable(parts):
    return all(part is None or re.search(r"[0-9A-Za-z]", part) for part in parts)


for line in sys.stdin:
    left, right = (split(text) for text in line.rstrip("\n").split("\t"))
    if readable(left) and readable(right):
        print(line.rstrip("\n"), rpm.labelCompare(left, right), sep="\t")
