# By its digest, that of all architectures together: `docker build --build-arg BASE=...` takes another.
ARG BASE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
FROM ${BASE}

RUN groupadd --gid 10001 hmmrnn \
    && useradd --uid 10001 --gid hmmrnn --no-create-home --home-dir /tmp --shell /usr/sbin/nologin hmmrnn \
    && install --directory --owner hmmrnn --group hmmrnn --mode 0700 /var/cache/hmmrnn /var/lib/hmmrnn

WORKDIR /app

# A layer of its own, so that a change of code does not install everything again.
COPY requirements-image.txt requirements-torch.txt ./
# Everything by its hash, but torch: its CPU build lies in an index of its own, whose files are others than those of the
# usual index under the same version (docs/pages/operations.md says how to pin it too).
RUN python -m pip install --no-cache-dir --disable-pip-version-check --retries 2 --no-deps --require-hashes \
        --requirement requirements-image.txt \
    && python -m pip install --no-cache-dir --disable-pip-version-check --retries 2 --no-deps \
        --requirement requirements-torch.txt

COPY LICENSE ./
COPY assets ./assets
COPY hmmrnn ./hmmrnn
COPY models ./models
# Compiled once: the user below may not write beside the sources.
RUN python -m compileall -q hmmrnn

# The root file system may be read-only: only the cache, the data and /tmp are written to.
ENV HMMRNN_CACHE=/var/cache/hmmrnn \
    HMMRNN_DATA=/var/lib/hmmrnn \
    HMMRNN_HOST=0.0.0.0 \
    HMMRNN_PORT=8050 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME ["/var/cache/hmmrnn", "/var/lib/hmmrnn"]
USER 10001:10001
EXPOSE 8050
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['HMMRNN_PORT']}/healthz\", timeout=4)"]
# Two web processes, which share the cache, and the workers.
CMD ["python", "-m", "hmmrnn", "serve", "--host", "0.0.0.0", "--workers", "2", "--no-open"]
