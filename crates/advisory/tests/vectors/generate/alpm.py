#!/usr/bin/env python3
"""Answers pairs with pacman's vercmp.

Left out: versions and releases without a letter or digit, which vercmp compares and we refuse.
"""
import re
import subprocess
import sys


def readable(text):
    text = text.split(":", 1)[-1] if re.match(r"[0-9]*:", text) else text
    return all(re.search(r"[0-9A-Za-z]", part) for part in text.rsplit("-", 1))


for line in sys.stdin:
    left, right = line.rstrip("\n").split("\t")
    if readable(left) and readable(right) and not left.startswith("-") and not right.startswith("-"):
        print(left, right, subprocess.run(["vercmp", left, right], capture_output=True, text=True).stdout.strip(), sep="\t")
