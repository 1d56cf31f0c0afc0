#!/usr/bin/env python3
"""Answers pairs with apk-tools 2 and 3.

usage: apk.py ROOT VERSION3     ROOT is an unpacked Alpine minirootfs, entered with chroot;
VERSION3 is apk-tools 3's src/version.c with a main that prints `left right sign` (`?` when invalid).

Version 3 answers; version 2 where it alone reads a version, digits after a letter (`9.9p1`).
Left out: what only one of them reads otherwise. Disagreements go to stderr.
"""
import re
import subprocess
import sys

root, version3 = sys.argv[1:]
pairs = [line.rstrip("\n").split("\t") for line in sys.stdin]
answers3 = subprocess.run([version3], input="".join(f"{a}\t{b}\n" for a, b in pairs), capture_output=True, text=True).stdout
GRAMMAR = re.compile(
    r"[0-9]+(\.[0-9]+)*([a-z][0-9]+(\.[0-9]+)*)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(-r[0-9]+)?"
)


def apk2(*arguments):
    return subprocess.run(["chroot", root, "/sbin/apk", "version", *arguments], capture_output=True, text=True).stdout.strip()


for (left, right), three in zip(pairs, answers3.split()):
    if left[0] == "-" or right[0] == "-":
        continue
    two = {"<": "-1", "=": "0", ">": "1"}[apk2("-t", left, right)]
    invalid = set(apk2("-c", left, right).split())
    if three != "?":
        if two != three and not invalid:
            print(f"apk 2 says {two}, apk 3 {three}: {left} {right}", file=sys.stderr)
        print(left, right, three, sep="\t")
    elif invalid:
        print(left, right, "?", sep="\t")
    elif GRAMMAR.fullmatch(left) and GRAMMAR.fullmatch(right):
        print(left, right, two, sep="\t")
