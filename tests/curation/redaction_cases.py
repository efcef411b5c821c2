"""
What people write that must not be kept: secrets and personal data in the sentences around them.

A line marks each secret as ``⟦…⟧``. Inside, ``{aln:36}`` stands for so many random characters, made
up from the line itself, so that the repository holds nothing that looks like a real key; ``~`` is
left out. The lines were written before the detectors were tuned. Those at odd places are held out:
only the final measurement looks at them.
"""

import random
import re
import string
from dataclasses import dataclass

_ALPHABETS = {
    "aln": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "low": string.ascii_lowercase + string.digits,
    "up": string.ascii_uppercase + string.digits,
    "dig": string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
}
_HOLE = re.compile(r"\{(\w+):(\d+)\}")
_SECRET = re.compile(r"⟦(.*?)⟧", re.DOTALL)


@dataclass(frozen=True)
class Case:
    text: str
    secrets: tuple[str, ...]


def cases() -> list[Case]:
    return [case_of(line) for line in LINES]


def fill(line: str) -> str:
    """The line with its holes filled, each time the same."""
    chance = random.Random(line)

    def characters(hole: re.Match[str]) -> str:
        return "".join(chance.choices(_ALPHABETS[hole[1]], k=int(hole[2])))

    return _HOLE.sub(characters, line)


def case_of(line: str) -> Case:
    filled = fill(line.replace("~", ""))
    return Case(_SECRET.sub(r"\1", filled), tuple(_SECRET.findall(filled)))


MAIL = [
    "Ask ⟦anna.schmidt@firma.de⟧ for access to the data room.",
    "You can reach our landlord at ⟦h.mueller@gmx.net⟧, he answers within a day.",
    "Invoices go to ⟦billing+2024@acme-corp.com⟧ with the cost centre in the subject.",
    "cc ⟦j_doe99@mail.example.co.uk⟧ and ⟦maria@startup.io⟧ please",
    "From: Tom <⟦tom.o'neill@example.org⟧>",
    "mailto:⟦hr@bigcompany.com⟧?subject=leave",
    "Her private address is ⟦s.larsen@hotmail.no⟧.",
    "Write to ⟦support@sub.domain.example.com⟧; they know the contract.",
    "git config user.email ⟦dev@contractor.dev⟧",
    "the vendor contact is ⟦FIRST.LAST@VENDOR.COM⟧",
    "⟦kim@example.jp⟧ has the keys to the lab",
    "Signed-off-by: Ada L. <⟦ada@lovelace.name⟧>",
    "user=⟦p.novak@seznam.cz⟧ failed to log in",
    "login: ⟦lena_b@student.uni-jena.de⟧, then reset",
    "escalate to (⟦oncall@ops.company.eu⟧)",
    '{"email": "⟦walter.white@graymatter.com⟧", "role": "admin"}',
    "email:⟦x.y-z@a-b.museum⟧!",
    "Her new address: ⟦zoë@exämple.de⟧",
    "Try ⟦1234567@qq.com⟧ if the form is down",
    "https://app.example.com/invite?email=⟦new.hire@example.com⟧&team=7",
]

PHONE = [
    "Call me on ⟦+49 30 901820⟧ when the truck is there.",
    "My mobile is ⟦+1 (415) 555-2671⟧.",
    "The plumber: ⟦+44 20 7946 0958⟧, mention the flat number.",
    "Hotline ⟦+33 1 42 68 53 00⟧ until 18:00",
    "text ⟦+14155552671⟧ with the code",
    "tel:⟦+41 44 668 18 00⟧",
    "The caretaker is at ⟦+43 1 58858 0⟧ in the morning.",
    "Signal: ⟦+31 20 570 5200⟧",
    "reach Priya at ⟦+91 98765 43210⟧ after nine",
    "Bureau: ⟦+32 2 501 02 11⟧, fax is dead",
    "WhatsApp ⟦+55 11 98765-4321⟧",
    "Phone: ⟦+81 3-3210-7000⟧ (Tokyo)",
    "Her number is ⟦(415) 555-2671⟧ if the door is locked.",
    "call ⟦415-555-2671⟧ and press 2",
    "Front desk: ⟦212-736-3100⟧",
    "Call reception, ⟦020 7946 0958⟧, they buzz you in.",
    "My phone: ⟦07911 123456⟧",
    "Ruf mich an: ⟦030 901820⟧",
    "Handy ⟦0171 2345678⟧, nur im Notfall",
    "mobil ⟦0151/23456789⟧ ab acht",
    "Tél. ⟦01 42 68 53 00⟧",
    "phone=⟦+46 8 508 290 00⟧",
    "+ her direct line ⟦+1-202-456-1111⟧ +",
    "on-call pager ⟦+353 1 679 9007⟧",
    "If all fails ring ⟦+61 2 9374 4000⟧.",
    "Office ⟦+39 06 698 12345⟧ or mail",
    "The alarm company is ⟦1-800-273-8255⟧.",
    "doctor: ⟦+48 22 694 60 00⟧",
    "number: ⟦+34 912 582 852⟧ ask for Ana",
    "Contact ⟦+45 33 63 33 63⟧ for badges",
]

