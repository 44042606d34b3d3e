"""Secrets are found by the evidence there is, and what only looks like one is left alone.

Live-looking strings are put together here at run time; none stands in the file.
"""

from __future__ import annotations

import base64
import json
import random
import string
import zlib

import pytest

from yett.extract.values import secrets

_WORDS = random.Random(7)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def some(alphabet: str, length: int) -> str:
    return "".join(_WORDS.choice(alphabet) for _ in range(length))


def github(prefix: str = "ghp") -> str:
    """A token whose check digits hold, as GitHub makes them."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    payload = some(ALNUM, 30)
    number, check = zlib.crc32(payload.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        check = digits[rest] + check
    return f"{prefix}_{payload}{check.rjust(6, '0')}"


def jwt() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': '1234567890', 'name': 'Ann'})}.{some(ALNUM, 43)}"


SECRETS = {
    "github": github(),
    "aws": "AKIA" + some("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "aws secret": "aws_secret_access_key = " + some(ALNUM + "+/", 40),
    "google": "AIza" + some(ALNUM + "_-", 35),
    "slack": "xoxb-" + some(string.digits, 12) + "-" + some(string.digits, 12) + "-" + some(ALNUM, 24),
    "stripe": "sk_live_" + some(ALNUM, 24),
    "gitlab": "glpat-" + some(ALNUM, 20),
    "npm": "npm_" + some(ALNUM, 36),
    "pypi": "pypi-AgEIcHlwaS5vcmc" + some(ALNUM + "_-", 60),
    "openai": "sk-proj-" + some(ALNUM, 20) + "T3BlbkFJ" + some(ALNUM, 20),
    "sendgrid": "SG." + some(ALNUM, 22) + "." + some(ALNUM, 43),
    "telegram": some("123456789", 9) + ":AA" + some(ALNUM, 33),
    "jwt": jwt(),
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA" + some(ALNUM, 40),
    "connection string": "postgres://app:" + some(ALNUM, 12) + "@db.example.com:5432/x",
    "ado": "Server=db;Database=x;User Id=sa;Password=" + some(ALNUM, 12) + ";",
    "basic": "Authorization: Basic " + base64.b64encode(b"ann:" + some(ALNUM, 12).encode()).decode(),
    "bearer": "Authorization: Bearer " + some(ALNUM, 40),
    "assigned": "db_password = '" + some(ALNUM, 8) + "9_x!'",
    "env": "export SERVICE_API_KEY=" + some(ALNUM, 32),
    "yaml": "someservice_token: " + some(HEX, 32) + "a1",
    "json": '{"client_secret": "' + some(ALNUM, 24) + '3x"}',
    "cli": "deploy --auth-token " + some(ALNUM, 30),
    "hash": "root:$6$" + some(ALNUM, 8) + "$" + some(ALNUM, 86),
    "uuid as key": "SERVICE_TOKEN=07a2a032-9772-b1db-38b3-d5bdaa734d31",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_is_found(name: str) -> None:
    assert secrets.scan(SECRETS[name], "/t")


def test_check_digits_are_the_strongest_evidence() -> None:
    assert secrets.scan(github(), "/t")[0].confidence == "checksum"
    assert secrets.scan("ghp_" + some(ALNUM, 36), "/t")[0].confidence == "format"


def test_a_preview_does_not_give_the_secret_away() -> None:
    token = github()
    fact = secrets.scan("token: " + token, "/t")[0]
    assert token not in fact.preview
    assert len(fact.preview) <= 6


def test_an_arguments_name_is_context() -> None:
    value = some(ALNUM, 20) + "7aB"
    assert secrets.scan(value, "/t", name="password")
    assert not secrets.scan(value, "/t", name="title")


@pytest.mark.parametrize(
    "text",
    [
        "550e8400-e29b-41d4-a716-446655440000",
        "commit d41d8cd98f00b204e9800998ecf8427e12345678",
        "token: YOUR_TOKEN_HERE",
        "api_key = 'xxxxxxxxxxxxxxxxxxxxxxxx'",
        "password: ********",
        "password = os.environ['DB_PASSWORD']",
        "api_key: ${{ secrets.API_KEY }}",
        "API_KEY=$API_KEY",
        "max_tokens: 4096000000000000",
        "next_page_token = response.next_page_token",
        "def reset_password(self, user): ...",
        "The password must have at least 12 characters.",
        "key_path = /etc/app/key-2024-prod.txt",
        "token_count=1234567890123456",
        "AKIAIOSFODNN7EXAMPLE",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq",
        "postgres://localhost/app",
        "https://example.com/?page_token=2",
        "author: Ann Example <ann@example.com>",
        "ghp_[A-Za-z0-9]{36}",
        "the tokenizer splits keys at spaces",
        "secretName: my-app-tls",
        "Bearer authentication is required",
    ],
)
def test_a_look_alike_is_left_alone(text: str) -> None:
    assert secrets.scan(text, "/t") == ()


def test_many_secrets_are_bounded() -> None:
    assert len(secrets.scan("\n".join(github() for _ in range(200)), "/t")) <= secrets.MAX_SECRETS


@pytest.mark.parametrize(
    "text",
    [
        "db_password = 'open$sesame'",
        "admin_password: summer2031",
        'my_password := "winter!time"',
        '<add key="MailPassword" value="Spring$time"/>',
        'new NetworkCredential("mailer@example.com", "qmzhwtkdplrvoxye")',
        "jdbc:oracle:thin:app/summer2031@db.example.com:1521:orcl",
    ],
)
def test_a_password_that_a_person_thought_up_is_one_where_it_is_called_so(text: str) -> None:
    assert secrets.scan(text, "/body")


@pytest.mark.parametrize(
    "text",
    [
        "password: required",
        "password = getpass.getpass()",
        "password=$DB_PASSWORD",
        "password: change-me-now",
        "max_password_length: 64",
        "token: summer2031",
        '{"username": "ann", "password": "summer2031"}',
        "passwordLabel: 'Choose one'",
        "this.showPassword = '#show-password'",
        "put '/lost-password' => 'accounts/passwords#edit'",
    ],
)
def test_what_only_stands_beside_the_word_is_none(text: str) -> None:
    assert not secrets.scan(text, "/body")


def test_a_secret_behind_many_that_are_none_is_found() -> None:
    """prevents: a password behind more placeholders than anybody looks at."""
    decoys = "".join(f"password=changeme{number}\n" for number in range(300))
    assert not secrets.scan(decoys, "/t")
    assert secrets.scan(decoys + "password=" + "xK9#" + "mQ2$vLp7", "/t")


@pytest.mark.parametrize(
    "text",
    [
        f"spring.mail.password={'bcdf' + some(string.ascii_lowercase, 12)}",
        f"password: {' '.join('x' + some('bcdfgh', 3) for _ in range(4))}",
        f"Your recovery codes: {some(HEX, 3)}01-{some(HEX, 5)} {some(HEX, 5)}-{some(HEX, 4)}7 {some(HEX, 5)}-{some(HEX, 5)}",
    ],
)
def test_what_an_account_hands_out_once_is_a_secret(text: str) -> None:
    assert secrets.scan(text, "/x")


@pytest.mark.parametrize(
    "text",
    ["password: must have nine char.", "recovery codes: see page 12, then ask Ann", "credential_helper=osxkeychain-v2"],
)  # fmt: skip
def test_what_is_said_of_one_is_none(text: str) -> None:
    assert not secrets.scan(text, "/x")
