"""Takes known kinds of secrets out of text, before it is stored or sent anywhere.

A table of our own: prefixes that vendors publish for exactly this purpose, plus `password = …`
shapes. It finds what is known, not everything; entropy guessing fires on almost any token.
"""

import re

_KINDS: tuple[tuple[str, str], ...] = (
    (
        "private-key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    ("anthropic-key", r"\bsk-ant-[A-Za-z0-9_-]{8,}"),
    ("openai-key", r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}"),
    ("github-token", r"\bgh[pousr]_[A-Za-z0-9]{16,}"),
    ("github-token", r"\bgithub_pat_[A-Za-z0-9_]{16,}"),
    ("gitlab-token", r"\bgl(?:pat|rt|dt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{16,}"),
    ("aws-key-id", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}"),
    ("slack-token", r"\bxapp-\d-[A-Za-z0-9-]{8,}"),
    ("slack-webhook", r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{8,}"),
    ("discord-webhook", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{8,}"),
    ("google-key", r"\bAIza[A-Za-z0-9_-]{30,}"),
    ("google-token", r"\bya29\.[A-Za-z0-9_-]{16,}"),
    ("stripe-key", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("stripe-key", r"\bwhsec_[A-Za-z0-9]{16,}"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{30,}"),
    ("pypi-token", r"\bpypi-[A-Za-z0-9_-]{16,}"),
    ("huggingface-token", r"\bhf_[A-Za-z0-9]{20,}"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("twilio-key", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    ("telegram-token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{30,}"),
    ("digitalocean-token", r"do[opr]_v1_[a-f0-9]{32,}"),
    ("docker-token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}"),
    ("azure-key", r"\b(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{20,}={0,2}"),
    ("vault-token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    ("shopify-token", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    ("databricks-token", r"\bdapi[a-f0-9]{32}\b"),
    ("linear-key", r"\blin_api_[A-Za-z0-9]{20,}"),
    ("age-key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    ("jwt", r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
)
_PREFIXED = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_URL_PASSWORD = re.compile(
    r"(?P<before>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@'\"]{0,200}:)"
    r"(?P<value>(?!\[redacted:)[^\s/@'\"]{1,200})(?=@)"
)
_BEARER = re.compile(
    r"(?P<before>\bauthorization['\"]?\s{0,5}[:=]\s{0,5}['\"]?"
    r"(?:bearer|basic|token)\s{1,5})"
    r"(?P<value>(?!\[redacted:)[A-Za-z0-9._~+/=-]{8,})",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<before>(?P<name>passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|credentials?)['\"]?\s{0,5}(?:=>|[=:])\s{0,5})"
    r"(?:(?P<quote>['\"])(?P<quoted>(?!\[redacted:)[^'\"\n]{4,400})(?P=quote)"
    r"|(?P<plain>(?!\[redacted:)[^\s'\",;(){}\[\]<>]{6,400})(?![(\[.\w]))",
    re.IGNORECASE,
)  # fmt: skip
_MOST_PASSES = 20
_CODE = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]\w*)*\Z")  # a name or attribute, not a value


def redact(text: str) -> str:
    """The same text with each known secret shown as `[redacted:kind]`.

    Redacting twice changes nothing. Source code such as `token = get_token()` or
    `password: str` is left alone: an unquoted value counts only if it holds a digit and is not a
    name, or if its key is written in capitals as in an environment file.
    """
    for _ in range(_MOST_PASSES):
        before, text = text, _redacted_once(text)
        if text == before:
            break
    return text


def _redacted_once(text: str) -> str:
    """One pass; what stood glued to a secret may be recognisable only in the next."""
    for kind, pattern in _PREFIXED:
        text = pattern.sub(f"[redacted:{kind}]", text)
    text = _URL_PASSWORD.sub(r"\g<before>[redacted:url-password]", text)
    text = _BEARER.sub(r"\g<before>[redacted:authorization]", text)
    return _NAMED.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    """Replace the value of `password = …`, unless it reads like code or prose."""
    kind = "password" if match["name"].lower().startswith("p") else "secret"
    if match["quoted"] is not None:
        if " " in match["quoted"].strip():
            return match[0]
        return f"{match['before']}{match['quote']}[redacted:{kind}]{match['quote']}"
    plain, in_capitals = match["plain"], match["name"].isupper()
    if not in_capitals and (_CODE.match(plain) or not any(sign.isdigit() for sign in plain)):
        return match[0]
    return f"{match['before']}[redacted:{kind}]"
