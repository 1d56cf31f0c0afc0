#!/usr/bin/env python3
"""Answers pairs with PyPI's `packaging`."""
import sys

from packaging.version import InvalidVersion, Version

for line in sys.stdin:
    left, right = line.rstrip("\n").split("\t")
    try:
        a, b = Version(left), Version(right)
        print(left, right, (a > b) - (a < b), sep="\t")
    except InvalidVersion:
        print(left, right, "?", sep="\t")