CARD = [
    "Use the company card ⟦4111 1111 1111 1111⟧, limit 500.",
    "Amex is ⟦3782 822463 10005⟧",
    "MasterCard ⟦5555-5555-5555-4444⟧ expires in May",
    "pay with ⟦4242424242424242⟧ please",
    "visa: ⟦4012888888881881⟧",
    "card ⟦6011 1111 1111 1117⟧ for travel",
    "The shared Mastercard is ⟦2223 0031 2200 3222⟧ and the CVC is on the back",
    "JCB ⟦3530 1113 3330 0000⟧",
    "Diners ⟦3056 930902 5904⟧ for client dinners",
    "card=⟦5105105105105100⟧;exp=12/27",
    "UnionPay ⟦6212 3456 7890 1232⟧",
    "old card number ⟦4000 0566 5566 5556⟧ is blocked",
]

IBAN = [
    "Transfer it to ⟦DE89 3704 0044 0532 0130 00⟧.",
    "IBAN ⟦GB29NWBK60161331926819⟧",
    "our account: ⟦FR14 2004 1010 0505 0001 3M02 606⟧, BIC on request",
    "refund to ⟦NL91 ABNA 0417 1643 00⟧ please",
    "IBAN: ⟦AT61 1904 3002 3457 3201⟧",
    "⟦CH93 0076 2011 6238 5295 7⟧ is the deposit account",
    "pay ⟦ES9121000418450200051332⟧ today",
    "iban ⟦IT60 X054 2811 1010 0000 0123 456⟧ for the rent",
    "account ⟦BE68 5390 0754 7034⟧ (salary)",
    "Bank details: ⟦PL61109010140000071219812874⟧",
    "send it to ⟦SE45 5000 0000 0583 9825 7466⟧, thanks",
    "iban ⟦de89 3704 0044 0532 0130 00⟧ in lower case",
]

