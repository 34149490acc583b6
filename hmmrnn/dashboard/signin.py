"""Who is asking? With HMMRNN_USERS nearly every address wants to know; without it there are neither users nor sessions.

A session is a signed cookie, so that any web process knows it. It holds the user's name and a mark of the password, and
ends with either. Whoever is not signed in and goes to an address is led to the sign-in page and from there on to where
he was going; a request of an open page is answered with 401, and the page says so (assets/signed-out.js).
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

from dash import dcc, html
from filelock import FileLock
from flask import Flask, Response, has_request_context, jsonify, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter, RequestLimit
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from wtforms import PasswordField, StringField

from hmmrnn.dashboard import folders, redis_server, traffic, users
from hmmrnn.live import PAGES

logger = logging.getLogger(__name__)

COOKIE, SECRET_BYTES = "hmmrnn-session", 32
STYLE = "/assets/sign-in/sign-in.css"
# What those must reach who look whether the server is well, and those who are about to sign in.
OPEN = ("healthz", "readyz", "metrics", "sign-in", "sign-out")
SIGNED_OUT = "You are signed out; sign in again."
WRONG = "No such name and password. Try again."
OLD = "This page was open for too long, or the browser keeps no cookies. Try again."
TOO_MANY = "Too many attempts. Try again in a minute."
PER_USER, PER_ADDRESS = "10 per minute", "60 per minute"
# An attempt to guess has no use for more, and a hash takes as long as its password is.
LONGEST = 1024


class User(UserMixin):
    """Somebody who is signed in, known in the session by his name and a mark of his password."""

    def __init__(self, name: str, mark: str) -> None:
        self.name, self.id = name, f"{name}:{mark}"


class Form(FlaskForm):
    """What the sign-in page asks for."""

    class Meta(FlaskForm.Meta):
        """Its token holds as long as the session: a page may be open for a day."""

        csrf_time_limit = None

    name = StringField()
    password = PasswordField()


def register(server: Flask) -> None:
    """Let in whoever is in the file of users, if there is one.

    Raises:
        ValueError: the file is not as it should be.
    """
    path = users.file()
    if path is None:
        return
    known = Known(path)
    server.secret_key = secret()
    server.session_interface = _Cookies()
    server.config.update(SESSION_COOKIE_NAME=COOKIE, SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")
    login = LoginManager(server)
    login.user_loader(lambda given: _signed(server, known.now(), given))
    server.before_request(_only_signed_in)
    form = _limited(server, lambda: sign_in(server, known))
    server.add_url_rule("/sign-in", "sign-in", form, methods=["GET", "POST"])
    server.add_url_rule("/sign-out", "sign-out", sign_out, methods=["POST"])


class Known:
    """The users of a file, which may change while the server runs.

    Raises:
        ValueError: the file is not as it should be.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.state = path, _state(path)
        self.users = users.read(path)

    def now(self) -> Mapping[str, str]:
        """Name and hash of each; nobody while the file is not as it should be."""
        state = _state(self.path)
        if state != self.state:
            try:
                self.users = users.read(self.path)
            except ValueError as error:
                logger.error("nobody can sign in: %s", error)
                self.users = {}
            self.state = state
        return self.users


def _state(path: Path) -> tuple[int, ...]:
    """What is another when the file has been changed; empty while there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


# ---- sessions ----


class _Cookies(SecureCookieSessionInterface):
    """Cookies that a browser sends by https alone where it came by https, be it to a proxy in front."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip() == "https"


def secret() -> bytes:
    """What sessions are signed with: random, kept in the data folder, and the same for all web processes.

    Raises:
        ValueError: it cannot be kept, or the file is damaged.
    """
    path = folders.data() / "secret.key"
    try:
        with FileLock(f"{path}.lock"):
            if not path.exists():
                # A file that is there is whole, whatever happens meanwhile; and nobody else reads it.
                with NamedTemporaryFile(dir=path.parent, delete=False) as file:
                    file.write(secrets.token_bytes(SECRET_BYTES))
                os.replace(file.name, path)
        kept = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"the key that sessions are signed with cannot be kept in {path} ({error.strerror})"
        ) from error
    if len(kept) != SECRET_BYTES:
        raise ValueError(f"{path} must hold {SECRET_BYTES} bytes; got {len(kept)}: delete it, and all sign in again")
    return kept


def _mark(server: Flask, hashed: str) -> str:
    """What a session says of a password: enough to see that it is another one, and nothing to guess it by."""
    key = server.secret_key
    assert isinstance(key, bytes)
    return hmac.digest(key, hashed.encode(), sha256).hex()[:32]


