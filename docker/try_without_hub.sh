#!/bin/sh
# Build the three images for processors on a base from Debian's packages, and try them; as root, with nothing from
# Docker Hub: apt-get install debootstrap buildah podman runc. Further arguments go to every build.
set -eu
cd "$(dirname "$0")/.."
key=0marker0key00marker0key00marker0key00000
run="podman --cgroup-manager cgroupfs --runtime runc run --rm --ulimit nofile=1024:1024 --ulimit nproc=1000:1000"
results=$(mktemp -d)
chown 1000:1000 "$results"

step() { # what it is, and then the command, with its seconds
    echo "== $1"
    shift
    began=$(date +%s)
    "$@"
    echo "   $(($(date +%s) - began)) s"
}

base() {
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" > /dev/null
    tar -C "$root" -c . | podman --cgroup-manager cgroupfs import - localhost/base
    rm -rf "$root"
}

if ! podman image exists localhost/base; then
    step "base image" base
fi
for target in benchmark challenge-activation challenge-modification; do
    step "build $target" buildah bud --isolation chroot --network host --layers --quiet --file docker/Dockerfile \
        --build-arg BASE_IMAGE=localhost/base --build-arg REQUIREMENTS=requirements.txt "$@" \
        --target "$target" --tag "localhost/$target" .
done
podman images --filter reference='localhost/*'

small="--models vgg --seeds 0 --epochs 2"
for target in benchmark challenge-activation challenge-modification; do
    step "$target --help, no key" $run --network none "localhost/$target" --help > "$results/help.txt"
    grep '^usage' "$results/help.txt"
done
step "challenge-activation, no key" $run --network host --volume "$results:/results" localhost/challenge-activation $small
ls -ln "$results" "$results"/runs/challenge/*
step "the same once more with a key and no network" \
    env WANDBKEY=$key $run --network none --env WANDBKEY --volume "$results:/results" localhost/challenge-activation \
    $small --runs-dir again
ls -ln "$results"/again/challenge
step "as another user, in a volume of its own" $run --network none --user 1234:1234 localhost/challenge-activation $small

echo "== docker stop"
id=$($run --detach --network none localhost/challenge-activation --models cnn2 --seeds 0)
sleep 40
began=$(date +%s)
podman --cgroup-manager cgroupfs --runtime runc stop --time 30 "$id" > /dev/null
echo "   stopped after $(($(date +%s) - began)) s"

echo "== the key is in no layer, no setting and no result"
for target in benchmark challenge-activation challenge-modification; do
    ! podman history --no-trunc "localhost/$target" | grep --ignore-case --extended-regexp "$key|WANDB" || exit 1
    ! podman image inspect "localhost/$target" | grep --ignore-case --extended-regexp "$key|WANDB" || exit 1
done
! grep --recursive --quiet "$key" "$results" || exit 1
echo "   right; results are in $results"