TOKEN = [
    "The bot token is ⟦xox~b-{dig:12}-{dig:12}-{aln:24}⟧.",
    "export SLACK_USER_TOKEN=⟦xox~p-{dig:12}-{dig:12}-{dig:12}-{hex:32}⟧",
    "app level: ⟦xap~p-1-A0{up:9}-{dig:13}-{hex:64}⟧",
    "workspace refresh ⟦xox~e-1-{aln:80}⟧",
    "browser token ⟦xox~c-{dig:12}-{dig:12}-{dig:12}-{hex:64}⟧",
    "webhook: ⟦https://hooks.slack.com/services/T{up:8}/B{up:8}/{aln:24}⟧",
    "git clone with ⟦gh~p_{aln:36}⟧ as the password",
    "use the fine grained one: ⟦github_p~at_{aln:22}_{aln:59}⟧",
    "actions token ⟦gh~s_{aln:36}⟧ leaked in the log",
    "GH refresh ⟦gh~r_{aln:36}⟧",
    "oauth: ⟦gh~o_{aln:36}⟧",
    "gitlab pat ⟦gl~pat-{url:20}⟧ has api scope",
    "runner: ⟦gl~rt-{url:20}⟧",
    "deploy token ⟦gl~dt-{url:20}⟧",
    "AWS key ⟦AK~IA{up:16}⟧ is for staging",
    "temporary ⟦AS~IA{up:16}⟧",
    "aws_secret_access_key = ⟦{b64:40}⟧",
    "AWS_SECRET_ACCESS_KEY=⟦{b64:40}⟧",
    'aws secret "⟦{b64:40}⟧" and nothing else',
    "OPENAI_API_KEY=⟦s~k-{aln:20}T3Blbk~FJ{aln:20}⟧",
    "openai project key ⟦s~k-proj-{url:60}T3Blbk~FJ{url:60}⟧",
    "service account: ⟦s~k-svcacct-{url:58}T3Blbk~FJ{url:58}⟧",
    "claude key ⟦s~k-ant-api03-{url:93}AA⟧",
    "admin: ⟦s~k-ant-admin01-{url:93}AA⟧",
    "Google maps key: ⟦AI~za{url:35}⟧",
    "google oauth secret ⟦GOC~SPX-{url:28}⟧",
    "access token ⟦ya~29.a0{url:120}⟧",
    "hugging face ⟦h~f_{aln:34}⟧",
    "stripe live ⟦sk_li~ve_{aln:24}⟧",
    "restricted ⟦rk_li~ve_{aln:24}⟧",
    "stripe test ⟦sk_te~st_{aln:24}⟧",
    "signing: ⟦whs~ec_{aln:32}⟧",
    "sendgrid ⟦S~G.{url:22}.{url:43}⟧",
    "twilio auth sid ⟦S~K{hex:32}⟧",
    "mailchimp ⟦{hex:32}-us14⟧",
    "mailgun ⟦key~-{hex:32}⟧",
    "npm publish with ⟦np~m_{aln:36}⟧",
    "//registry.npmjs.org/:_authToken=⟦np~m_{aln:36}⟧",
    "pypi upload ⟦pyp~i-AgEIcHlwaS5vcmc{url:90}⟧",
    "telegram bot ⟦{dig:10}:AA{url:33}⟧",
    "discord bot ⟦M{aln:23}.{url:6}.{url:27}⟧",
    "discord hook ⟦https://discord.com/api/webhooks/{dig:18}/{url:68}⟧",
    "jwt ⟦eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{url:43}⟧",
    "curl -H 'Authorization: Bearer ⟦{url:40}⟧' https://api.example.com",
    "Authorization: Bearer ⟦eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhY21lIn0.{url:86}⟧",
    "Authorization: Basic ⟦dXNlcjpodW50ZXIyMjIyMg==⟧",
    "authorization: token ⟦{hex:40}⟧",
    "X-Api-Key: ⟦{aln:32}⟧",
    "digital ocean ⟦dop~_v1_{hex:64}⟧",
    "shopify ⟦shp~at_{hex:32}⟧",
    "databricks ⟦dap~i{hex:32}⟧",
    "jira token ⟦ATA~TT3xFfGF0{url:180}={up:8}⟧",
    "linear ⟦lin~_api_{aln:40}⟧",
    "notion ⟦ntn~_{dig:11}{aln:35}⟧",
    "notion old ⟦secret~_{aln:43}⟧",
    "figma ⟦fig~d_{url:40}⟧",
    "vault ⟦hv~s.{url:90}⟧",
    "grafana ⟦gl~sa_{aln:32}_{hex:8}⟧",
    "new relic ⟦NR~AK-{up:27}⟧",
    "terraform cloud ⟦{aln:14}.atlasv1.{url:67}⟧",
    "square ⟦sq0~csp-{url:43}⟧",
    "artifactory ⟦AK~C{aln:64}⟧",
    "age key ⟦AGE-SECRET-KEY-1{up:58}⟧",
    "dockerhub ⟦dck~r_pat_{url:27}⟧",
    "pulumi ⟦pu~l-{hex:40}⟧",
    "planetscale ⟦ps~cale_tkn_{url:43}⟧",
    "supabase ⟦sb~p_{hex:40}⟧",
    "groq ⟦gs~k_{aln:52}⟧",
    "replicate ⟦r~8_{aln:37}⟧",
    "perplexity ⟦ppl~x-{aln:48}⟧",
    "easypost ⟦EZ~AK{aln:54}⟧",
    "contentful ⟦CFP~AT-{url:43}⟧",
    "rubygems ⟦rubygems~_{hex:48}⟧",
    "tailscale ⟦tsk~ey-auth-{aln:12}-{aln:32}⟧",
    "sentry ⟦sntr~ys_{b64:80}⟧",
    "sentry user ⟦sntr~yu_{hex:64}⟧",
    "postman ⟦PM~AK-{hex:24}-{hex:34}⟧",
    "doppler ⟦dp.p~t.{aln:43}⟧",
    "azure DefaultEndpointsProtocol=https;AccountName=x;AccountKey=⟦{b64:86}==⟧;",
    "SAS url https://x.blob.core.windows.net/c?sv=2022-11-02&sig=⟦{aln:43}%3D⟧",
    "presigned: https://b.s3.amazonaws.com/k?X-Amz-Signature=⟦{hex:64}⟧",
    "here is the key: ⟦{aln:48}⟧ don't lose it",
    "the license server wants ⟦{b64:64}⟧ in the header",
    "cookie: session=⟦{url:64}⟧",
    "https://api.example.com/v1/items?access_token=⟦{url:40}⟧",
    "https://api.example.com/v1/items?api_key=⟦{hex:32}⟧&page=2",
]

