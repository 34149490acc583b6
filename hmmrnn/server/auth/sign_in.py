"""Sign-in: with a file of users nearly every address needs a session; without one there are neither users nor sessions.

A session is a signed cookie, so every web process knows it. It holds the name of the user and a mark of the password
hash, and ends when either changes, at sign-out, and SESSION_HOURS after it began. A visit to an address without a
session leads to the sign-in page, and from there on to that address; a request of an open page is answered with 401,
which the page shows (assets/signed-out.js).
"""

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dash import html
from flask import Flask, Response, current_app, has_request_context, jsonify, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter, RequestLimit
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from jinja2 import Environment, PackageLoader, StrictUndefined
from wtforms import PasswordField, StringField

from hmmrnn.server import request_log
from hmmrnn.server.auth import attempts, users
from hmmrnn.server.counters import SCHEME, storage_uri
from hmmrnn.storage.paths import COUNTERS
from hmmrnn.storage.redis import ANSWER_SECONDS, CONNECT_SECONDS, RedisServer
from hmmrnn.storage.signing import read_secret

logger = logging.getLogger(__name__)

COOKIE = "hmmrnn-session"
STYLE = "/assets/sign-in/sign-in.css"
# Needed by programs that monitor the server, and by users who are about to sign in.
OPEN = ("healthz", "readyz", "metrics", "sign-in", "sign-out")
SIGNED_OUT = "You are signed out; sign in again."
WRONG = "No such name and password. Try again."
OLD = "This page was open for too long, or the browser keeps no cookies. Try again."
TOO_MANY = "Too many attempts. Try again in a minute."
PER_USER, PER_ADDRESS = "10 per minute", "60 per minute"
# After so many failures the tries of a process are looked at one by one, with a pause after each that is wrong: a right
# password is right all the same, and guessing is slow.
PAUSE_SECONDS = 1.0
_one_by_one = threading.Lock()
# So many tries wait for that, for so long; more are sent away, so that waiting ones do not hold all threads.
WAITING, WAIT_SECONDS = 4, 8.0
_waiting = threading.BoundedSemaphore(WAITING)
SESSION_HOURS = 12
# A name, a password and a token.
MAX_FORM_BYTES = 16_384
ID = "id"
# No password is longer, and hashing takes time in proportion to the length.
MAX_LENGTH = 1024
PAGES = Environment(loader=PackageLoader("hmmrnn.server.auth"), autoescape=True, undefined=StrictUndefined)


class User(UserMixin):
    """A signed-in user, known in the session by their name and a mark of their password hash."""

    def __init__(self, name: str, mark: str) -> None:
        self.name, self.id = name, f"{name}:{mark}"


class Form(FlaskForm):
    """The fields of the sign-in page."""

    class Meta(FlaskForm.Meta):
        """The token is valid as long as the session, since a page may be open for a day."""

        csrf_time_limit = None

    name = StringField()
    password = PasswordField()


def register(server: Flask, users_file: Path, secret_file: Path, redis: RedisServer | None = None) -> None:
    """Let only the users of a file use a server.

    Args:
        secret_file: holds the key with which sessions are signed; made if it is not there.
        redis: where failed attempts are counted; a file beside that of the key if there is none.

    Raises:
        ValueError: one of the files cannot be used.
    """
    listed = UserList(users_file)
    server.secret_key = read_secret(secret_file)
    server.session_interface = _Cookies()
    server.config.update(SESSION_COOKIE_NAME=COOKIE, SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")
    # The signature of a session says when it began.
    server.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=SESSION_HOURS)
    ended = EndedSessions(secret_file.with_name("signed-out"))
    login = LoginManager(server)
    login.user_loader(lambda id: None if ended.has(session.get(ID)) else _user_of_session(server, listed.now(), id))
    server.before_request(_bound_form)
    server.before_request(_require_session)
    counters = redis.url if redis else storage_uri(secret_file.with_name(COUNTERS))
    form = _limited(server, counters, lambda: sign_in(server, listed))
    server.add_url_rule("/sign-in", "sign-in", form, methods=["GET", "POST"])
    server.add_url_rule("/sign-out", "sign-out", lambda: sign_out(ended), methods=["POST"])


class UserList:
    """The users of a file, which may change while the server runs.

    Raises:
        ValueError: the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._version = path, _version(path)
        self._users = users.read(path)

    def now(self) -> Mapping[str, str]:
        """The password hash of each user; empty while the file cannot be used."""
        version = _version(self.path)
        if version != self._version:
            try:
                self._users = users.read(self.path)
            except ValueError as error:
                logger.error("no user can sign in: %s", error)
                self._users = {}
            self._version = version
        return self._users


def _version(path: Path) -> tuple[int, ...]:
    """Numbers of which one changes with the file; empty while there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


# ---- sessions ----


class EndedSessions:
    """Sessions that were ended by signing out: a copy of their cookie is good for nothing, at any web process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def has(self, id: str | None) -> bool:
        """Whether a session was ended; one without an id, of an older version, was not."""
        return id is not None and (self.folder / id).exists()

    def add(self, id: str) -> None:
        """End a session, and forget those that have ended by themselves since."""
        (self.folder / id).touch(mode=0o600)
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > SESSION_HOURS * 3600:
                    path.unlink()


def _bound_form() -> None:
    """No more is read of a form than it can hold, and none of it is written to the disk."""
    if request.endpoint in ("sign-in", "sign-out"):
        request.max_content_length = MAX_FORM_BYTES


class _Cookies(SecureCookieSessionInterface):
    """Cookies for https alone where the request came by https, to this server or to a proxy in front of it."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip() == "https"


