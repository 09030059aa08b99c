"""The only file that speaks to Docker: one client per thread, errors turned into ours.

Every container is made from constants: our image by id, our working folder, our mounts and no
environment of the host. The flags are those of docs/sandbox.md, which says what each stops.
"""

import contextlib
import json
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig

from sandbox.box import Box, host_config
from sandbox.errors import EngineUnavailable, ImageUnavailable, SandboxDied, SandboxError
from sandbox.stream import Stream

HARNESS = ("python3", "-I", "-S", "/mendd/mendd_guest/harness.py")
ANSWER_TIMEOUT_S = 60  # for one answer of the engine
LAYER_TIMEOUT_S = 1200
GONE = {404, 409}  # removed already, or its removal or end is under way: what we wanted


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Docker's and the HTTP library's errors as this package's."""
    try:
        yield
    except ImageNotFound as fault:
        raise ImageUnavailable(f"{what}: the image is gone: {reason(fault)}") from fault
    except NotFound as fault:
        raise SandboxDied(f"{what}: {reason(fault)}") from fault
    except APIError as fault:
        raise SandboxDied(f"{what}: the engine refused: {reason(fault)}") from fault
    except (DockerException, requests.RequestException, OSError) as fault:
        raise EngineUnavailable(
            f"{what}: no Docker engine answers ({fault}). Does it run, and may this user reach it?"
        ) from fault


@contextlib.contextmanager
def patient(client: Any) -> Iterator[Any]:
    """The client with a longer timeout, for what moves whole layers."""
    usual, client.timeout = client.timeout, LAYER_TIMEOUT_S
    try:
        yield client
    finally:
        client.timeout = usual


def reason(fault: APIError) -> str:
    """The engine's own words."""
    return str(fault.explanation or fault)


