#!/usr/bin/env bash
# The import farm beside nginx, on loopback, in one run: uploads received and stored, and status calls.
#
#   benches/web-service.sh [ROUNDS]
#
# Needs nginx, curl, socat and ab (Debian: nginx-light curl socat apache2-utils). PORTCULLIS names the
# program; without it, a release build is made. Every way is measured once a round, in turn, and the
# smallest time of each counts.
set -euo pipefail
rounds=${1:-5}
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${PORTCULLIS-}" ]; then
    (cd "$root" && cargo build --release --locked --quiet -p portcullis-harness)
    PORTCULLIS=${CARGO_TARGET_DIR:-$root/target}/release/portcullis
fi
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
port=$((21000 + RANDOM % 5000))
nginx_port=$((port + 1))
raw_port=$((port + 2))
base=http://127.0.0.1:$port
head -c $((256 << 20)) /dev/urandom >"$work/file"

cat >"$work/farm.toml" <<EOF
server = "target"
state = "state"
port = $port
accept_incoming_jobs = true
[[web_application]]
name = "Intranet"
url = "http://intranet"
[[site_collection]]
web_application = "Intranet"
path = "/"
directory = "site"
[limits]
upload = "1 GiB"
EOF
mkdir -p "$work/dav" "$work/tmp"
# As root its workers would be somebody else, who may not write here.
user=$([ "$(id -u)" -ne 0 ] || echo 'user root;')
cat >"$work/nginx.conf" <<EOF
$user
worker_processes 2;
pid $work/nginx.pid;
error_log $work/nginx.log;
daemon off;
events { worker_connections 1024; }
http {
    access_log off;
    client_max_body_size 2g;
    client_body_temp_path $work/tmp;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$nginx_port;
        location /dav { root $work; dav_methods PUT; }
        location /status { root $work; default_type text/xml; }
    }
}
EOF
"$PORTCULLIS" serve web-service --config "$work/farm.toml" --log error >"$work/farm.log" 2>&1 &
farm=$!
nginx -c "$work/nginx.conf" >"$work/nginx.out" 2>&1 &
pids=("$farm" $!)
for _ in $(seq 100); do
    grep -q 'is ready' "$work/farm.log" && break
    sleep 0.1
done

call() {
    printf '%s' "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><$1 xmlns=\"http://schemas.microsoft.com/sharepoint/soap/\">$2</$1></soap:Body></soap:Envelope>"
}
service=$base/_vti_adm/ContentDeploymentRemoteImport.asmx
new_job() {
    call CreateJob '<description>bench</description><sourceId>be315bb7-e7be-4af4-a8bc-1cd369eb5220</sourceId><destinationServerUrl>http://intranet</destinationServerUrl><destinationSiteCollection>/</destinationSiteCollection><includeSecurity>None</includeSecurity><includeUserInfoDateTime>None</includeUserInfoDateTime><enableEventReceivers>false</enableEventReceivers><fileCompression>true</fileCompression>' |
        curl -sf -H 'Content-Type: text/xml' --data-binary @- "$service" |
        sed -n 's/.*<CreateJobResult>\(.*\)<\/CreateJobResult>.*/\1/p'
}
delete_job() { call DeleteJob "<jobId>$1</jobId>" | curl -sf -H 'Content-Type: text/xml' --data-binary @- "$service" >/dev/null; }
upload() {
    curl -sS --fail -o /dev/null -H 'Expect:' -X POST -T "$work/file" \
        "$base/_admin/Content%20Deployment/DeploymentUpload.aspx?filename=$2&remoteJobId=$1"
}
put() { curl -sS --fail -o /dev/null -H 'Expect:' -T "$work/file" "http://127.0.0.1:$nginx_port/dav/$1"; }
raw() {
    socat -u -b 262144 "TCP-LISTEN:$raw_port,reuseaddr,bind=127.0.0.1" "CREATE:$work/raw" &
    local sink=$!
    until socat -u -b 262144 "$work/file" "TCP:127.0.0.1:$raw_port" 2>/dev/null; do sleep 0.01; done
    wait "$sink"
}
seconds() {
    local began=$EPOCHREALTIME
    "$@"
    echo "$began $EPOCHREALTIME" | awk '{printf "%.3f\n", $2 - $1}'
}
eight_uploads() {
    local all=()
    for n in 1 2 3 4 5 6 7 8; do upload "$1" "f$n.cab" & all+=($!); done
    for pid in "${all[@]}"; do wait "$pid"; done
}
eight_puts() {
    local all=()
    for n in 1 2 3 4 5 6 7 8; do put "f$n" & all+=($!); done
    for pid in "${all[@]}"; do wait "$pid"; done
}
smallest() { sort -n "$1" | head -1; }

for round in $(seq "$rounds"); do
    sync
    seconds raw >>"$work/raw.times"; rm -f "$work/raw"
    sync
    seconds put one >>"$work/put.times"; rm -f "$work/dav/one"
    sync
    job=$(new_job)
    seconds upload "$job" one.cab >>"$work/upload.times"
    cmp "$work/file" "$work/state/temporary/$job/one.cab"
    delete_job "$job"
done
peak_one=$(awk '/VmHWM/ {print $2}' "/proc/$farm/status")
for round in 1 2; do
    sync
    seconds eight_puts >>"$work/puts.times"; rm -f "$work/dav/"*
    sync
    job=$(new_job)
    seconds eight_uploads "$job" >>"$work/uploads.times"
    delete_job "$job"
done
peak_eight=$(awk '/VmHWM/ {print $2}' "/proc/$farm/status")

raw=$(smallest "$work/raw.times") put=$(smallest "$work/put.times") upload=$(smallest "$work/upload.times")
puts=$(smallest "$work/puts.times") uploads=$(smallest "$work/uploads.times")
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
echo "256 MiB, smallest of $rounds:"
echo "  raw TCP copy        $raw s"
echo "  nginx DAV PUT       $put s"
echo "  upload              $upload s   of nginx $(ratio "$put" "$upload"), of raw $(ratio "$raw" "$upload")"
echo "  8 at once, nginx    $puts s"
echo "  8 at once, uploads  $uploads s   of nginx $(ratio "$puts" "$uploads")"
echo "  peak memory         $((peak_one / 1024)) MiB, with eight at once $((peak_eight / 1024)) MiB"

job=$(new_job)
call GetJobStatus "<jobId>$job</jobId>" >"$work/body"
mkdir -p "$work/status"
curl -sf -H 'Content-Type: text/xml' --data-binary "@$work/body" "$service" >"$work/status/answer"
load() { ab -q -k -c 8 -n 20000 "$@" 2>/dev/null | awk '/^Requests per second/ {print $4} /^Failed requests/ && $3 > 0 {print "failed: " $3 > "/dev/stderr"}'; }
for round in 1 2 3; do
    load "http://127.0.0.1:$nginx_port/status/answer" >>"$work/static.rates"
    load -p "$work/body" -T 'text/xml; charset=utf-8' "$service" >>"$work/calls.rates"
done
static=$(sort -n "$work/static.rates" | tail -1) calls=$(sort -n "$work/calls.rates" | tail -1)
echo "requests a second, 8 connections, $(stat -c %s "$work/status/answer") octets an answer:"
echo "  nginx, a static file  $static"
echo "  GetJobStatus          $calls   of nginx $(ratio "$calls" "$static")"
