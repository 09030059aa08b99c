"""Secrets: known kinds are taken out, code and prose are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflections.secrets import redact
from tests.planted import Planted, lookalikes, planted

LETTERS = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA" * 4
HEX = "0123456789abcdef" * 4
KNOWN = {
    "anthropic-key": "sk-ant-" + "api03-" + LETTERS[:40],
    "openai-key": "sk-" + "proj-" + LETTERS[:40],
    "github-token": "ghp" + "_" + LETTERS[:36],
    "github-token 2": "github" + "_pat_" + LETTERS[:60],
    "gitlab-token": "glpat" + "-" + LETTERS[:20],
    "aws-key-id": "AKIA" + "IOSFODNN7EXAMPLE",
    "slack-token": "xoxb" + "-123456789012-" + LETTERS[:24],
    "slack-webhook": "https://hooks.slack.com" + "/services/T000/B000/" + LETTERS[:24],
    "discord-webhook": "https://discord.com" + "/api/webhooks/123456/" + LETTERS[:30],
    "google-key": "AIza" + LETTERS[:35],
    "google-token": "ya29." + LETTERS[:40],
    "stripe-key": "sk" + "_live_" + LETTERS[:24],
    "npm-token": "npm" + "_" + LETTERS[:36],
    "pypi-token": "pypi" + "-AgEIcHlwaS5vcmc" + LETTERS[:40],
    "huggingface-token": "hf" + "_" + LETTERS[:34],
    "sendgrid-key": "SG" + "." + LETTERS[:22] + "." + LETTERS[:43],
    "twilio-key": "SK" + HEX[:32],
    "telegram-token": "123456789" + ":AA" + LETTERS[:33],
    "digitalocean-token": "dop" + "_v1_" + HEX,
    "docker-token": "dckr" + "_pat_" + LETTERS[:27],
    "vault-token": "hvs" + "." + LETTERS[:24],
    "shopify-token": "shpat" + "_" + HEX[:32],
    "databricks-token": "dapi" + HEX[:32],
    "linear-key": "lin" + "_api_" + LETTERS[:40],
    "age-key": "AGE-SECRET-KEY-" + "1" + LETTERS[:58].upper(),
    "jwt": "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:30] + "." + LETTERS[:40],
    "azure-key": "AccountKey" + "=" + LETTERS[:86] + "==",
}


@pytest.mark.parametrize("kind", KNOWN)
def test_a_known_prefix_is_taken_out_wherever_it_stands(kind: str) -> None:
    """In prose, in quotes, in a header, at the end of a line; the words around stay."""
    secret, shown = KNOWN[kind], f"[redacted:{kind.split()[0]}]"
    for before, after in (
        ("key ", " end"),
        ("'", "'"),
        ("X-Key: ", "\nHost: x"),
        ("(", ")"),
        ("", ""),
    ):
        assert redact(before + secret + after) == before + shown + after


def test_a_private_key_is_taken_out_with_its_body() -> None:
    """Also when it breaks off before its end."""
    body = "\n".join([LETTERS[:64]] * 5)
    begin, end = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA " + "PRIVATE KEY-----"
    assert redact(f"a {begin}\n{body}\n{end} b") == "a [redacted:private-key] b"
    assert LETTERS[:10] not in redact(f"a {begin}\n{body}")
    assert "-----BEGIN CERTIFICATE-----" in redact("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(("text", "shown"), [
    ("postgres://bob:hunter2@db/x", "postgres://bob:[redacted:url-password]@db/x"),
    ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer [redacted:authorization]"),
    ("password=hunter2!", "password=[redacted:password]"),
    ('"db_password": "correct-horse"', '"db_password": "[redacted:password]"'),
    ("api_key = 'abcd1234'", "api_key = '[redacted:secret]'"),
    ("export API_TOKEN=abcdefghijkl", "export API_TOKEN=[redacted:secret]"),
    ("client_secret: 8f3kd92jf", "client_secret: [redacted:secret]"),
])  # fmt: skip
def test_named_values_are_taken_out(text: str, shown: str) -> None:
    """`password = …` in the shapes of configuration files, headers and addresses."""
    assert redact(text) == shown


@pytest.mark.parametrize("text", [
    "token = get_token(user)", "password: str", "def login(name, password=None):",
    "secret = os.environ['SECRET']", "KeyError: 'token'", "unexpected token: end of file",
    "self.token = token", "the password is wrong", "http://example.com:8080/path@2",
    "sk-learn and scikit", "token='the next one'", "if password == stored:", "git@host:repo.git",
    "File \"x.py\", line 3, in token", "passwords: none", "hf_hub_download", "SG.x", "a1b2c3d4e5f6",
])  # fmt: skip
def test_code_and_prose_are_left_alone(text: str) -> None:
    """A traceback must still be readable after redaction."""
    assert redact(text) == text


@given(
    st.lists(
        st.sampled_from([*KNOWN.values(), "password=", "token: ", "x9", "://a:b@", " ", "'", "\n"])
    )
)
def test_redacting_twice_changes_nothing(parts: list[str]) -> None:
    """What was stored can be redacted again before it is sent."""
    once = redact("".join(parts))
    assert redact(once) == once


@pytest.mark.parametrize("case", planted(), ids=lambda case: case.text[:40].replace("\n", " "))
def test_a_planted_secret_is_hidden_and_shown_as_hidden(case: Planted) -> None:
    """Key files, settings, code, logs, headers, command lines; nothing but the secret goes."""
    shown = redact(case.text)

    assert not [line for line in case.lines if line in shown]
    assert "[redacted:" in shown
    if "KEY" not in case.before + case.after and "PuTTY" not in case.before:
        assert shown.startswith(case.before)
        assert shown.endswith(case.after)


@pytest.mark.parametrize("text", lookalikes(), ids=lambda text: text[:40])
def test_what_only_looks_like_a_secret_survives(text: str) -> None:
    """Hashes, names, prose, code that handles secrets, figures that were measured."""
    assert redact(text) == text


def test_there_are_enough_of_both() -> None:
    """Fewer would say less than docs/reflections.md does."""
    assert len(planted()) >= 100
    assert len(lookalikes()) >= 100


@pytest.mark.parametrize("start", ["sk-", "a://", "password=", "-", "curl -u ", "A" * 60 + "\n"])
def test_no_text_takes_long(start: str) -> None:
    """Time grows with the length: a note of a megabyte must not stop the worker (run, no clock)."""
    assert redact(start * (200_000 // len(start))) is not None