PASSWORD = [
    "the wifi password is ⟦Sunflower-42⟧",
    "password: ⟦hunter22!⟧",
    "Password = ⟦Tr0ub4dor&3⟧",
    "pw: ⟦S3cure!pass⟧",
    'DB_PASSWORD="⟦kfj39Fk2lsP⟧"',
    "POSTGRES_PASSWORD=⟦a8fK2mQ91z⟧",
    "passwd ⟦Qwer1234!⟧ for the test account",
    "root password is ⟦tOOr2024$⟧ on the old box",
    "Das Passwort lautet ⟦Winter2024!⟧",
    "Kennwort: ⟦Geheim#77⟧",
    "mot de passe : ⟦Bonjour$2023⟧",
    "contraseña: ⟦Verano-2025⟧",
    'const password = "⟦correcthorsebattery9⟧";',
    "mysql -u root -p⟦S3cr3tPw99⟧ shop",
    "psql postgres://app:⟦v3ryS3cret⟧@db.internal:5432/shop",
    "DATABASE_URL=mysql://root:⟦p4ssw0rd⟧@10.0.0.5/app",
    "redis://default:⟦{aln:24}⟧@cache-1.example.net:6379",
    "https://deploy:⟦{aln:20}⟧@git.example.com/repo.git",
    "amqp://guest:⟦gu3st-pw⟧@mq:5672",
    "mongodb+srv://admin:⟦M0ngo!2024⟧@cluster0.abc.mongodb.net",
    "smtp user mailer, password ⟦x9!kLm2@q⟧",
    "SECRET_KEY = '⟦{aln:50}⟧'",
    "JWT_SECRET=⟦{hex:64}⟧",
    "client_secret: ⟦{url:34}⟧",
    "client_secret=⟦{aln:40}⟧",
    "api_key: ⟦{hex:32}⟧",
    "apikey=⟦{low:24}⟧",
    "api-key ⟦{aln:32}⟧ works for both",
    "API token: ⟦{hex:40}⟧",
    "auth_token = ⟦{aln:28}⟧",
    "encryption key: ⟦{hex:64}⟧",
    "webhook secret is ⟦{aln:32}⟧",
    "the admin login is admin / password ⟦Adm1n!2025⟧",
    "passphrase: ⟦blue-Kettle-91-lamp⟧",
    "PIN for the alarm is ⟦482915⟧",
    "door code: ⟦7391#⟧",
    "sshpass -p '⟦R3mote!9⟧' ssh box",
    "--password ⟦hfJ39fkd2⟧ --host db",
    "--token=⟦{aln:32}⟧",
    "curl -u admin:⟦s3cr3tpw⟧ https://nexus.example.com",
    "ansible_become_pass: ⟦Bec0me!pw⟧",
    "net use Z: \\\\srv\\share /user:corp\\svc ⟦Sh4re!pw⟧",
    "spring.datasource.password=⟦sprInG-9x⟧",
    '"password": "⟦{aln:12}⟧"',
    "<password>⟦Xml-Pass1⟧</password>",
    "PGPASSWORD=⟦pgP4ss77⟧ psql -h db",
    "the shared 1Password emergency secret: ⟦A3-{up:6}-{up:6}-{up:5}-{up:5}-{up:5}-{up:5}⟧",
    "Recovery codes: ⟦{low:5}-{low:5}⟧ ⟦{low:5}-{low:5}⟧",
    "docker login -u bot -p ⟦{aln:20}⟧ registry.example.com",
    "token=⟦{hex:32}⟧",
]

_BLOCK = "\n".join(["{b64:64}"] * 4)
_B, _E = "-----BEGIN {} PRIV~ATE KEY-----\n", "\n-----END {} PRIV~ATE KEY-----"


def _pem(kind: str, before: str = "", after: str = "") -> str:
    return f"{before}{_B.format(kind)}⟦{_BLOCK}⟧{_E.format(kind)}{after}"


PRIVATE_KEY = [
    _pem("RSA"),
    _pem("OPENSSH", "key:\n", "\nok"),
    _pem("").replace("BEGIN  ", "BEGIN ").replace("END  ", "END "),
    _pem("EC", "this one:\n"),
    f"-----BEGIN PGP PRIV~ATE KEY BLOCK-----\n\n⟦{_BLOCK}⟧\n-----END PGP PRIV~ATE KEY BLOCK-----",
    _pem("ENCRYPTED"),
    f"cut off: {_B.format('RSA')}⟦{_BLOCK}⟧",
    _pem("DSA", '"private_key": "').replace("\n", "\\n") + '"',
]

LINES = [*MAIL, *PHONE, *CARD, *IBAN, *TOKEN, *PASSWORD, *PRIVATE_KEY]
