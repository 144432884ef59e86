"""Django OAuth Toolkit with its own pages, for a command line program: code and PKCE, device codes, rotation.

It reads its clients and users from the first line of stdin, prints its address as JSON, and ends when stdin does.
One request is served at a time, by the one thread that has the database, which is in memory.
"""
# Neither Django nor the toolkit is typed.
# mypy: disable-error-code="import-untyped"

import json
import sys
import threading
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

_APPS: Final = ("django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "oauth2_provider")
_LOGIN_PAGE: Final = '<form method="post">{% csrf_token %}{{ form.as_p }}<button>Log in</button></form>'

urlpatterns: list[Any] = []


class _Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Nothing."""


def main() -> None:
    """Serve until stdin ends."""
    told = json.loads(sys.stdin.readline())
    with WSGIServer(("127.0.0.1", 0), _Quiet) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        _configure(url, told["lifetime"])
        _fill(told)
        server.set_app(get_wsgi_application())
        threading.Thread(target=_end, args=(server,), daemon=True).start()
        print(json.dumps({"url": url}), flush=True)
        server.serve_forever(0.01)


def _end(server: WSGIServer) -> None:
    """With stdin, which the process that has started this one holds open."""
    sys.stdin.read()
    server.shutdown()


def _configure(url: str, lifetime: int) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=_APPS,
        LOGGING={
            "version": 1,
            "handlers": {"stderr": {"class": "logging.StreamHandler"}},
            "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}},
        },
        LOGIN_URL="/login/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        # The tables are made of the models, which is faster than by their history.
        MIGRATION_MODULES=dict.fromkeys(name.rpartition(".")[2] for name in _APPS),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="key-of-the-cookies",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": _LOGIN_PAGE}),
                        "django.template.loaders.app_directories.Loader",
                    ]
                },
            }
        ],
        USE_TZ=True,
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": lifetime,
            "ALLOWED_REDIRECT_URI_SCHEMES": ["http"],
            "DEVICE_FLOW_INTERVAL": 1,
            "OAUTH_DEVICE_VERIFICATION_URI": f"{url}/o/device/",
            "OAUTH_DEVICE_VERIFICATION_URI_COMPLETE": f"{url}/o/device/?user_code={{user_code}}",
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": url,
            "OIDC_RSA_PRIVATE_KEY": key.decode(),
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "SCOPES": {"openid": "who you are", "read": "read", "write": "write"},
        },
    )
    django.setup()


def _fill(told: dict[str, Any]) -> None:
    """Tables, people, and clients; Django lets them be imported only when it is set up."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.contrib.auth.views import LoginView  # noqa: PLC0415
    from oauth2_provider.models import Application  # noqa: PLC0415

    urlpatterns.extend([path("login/", LoginView.as_view()), path("o/", include("oauth2_provider.urls"))])
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name in told["people"]:
        get_user_model().objects.create_user(name, password=told["password"])
    native = {"redirect_uris": "http://127.0.0.1/callback", "algorithm": "RS256"}
    code, device = Application.GRANT_AUTHORIZATION_CODE, Application.GRANT_DEVICE_CODE
    for client_id, kind, grant, more in (
        (told["public"], "public", code, native),
        (told["device"], "public", device, {"algorithm": "RS256"}),
        (told["confidential"], "confidential", code, native | {"client_secret": told["secret"]}),
        (told["resource"], "confidential", "client-credentials", {"client_secret": told["secret"]}),
    ):
        Application.objects.create(
            client_id=client_id, name=client_id, client_type=kind, authorization_grant_type=grant, **more
        )


if __name__ == "__main__":
    main()