class Docker:
    """The engine at one address. Safe to share: every thread gets its own client."""

    def __init__(self, host: str | None) -> None:
        """`host` as in DOCKER_HOST; None means the local socket, never the CLI's context."""
        self.host = host or "unix:///var/run/docker.sock"
        self._local = threading.local()
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()  # a thread's goes with it

    @property
    def client(self) -> Any:
        """This thread's client; API version as the engine has it."""
        if not hasattr(self._local, "client"):
            with translated(f"connecting to {self.host}"):
                client = connected(self.host)
            self._local.client = client
            self._clients.add(client)
        return self._local.client

    def close(self) -> None:
        """Close every thread's connections."""
        for client in list(self._clients):
            client.close()

    def version(self) -> dict[str, Any]:
        """What the engine says of itself and its parts."""
        with translated("asking the engine for its version"):
            return dict(self.client.version())

    def info(self) -> dict[str, Any]:
        """What the engine says of its host."""
        with translated("asking the engine about its host"):
            return dict(self.client.info())

    # containers

    def create(self, box: Box) -> str:
        """A trial container, not started."""
        client = self.client
        with translated("creating a trial container"):
            made = client.create_container(
                box.image,
                command=list(HARNESS),
                entrypoint=[],
                name=box.name,
                user="0:0",
                working_dir="/",
                environment=[],
                hostname="sandbox",
                labels=dict(box.labels),
                stdin_open=True,
                network_disabled=False,
                host_config={**host_config(client, box)},
                use_config_proxy=False,
            )
            return str(made["Id"])

    def attach(self, container: str) -> Stream:
        """Its standard streams; call it before `start` so that nothing is missed."""
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with translated("attaching to a trial container"):
            return Stream(self.client.attach_socket(container, params=wanted))

    def start(self, container: str) -> None:
        """Start it."""
        with translated("starting a container"):
            self.client.start(container)

    def state(self, container: str) -> dict[str, Any] | None:
        """`State` of `docker inspect`; None when it is gone."""
        with translated("inspecting a container"):
            try:
                return dict(self.client.inspect_container(container)["State"])
            except NotFound:
                return None

    def kill(self, container: str) -> None:
        """SIGKILL; a container that is gone or dead already is fine."""
        with translated("killing a container"):
            try:
                self.client.kill(container)
            except APIError as fault:
                if fault.status_code not in GONE:
                    raise

    def remove(self, container: str) -> None:
        """Kill and remove; a container that is gone already is fine."""
        with translated("removing a container"):
            try:
                self.client.remove_container(container, force=True, v=True)
            except APIError as fault:
                if fault.status_code not in GONE:
                    raise

    def containers(self, label: str) -> list[str]:
        """Ids of every container that bears the label, running or not."""
        with translated("listing containers"):
            found = self.client.containers(all=True, filters={"label": label})
            return [str(each["Id"]) for each in found]

    # images

    def image_with(self, label: str) -> str | None:
        """Id of the newest image that bears the label."""
        found = self.images(label)
        return str(found[0]["Id"]) if found else None

    def images(self, label: str) -> list[dict[str, Any]]:
        """Every image that bears the label, newest first."""
        with translated("listing images"):
            found = self.client.images(filters={"label": label})
        return sorted(found, key=lambda image: -int(image["Created"]))

    def import_image(self, tar: Any, *, tag: str, changes: Sequence[str]) -> str:
        """An image of one layer out of a tar stream."""
        repository, _, version = tag.partition(":")
        with translated("importing an image"), patient(self.client) as client:
            answer = client.import_image_from_stream(
                tar, repository=repository, tag=version, changes=list(changes)
            )
        return last_status(answer)

    def commit(self, container: str, *, tag: str, changes: Sequence[str]) -> str:
        """An image out of a container's file system."""
        repository, _, version = tag.partition(":")
        with translated("committing an image"), patient(self.client) as client:
            made = client.commit(
                container, repository=repository, tag=version, changes="\n".join(changes)
            )
        return str(made["Id"])

    def scratch(self, image: str, labels: Mapping[str, str], **options: Any) -> str:
        """A plain container of ours for building a layer, not started.

        It has no variables: they would be committed with the layer.
        """
        command = options.pop("command", ["true"])
        client = self.client
        with translated("creating a build container"):
            made = client.create_container(
                image,
                command=command,
                entrypoint=[],
                user="0:0",
                labels=dict(labels),
                host_config=client.create_host_config(
                    log_config=LogConfig(type="json-file", config={"max-size": "1m"}), **options
                ),
                use_config_proxy=False,
            )
        return str(made["Id"])

    def upload(self, container: str, tar: Any) -> None:
        """Unpack a tar (bytes or an iterator of them) at the container's root."""
        with translated("filling a build container"), patient(self.client) as client:
            client.put_archive(container, "/", tar)

    def wait(self, container: str, timeout_s: float) -> int:
        """Exit code of a build container; SandboxError when it takes too long."""
        with translated("waiting for a build container"):
            try:
                return int(self.client.wait(container, timeout=timeout_s)["StatusCode"])
            except (requests.exceptions.ConnectionError, requests.exceptions.ReadTimeout) as fault:
                if "timed out" not in str(fault):
                    raise
                raise SandboxError(f"a build step took longer than {timeout_s:.0f} s") from fault

    def log_tail(self, container: str, lines: int = 30) -> str:
        """The last lines of a build container's bounded log."""
        with translated("reading a build log"):
            raw: bytes = self.client.logs(container, tail=lines)
        return raw.decode("utf-8", "replace")

    def pull(self, name: str) -> str:
        """Id of a registry image, pulled when it is not here yet."""
        client = self.client
        try:
            with translated(f"looking for {name}"):
                return str(client.inspect_image(name)["Id"])
        except ImageUnavailable:
            repository, _, version = name.rpartition(":")
            with translated(f"pulling {name}"), patient(client):
                client.pull(repository or name, tag=version if repository else "latest")
                return str(client.inspect_image(name)["Id"])

    def remove_image(self, image: str) -> bool:
        """Remove an image; False when something still uses it."""
        try:
            with translated("removing an image"):
                self.client.remove_image(image, force=False, noprune=False)
        except (SandboxDied, ImageUnavailable):
            return False
        return True


def connected(host: str) -> Any:
    """A client; the SDK reads the settings of Docker's own client, which may be broken."""
    try:
        return docker.APIClient(base_url=host, version="auto", timeout=ANSWER_TIMEOUT_S)
    except (ValueError, TypeError) as fault:
        raise EngineUnavailable(
            f"the settings of Docker's client cannot be read ({fault}): "
            "mend ~/.docker/config.json, or name another folder in DOCKER_CONFIG"
        ) from fault


def last_status(answer: str) -> str:
    """The image id at the end of the engine's stream of status objects."""
    lines = [json.loads(line) for line in answer.strip().splitlines()]
    for line in lines:
        if "error" in line:
            raise ImageUnavailable(f"importing an image: {line['error']}")
    return str(lines[-1]["status"])
