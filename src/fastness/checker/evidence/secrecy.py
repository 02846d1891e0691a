"""Which names hold credentials, and which texts can be one."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = (
    r"secret|secret_?key|jwt_?key|signing_?key|private_?key|encryption_?key|session_?key|password|passwd|pwd|passphrase|passcode"
    r"|api_?key|apikey|access_?key|auth_?token|access_?token|bearer_?token|api_?token|admin_?token|client_?secret|auth_?key"
    r"|jwt_?secret|token_?secret|fernet_?key|hmac_?key|pepper|key_?secret|webhook_?secret|bot_?token|superuser_?password"
    r"|service_?key|master_?key|crypt_?key|aes_?key|hash_?key|admin_?key|internal_?key|token_?key|secret_?token"
)
_ENDINGS = (
    r"key|value|string|text|admin|root|user|db|database|default|prod|production|dev|smtp|mail|email|jwt|token|superuser|postgres"
    r"|mysql|redis|mongo|access|auth|app|session"
)
SECRET = re.compile(
    rf"(^|_)({_WORDS}|pass)\d*$|(^|_)(secret|password|passwd|api_?key)_({_ENDINGS})$|^[a-z]+(Secret|Password|ApiKey|SecretKey)$",
    re.IGNORECASE,
)
SIGNING = re.compile(
    r"(^|_)(secret|secret_?key|jwt_?(secret_?)?key|jwt_?secret|signing_?key|session_?(secret|key)|token_?(secret|key)|app_?secret"
    r"|hmac_?key|private_?key|encryption_?key|fernet_?key|auth_?secret|csrf_?secret|cookie_?secret|crypt_?key|aes_?key)(_?key)?\d*$"
    r"|^(jwt|auth|session|app)_secret_\w+$",
    re.IGNORECASE,
)
_OTHERS_SECRET = re.compile(
    r"(^|_)(client|webhook|aws|s3|minio|gcp|azure|google|github|gitlab|facebook|twitter|stripe|paypal|twilio|slack|discord|oauth\d?"
    r"|consumer|access|api|captcha|recaptcha|turnstile|langfuse|openai|hcaptcha|storage|bucket|r2|oss|telegram)_?\w*(secret|key)",
    re.IGNORECASE,
)
_DICT_KEY = re.compile(r"(^|_)(session|token|cookie|csrf|auth)_?key\d*$", re.IGNORECASE)
_NO_NAME = re.compile(
    r"placeholder|redact|prefix|suffix|mask|example|dummy|fake|sample|mock|invalid|wrong|pending|unused|forbidden|insecure_|weak_|known_|common_|(^|_)(field|form|header|"
    r"param|arg|label|column|cookie|env|var|query|url|path|file|type|kind|scheme|name|names|id|ids|hint|message|msg|error|pattern|regex|"
    r"public|publishable|max|min|len|length|event|action|permission|scope|role|status|mode|policy)_?(key|token|secret|password)$"
    r"|public_?key|publishable|^(old|new|current|confirm|repeat)_?password$|hash",
    re.IGNORECASE,
)
DSN = re.compile(
    r"^[a-z][a-z0-9+.]*://(?P<user>[^\s/:@{}]*):(?P<password>[^\s/@{}]+)@(?P<host>[^\s/:@?{}]*)", re.IGNORECASE
)
_HASH = re.compile(r"^\$(2[abxy]|argon2\w*|5|6|pbkdf2[\w-]*|scrypt)\$|^pbkdf2_|^sha256\$|^\{SSHA\}")
_WORDY = re.compile(
    r"\s|^/|^https?://[^@]*$|^[a-z_]+\.[a-z_.]+$|^[A-Z][A-Z0-9]*_[A-Z0-9_]*$|^[Xx]-[A-Za-z-]+$|%\(|\{\}|\{\w*\}|\{\{.*\}\}|^<.*>$|^\*+$"
    r"|^[a-z]+/[\w/{}-]+$|^\W+$|(?i:^your[-_ ]|^\$)|^\[.*\]$|^__\w+__$|^arn:|^projects/|^[a-z]+:$|-----BEGIN PUBLIC"
)
_PUBLISHED = re.compile(r"^(phc_|pk_(live|test)_|pk\.|sk_test_XXXX|G-[A-Z0-9]+$|UA-\d)")
"""Keys that are made for browsers: they identify a project and open nothing."""
_NO_SECRET = frozenset({
    "", "bearer", "password", "token", "secret", "access", "refresh", "basic", "none", "null", "api_key", "apikey", "header",
    "query", "cookie", "authorization", "string", "str", "true", "false", "hs256", "hs512", "rs256", "refresh_token",
    "access_token", "session", "key", "bcrypt", "sha256", "md5", "argon2", "x", "xxx", "client_secret", "id_token", "secret_key",
    "client_credentials", "passwd", "username", "email", "credentials", "session_id", "authorization_code", "jwt", "...",
    "required", "optional", "unknown", "default", "empty", "n/a", "na", "not-needed", "not_needed", "no-key", "no_key", "unused",
    "ollama", "lm-studio", "vllm", "localai", "sk-no-key-required", "textbox", "text", "hidden", "input", "dummy", "fake", "mock", "test", "placeholder", "redacted", "masked", "sk-xxx",
})  # fmt: skip
_STAND_IN = re.compile(
    r"placeholder|redacted|dummy|not[-_]?(needed|required|used|set)|^(fake|mock|test|example|sample|wrong|incorrect)[-_]|x{4,}|\.\.\.$|^\*{2,}|example\.com",
    re.IGNORECASE,
)
_NO_TEXT = re.compile(
    r"^/|^\w+://|\{\{|^\$\{?[A-Z]|^<.*>$|^\[.*\]$|^__\w+__$|-----BEGIN PUBLIC|^\*+$|\.(pem|key|json|txt)$|^\s*$"
)
_NO_KEY = frozenset(
    {"value", "key", "name", "id", "data", "none", "null", "true", "false", "privatekey", "kid", "jwk", "hmac"}
)
_NAME_OF_VARIABLE = re.compile(r"^[A-Z]+_[A-Z_]+$")
"""The name under which a secret is looked up."""
_RATE = re.compile(r"^\d+ ?(/|per) ?\d* ?(s|sec|second|m|min|minute|h|hour|d|day|month|year)s?(;|$)", re.IGNORECASE)
SHORTEST = 3
_LONG = 8


@lru_cache(maxsize=65_536)
def holds_secret(name: str) -> bool:
    """Whether a variable, field, key or argument of this name holds a credential."""
    return SECRET.search(name) is not None and _NO_NAME.search(name) is None


def signs(name: str) -> bool:
    """Whether it is the key that the application itself signs or encrypts with, not one that a service gave out.

    `session_key` and `token_key` are as often the key of a dict; they are left to what a library is given.
    """
    return (
        SIGNING.search(name) is not None
        and _DICT_KEY.search(name) is None
        and _OTHERS_SECRET.search(name) is None
        and _NO_NAME.search(name) is None
    )


def keyed(name: str) -> bool:
    """Whether a name is as often the key of a dict as a key that signs."""
    return _DICT_KEY.search(name) is not None


def plausible(text: str, *, signing: bool = False) -> bool:
    """Whether a text can be a secret: no word of the protocol, no sentence, path, template or hash.

    A signing key may be any word: the word is then the key.
    """
    if _NAME_OF_VARIABLE.match(text) or _RATE.match(text):
        return False
    if signing:
        return len(text) > 1 and text.lower() not in _NO_KEY and not _NO_TEXT.search(text)
    if text.lower() in _NO_SECRET or len(text) < SHORTEST or _HASH.search(text) or _PUBLISHED.search(text):
        return False
    return not _WORDY.search(text) or DSN.search(text) is not None


def stand_in(text: str) -> bool:
    """Whether a text says itself that it is not the real one."""
    return _STAND_IN.search(text) is not None


def random_looking(text: str) -> bool:
    """Whether a text mixes letters and digits as made keys and passwords do."""
    return len(text) >= _LONG and any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def local_default(name: str, text: str) -> bool:
    """Whether it is the password that the image of a database comes with, alone or in an address near by."""
    found = DSN.search(text)
    if found is None:
        return _SERVERS.search(name) is not None and text.lower() in _IMAGES
    near = "." not in found["host"] or found["host"].startswith("127.")
    trivial = found["password"] == found["user"] or found["password"].lower() in _IMAGES
    return near and trivial


_SERVERS = re.compile(
    r"(^|_)(db|database|postgres\w*|pg|mysql|mariadb|mongo\w*|redis|rabbit\w*|amqp|neo4j|clickhouse|minio|elastic\w*|broker)_",
    re.IGNORECASE,
)
_IMAGES = frozenset(
    {
        "postgres",
        "password",
        "root",
        "admin",
        "example",
        "changeme",
        "secret",
        "test",
        "guest",
        "mysql",
        "pass",
        "dev",
        "user",
    }
)
