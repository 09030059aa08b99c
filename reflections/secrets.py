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
    (
        "private-key",
        r"(?:^[\"' ]{0,8}[A-Za-z0-9+/=]{16,76}[\"'\\n ]{0,6}\n){1,100}[\"' ]{0,8}"
        r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    ),  # its beginning was cut off
    ("putty-key", r"PuTTY-User-Key-File-\d[\s\S]{0,6000}?Private-MAC: ?[0-9a-f]{20,}"),
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
    ("google-secret", r"\bGOCSPX-[A-Za-z0-9_-]{20,}"),
    ("google-token", r"\b1//0[A-Za-z0-9_-]{30,}"),
    ("atlassian-token", r"\bATATT3[A-Za-z0-9_=-]{30,}"),
    ("bitbucket-token", r"\bATBB[A-Za-z0-9]{24,}"),
    ("grafana-token", r"\bglsa_[A-Za-z0-9]{24,}_[a-f0-9]{8}"),
    ("sentry-token", r"\bsntry[su]_[A-Za-z0-9+/=_-]{30,}"),
    ("newrelic-key", r"\bNRAK-[A-Z0-9]{20,}"),
    ("postman-key", r"\bPMAK-[a-f0-9]{20,}-[a-f0-9]{20,}"),
    ("mailgun-key", r"\bkey-[a-f0-9]{32}\b"),
    ("brevo-key", r"\bxkeysib-[a-f0-9]{40,}-[A-Za-z0-9]{12,}"),
    ("groq-key", r"\bgsk_[A-Za-z0-9]{30,}"),
    ("replicate-token", r"\br8_[A-Za-z0-9]{30,}"),
    ("nvidia-key", r"\bnvapi-[A-Za-z0-9_-]{30,}"),
    ("xai-key", r"\bxai-[A-Za-z0-9]{40,}"),
    ("perplexity-key", r"\bpplx-[A-Za-z0-9]{30,}"),
    ("supabase-key", r"\bsbp_[a-f0-9]{32,}"),
    ("rubygems-key", r"\brubygems_[a-f0-9]{32,}"),
    ("figma-token", r"\bfigd_[A-Za-z0-9_-]{30,}"),
    ("square-token", r"\bsq0[a-z]{3}-[A-Za-z0-9_-]{20,}"),
    ("pulumi-token", r"\bpul-[a-f0-9]{40}\b"),
    ("doppler-token", r"\bdp\.(?:pt|st|ct|sa)\.[A-Za-z0-9._-]{30,}"),
    ("terraform-token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}"),
    ("planetscale-token", r"\bpscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.-]{30,}"),
    ("fly-token", r"\bfm[12]_[A-Za-z0-9+/=_-]{40,}"),
    ("alibaba-key", r"\bLTAI[A-Za-z0-9]{16,26}\b"),
    ("mapbox-token", r"\bsk\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{10,}"),
    ("age-key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    ("jwt", r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
)
_PREFIXED = tuple((kind, re.compile(pattern, re.MULTILINE)) for kind, pattern in _KINDS)
_VALUE = r"(?P<value>(?!\[redacted:)"
_URL_PASSWORD = re.compile(
    r"(?P<before>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@'\"]{0,200}:)"
    rf"{_VALUE}[^\s/@'\"]{{1,200}})(?=@)"
)
_AUTHORIZATION = re.compile(
    r"(?P<before>\bauthorization\\?['\"]?\s{0,5}[:=]\s{0,5}\\?['\"]?"
    r"(?:(?:bearer|basic|token|digest|apikey|negotiate|bot)\s{1,5})?)"
    rf"{_VALUE}(?=[^\s'\"]{{0,400}}[0-9])[A-Za-z0-9._~+/=-]{{8,}})",
    re.IGNORECASE,
)
_BEARER = re.compile(
    r"(?P<before>\bauthorization\\?['\"]?\s{0,5}[:=]\s{0,5}\\?['\"]?(?:bearer|basic|token)\s{1,5})"
    rf"{_VALUE}[A-Za-z0-9._~+/=-]{{8,}})",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    r"(?P<before>\b(?:set-)?cookie\\?['\"]?\s{0,5}:\s{0,5}\\?['\"]?[\w.-]{1,60}=)"
    rf"{_VALUE}[^\s;,'\"\\]{{12,}})",
    re.IGNORECASE,
)
_SIGNED = re.compile(rf"(?P<before>[?&](?:sig|X-Amz-Signature)=){_VALUE}[A-Za-z0-9%+/=_-]{{16,}})")
_OPTION = re.compile(  # as typed in a shell, in .netrc, in a Dockerfile, in XML
    r"(?P<before>(?:(?<![\w-])--?(?:password|passwd|passphrase|token|secret|api-?key|access-?key"
    r"|client-secret)[ =]\s{0,3}['\"]?"
    r"|\blogin\s{1,5}\S{1,100}\s{1,5}password\s{1,5}"
    r"|\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]?\s{0,3}['\"]?[^\s:'\"]{1,100}:"
    r"|^\s{0,8}ENV\s{1,5}\w{0,60}(?:PASSWORD|SECRET|TOKEN|API_KEY|SECRET_KEY)\s{1,5}"
    r"|<(?:\w{1,40}[.:_-])?(?:password|passwd|secret|token|api_?key)>))"
    rf"{_VALUE}(?![$<{{(\[.-])[^\s'\"<>]{{4,400}})",
    re.IGNORECASE | re.MULTILINE,
)
_SHAPES = (
    ("url-password", _URL_PASSWORD),
    ("authorization", _BEARER),
    ("authorization", _AUTHORIZATION),
    ("cookie", _COOKIE),
    ("signature", _SIGNED),
    ("password", _OPTION),
)
_NAMED = re.compile(
    r"(?P<before>(?P<name>passw(?:or)?d|passphrase|passcode|pwd|secret|token|credentials?"
    r"|(?:db|user|admin|root|smtp|mail|ftp|ssh|mysql|pg|redis|login)[_-]?pass"
    r"|(?:api|access|private|secret|auth|encryption|signing|master|app)[_-]?key)"
    r"\\?['\"]?\s{0,5}(?:=>|:=|[=:])\s{0,5})"
    r"(?:(?P<open>[bBrRfFuU]{0,2}\\?)(?P<quote>['\"])(?P<quoted>(?!\[redacted:)[^'\"\n\\]{4,400})"
    r"(?P<close>\\?)(?P=quote)"
    r"|(?P<plain>(?!\[redacted:)[^\s'\",;(){}\[\]<>\\]{6,400})(?![(\[.\w]))",
    re.IGNORECASE,
)  # fmt: skip
_MOST_PASSES = 20
_CODE = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]\w*)*\Z")  # a name or attribute, not a value
_FRACTION = re.compile(r"[+-]?\d+\.\d+(?:e[+-]?\d+)?%?\Z", re.IGNORECASE)  # what was measured


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
    for kind, pattern in _SHAPES:
        text = pattern.sub(rf"\g<before>[redacted:{kind}]", text)
    return _NAMED.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    """Replace the value of `password = …`, unless it reads like code or prose."""
    name = match["name"].lower()
    kind = "password" if name.startswith("p") or "pass" in name else "secret"
    if match["quoted"] is not None:
        if " " in match["quoted"].strip() or (name == "token" and _CODE.match(match["quoted"])):
            return match[0]
        around = match["open"], match["quote"], match["close"]
        return f"{match['before']}{around[0]}{around[1]}[redacted:{kind}]{around[2]}{around[1]}"
    plain, in_capitals = match["plain"], match["name"].isupper()
    if _FRACTION.match(plain):
        return match[0]
    if not in_capitals and (_CODE.match(plain) or not any(sign.isdigit() for sign in plain)):
        return match[0]
    return f"{match['before']}[redacted:{kind}]"
