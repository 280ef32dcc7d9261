#!/usr/bin/env python3
"""User CPU per record in the real Fluent Bit: no filter, identity, a filter, and for coturn a Lua script.

    FLUENT_BIT=/path/to/fluent-bit [FLB_WAMRC=/path/to/flb-wamrc] \\
        benches/fluent-bit/run.py [--filter NAME] [--untouched] [--records N] [--rounds N] [LOG]

The log (default: one of the filter in tests/corpus) is repeated to N records, each time with other
times and other uuids, as a program would write it. With --untouched, only those of its lines that the filter leaves
alone: of chatwoot-auth-tagger, the lines of requests that are no events.

Every round runs every variant once, so that a slow minute of the machine hits all of them; of
each variant the fastest round counts. The column "filter" is a run without its baseline,
tail to file without a filter. Where FLB_WAMRC is set, identity and the filter also run compiled
ahead of time, and are compared with each other.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "target" / "artifacts"
CORPUS = ROOT / "tests" / "corpus"

# The log of each filter that is measured without one being named.
LOGS = {
    "coturn-ip-anonymizer": CORPUS / "coturn" / "4.6.1-load-mixed.log",
    "asynq-payload-redactor": CORPUS / "asynq" / "safe-practice-slog.jsonl",
    "chatwoot-auth-tagger": CORPUS / "chatwoot" / "rails-default.log",
}

PIPELINE = """
service:
  flush: 0.2
  log_level: error
pipeline:
  inputs:
    - name: tail
      tag: coturn
      path: {log}
      read_from_head: true
      exit_on_eof: true
      buffer_max_size: 8M
{filters}
  outputs:
    - name: file
      match: coturn
      path: {out}
      file: out.json
      format: plain
"""

WASM = """
  filters:
    - name: wasm
      match: coturn
      wasm_path: {wasm}
      function_name: filter
      accessible_paths: {config}
"""

LUA = """
  filters:
    - name: lua
      match: coturn
      script: {script}
      call: scrub
"""


UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Times of day, and uuids.
VARIES = re.compile(rb"(?<=[T ]\d\d:)\d\d:\d\d(?:\.\d{1,9})?|" + UUID.pattern)


def untouched(name, lines):
    """Those of the lines that the filter leaves alone, with all others of their request."""
    tamis = ROOT / "target" / "release" / "tamis"
    if not tamis.exists():
        sys.exit(f"{tamis}: build it first: make build")
    run = subprocess.run([tamis, "run", name, "--input", "text"], input=b"\n".join(lines) + b"\n",
                         capture_output=True, check=True)
    came = run.stdout.split(b"\n")[:len(lines)]
    if name != "chatwoot-auth-tagger":
        return [line for line, out in zip(lines, came) if line == out]
    events = [line for line, out in zip(lines, came) if len(json.loads(out)) > 1]
    requests = {uuid for line in events for uuid in UUID.findall(line)}
    events = set(events)
    return [line for line in lines if line not in events and requests.isdisjoint(UUID.findall(line))]


def lines_of(log, records, only=None):
    lines = [line for line in log.read_bytes().split(b"\n") if line.strip() and b"\0" not in line]
    if only:
        lines = untouched(only, lines)
    if not lines:
        sys.exit(f"{log}: no lines")

    def line(i):
        copy = i // len(lines)

        def other(match):
            text = match[0]
            if len(text) == 36:
                # The same in all lines of a copy, so that they stay joinable.
                return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{copy} {text.decode()}")).encode()
            digits = f"{copy % 60:02}:{i % 60:02}.{i % 10**9:09}".encode()
            return digits[:len(text)]

        return VARIES.sub(other, lines[i % len(lines)]) if copy else lines[i]

    return [line(i) for i in range(records)]


def user_seconds(binary, log, filters, expected):
    """One run. Fluent Bit ends by itself at the end of the log."""
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)
        config = here / "config.yaml"
        config.write_text(PIPELINE.format(log=log, out=here, filters=filters))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        run = subprocess.run([binary, "-c", config], cwd=here, capture_output=True)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        got = (here / "out.json").read_bytes().count(b"\n") if (here / "out.json").exists() else 0
        if run.returncode != 0 or got != expected:
            sys.exit(f"status {run.returncode}, {got} of {expected} records came out:\n"
                     + run.stderr.decode(errors="replace"))
        return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filter", choices=LOGS, default="coturn-ip-anonymizer")
    parser.add_argument("--untouched", action="store_true", help="only lines that the filter leaves alone")
    parser.add_argument("log", nargs="?", type=pathlib.Path)
    args = parser.parse_args()
    args.log = args.log or LOGS[args.filter]

    binary = os.environ.get("FLUENT_BIT")
    if not binary:
        print("skipped: FLUENT_BIT is not set", file=sys.stderr)
        return

    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)
        lines = lines_of(args.log, args.records, args.untouched and args.filter)
        log = here / "input.log"
        log.write_bytes(b"\n".join(lines) + b"\n")
        (here / "config").mkdir()

        def wasm(name, compiler=None):
            artifact = ARTIFACTS / f"{name}.fluent-bit.wasm"
            if not artifact.exists():
                sys.exit(f"{artifact}: build it first: make build")
            if compiler:
                compiled = here / f"{name}.aot"
                subprocess.run([compiler, "-o", compiled, artifact], check=True, stdout=subprocess.DEVNULL)
                artifact = compiled
            return WASM.format(wasm=artifact, config=here / "config")

        variants = {
            "no filter": "",
            "identity": wasm("identity"),
            "filter": wasm(args.filter),
        }
        if args.filter == "coturn-ip-anonymizer":
            variants["lua"] = LUA.format(script=pathlib.Path(__file__).with_name("scrub.lua"))
        compiler = os.environ.get("FLB_WAMRC")
        if compiler:
            variants["identity, compiled"] = wasm("identity", compiler)
            variants["filter, compiled"] = wasm(args.filter, compiler)
        else:
            print("FLB_WAMRC is not set: modules that are compiled ahead of time are skipped", file=sys.stderr)
        best = {}
        for _ in range(args.rounds):
            for name, filters in variants.items():
                seconds = user_seconds(binary, log, filters, args.records)
                best[name] = min(seconds, best.get(name, seconds))

    size = sum(map(len, lines)) / len(lines)
    print(f"user CPU per record of {args.filter}, {args.records:,} records of {size:.0f} bytes ({args.log.name}), "
          f"fastest of {args.rounds}\n")
    per_record = {name: seconds / args.records * 1e6 for name, seconds in best.items()}
    base = per_record["no filter"]
    lua = per_record.get("lua")
    print(f"{'':20}{'total':>10}{'filter':>10}{'filter / identity':>20}{'total / identity':>20}{'filter / lua':>15}")
    for name, total in per_record.items():
        identity = per_record["identity, compiled" if name.endswith(", compiled") else "identity"]
        cost = total - base
        ratios = "" if name == "no filter" else (
            f"{cost / max(identity - base, 1e-9):>20.2f}{total / identity:>20.2f}")
        beside = f"{cost / max(lua - base, 1e-9):>15.2f}" if lua and ratios else ""
        print(f"{name:20}{total:>7.2f} us{cost:>7.2f} us{ratios}{beside}")


if __name__ == "__main__":
    main()
