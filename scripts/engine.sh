#!/bin/sh
# Makes sure a Docker engine answers: uses the one that is there, else installs and starts one.
#
# As root on Debian or Ubuntu it installs docker.io (and debootstrap, for the base image where no
# registry can be reached) and starts it, through systemd where that runs and directly where it
# does not. Anywhere else it says exactly what to do. Runs again in no time.
set -eu
cd "$(dirname "$0")/.."

answers() {
    .venv/bin/python - <<'PROBE' 2>/dev/null
import docker
docker.from_env(timeout=5).ping()
PROBE
}

install() {
    echo "installing $* with apt"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# An engine that was killed leaves pid files behind, and a new one believes them as long as any
# process, a dead one not yet collected included, bears that number.
forget_the_dead() {
    for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
        [ -f "$file" ] || continue
        pid=$(cat "$file")
        name=$(cat "/proc/$pid/comm" 2>/dev/null || true)
        state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null || true)
        case "$name:$state" in
        dockerd:Z | containerd:Z) rm -f "$file" ;;
        dockerd:* | containerd:*) ;;
        *) rm -f "$file" ;;
        esac
    done
}

start() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker
        return
    fi
    echo "starting dockerd directly (no systemd here); its log is /var/log/mendd-dockerd.log"
    forget_the_dead
    setsid dockerd >/var/log/mendd-dockerd.log 2>&1 </dev/null &
}

wait_for_it() {
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then
            echo "the Docker engine does not answer after a minute." >&2
            echo "See 'journalctl -u docker' or /var/log/mendd-dockerd.log, mend it, run this again." >&2
            exit 3
        fi
        sleep 1
    done
}

debian() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]
}

if debian && ! command -v debootstrap >/dev/null; then
    install debootstrap
fi
if answers; then
    exit 0
fi
if ! command -v dockerd >/dev/null; then
    if ! debian; then
        echo "No Docker engine answers, and this is not root on Debian or Ubuntu." >&2
        echo "Install Docker (https://docs.docker.com/engine/install/), start it, and let this user" >&2
        echo "reach it: add it to the docker group, or set DOCKER_HOST to a rootless socket." >&2
        exit 3
    fi
    install docker.io
fi
if [ "$(id -u)" != 0 ]; then
    echo "A Docker engine is installed but does not answer. Start it as root:" >&2
    echo "  systemctl start docker" >&2
    echo "and let this user reach it (docker group), or set DOCKER_HOST to a rootless socket." >&2
    exit 3
fi
start
wait_for_it
echo "Docker engine is up"
