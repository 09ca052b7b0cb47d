"""Reads the output of `go test -json`: prints a line per package, what failed with its output, what was
skipped, and at last how many tests passed, failed and were skipped. With --last only that line."""
import collections
import json
import sys


def main():
    last = "--last" in sys.argv
    events = [json.loads(line) for line in open(sys.argv[-1]) if line.startswith("{")]
    output = collections.defaultdict(list)
    count = collections.Counter()
    failed, skipped, packages = [], [], []
    for e in events:
        key = (e.get("Package", e.get("ImportPath", "")), e.get("Test"))
        action = e["Action"]
        if action in ("output", "build-output"):
            output[key].append(e["Output"])
        elif action in ("pass", "fail", "skip"):
            if key[1] is None:
                packages.append((key[0], action, e.get("Elapsed", 0)))
                if action == "fail":
                    failed.append(key)
                continue
            count[action] += 1
            (failed if action == "fail" else skipped if action == "skip" else []).append(key)
        elif action == "build-fail":
            failed.append(key)
    if not last:
        for name, action, seconds in packages:
            print(f"{action:4} {seconds:6.1f} s  {name}")
        for key in failed:
            print("--- FAIL", *key)
            sys.stdout.write("".join(output[key])[-6000:])
        for key in skipped:
            print("--- SKIP", *key, "".join(output[key]).strip().splitlines()[-2:])
    print(f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped")


main()
