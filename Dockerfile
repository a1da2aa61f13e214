# syntax=docker/dockerfile:1
# The lookaside binary and nothing else: docker build -t lookaside .

ARG RUST=1.95

FROM rust:${RUST}-bookworm AS build
# etcd-client is built with protoc and google/protobuf/*.proto
RUN apt-get update \
 && apt-get install -y --no-install-recommends protobuf-compiler libprotobuf-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches outlive a build, so the binary is copied out of the one it is built in.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p lookaside \
 && install -D -s target/release/lookaside /out/bin/lookaside \
 && install -d /out/state

# glibc, CA certificates and the user 65532 without rights; no shell and no package manager
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/bin/lookaside /usr/local/bin/lookaside
# A new named volume that is mounted here takes over this owner.
COPY --from=build --chown=65532:65532 /out/state /var/lib/lookaside
ENV LOOKASIDE_STATE_DIR=/var/lib/lookaside
USER 65532:65532
EXPOSE 7400 7401
# For `serve`: the client port answers only once the registry has been read, and while it is drained no more.
# A container that runs another command, or a balancer in TLS, turns this off or replaces it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["lookaside", "health", "--balancer", "127.0.0.1:7400"]
# SIGTERM hands the clients over, within 15 s: give it more than docker stop's 10 s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["lookaside"]
CMD ["serve", "--listen", "0.0.0.0:7400", "--admin", "0.0.0.0:7401"]
