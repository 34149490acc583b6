"""A first sign-in while others try passwords from the same address, as behind a proxy that names no addresses."""

from __future__ import annotations

import re
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from werkzeug.security import generate_password_hash

from benchmarks.attack.trial import PATIENCE_SECONDS, Outcome, Trial, Victim, attacked

NAME, PASSWORD = "ada", "the right one, of 28 letters"
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')
# Of the short trial, and of the long one.
GUESSERS = {1: 2, 10: 6}
# How the password is hashed, in the long one as that of any user: a quick hash is tried as often in less time.
METHODS = {1: "scrypt:1024:8:1", 10: "scrypt"}
PATIENCE_TRIES = 30
# The tries before it: more than are let through in a minute without a look at each.
WRONG_BEFORE = 70


def _sign_in(url: str, password: str) -> bool:
    """Whether a browser that was never here is let in."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    try:
        with opener.open(f"{url}/sign-in", timeout=PATIENCE_SECONDS) as page:
            token = TOKEN.search(page.read().decode())
        assert token is not None
        form = urlencode({"name": NAME, "password": password, "csrf_token": token[1]}).encode()
        with opener.open(f"{url}/sign-in", form, timeout=PATIENCE_SECONDS) as answer:
            return not answer.url.partition("?")[0].endswith("/sign-in")
    except urllib.error.HTTPError as error:
        error.close()
        return False


def _first(_victim: Victim, scale: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as folder:
        listed = Path(folder) / "users"
        listed.write_text(f"{NAME}:{generate_password_hash(PASSWORD, METHODS[scale])}\n", encoding="ascii")
        with attacked(HMMRNN_USERS=str(listed)) as victim:
            return _among_guessers(victim.server.url, GUESSERS[scale])


def _among_guessers(url: str, guessers: int) -> Outcome:
    stopped, wrong = threading.Event(), []

    def guess(guesser: int) -> None:
        while not stopped.is_set():
            wrong.append(_sign_in(url, f"wrong {guesser} {len(wrong)}"))

    threads = [threading.Thread(target=guess, args=(i,)) for i in range(guessers)]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while len(wrong) < WRONG_BEFORE and time.monotonic() < until:
            time.sleep(0.1)
        began, tries, is_in = time.monotonic(), 0, False
        while not is_in and tries < PATIENCE_TRIES:
            tries += 1
            is_in = _sign_in(url, PASSWORD)
        seconds = time.monotonic() - began
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    sent = f"{len(wrong):,} wrong passwords of a user by {guessers} at once, and a first sign-in of that user"
    seen = f"{'let in' if is_in else 'not let in'} at try {tries}, after {seconds:.1f} s; {sum(wrong)} guessers let in"
    return Outcome(sent, seen, is_in and not any(wrong))


TRIALS = (Trial("First sign-in among guessers", "wrong tries from one address locked everybody out", _first),)
