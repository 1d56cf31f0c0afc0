#!/usr/bin/env python3
"""Prints pairs of versions (left<TAB>right) of one order: real ones and mutations of them.

usage: pairs.py ORDER DATA COUNT     DATA is where shared/data/advisories.tar.zst and feed-formats are unpacked
"""
import glob
import json
import random
import re
import sys

NUMBERS = ["0", "1", "2", "9", "10", "00", "01", "99", "2024", "20240131", "010"]

# What the mutations of an order insert or append.
SCRAPS = {
    "deb": ["~", "+", "-", ".", ":", "~rc1", "+dfsg", "-1", "+b1", "~deb12u1", "a", "Z", "+really1.2", "-0", "1:", "0:", "_", "~~"],
    "rpm": ["~", "^", "-", ".", "_", "+", "a", "Z", "~rc1", "^git1", ".el9", "-1", "1:", "0:", "~^", "^~", "..", ".0"],
    "apk": ["_alpha", "_beta2", "_pre", "_rc1", "_p", "_p1", "_git20240101", "_cvs", "_svn3", "_hg", "-r0", "-r10", "a", "z", "b2", ".0", ".01", ".010", ".", "_foo", "~abc", "~0f", "-", "_p0"],
    "alpm": ["-", ".", "_", "+", ":", "a", "rc1", "beta", "-1", "1:", "..", ".r12.gabc", "Z", "+1"],
    "semver": ["-", ".", "+", "-rc.1", "-alpha", "-alpha.beta", "-0", "-1", ".0", ".1", "+build", "a", "Z", "-rc.10", "-x-y", "--", "+1.2", "-01", "-a01", "-rc1"],
    "npm": ["-", ".", "+", "-rc.1", "-alpha", "-0", ".0", "+build", "a", "beta", "beta2", "v", "=", " ", "-rc.10", "x", "-01", "-1b", "rc.1"],
    "pep440": ["a1", "b2", "rc1", "c1", ".dev1", ".post1", "-1", "+local.1", "+1.2", "+abc", "1!", "0!", ".0", "alpha", "_beta_2", "-preview", ".pre", "rev3", "-r4", "dev", "post", "v", "V", "+A.B", "+01", "A1", "RC2", "-", "_", "."],
    "golang": ["-rc.1", "+incompatible", "-0", ".0", "-pre.0.20200101000000-abcdefabcdef", "-0.20191109021931-daa7c04131f5", "v", "-beta", "+meta", ".1", "-", "-alpha.2"],
    "maven": ["-alpha", "-beta-1", "-rc1", "-RC2", "-SNAPSHOT", ".Final", ".GA", "-ga", "-sp1", "-1", ".0", ".RELEASE", "a1", "b2", "m3", "x", "-jre", ".v2024", "-M1", ".CR1", "-cr2", "-", ".", "_", "+", "sp", "-0", "final", "-milestone-2", ".1-2"],
    "gem": [".a", ".b1", ".rc1", ".pre", "-java", "-1", ".0", ".beta.2", "a", "Z", ".", "-", ".alpha10", "_", " "],
    "nuget": ["-alpha", "-ALPHA", "-beta.2", "-rc.10", "+meta", ".0", ".1", "-", ".", "-Beta", "-1", "-preview.7.23375.6", "-a-b", "+1.2", "-x.Y"],
    "composer": ["-alpha1", "-beta", "-RC2", "-dev", "-patch1", "-p2", "pl3", "b2", "@dev", "@stable", ".x-dev", "+build", "v", ".0", "-stable", "-beta.1", "a1", "rc", ".", "-", "_beta3", "-pl1.2", "dev", "-alpha1-dev"],
}

EXTRA = {
    "alpm": ["1.0-1", "1:2.4.62-1", "6.1.1.arch1-1", "2.06.r322.gd9b4638c5-1", "20240203-1", "1.1.1.w-1", "3.0.rc2-1", "2.39+r52+gf8e4623421-1", "121.0.6167.85-2", "1.2.3-1.1", "7.4p1-1", "0.9.8_beta2-3"],
    "nuget": ["1.0.0", "4.3.1", "13.0.3", "6.0.0-preview.7.21377.19", "5.0.0-rc.2", "2.1.0-beta1", "1.0", "1", "4.0.30506.0", "1.0.0.1", "8.0.0+abc", "3.1.32", "2.0.0-Beta.10", "2.0.0-beta.9"],
    "golang": ["v1.2.3", "v0.0.0-20200622213623-75b288015ac9", "v2.0.0+incompatible", "v1.20.4", "v0.1.0-rc.1", "v1.2.4-0.20191109021931-daa7c04131f5", "v2.0.0-pre.0.20200101000000-abcdefabcdef"],
    "npm": ["v1.2.3", "=1.2.3", "1.2.3beta", "1.0.0-alpha.1", "1.0.0-rc1"],
    "composer": ["dev-master", "1.x-dev", "2.0.x-dev", "20240131", "2024-01-31", "2024.01.31.1200", "1.0.0-beta3", "v2.8.52", "1.0-dev", "2.0.*-dev"],
    "maven": ["1.0.0.Final", "2.0-rc1", "1-SNAPSHOT", "5.3.0.RELEASE", "32.1.2-jre", "9.4.51.v20230217", "1.0-alpha-2", "2.0.0.CR1", "2.0-M3", "1.0-sp1", "r07", "20040616"],
    "gem": ["1.0.0.rc1", "2.0.0.beta.3", "1.13.0-java", "0", "3.2.0.pre1"],
    "pep440": ["1.0.dev1", "1.0a1", "1.0b2.post3.dev4", "1.0+cu118", "2!1.0", "1.0-1", "1.0.post1"],
    "semver": ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0+21AF26D3"],
}


