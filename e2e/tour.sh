#!/usr/bin/env bash
# Runs the README's tour line by line against a fresh server on an empty folder, as a newcomer would paste it, and looks at
# what comes back. Takes the binary as its argument; needs curl, and port 7600.
set -euo pipefail

binary=$(realpath "$1")
readme=$(realpath "$(dirname "$0")/../README.md")
folder=$(mktemp -d)
cd "$folder"
"$binary" >server.log 2>&1 &
server=$!
# It still writes while it stops.
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

for _ in $(seq 100); do
    curl -sf http://127.0.0.1:7600/health/ready >/dev/null && break
    sleep 0.1
done

sed -n '/^## Five minutes with curl/,/^## How it is built/p' "$readme" | sed -n '/^```sh$/,/^```$/p' | grep -v '^```' >tour
# A stream that waits for more ends by its time limit, which curl calls an error; everything else must succeed.
bash -u tour >output 2>errors
cat output

failed=0
expect() {
    if ! grep -qF "$1" output; then
        echo "the tour's output lacks: $1" >&2
        failed=1
    fi
}
expect '"content":"Make the tests green."'
expect 'id: 3'
expect 'Message injected into agent'
expect 'pause requested'
expect '"pendingCommands":2'
expect 'resumed"'
expect 'killed"'
expect '"status":"open"'
expect '"option":"allow_once"'
expect 'idempotency-replayed: true'
expect '"valid":true'
[ "$(grep -c '" paused"\|paused","agentId"' output)" -ge 2 ] || { echo "no agent was seen paused" >&2; failed=1; }
if grep -qE 'urn:flightdeck:problem|command not found' output errors; then
    echo "something in the tour was refused:" >&2
    grep -E 'urn:flightdeck:problem|command not found' output errors >&2
    failed=1
fi
[ "$failed" = 0 ] && echo "the README's tour works"
exit "$failed"
