#!/usr/bin/env bash
# One Apache Kafka node on loopback, from the jars of Maven Central.
#
#   kafka.sh run  [data]        run it in the foreground until Ctrl-C
#   kafka.sh start [data]       run it in the background; returns when it answers
#   kafka.sh stop  [data]       stop the one that start began
#   kafka.sh test command...    start one with data of its own, run the command with
#                               WEIR_TEST_KAFKA_BROKERS set, stop it, and end as the command did;
#                               WEIR_TEST_KAFKA_SASL_BROKERS wants SCRAM-SHA-512 of the user weir, WEIR_TEST_KAFKA_PID is its process
#
# Environment: KAFKA_PORT (9092; test: a free one), KAFKA_CONTROLLER_PORT (KAFKA_PORT + 1),
# KAFKA_SASL_PORT (none; test: KAFKA_PORT + 2), KAFKA_DATA (deploy/kafka/data), KAFKA_HEAP (512m), KAFKA_LIB (deploy/kafka/lib, the jars).
# Needs Java 17 or later; Maven and the way to Maven Central only for the first time.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lib=${KAFKA_LIB:-$here/lib}
heap=${KAFKA_HEAP:-512m}
start_seconds_max=60
stop_seconds_max=30

say() { echo "kafka.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

need_java() {
  command -v java >/dev/null || fail "Java is missing: install 17 or later (Debian: apt-get install openjdk-17-jre-headless)"
  local version
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ] || fail "Kafka needs Java 17 or later, this is Java ${version:-of an unknown version}"
}

# need_jars downloads the jars that pom.xml names, unless they are there. They
# come whole or not at all: an interrupted download leaves nothing that looks complete.
need_jars() {
  local want
  want=$(cksum <"$here/pom.xml")
  [ "$(cat "$lib/.pom" 2>/dev/null)" = "$want" ] && return
  command -v mvn >/dev/null || fail "Maven is missing: install it (Debian: apt-get install maven)"
  say "downloading Kafka's jars to $lib"
  mkdir -p "$(dirname "$lib")"
  local fresh
  fresh=$(mktemp -d "$lib.XXXXXX")
  if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >&2; then
    rm -rf "$fresh"
    fail "cannot download Kafka's jars; Maven says why above (is Maven Central reachable?)"
  fi
  echo "$want" >"$fresh/.pom"
  chmod 755 "$fresh"
  rm -rf "$lib"
  mv "$fresh" "$lib"
}

java_kafka() { exec java -Xms"$heap" -Xmx"$heap" -XX:+UseG1GC -Dlog4j2.configurationFile="$here/log4j2.yaml" -cp "$lib/*" "$@"; }

# prepare writes the configuration and formats the data directory if it is new.
prepare() {
  need_java
  need_jars
  mkdir -p "$data"
  data=$(cd "$data" && pwd)
  sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$controller_port|g" -e "s|@DATA@|$data|g" \
    "$here/server.properties" >"$data/server.properties"
  local scram=()
  if [ -n "$sasl_port" ]; then
    sasl_listener >>"$data/server.properties"
    scram=(--add-scram "SCRAM-SHA-512=[name=weir,password=weir-secret]")
  fi
  [ -e "$data/log/meta.properties" ] && return
  local cluster
  cluster=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')
  (heap=128m java_kafka kafka.tools.StorageTool format -t "$cluster" -c "$data/server.properties" "${scram[@]}") >"$data/format.log" 2>&1 ||
    { cat "$data/format.log" >&2; fail "cannot format $data"; }
}

# sasl_listener prints settings, of which Kafka takes the last: a third listener, for who has a password.
sasl_listener() {
  cat <<END
listeners=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl_port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl_port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
END
}

# ours prints the pid of the node that start began here, if it still runs.
ours() {
  local pid
  pid=$(cat "$data/pid" 2>/dev/null) || return 1
  ps -p "$pid" -o args= 2>/dev/null | grep -q "kafka.Kafka $(cd "$data" && pwd)/server.properties" && echo "$pid"
}

# answers tells whether somebody takes connections at the port.
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local candidate
  for candidate in $(seq 19092 10 19992 | shuf); do
    answers "$candidate" || answers $((candidate + 1)) || answers $((candidate + 2)) || { echo "$candidate"; return; }
  done
  fail "no free port between 19092 and 19992"
}

start() {
  if ours >/dev/null; then say "runs already, pid $(ours)"; return; fi
  ! answers "$port" || fail "port $port is taken; set KAFKA_PORT"
  prepare
  : >"$data/kafka.log"
  (java_kafka kafka.Kafka "$data/server.properties") >"$data/kafka.log" 2>&1 </dev/null &
  local pid=$! i
  echo "$pid" >"$data/pid"
  for ((i = 0; i < start_seconds_max * 10; i++)); do
    if grep -q 'Kafka Server started' "$data/kafka.log" && answers "$port"; then
      say "answers at 127.0.0.1:$port, pid $pid, data in $data"
      return
    fi
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$data/kafka.log" >&2; fail "Kafka has ended; its log is $data/kafka.log"; }
    sleep 0.1
  done
  stop
  tail -n 20 "$data/kafka.log" >&2
  fail "Kafka did not answer within $start_seconds_max s; its log is $data/kafka.log"
}

stop() {
  local pid i
  pid=$(ours) || { rm -f "$data/pid"; say "is not running"; return; }
  kill "$pid"
  for ((i = 0; i < stop_seconds_max * 10; i++)); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$data/pid"; return; }
    sleep 0.1
  done
  say "did not stop within $stop_seconds_max s, killing it"
  kill -9 "$pid"
  rm -f "$data/pid"
}

run() {
  ! answers "$port" || fail "port $port is taken; set KAFKA_PORT"
  prepare
  say "127.0.0.1:$port, data in $data; Ctrl-C ends it"
  java_kafka kafka.Kafka "$data/server.properties"
}

run_test() {
  [ $# -gt 0 ] || fail "test needs a command"
  data=$(mktemp -d)
  trap 'stop; rm -rf "$data"' EXIT
  trap 'exit 130' INT TERM
  start
  local status=0
  WEIR_TEST_KAFKA_BROKERS=127.0.0.1:$port WEIR_TEST_KAFKA_SASL_BROKERS=127.0.0.1:$sasl_port WEIR_TEST_KAFKA_PID=$(ours) "$@" || status=$?
  exit "$status"
}

command=${1:-}
[ $# -eq 0 ] || shift
if [ "$command" = test ]; then
  port=${KAFKA_PORT:-$(free_port)}
else
  port=${KAFKA_PORT:-9092}
  data=${1:-${KAFKA_DATA:-$here/data}}
fi
controller_port=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
sasl_port=${KAFKA_SASL_PORT:-}
[ "$command" != test ] || sasl_port=${sasl_port:-$((port + 2))}

case $command in
  run | start | stop) "$command" ;;
  test) run_test "$@" ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