def walk(value, keys):
    """Every string under one of the keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and isinstance(inner, str):
                yield inner
            elif key in keys and isinstance(inner, list):
                yield from (x for x in inner if isinstance(x, str))
            yield from walk(inner, keys)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, keys)


def osv(paths):
    for path in paths:
        with open(path) as file:
            yield from walk(json.load(file), {"introduced", "fixed", "last_affected", "versions"})


def texts(paths, pattern):
    for path in paths:
        with open(path, errors="replace") as file:
            yield from re.findall(pattern, file.read())


def seeds(order, data):
    """Real versions, in groups that are likely to be close together."""
    version = r"[v=]?[0-9]+(?:\.[0-9A-Za-z_-]+)*(?:\+[0-9A-Za-z.]+)?"
    if order == "deb":
        with open(f"{data}/debian/debian-dsa-dla.jsonl") as file:
            for line in file:
                for fixed in json.loads(line).get("fixed", {}).values():
                    yield from fixed.values()
    elif order == "rpm":
        yield from osv(sorted(glob.glob(f"{data}/almalinux/*/*.json"))[::7] + sorted(glob.glob(f"{data}/almalinux/*/*/*.json"))[::7])
    elif order == "apk":
        paths = sorted(glob.glob(f"{data}/alpine/secdb*/v3.1*/*.yaml"))
        yield from texts(paths, r"(?m)^ +'?\"?([0-9][^:'\" ]*)'?\"?:")
    elif order == "semver":
        yield from texts(sorted(glob.glob(f"{data}/rustsec/crates/*/*.md")), r'"[<>=^ ]+([0-9][^", ]*)')
    elif order == "npm":
        yield from texts(sorted(glob.glob(f"{data}/npm-nodejs-wg/npm/*.json")), r'[<>=~^ "](' + version + r')[ "|]')
        yield from texts([f"{data}/js-retire/jsrepository-v6.json"], r'"(?:below|atOrAbove)": "([^"]+)"')
    elif order == "pep440":
        yield from texts(sorted(glob.glob(f"{data}/pypi/*/*.yaml"))[::3], r"(?m)^ +- '?\"?([0-9][^'\" \n]*)")
    elif order == "golang":
        yield from osv(sorted(glob.glob(f"{data}/go/*.json")))
    elif order == "maven":
        with open(f"{data}/osv-samples/fixture_records.json") as file:
            yield from walk(json.load(file), {"introduced", "fixed", "last_affected", "versions"})
    elif order == "gem":
        yield from texts(sorted(glob.glob(f"{data}/rubygems/*/*.yml")), r'(?m)^ +- "[<>=~ ]*([0-9][^", ]*)')
    elif order == "composer":
        yield from texts(sorted(glob.glob(f"{data}/packagist/*/*/*.yaml")), r"'[<>=]+([0-9v][^']*)'")
    yield from EXTRA.get(order, [])


def mutate(choose, order, version):
    scraps = SCRAPS[order]
    kind = choose.randrange(9)
    numbers = list(re.finditer(r"[0-9]+", version))
    at = choose.randrange(len(version) + 1)
    if kind <= 2 and numbers:
        number = choose.choice(numbers)
        value = choose.choice([str(int(number[0]) + 1), str(max(0, int(number[0]) - 1)), "0" + number[0], choose.choice(NUMBERS)])
        return version[: number.start()] + value + version[number.end():]
    if kind == 3:
        return version + choose.choice(scraps)
    if kind == 4:
        return version[:at] + choose.choice(scraps) + version[at:]
    if kind == 5 and len(version) > 1:
        return version[:at] + version[at + 1:]
    if kind == 6 and len(version) > 2:
        return version[: max(1, at)]
    if kind == 7:
        return choose.choice([version.upper(), version.lower(), version.swapcase()])
    return version + "." + choose.choice(NUMBERS)


def main():
    order, data, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    choose = random.Random(f"seawall {order}")
    real = list(dict.fromkeys(v.strip() for v in seeds(order, data) if 0 < len(v.strip()) < 60))
    real.sort()
    seen = set()
    while len(seen) < count:
        at = choose.randrange(len(real))
        left = real[at]
        way = choose.randrange(10)
        if way < 3:
            right = real[min(len(real) - 1, at + choose.randrange(1, 6))]
        else:
            right = mutate(choose, order, left)
            while choose.randrange(3) == 0:
                right = mutate(choose, order, right)
            if way > 6:
                left = mutate(choose, order, left)
        if choose.randrange(2):
            left, right = right, left
        pair = (left, right)
        text = left + right
        if pair in seen or not left or not right or not text.isascii() or not text.isprintable() or len(text) > 90:
            continue
        if left.strip() != left or right.strip() != right:
            continue
        seen.add(pair)
        print(left, right, sep="\t")


main()
