"""An OpenID provider in a process of its own: Django OAuth Toolkit, with two people who sign in by password.

Arguments: a folder and the callback's URL. It prints its port, and then runs until its standard input ends.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

PASSWORD = "correct horse"
# What this provider tells of how each came in: with a key in hardware, and with a password alone.
FACTORS = {"ada": ["hwk", "pin"], "pat": ["pwd"]}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def main(folder: Path, callback: str) -> None:
    server = make_server("127.0.0.1", 0, lambda *_: [], handler_class=Quiet)
    issuer = f"http://127.0.0.1:{server.server_port}/o"
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    settings.configure(
        SECRET_KEY="a secret of this process",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.db"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {"registration/login.html": "<form method=post>{% csrf_token %}{{ form }}</form>"},
                        )
                    ]
                },
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGIN_URL="/login/",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": issuer,
            "OIDC_RSA_PRIVATE_KEY": key.decode(),
            "SCOPES": {"openid": "who it is"},
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.validator",
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
        },
    )
    django.setup()
    told = _fill(callback)
    from django.core.handlers.wsgi import WSGIHandler

    server.set_app(WSGIHandler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"issuer": issuer, **told}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


def _fill(callback: str) -> dict[str, str]:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from oauth2_provider.models import get_application_model

    call_command("migrate", verbosity=0)
    told = {}
    for name in FACTORS:
        told[name] = str(get_user_model().objects.create_user(name, password=PASSWORD).pk)
    for client in ("faceward", "another"):
        get_application_model().objects.create(
            name=client,
            client_id=client,
            client_secret="a client's secret",
            client_type="confidential",
            authorization_grant_type="authorization-code",
            redirect_uris=callback,
            skip_authorization=True,
            algorithm="RS256",
        )
    return told


def __getattr__(name: str) -> Any:
    """Return what Django finds by name, and what can be made only once it is set up."""
    if name == "urlpatterns":
        from django.contrib.auth.views import LoginView
        from django.urls import include, path

        return [path("login/", LoginView.as_view()), path("o/", include("oauth2_provider.urls"))]
    if name == "validator":
        from oauth2_provider.oauth2_validators import OAuth2Validator

        class Validator(OAuth2Validator):  # type: ignore[misc]
            oidc_claim_scope = None

            def get_additional_claims(self, request: Any) -> dict[str, Any]:
                return {"amr": FACTORS[request.user.username], "email": "ada@example.org", "roles": ["custodian"]}

        return Validator
    raise AttributeError(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
