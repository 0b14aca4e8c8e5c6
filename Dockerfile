# The function's image. No container engine was at hand where this was written, so it was never built as it stands;
# tests/test_image.py runs these very steps in a directory instead: each COPY, RUN, ENV, USER and ENTRYPOINT below.
#
# Pin the base by digest where you build, in both stages: python:3.13-slim@sha256:<docker buildx imagetools inspect python:3.13-slim>
# A tag moves; a digest moves only in a commit of yours.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/venv
WORKDIR /app
# Dependencies first: this layer changes with the lock alone. No extras, no dev group, not the project itself.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project
COPY handler ./handler
COPY prompts ./prompts
# Byte code: a start without it takes four times as long and more, and nothing can be written later. Unchecked hashes,
# because the files never change again, whatever a layer or a registry does to their times.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib handler
# What a start derives from the prompts, beside the byte code: half a second of the start and of its first text.
RUN /opt/venv/bin/python -m handler.precompile
# Readable by every user, writable by none, whatever the umask of the checkout was.
RUN chmod -R a+rX,a-w /opt/venv /app

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp PORT=8080
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/handler ./handler
COPY --from=build /app/prompts ./prompts
# A number, because runAsNonRoot cannot judge a name.
USER 10001:10001
EXPOSE 8080
# gunicorn is process 1 and gets SIGTERM itself; nobody uses its control socket. Only /tmp need be writable
# (docker run --read-only --tmpfs /tmp).
ENTRYPOINT ["gunicorn", "--config", "handler/server.py", "--no-control-socket"]
