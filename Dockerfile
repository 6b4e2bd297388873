# The image of generic-executor-service: two stages, no compiler and no package manager cache in
# the result, a numeric user, code that the user cannot write. docs/image.md tells what is inside.
#
#   docker build -t generic-executor-service .
#
# A release pins the base by its digest: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# Every package in the version and with the hash of a lock file (make lock); none is compiled.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement requirements-build.lock \
 && python -m venv --without-pip /opt/genexec \
 && /opt/build/bin/pip --python /opt/genexec/bin/python install --no-cache-dir \
        --require-hashes --only-binary :all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
# Last, the bill of materials (CycloneDX) of all that was installed.
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/genexec/bin/python install --no-cache-dir \
        --no-deps --no-index /wheels/*.whl \
 && /opt/build/bin/pip --python /opt/genexec/bin/python check \
 && mkdir -p /opt/genexec/share \
 && /opt/build/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
        --output-file /opt/genexec/share/sbom.cdx.json /opt/genexec/bin/python

FROM ${PYTHON_IMAGE}
# What scripts may count on. tini is process 1: it hands signals on and buries orphans.
# With the language in one archive, every program opens one file at its start in place of twelve.
# Users come from files: a static program cannot load what knows others, and dies of the attempt.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
        bash bash-static ca-certificates curl git jq openssh-client tini \
 && rm -rf /var/lib/apt/lists/* \
 && localedef --add-to-archive /usr/lib/locale/C.utf8 \
 && sed --in-place --regexp-extended 's/^(passwd|group):.*/\1: files/' /etc/nsswitch.conf \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && groupadd --gid 65532 genexec \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin genexec \
 && install -d -m 0700 -o 65532 -g 65532 /var/lib/genexec /var/lib/genexec-work
COPY --from=build /opt/genexec /opt/genexec

# The root file system may be read-only; written are /var/lib/genexec, the directory of
# GENEXEC_WORK_DIR if there is one, and /tmp, nothing else.
# bash-static is bash, linked without shared libraries: scripts start faster.
ENV PATH=/opt/genexec/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GENEXEC_SHELL=/bin/bash-static \
    GENEXEC_STATE_DIR=/var/lib/genexec/state
LABEL org.opencontainers.image.title="generic-executor-service" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /var/lib/genexec
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "genexec"]
CMD ["serve"]
