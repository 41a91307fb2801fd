# What scripts/setup, scripts/run, scripts/test and Benchmarks/run share. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs="$root/.build/logs"
# Where Debian has servers such as nginx, and not every account looks.
export PATH="$PATH:/usr/sbin"

say() { printf '%s\n' "weir: $*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

# elapsed SECONDS: 7 s, 2 min 05 s
elapsed() {
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# step NAME TITLE COMMAND…: runs a long command with its output in .build/logs/NAME.log. Says when it starts, every 20 seconds how far it is
# (the log's last line), and when it ends, with the time it took. When it fails the end of the log is shown and its exit status returned.
step() {
  local name=$1 title=$2 log="$logs/$1.log" began=$SECONDS status=0 ticker
  shift 2
  mkdir -p "$logs"
  : >"$log"
  say "$title …"
  (
    trap 'kill $!; exit' TERM
    while sleep 20 & wait $!; do
      say "  $(elapsed $((SECONDS - began))): $(tail -n 1 "$log" | tr -d '\r' | cut -c1-120)"
    done
  ) &
  ticker=$!
  "$@" >"$log" 2>&1 || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if ((status == 0)); then
    say "$title: done in $(elapsed $((SECONDS - began)))"
  else
    say "$title: failed with status $status after $(elapsed $((SECONDS - began))); the end of $log:"
    tail -n 60 "$log" >&2
  fi
  return "$status"
}

# build_release: the program as it is shipped. On Linux with Swift's own libraries inside: one binary, and a tenth faster.
build_release() {
  local linking=()
  if [[ $(uname -s) == Linux ]]; then linking=(--static-swift-stdlib); fi
  step build-release "release build (minutes the first time)" swift build --package-path "$root" -c release --product weir "${linking[@]}"
}

as_root() {
  if (($(id -u) == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root, and there is no sudo; as root run: $*"
  fi
}

# has WHAT: `lib:NAME` asks pkg-config, `venv` asks for a Python that can make virtual environments, anything else is a program.
has() {
  case $1 in
    lib:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#lib:}" ;;
    venv) find_python >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# need WHAT=PACKAGE …: installs the packages of what is missing, by apt. Nothing missing: no apt call at all.
need() {
  local pair missing=()
  for pair in "$@"; do
    has "${pair%%=*}" || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]} (names of Debian packages). This system has no apt-get: install what corresponds to them, then run this again."
  say "missing, to be installed by apt: ${missing[*]}"
  (($(id -u) == 0)) || command -v sudo >/dev/null || fail "installing packages needs root, and there is no sudo; as root run: apt-get install ${missing[*]}"
  step apt-update "apt-get update" as_root apt-get update
  install_quietly "${missing[@]}"
  for pair in "$@"; do
    has "${pair%%=*}" || fail "${pair#*=} is installed, but ${pair%%=*} is still not there"
  done
}

# Debian starts a service when it installs it. The tests start their own servers on free ports, so none is to start here:
# a policy-rc.d that forbids it stands for as long as the installation runs, and services that came with it are not enabled at boot.
install_quietly() {
  local policy=/usr/sbin/policy-rc.d guarded=no status=0 package
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    guarded=yes
  fi
  step apt-install "apt-get install $*" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || status=$?
  if [[ $guarded == yes ]]; then as_root rm -f "$policy"; fi
  ((status == 0)) || exit "$status"
  if [[ -d /run/systemd/system ]]; then
    for package in "$@"; do
      case $package in
        redis-server | prometheus | nginx) as_root systemctl disable --quiet "$package" 2>/dev/null || true ;;
      esac
    done
  fi
}

# The first Python of at least 3.10 that can make a virtual environment.
find_python() {
  local candidate
  for candidate in "${WEIR_PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10; do
    [[ -n $candidate ]] || continue
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# environment NAME: the virtual environment .venv/NAME with exactly the packages of Tests/EndToEnd/requirements/NAME.txt.
# Made again only when that file or the Python changed; a stamp remembers both.
environment() {
  local name=$1 python folder="$root/.venv/$1" list="$root/Tests/EndToEnd/requirements/$1.txt" stamp
  python=$(find_python) || fail "no Python of 3.10 or newer with venv; install python3-venv"
  stamp=$({ "$python" --version; cat "$list"; } | sha256sum | cut -d' ' -f1)
  if [[ -f $folder/stamp && $(<"$folder/stamp") == "$stamp" ]]; then return 0; fi
  rm -rf "$folder"
  mkdir -p "$root/.venv"
  step "venv-$name" "Python environment .venv/$name ($(grep -vc '^#' "$list") packages)" make_environment "$python" "$folder" "$list"
  printf '%s\n' "$stamp" >"$folder/stamp"
}

make_environment() {
  "$1" -m venv "$2" && "$2/bin/python" -m pip install --disable-pip-version-check --progress-bar off -r "$3"
}

need_swift() {
  command -v swift >/dev/null || fail "no Swift toolchain on the PATH; install Swift 6.2 or newer (https://www.swift.org/install), then run this again"
}

# The libcurl that Sources/CCurl/shim.h wants; an older one fails after minutes of building.
least_libcurl=7.87.0

need_libraries() {
  need pkg-config=pkg-config lib:hiredis=libhiredis-dev lib:libcurl=libcurl4-openssl-dev
  pkg-config --atleast-version="$least_libcurl" libcurl ||
    fail "libcurl $(pkg-config --modversion libcurl) is too old, Weir needs $least_libcurl or newer: Debian 12, Ubuntu 24.04 or later, or PKG_CONFIG_PATH to a newer one"
}

# Where they are missing, the Swift tests that speak to a real Redis are skipped.
need_redis() { need redis-server=redis-server redis-cli=redis-tools openssl=openssl; }

need_test_tools() {
  need_redis
  need promtool=prometheus venv=python3-venv curl=curl nginx=nginx
  local name job jobs=()
  for name in aws e2e mcp1; do
    environment "$name" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
}

# current BINARY: it exists, and no source is newer.
current() {
  [[ -x $1 ]] && [[ -z $(find "$root/Package.swift" "$root/Sources" -newer "$1" -print -quit) ]]
}
