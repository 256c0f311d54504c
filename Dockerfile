# docker build -t twinhouse .
# docker run -p 8080:8080 -e TWINHOUSE_TOKEN=SECRET -v twinhouse:/data twinhouse
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY storage storage
COPY ontologies ontologies
COPY server server
RUN python -m venv /opt/twinhouse \
    && /opt/twinhouse/bin/pip install --no-cache-dir --disable-pip-version-check . \
    && /opt/twinhouse/bin/python -m compileall -q /opt/twinhouse/lib

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/twinhouse /opt/twinhouse
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin twinhouse \
    && install --directory --owner=twinhouse --group=twinhouse /data
ENV PATH=/opt/twinhouse/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TWINHOUSE_DATA=/data \
    TWINHOUSE_HOST=0.0.0.0 \
    TWINHOUSE_PORT=8080
USER twinhouse
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s CMD ["twinhouse", "healthcheck"]
ENTRYPOINT ["twinhouse"]
CMD ["serve"]
