"""
Cases of a second look, written against the detectors: what ordinary life has and they had not.

The same marks as in ``redaction_cases``. Whoever finds a secret that was kept adds its line here.
Nothing is held out: this list says what is found, not how well one may guess that others are.
"""

from tests.curation.redaction_cases import Case, case_of

TOKENS = [
    "rotating ⟦xox~e.xox~p-1-{aln:140}⟧ since June",
    "workflow: ⟦https://hooks.sl~ack.com/triggers/T{up:8}/{dig:13}/{hex:32}⟧",
    "user to server ⟦gh~u_{aln:36}⟧",
    "two on one line: ⟦gh~p_{aln:36}⟧,⟦github_p~at_{aln:22}_{aln:59}⟧",
    "gitlab routable ⟦gl~pat-{url:27}.01.{low:9}⟧",
    "<https://x.example|⟦xap~p-1-A0{up:9}-{dig:13}-{hex:64}⟧>",
    "google refresh token ⟦1//0~g{url:90}⟧",
    "eleven labs ⟦sk~_{hex:48}⟧",
    "azure app secret ⟦{aln:3}8Q~~{url:34}⟧",
    "devops pat ⟦{aln:76}AZ~DO{aln:4}⟧",
    "bedrock ⟦AB~SK{b64:128}⟧",
    "heroku ⟦HR~KU-AA{url:58}⟧",
    "netlify ⟦nf~p_{aln:36}⟧",
    "render ⟦rn~d_{aln:28}⟧",
    "bitbucket app password ⟦AT~BB{aln:32}⟧",
    "asana ⟦2/{dig:16}/{dig:16}:{hex:32}⟧",
    "airtable ⟦pat{aln:14}.{hex:64}⟧",
    "hubspot ⟦pa~t-na1-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}⟧",
    "dropbox ⟦sl.u.{url:130}⟧",
    "Authorization: SSWS ⟦00{url:40}⟧",
    "mapbox secret ⟦sk.eyJ1Ijoi{aln:40}.{url:22}⟧",
    "sonar ⟦sq~p_{hex:40}⟧",
    "buildkite ⟦bk~ua_{hex:40}⟧",
    "circle ⟦CC~IPAT_{aln:22}_{hex:40}⟧",
    "fly ⟦Fly~V1 fm2_{b64:120}⟧",
    "typeform ⟦tf~p_{url:44}_{aln:14}⟧",
    "braintree ⟦access_token$production${low:16}${hex:32}⟧",
    "DD_API_KEY=⟦{hex:32}⟧",
    "PrivateKey = ⟦{b64:43}=⟧\nAddress = 10.7.0.2/32",
    "    client-key-data: ⟦{b64:300}==⟧",
    '"auths": {{"r.example.com": {{"auth": "⟦{b64:42}==⟧"}}}}',
    "machine api.example.com login bot password ⟦{hex:36}⟧",
    "otpauth://totp/Acme:bot?secret=⟦JBSWY3DPEHPK3PXPJBSWY3DP⟧&issuer=Acme",
    "root:⟦$6$rounds=5000${aln:12}${aln:86}⟧:19700:0:99999:7:::",
    "deploy:⟦$2y$10${aln:53}⟧",
    "nostr ⟦nse~c1{low:58}⟧",
    "the wallet's private key is ⟦0x{hex:64}⟧",
    "Cookie: JSESSIONID=⟦{hex:32}⟧; theme=dark",
]
_LINES = ["{b64:64}", "{b64:64}", "{b64:40}"]
_BEGIN, _END = "-----BEGIN RSA PRIV~ATE KEY-----", "-----END RSA PRIV~ATE KEY-----"
KEYS = [
    f"{_BEGIN} ⟦{' '.join(_LINES)}⟧ {_END}",
    "\n".join(f"> {line}" for line in [_BEGIN, *(f"⟦{line}⟧" for line in _LINES), _END]),
    "\r\n".join([_BEGIN, *(f"⟦{line}⟧" for line in _LINES), _END]),
    "```\n" + "\n".join([_BEGIN, *(f"⟦{line}⟧" for line in _LINES)]) + "\n```",
    "PuTTY-User-Key-File-3: ssh-ed25519\nComment: x\nPublic-Lines: 1\nAAAAC3\nPriv~ate-Lines: 2\n"
    "⟦{b64:64}⟧\n⟦{b64:20}⟧\nPrivate-MAC: ⟦{hex:64}⟧",
    "two of them:\n" + "\n".join([_BEGIN, "⟦{b64:64}⟧", _END, "and", _BEGIN, "⟦{b64:60}⟧", _END]),
]
PEOPLE = [
    "пишите на ⟦пётр@почта.рф⟧",
    "write to ⟦li.wei@例子.公司⟧ in Chinese",
    "write to anna⟦ at firma dot ⟧de".replace("anna⟦", "⟦anna").replace(" ⟧de", " de⟧"),
    "⟦anna[at]firma.de⟧ (no spam please)",
    "⟦anna＠firma.de⟧ typed on a phone",
    "https://app.example.com/reset?user=⟦anna.schmidt%40firma.de⟧&step=2",
    '"⟦anna schmidt"@firma.de⟧'.replace('"⟦anna', '⟦"anna'),
    "IBAN ⟦DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000⟧ from the PDF",
    "konto ⟦DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00⟧",
    "⟦DE89-3704-0044-0532-0130-00⟧ with dashes",
    "IBAN:⟦DE89370400440532013000⟧",
    "card ⟦4111\u00a01111\u00a01111\u00a01111⟧ from the invoice",
    "card ⟦4111.1111.1111.1111⟧ with dots",
    "card ⟦5555\u20115555\u20115555\u20114444⟧ pasted",
    "Maestro ⟦6759 6498 2643 8453⟧",
    "call ⟦+49 (0)30 901820⟧ after ten",
    "call ⟦0049 30 901820⟧ after ten",
    "⟦+44 (0) 20 7946 0958⟧ is the landlord",
    "⟦+1.415.555.2671⟧ any time",
    "my cell is ⟦415.555.2671⟧",
    "⟦+49\u00a0171\u00a02345678⟧, only in an emergency",
    "Handy: ⟦0171\u20112345678⟧",
    "Tel.: ⟦(030) 90 18 20⟧",
    "Mobil ⟦+49-171-2345678⟧",
    "portable ⟦06 12 34 56 78⟧, demande Luc",
    "whatsapp ⟦+34 612 34 56 78⟧ or ⟦+39 347 123 4567⟧",
    "☎ ⟦+91-98765-43210⟧",
    "https://wa.me/⟦491712345678⟧",
    "Your verification code is ⟦482915⟧.",
    "TAN: ⟦738291⟧, valid for ten minutes",
]

