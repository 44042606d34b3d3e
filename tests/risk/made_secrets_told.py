"""Further secrets, as they are told, typed on command lines and kept in settings: made when they are asked for.

Two sets, by name; `made_secrets` puts each on one way out. Random parts come from a seeded generator.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from typing import NamedTuple

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_LOWER = string.ascii_lowercase + string.digits
_UPPER = string.ascii_uppercase + string.digits


class _Made(NamedTuple):
    """Makers of random parts, all from one seed."""

    rng: random.Random
    some: Callable[..., str]
    some_uuid: Callable[[], str]
    b64: Callable[[int], str]


def _made(seed: str) -> _Made:
    rng = random.Random(seed)

    def some(count: int, alphabet: str = _LETTERS) -> str:
        return "".join(rng.choice(alphabet) for _ in range(count))

    def some_uuid() -> str:
        return "-".join(some(width, _HEX) for width in (8, 4, 4, 4, 12))

    def b64(count: int) -> str:
        return base64.b64encode(bytes(rng.randrange(256) for _ in range(count))).decode()

    return _Made(rng, some, some_uuid, b64)


def of_services(seed: str) -> dict[str, str]:
    """Keys of services and pieces of settings. Before anybody looked, 103 of 126 were stopped."""
    _, some, some_uuid, b64 = _made(seed)
    return {
        "Airtable PAT": "pat" + some(14) + "." + some(64, _HEX),
        "Authress": "sc_"
        + some(12, _LOWER)
        + "."
        + some(5, _LOWER)
        + ".acc-"
        + some(12, _LOWER)
        + "."
        + some(40, _LETTERS + "+/="),
        "Azure AD secret": some(3) + some(1, string.digits) + "Q~" + some(34, _LETTERS + "_.~-"),
        "ClickHouse cloud": "4b1d" + some(38),
        "Cohere": f'COHERE_API_KEY = "{some(40)}"',
        "Coinbase": f'coinbase_access_token: "{some(64, _LOWER + "_-")}"',
        "Confluent": f"CONFLUENT_SECRET_KEY={some(64, _LOWER)}",
        "Curl digest": f"curl --digest -u svc-deploy:{some(18)} https://10.2.3.4/api",
        "Curl cookie": f"curl -b 'session={some(64)}' https://app.example.com/me",
        "Defined networking": "dnkey-" + some(26, _LOWER + "=_-") + "-" + some(52, _LOWER + "=_-"),
        "Discord webhook": f"https://discord.com/api/webhooks/{some(18, string.digits)}/{some(68, _LETTERS + '_-')}",
        "DroneCI": f"DRONE_TOKEN={some(32, _LOWER)}",
        "Facebook page": "EAAM" + some(120),
        "Facebook app": f"{some(15, string.digits)}|{some(27, _LETTERS + '-_')} facebook app token",
        "Finicity": f'finicity_client_secret="{some(20, _LOWER)}"',
        "Finnhub": f"finnhub_token: {some(20, _LOWER)}",
        "Flickr": f"flickr_access_token='{some(32, _LOWER)}'",
        "Freshbooks": f'freshbooks_secret = "{some(64, _LOWER)}"',
        "Freemius": f"'secret_key' => 'sk_{some(29)}',",
        "GCP API": "AIza" + some(35, _LETTERS + "-_"),
        "GitHub OAuth": "gho_" + some(36),
        "GitLab runner": "glrt-" + some(20, _LETTERS + "-_"),
        "GitLab deploy": "gldt-" + some(20),
        "GitLab feed": "glft-" + some(20),
        "GitLab routable": "glpat-" + some(27, _LETTERS + "-_") + "." + some(2, _LOWER) + some(7, _LOWER),
        "Gitter": f'gitter_token = "{some(40, _LOWER + "_-")}"',
        "Grafana cloud": "glc_"
        + base64.b64encode(
            json.dumps({"o": "123", "n": "x", "k": some(24), "m": {"r": "eu"}}).encode()
        ).decode(),
        "Grafana sa": "glsa_" + some(32) + "_" + some(8, _HEX.upper()),
        "Hashicorp TF": some(14) + ".atlasv1." + some(64, _LETTERS + "-_="),
        "HF org": "api_org_" + some(34, string.ascii_letters),
        "Infura": f"https://mainnet.infura.io/v3/{some(32, _HEX)}",
        "Alchemy": f"https://eth-mainnet.g.alchemy.com/v2/{some(32)}",
        "Jumpcloud": f"x-api-key: {some(40, _LOWER)} # jumpcloud",
        "Kraken": f'kraken_private_key = "{b64(64)}"',
        "Kucoin": f"KUCOIN_ACCESS_TOKEN={some(24, _HEX)}",
        "Lob": "live_" + some(35, _HEX) + " (lob)",
        "Looker": f"looker_client_secret: {some(24, _LOWER)}",
        "Mattermost": f"MATTERMOST_TOKEN={some(26, _LOWER)}",
        "MaxMind": some(6) + "_" + some(29) + "_mmk",
        "MessageBird": f"messagebird_api_token: {some(25, _LOWER)}",
        "Microsoft Teams": f"https://acme.webhook.office.com/webhookb2/{some_uuid()}@{some_uuid()}/IncomingWebhook/{some(32, _LOWER)}/{some_uuid()}",
        "New Relic user": "NRAK-" + some(27, _UPPER),
        "New Relic browser": "NRJS-" + some(19, _HEX),
        "NYT": f"nytimes_secret = '{some(32, _LOWER)}'",
        "OpenShift": "sha256~" + some(43, _LETTERS + "_-"),
        "Plaid": f'PLAID_SECRET="{some(30, _LOWER)}"',
        "Polymath": f'polygon_api_key: "{some(32)}"',
        "Privateai": f"privateai_key={some(32, _LOWER)}",
        "RapidAPI": f'"X-RapidAPI-Key": "{some(50, _LOWER)}"',
        "Scalingo": "tk-us-" + some(48),
        "Sendbird": f"sendbird_access_token: '{some(40, _HEX)}'",
        "Sentry user": "sntryu_" + some(64, _HEX),
        "Sentry org": "sntrys_eyJpYXQiO" + some(60) + "LCJyZWdpb25fdXJs" + some(40) + "_" + some(43),
        "SettleMint": "sm_pat_" + some(16),
        "Shopify shared": "shpss_" + some(32, _HEX),
        "Sidekiq": f"BUNDLE_ENTERPRISE__CONTRIBSYS__COM={some(8, _HEX)}:{some(8, _HEX)}",
        "Slack legacy bot": f"xoxb-{some(10, string.digits)}-{some(24)}",
        "Slack config": f"xoxe.xoxp-1-{some(160)}",
        "Slack workflow": f"https://hooks.slack.com/workflows/T{some(10, _UPPER)}/A{some(10, _UPPER)}/{some(18, string.digits)}/{some(24)}",
        "Squarespace": f"squarespace_token={some_uuid()}",
        "Square": "EAAA" + some(60, _LETTERS + "-_"),
        "Stripe test": "sk_test_" + some(24),
        "Sumologic": f'SUMOLOGIC_ACCESSID="su{some(12)}" SUMOLOGIC_ACCESSKEY="{some(64)}"',
        "Telegram": f"https://api.telegram.org/bot{some(10, '123456789')}:AA{some(33, _LETTERS + '-_')}/sendMessage",
        "Travis": f"travis_token: {some(22, _LOWER)}",
        "Trello": f"TRELLO_KEY={some(32, _HEX)}&token=ATTA{some(72)}",
        "Twitch": f'twitch_client_secret="{some(30, _LOWER)}"',
        "Vault batch": "hvb." + some(140, _LETTERS + "-_"),
        "Weights and Biases": f"WANDB_API_KEY={some(40, _HEX)}",
        "Langsmith": "lsv2_pt_" + some(32, _HEX) + "_" + some(10, _HEX),
        "Langfuse": "sk-lf-" + some_uuid(),
        "Pinecone": "pcsk_" + some(5) + "_" + some(63),
        "Together": f"TOGETHER_API_KEY={some(64, _HEX)}",
        "Mistral": f'mistral_api_key="{some(32)}"',
        "ElevenLabs": "sk_" + some(48, _HEX) + " for elevenlabs",
        "AssemblyAI": f'aai.settings.api_key = "{some(32, _HEX)}"',
        "Deepgram": f"DEEPGRAM_API_KEY={some(40, _HEX)}",
        "Fireworks": "fw_" + some(24),
        "Cerebras": "csk-" + some(48, _LOWER),
        "Voyage": "pa-" + some(43, _LETTERS + "-_") + " voyage key",
        "Resend": "re_" + some(8) + "_" + some(24),
        "Clerk": "sk_live_" + some(40),
        "Stytch": f"secret-live-{some(36, _LETTERS + '-_=')}",
        "Auth0": f"AUTH0_CLIENT_SECRET={some(64, _LETTERS + '-_')}",
        "Expo": f"EXPO_TOKEN={some(40, _LETTERS + '-_')}",
        "Vercel": f"VERCEL_TOKEN={some(24)}",
        "Render": "rnd_" + some(32),
        "Railway": f"RAILWAY_TOKEN={some_uuid()}",
        "Temporal": f"TEMPORAL_API_KEY=eyJhbGciOiJFUzI1NiJ9.{some(90)}.{some(86, _LETTERS + '-_')}",
        "Turso": f"libsql://db-acme.turso.io?authToken=eyJhbGciOiJFZERTQSJ9.{some(70)}.{some(86, _LETTERS + '-_')}",
        "Upstash": f"UPSTASH_REDIS_REST_TOKEN={some(56)}==",
        "Elastic": f"Authorization: ApiKey {base64.b64encode((some(20) + ':' + some(22)).encode()).decode()}",
        "Kafka": f'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="svc" password="{some(16)}";',
        "SQL server": f"Server=db.corp;Database=erp;User Id=erp_app;Password={some(12)}#1;TrustServerCertificate=true",
        "Oracle": f"sqlplus scott/{some(10)}@//db.corp:1521/ORCL",
        "psql env": f"PGPASSWORD={some(16)} psql -h db.corp -U app",
        "mysql opt": f"mysql -h db.corp -u root -p{some(14)} shop",
        "smtp": f"smtp://mailer:{some(16)}@smtp.corp.example:587",
        "ftp": f"lftp -u deploy,{some(12)} ftp.corp.example",
        "wifi": f'network={{\n ssid="office"\n psk="{some(14)}"\n}}',
        "wireguard": f"[Interface]\nPrivateKey = {b64(32)}\nAddress = 10.0.0.2/32",
        "openvpn": "-----BEGIN OpenVPN "
        + "Static key V1-----\n"
        + "\n".join(some(32, _HEX) for _ in range(4))
        + "\n-----END OpenVPN Static key V1-----",
        "tf var": f'variable "db_password" {{\n  default = "{some(16)}"\n}}',
        "ansible": f"ansible_become_pass: {some(14)}",
        "dockerfile": f"ENV API_SECRET={some(32)}",
        "compose": f"environment:\n  - POSTGRES_PASSWORD={some(16)}",
        "php": f"$db_pass = '{some(14)}';",
        "java": f'private static final String PASSWORD = "{some(12)}!9";',
        "properties": f"jwt.secret={some(48)}",
        "ini": f"[smtp]\nuser = noreply\npass = {some(15)}",
        "xml": f"<connectionString>Data Source=.;User Id=sa;Pwd={some(12)}%;</connectionString>",
        "pkcs12": f"openssl pkcs12 -in a.p12 -passin pass:{some(14)}",
        "2fa": f"otpauth://totp/GitHub:ann?secret={some(32, string.ascii_uppercase + '234567')}&issuer=GitHub",
        "recovery": "GitHub recovery codes:\n"
        + "\n".join(some(5, _HEX) + "-" + some(5, _HEX) for _ in range(6)),
        "letter de": f"Das Passwort für den Server ist {some(6)}!{some(5)}7, Benutzer admin.",
        "letter fr": f"Le mot de passe du VPN : {some(6)}#{some(5)}4",
        "letter es": f"La contraseña de la base es {some(6)}${some(5)}8",
        "root letter": f"root / {some(6)}!{some(6)}2 on 10.0.0.3",
        "creds line": f"login: admin@corp.example password: {some(5)}-{some(5)}-{some(4)}7",
        "jupyter": f">>> os.environ['SECRET']\n'{some(40)}'",
        "ssh host": "-----BEGIN OPENSSH "
        + "PRIVATE KEY-----\n"
        + b64(200)
        + "\n-----END OPENSSH PRIVATE KEY-----",
        "jwk": json.dumps({"kty": "EC", "crv": "P-256", "x": some(43), "y": some(43), "d": some(43)}),
        "aws config": f"[default]\naws_access_key_id = AKIA{some(16, string.ascii_uppercase + '234567')}\naws_secret_access_key = {some(40, _LETTERS + '/+')}",
        "gcp sa b64": base64.b64encode(
            (
                '{"type": "service_account","private_key": "-----BEGIN '
                + "PRIVATE KEY-----\\n"
                + b64(60)
                + '"}'
            ).encode()
        ).decode(),
        "kubeconfig": f"users:\n- name: admin\n  user:\n    client-key-data: {b64(120)}",
        "k8s token": f"kubectl config set-credentials x --token=eyJhbGciOiJSUzI1NiJ9.{some(80)}.{some(90, _LETTERS + '-_')}",
    }


def told(seed: str) -> dict[str, str]:
    """As people tell them and as commands take them. Before anybody looked, 39 of 60 were stopped."""
    rng, some, some_uuid, _ = _made(seed)
    return {
        "sentence en": f"The password for the staging database is {some(5)}!{some(5)}9.",
        "sentence en2": f"you can log in with ann@corp.example / {some(5)}-{some(4)}X7!",
        "pw colon": f"user: deploy\npw: {some(10)}#1",
        "creds": f"creds -> svc_backup:{some(8)}!{some(4)}2",
        "it": f"La password del router è {some(6)}!{some(5)}3",
        "pt": f"A senha do servidor é {some(6)}@{some(4)}1",
        "nl": f"Het wachtwoord is {some(6)}#{some(4)}8",
        "pl": f"Hasło do bazy: {some(6)}!{some(5)}4",
        "ru": f"Пароль от сервера: {some(6)}!{some(5)}5",
        "zh": f"数据库密码是 {some(6)}#{some(5)}6",
        "ja": f"パスワードは {some(6)}#{some(5)}6 です",
        "tr": f"Sunucu şifresi: {some(6)}!{some(5)}7",
        "sv": f"Lösenordet är {some(6)}!{some(5)}7",
        "pin": f"The PIN of the company card is {some(4, string.digits)}",
        "sms": f"sms code 2fa backup: {some(4, string.digits)} {some(4, string.digits)} {some(4, string.digits)} {some(4, string.digits)}",
        "xoxc": f"xoxc-{some(12, string.digits)}-{some(12, string.digits)}-{some(12, string.digits)}-{some(64, _HEX)}",
        "github app": "ghu_" + some(36),
        "vault root": "hvs." + some(24),
        "consul": f"CONSUL_HTTP_TOKEN={some_uuid()}",
        "nomad": f"NOMAD_TOKEN={some_uuid()}",
        "etcd": f"etcdctl --user root:{some(14)} get /",
        "mongosh": f"mongosh -u admin -p {some(16)} --host db.corp",
        "redis-cli": f"redis-cli -a {some(24)} ping",
        "sshpass": f"sshpass -p '{some(6)}!{some(6)}' ssh root@10.0.0.2",
        "psql uri": f"postgresql://app:{some(14)}@db.corp:5432/x?sslmode=require",
        "snowflake": f"snowsql -a acme -u ann --password {some(14)}1",
        "docker login": f"docker login -u acme -p {some(20)} registry.corp.example",
        "npm config": f"npm config set //npm.corp.example/:_authToken {some(36)}",
        "helm": f"helm install x --set auth.password={some(16)}",
        "kubectl": f"kubectl create secret generic db --from-literal=password={some(16)}",
        "aws sts": f"aws configure set aws_secret_access_key {some(40, _LETTERS + '/+')}",
        "gcloud": f"gcloud auth activate-refresh-token ann 1//0{some(60, _LETTERS + '-_')}",
        "az": f"az login --service-principal -u {some_uuid()} -p {some(3)}8Q~{some(34)} --tenant {some_uuid()}",
        "gpg": f"gpg --batch --passphrase {some(18)} -d a.gpg",
        "zip": f"unzip -P {some(14)} a.zip",
        "openssl": f"openssl enc -d -aes256 -k {some(16)} -in a",
        "keytool": f"keytool -storepass {some(14)} -list",
        "jdbc oracle": f"jdbc:oracle:thin:app/{some(12)}@db.corp:1521/x",
        "appsettings": json.dumps({"ConnectionStrings": {"Db": f"Server=x;Uid=a;Pwd={some(12)}!"}}),
        "laravel": f"APP_KEY=base64:{base64.b64encode(bytes(rng.randrange(256) for _ in range(32))).decode()}",
        "flask": f"app.secret_key = '{some(32)}'",
        "phoenix": f'secret_key_base: "{some(64, _LETTERS + "/+")}"',
        "symfony": f"APP_SECRET={some(32, _HEX)}",
        "strapi": f"API_TOKEN_SALT={some(22)}==",
        "wp salt": f"define('AUTH_KEY', '{some(40, _LETTERS + '!@#$%^&*')}');",
        "s3cfg": f"[default]\naccess_key = AKIA{some(16, string.ascii_uppercase + '234567')}\nsecret_key = {some(40, _LETTERS + '/+')}",
        "rclone": f"[r]\ntype = sftp\npass = {some(24, _LETTERS + '-_')}",
        "pgpass": f"db.corp:5432:x:app:{some(16)}",
        "htpasswd": f"ann:$apr1${some(8)}${some(22, _LETTERS + './')}",
        "ethereum key": f"PRIVATE_KEY=0x{some(64, _HEX)}",
        "bip39": "mnemonic: abandon ability able about above absent absorb abstract absurd abuse access accident",
        "wif": f"5{some(50)} bitcoin private key",
        "cloudinary": f"cloudinary://{some(15, string.digits)}:{some(27, _LETTERS + '-_')}@acme",
        "algolia": f"algoliasearch('APPID', '{some(32, _HEX)}')",
        "pusher": f"PUSHER_APP_SECRET={some(20, _HEX)}",
        "segment": f"sgp_{some(64)}",
        "posthog": f"phx_{some(43)}",
        "mux": f"MUX_TOKEN_SECRET={some(75, _LETTERS + '/+')}",
        "zoom": f"ZOOM_CLIENT_SECRET={some(32)}",
        "paypal": f"PAYPAL_SECRET=E{some(79, _LETTERS + '-_')}",
    }
