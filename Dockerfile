# The image of generic-executor-service: two stages, no compiler and no package manager cache in
# the result, a numeric user, code that the user cannot write.
#
#   docker build -t generic-executor-service .
#
# A release pins the base by its digest: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/genexec \
 && pip --python /opt/genexec/bin/python install \
        --no-cache-dir --only-binary :all: /wheels/*.whl

FROM ${PYTHON_IMAGE}
# What scripts may count on: bash, git, curl, jq and ssh. tini is process 1: it hands signals on.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
        bash ca-certificates curl git jq openssh-client tini \
 && rm -rf /var/lib/apt/lists/* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && groupadd --gid 65532 genexec \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin genexec \
 && install -d -m 0700 -o 65532 -g 65532 /var/lib/genexec
COPY --from=build /opt/genexec /opt/genexec

# The root file system may be read-only; written are /var/lib/genexec and /tmp, nothing else.
ENV PATH=/opt/genexec/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GENEXEC_STATE_DIR=/var/lib/genexec
USER 65532:65532
WORKDIR /var/lib/genexec
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "genexec"]
CMD ["serve"]
