"""Django's settings, from the environment and `dialtap.toml`. Knows no page and no command.

Environment: DIALTAP_CONFIG (configuration file), DIALTAP_VAR (folder of database, key and messages), DIALTAP_SECRET_KEY, DIALTAP_DATABASE_URL,
DIALTAP_REDIS_URL, DIALTAP_HTTPS=1 (pages are reached by https only), DIALTAP_DEBUG=1, DIALTAP_LOG (level). See docs/configuration.md.
"""

import os
from datetime import timedelta
from pathlib import Path

from django.utils.csp import CSP

from dashboard.environment import allowed_hosts, database, env_bool, env_path, logging_config, secret_key
from dialogs import configfile

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = env_path("DIALTAP_VAR", BASE_DIR / "var")
DIALTAP = configfile.load(configfile.find(BASE_DIR, os.environ.get("DIALTAP_CONFIG", "")))
HTTPS = env_bool("DIALTAP_HTTPS")

DEBUG = env_bool("DIALTAP_DEBUG")
SECRET_KEY = os.environ.get("DIALTAP_SECRET_KEY") or secret_key(VAR / "secret_key")
ALLOWED_HOSTS = allowed_hosts(DIALTAP.web)

ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
INSTALLED_APPS = [
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "dashboard",
]
MIDDLEWARE = [
    "dashboard.rpc.straight.Straight",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "dashboard.staticfiles.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # a page is public only where it says so
    "dashboard.pages.within.Within",  # behind the login, before whoever asks for an address
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it turns a throttled login into its answer
]
STRAIGHT = {  # what programs ask for, by path: its view, which decides who may ask
    "/RPC": "dashboard.rpc.view.rpc",
    "/RPC/": "dashboard.rpc.view.rpc",
    "/metrics": "dashboard.metrics.view.metrics",
    "/healthz": "dashboard.metrics.view.healthz",
    "/readyz": "dashboard.metrics.view.readyz",
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database(os.environ.get("DIALTAP_DATABASE_URL", ""), VAR / "dialtap.sqlite3")}
DATABASE_ROUTERS = ["dashboard.workspace.routing.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("DIALTAP_REDIS_URL", "")
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"},
}

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

SESSION_COOKIE_NAME = "dialtap_session"
SESSION_COOKIE_AGE = 12 * 3600  # one shift
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_NAME = "dialtap_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin" if HTTPS else None  # browsers ignore it on http and complain
SECURE_HSTS_SECONDS = 365 * 86400 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None  # https ends at a proxy in front of us
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "connect-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where they lie: no collectstatic step
WHITENOISE_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = DIALTAP.web.time_zone

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(os.environ.get("DIALTAP_LOG", "INFO").upper())
