# syntax=docker/dockerfile:1

# The same as in rust-toolchain.toml; the build says so when they differ.
ARG RUST=1.95.0
ARG DEBIAN=trixie

FROM rust:${RUST}-slim-${DEBIAN} AS build
ARG RUST
# Without this the linters that rust-toolchain.toml lists for developers would be fetched, too.
ENV RUSTUP_TOOLCHAIN=${RUST}
# A C compiler for the embedded SQLite and for the cryptography of TLS.
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN grep --quiet --fixed-strings "channel = \"${RUST}\"" rust-toolchain.toml
# Nothing of a cache is part of the image, so the binary is copied out of it in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --profile dist --locked --package flightdeck --bin flightdeck \
    && install -m 0755 target/dist/flightdeck /usr/local/bin/flightdeck

FROM debian:${DEBIAN}-slim
# The certificates that `rediss://` and others are proven by, and what the health check asks with.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin flightdeck \
    && install -d -m 0700 -o flightdeck -g flightdeck /var/lib/flightdeck
COPY --from=build /usr/local/bin/flightdeck /usr/local/bin/flightdeck
# A container's loopback is its own: it has to listen on all addresses. It refuses to where no key exists, and makes the first
# one before it listens.
ENV FLIGHTDECK_DATA_DIR=/var/lib/flightdeck \
    FLIGHTDECK_LISTEN=0.0.0.0:7600
USER flightdeck
# Keys, signed checkpoints and, without PostgreSQL, the database.
VOLUME /var/lib/flightdeck
EXPOSE 7600
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:7600/health/ready"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flightdeck"]
CMD ["serve"]