def _signed(server: Flask, known: Mapping[str, str], given: str) -> User | None:
    """The user of a session; None if his password has been changed since, or he has been taken out of the file."""
    name, _, mark = given.rpartition(":")
    hashed = known.get(name)
    valid = hashed is not None and hmac.compare_digest(mark, _mark(server, hashed))
    return User(name, mark) if valid else None


def _only_signed_in() -> ResponseReturnValue | None:
    """Lets pass whoever is signed in, and what is open to all."""
    allowed = request.endpoint in OPEN or request.path == STYLE or traffic.setting_up()
    if allowed or current_user.is_authenticated:
        return None
    if _navigates():
        return redirect(url_for("sign-in", next=_link()))
    return jsonify(refused=SIGNED_OUT, sentence=SIGNED_OUT), 401


def _navigates() -> bool:
    """Whether somebody goes to an address, rather than a page that asks for something."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate" if request.accept_mimetypes.accept_html else "")
    return request.method == "GET" and mode == "navigate"


def _link() -> str:
    query = request.query_string.decode("utf-8", "replace")
    return f"{request.path}?{query}" if query else request.path


# ---- the sign-in page ----


def sign_in(server: Flask, known: Known) -> ResponseReturnValue:
    """Show the form, or let in who has filled it in."""
    form, then = Form(), own_path(request.args.get("next", ""))
    if current_user.is_authenticated:
        return redirect(then)
    if request.method == "GET":
        return _page(form)
    if not form.validate():
        return _page(form, OLD)
    name, password = (form.name.data or "").strip(), form.password.data or ""
    listed = known.now()
    if len(password) > LONGEST or not users.matches(listed, name, password):
        # Not even the name: it may be a password in the wrong field.
        logger.info("somebody could not sign in")
        return _page(form, WRONG)
    session.clear()
    login_user(User(name, _mark(server, listed[name])))
    logger.info("signed in", extra={"user": name})
    return redirect(then)


def sign_out() -> ResponseReturnValue:
    """End the session, if the page's own button says so."""
    if FlaskForm().validate():
        logout_user()
        session.clear()
    return redirect(url_for("sign-in"))


def own_path(given: str) -> str:
    """Where to go on to: the path that is given if it is one of ours, otherwise the dashboard."""
    split = urlsplit(given)
    # Browsers take a backslash for a slash, and two slashes for the begin of another server's name.
    odd = "\\" in given or not given.isprintable() or given.startswith("//")
    return given if given.startswith("/") and not (odd or split.scheme or split.netloc) else "/"


def account() -> list[Any]:
    """For the header of the page: the way out, for who is signed in; nothing for anybody else."""
    if users.file() is None or not has_request_context() or not current_user.is_authenticated:
        return []
    token = dcc.Input(type="hidden", name="csrf_token", value=generate_csrf())
    button = html.Button("Sign out", className="opener", title=f"You are signed in as {current_user.name}")
    return [html.Form([token, button], action="/sign-out", method="post", className="sign-out")]


def _page(form: Form, sentence: str = "", status: int = 200) -> Response:
    text = PAGES.get_template("sign-in.html").render(form=form, sentence=sentence, style=STYLE, longest=LONGEST)
    return Response(text, status, {"Cache-Control": "no-store"}, mimetype="text/html")


def _limited(server: Flask, view: Callable[[], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
    """A view of which only so many failures a minute are borne, from an address and for a name."""
    limiter = Limiter(
        _address,
        app=server,
        storage_uri=redis_server.url() or "memory://",
        storage_options=_patience() if redis_server.url() else {},
        # While Redis is away, each process counts by itself.
        in_memory_fallback_enabled=True,
        key_prefix="hmmrnn-sign-in",
    )
    for limit, of in ((PER_ADDRESS, _address), (PER_USER, _address_and_name)):
        view = limiter.limit(limit, key_func=of, methods=["POST"], deduct_when=_failed, on_breach=_too_many)(view)
    return view


def _patience() -> dict[str, str | int]:
    connect, answer = redis_server.CONNECT_SECONDS, redis_server.ANSWER_SECONDS
    return {"socket_connect_timeout": int(connect), "socket_timeout": int(answer)}


def _failed(answer: Response) -> bool:
    return answer.status_code != 302


def _too_many(_limit: RequestLimit) -> Response:
    return _page(Form(), TOO_MANY, 429)


def _address() -> str:
    return request.remote_addr or "nowhere"


def _address_and_name() -> str:
    name = request.form.get("name", "").strip().encode()
    return f"{_address()} {sha256(name).hexdigest()}"