def _mark(server: Flask, hashed: str) -> str:
    """Digits that change with the password hash, and do not help to guess it."""
    key = server.secret_key
    assert isinstance(key, bytes)
    return hmac.digest(key, hashed.encode(), sha256).hex()[:32]


def _user_of_session(server: Flask, listed: Mapping[str, str], id: str) -> User | None:
    """The user of a session; None if their password has changed, or they are no longer listed."""
    name, _, mark = id.rpartition(":")
    hashed = listed.get(name)
    valid = hashed is not None and hmac.compare_digest(mark, _mark(server, hashed))
    return User(name, mark) if valid else None


def _require_session() -> ResponseReturnValue | None:
    """Answer a request that has no session, unless its address is open."""
    is_open = request.endpoint in OPEN or request.path == STYLE or request_log.setting_up()
    if is_open or current_user.is_authenticated:
        return None
    if _is_visit():
        return redirect(url_for("sign-in", next=_link()))
    return jsonify(refused=SIGNED_OUT, sentence=SIGNED_OUT), 401


def _is_visit() -> bool:
    """Whether a browser goes to an address, rather than a script of a page."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate" if request.accept_mimetypes.accept_html else "")
    return request.method == "GET" and mode == "navigate"


def _link() -> str:
    query = request.query_string.decode("utf-8", "replace")
    return f"{request.path}?{query}" if query else request.path


# ---- the sign-in page ----


def sign_in(server: Flask, listed: UserList) -> ResponseReturnValue:
    """Show the form, or begin a session if it holds the name and password of a user."""
    form, then = Form(), own_path(request.args.get("next", ""))
    if current_user.is_authenticated:
        return redirect(then)
    if request.method == "GET":
        return _page(form)
    if not form.validate():
        return _page(form, OLD)
    name, password = (form.name.data or "").strip(), form.password.data or ""
    known = listed.now()
    if len(password) > MAX_LENGTH or not users.matches(known, name, password):
        # Without the name, which may be a password in the wrong field.
        logger.info("a sign-in failed")
        return _page(form, WRONG)
    session.clear()
    session[ID] = secrets.token_hex(16)
    login_user(User(name, _mark(server, known[name])))
    logger.info("signed in", extra={"user": name})
    response = current_app.make_response(redirect(then))
    attempts.remember_browser(response, name)
    return response


def sign_out(ended: EndedSessions) -> ResponseReturnValue:
    """End the session, if the request comes from a page of this server.

    No token of the page is asked for: it would be that of the session in which the page was loaded, and the user may
    have signed in again since. Browsers do not send the cookie along with a form of another site (SameSite), and most
    name the site that a request comes from.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin":
        if ID in session:
            ended.add(session[ID])
        logout_user()
        session.clear()
    return redirect(url_for("sign-in"))


def own_path(given: str) -> str:
    """The path to go on to: the given one if it is of this server, otherwise that of the dashboard."""
    split = urlsplit(given)
    # Browsers read a backslash as a slash, and two slashes as the start of another server's name.
    odd = "\\" in given or not given.isprintable() or given.startswith("//")
    return given if given.startswith("/") and not (odd or split.scheme or split.netloc) else "/"


def account() -> list[Any]:
    """The sign-out button for the header of the page; empty without a signed-in user."""
    if not has_request_context() or not hasattr(current_app, "login_manager") or not current_user.is_authenticated:
        return []
    button = html.Button("Sign out", className="opener", title=f"You are signed in as {current_user.name}")
    return [html.Form([button], action="/sign-out", method="post", className="sign-out")]


def _page(form: Form, sentence: str = "", status: int = 200) -> Response:
    text = PAGES.get_template("sign-in.html").render(form=form, sentence=sentence, style=STYLE, longest=MAX_LENGTH)
    return Response(text, status, {"Cache-Control": "no-store"}, mimetype="text/html")


def _limited(
    server: Flask, counters: str, view: Callable[[], ResponseReturnValue]
) -> Callable[[], ResponseReturnValue]:
    """A view that is slow after so many failures a minute from one address, or for one name; `counters` counts them."""
    slow = partial(_slowly, view)
    timeouts: dict[str, str | int] = {
        "socket_connect_timeout": int(CONNECT_SECONDS),
        "socket_timeout": int(ANSWER_SECONDS),
    }
    limiter = Limiter(
        attempts.address,
        app=server,
        storage_uri=counters,
        storage_options={} if counters.startswith(SCHEME) else timeouts,
        # While Redis does not answer, or the file cannot be used, each process counts its own.
        in_memory_fallback_enabled=True,
        key_prefix="hmmrnn-sign-in",
    )
    for limit, key in ((PER_ADDRESS, attempts.address), (PER_USER, attempts.address_and_name)):
        view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_failed, on_breach=slow)(view)
    return view


def _failed(response: Response) -> bool:
    return response.status_code != 302


def _slowly(view: Callable[[], ResponseReturnValue], _limit: RequestLimit) -> Response:
    """The answer to a right password; any other one must wait, and the few that come meanwhile wait for it."""
    if not _waiting.acquire(blocking=False):
        return _page(Form(), TOO_MANY, 429)
    try:
        if not _one_by_one.acquire(timeout=WAIT_SECONDS):
            return _page(Form(), TOO_MANY, 429)
    finally:
        _waiting.release()
    try:
        response = current_app.make_response(view())
        if not _failed(response):
            return response
        time.sleep(PAUSE_SECONDS)
        return _page(Form(), TOO_MANY, 429)
    finally:
        _one_by_one.release()
