"""Secrets planted wherever a caller or a target has them, and the search for them afterwards.

Every value is the prefix and its own name, so that what leaked is known by what was found. They
look like no known kind of secret: no pattern hides them, they must simply not be passed on.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PREFIX = "zq7planted"
CONTROL = "not-secret"  # in a file that is no secret: a search that finds nothing would show
VARIABLES = (
    *(
        "ANTHROPIC_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "DATABASE_URL",
        "SMTP_PASSWORD",
    ),
    *("SSH_PASSPHRASE", "MENDD_WEBHOOK_SECRET", "NO_PROXY", "no_proxy", "NPM_TOKEN"),
)
FILES = (  # below the target
    *(".env", ".env.local", ".envrc", "deep/.env", ".netrc", "_netrc", ".pypirc", ".npmrc"),
    *(".git/config", ".git/refs/heads/other", ".git-credentials", ".aws/credentials"),
    *(".ssh/config", "id_rsa", "id_ed25519", "id_ecdsa", "id_dsa", "server.pem", "tls/server.key"),
    *("putty.ppk", "store.jks", "release.keystore", "cert.p12", ".docker/config.json"),
    *(".kube/config", ".pgpass", ".my.cnf", ".htpasswd", ".vault-token", ".dockercfg", ".boto"),
    *(".s3cfg", ".azure/token", ".gnupg/key", "infra/main.tfstate", "infra/prod.tfvars"),
    *(".mendd/store.json", ".git/packed-refs"),
)
BESIDE = ("secret.txt", "other/.env", "other/notes.json")  # next to the target
STATE = (
    *("archive/2026-10.jsonl", "history/other.jsonl", "reports/other.md", "kept.json"),
    *("audit/certificates/other.json", "inbox/rejected/other.json", "backups/1/other.py"),
)


def value(name: str) -> str:
    """The secret of that name."""
    return f"{PREFIX}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}-end"


@dataclass(frozen=True)
class Planted:
    """What was planted: variables for the caller's environment, and every value."""

    environment: dict[str, str]
    values: frozenset[str]


def plant(folder: Path, target: Path, state: Path) -> Planted:
    """Put a secret into every place of the lists; Docker's client and the home included."""
    home, docker = folder / "home", folder / "docker"
    places = {
        **{target / name: name for name in FILES},
        **{folder / name: f"beside {name}" for name in BESIDE},
        **{state / name: f"state {name}" for name in STATE},
        **{home / name: f"home {name}" for name in (".ssh/id_rsa", ".netrc", ".config/token")},
    }
    for path, name in places.items():
        write(path, value(name))
    write(target / "notes.txt", value(CONTROL))
    proxies = {
        name: f"http://{value('docker ' + name)}@proxy:1" for name in ("httpProxy", "ftpProxy")
    }
    auths = {"registry.example": {"auth": "dTpw", "identitytoken": value("docker auth")}}
    write(docker / "config.json", json.dumps({"proxies": {"default": proxies}, "auths": auths}))
    inside = [f"docker {name}" for name in (*proxies, "auth")]
    environment = {name: value(name) for name in VARIABLES}
    environment["http_proxy"] = f"http://u:{value('http_proxy')}@127.0.0.1:9"
    environment |= {"HOME": str(home), "DOCKER_CONFIG": str(docker)}
    names = [*VARIABLES, "http_proxy", *places.values(), *inside]
    return Planted(environment, frozenset(map(value, names)))


def write(path: Path, text: str) -> None:
    """A file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def found(data: bytes | str) -> set[str]:
    """The planted values in there."""
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return set(re.findall(rf"{PREFIX}-[a-z0-9-]+?-end", text))


def found_in_files(paths: Iterable[Path]) -> dict[str, set[str]]:
    """The planted values by file."""
    seen = {str(path): found(path.read_bytes()) for path in paths if path.is_file()}
    return {path: values for path, values in seen.items() if values}


SCANNER = f'''
"""Reads everything that can be read in here, and says which planted values there are."""
import os, re
from pathlib import Path

PATTERN = re.compile("{PREFIX[::-1]}"[::-1].encode() + rb"-[a-z0-9-]+?-end")
PASSED = ("/usr", "/proc", "/sys", "/lib", "/bin", "/sbin")

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(64 << 20)
    except OSError:
        return b""

def found():
    seen = set()
    for where, folders, names in os.walk("/"):
        if where == "/":
            folders[:] = [each for each in folders if "/" + each not in PASSED]
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path):
                seen.update(PATTERN.findall(read(path) + name.encode("utf-8", "replace")))
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline", "mountinfo"):
            seen.update(PATTERN.findall(read(process / name)))
    return sorted(each.decode() for each in seen)

def test_only_what_is_no_secret():
    assert found() == ["{value(CONTROL)[::-1]}"[::-1]]
'''