ORDINARY = [
    "the trace id is 4bf92f3577b34da6a3ce929d0e0e4736",
    "see commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "request 7c9e6679-7425-40de-944b-e07fc1f90ae7 failed",
    "the container is 2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "listen on [::1]:8080 and fe80::1ff:fe23:4567:890a%eth0",
    "mac 00:1A:2B:3C:4D:5E got 10.0.4.17/24",
    "image sha256:9b2a1c0f4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
    '"integrity": "sha512-Kd2kVf0n1p9x3ZzqvYQJb0wF7R5t8mN2cXyL4hG6sE1aU3iO9pD7rT5wQ8vB0nM=="',
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3m9Zq8vYxw5bT7rN2kLpQ4sF6hG1jD0cX9uE8iO7aB deploy",
    "publishable pk_live keys may stand in the page",
    "order 4111 1111 1111 1112 was shipped",
    "ISBN 978-3-16-148410-0 is in the library",
    "ticket 2026112700481516 is closed",
    "account 123456789012 in eu-central-1",
    "arn:aws:iam::123456789012:role/deploy-to-staging",
    "U0ALICE wrote it in C0HELP at 1732719600.000100",
    "pip install numpy==2.3.1 and npm i @scope/pkg@1.2.3",
    "def login(password: str, token: Optional[str] = None) -> None:",
    "the password must be at least 12 characters long",
    "the verification code is six digits long",
    "a TAN is sent by text message",
    "your code is reviewed by two people",
    "set the secret in the vault, never in the repository",
    "user@host:~$ tail -f /var/log/syslog",
    "git clone git@github.com:acme/shop.git",
    "docker run -p 8080:8080 -e TOKEN=$TOKEN acme/shop:1.4.2",
    "Authorization: Bearer <token> goes into the header",
    "ratio 16:9, 1920x1080, 60 fps, 4.7 GB",
    "SELECT * FROM orders WHERE id = 4000123412341235 LIMIT 10",
    "2026-11-27T16:00:00.123456Z took 12.345678 s",
    "call foo(415, 555, 2671) with three numbers",
    "the number of rows is 1234567890 today",
    "the block is 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "meet at 5 at the dot matrix printer",
    "look at example dot com for the pattern",
    "PrivateLink costs 7.20 a month and endpoint",
    "kubectl get pod shop-7d9c6b5f4-x2x9z -n prod",
    "1/2 of 16 : half of it",
    "range 10.0.0.1 - 10.0.0.254 is for printers",
    "version 4.12.1.1182 of the firmware",
    "rate limit: 5000 requests, 60 seconds, code 429",
    "https://wa.me is blocked here",
    "dates 2026.11.27 and 27.11.2026 mean the same",
    "slot 06 12 34 in rack 7",
    "the pattern is sk.eyJ for secret and pk.eyJ for public tokens",
]


def everyday() -> list[Case]:
    return [case_of(line) for line in [*TOKENS, *KEYS, *PEOPLE]]


def everyday_ordinary() -> list[Case]:
    return [case_of(line) for line in ORDINARY]
