# Weir's image: built with the Swift toolchain, run on a slim Debian of the same release with the two C libraries that Weir links.
# Debian 12 (bookworm) or newer: Weir needs libcurl 7.87.
# docs/operations.md says how to run it.

FROM swift:6.3-bookworm AS builder
RUN apt-get update \
  && apt-get install -y --no-install-recommends pkg-config libhiredis-dev libcurl4-openssl-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The packages first: this layer is made again only when Package.swift or Package.resolved changes.
COPY Package.* ./
RUN swift package resolve
COPY Sources Sources
# The manifest names the targets of tests and benchmarks, so their folders have to be there; they are not built.
COPY Tests Tests
COPY Benchmarks/TraceReplay Benchmarks/TraceReplay
RUN swift build -c release --product weir --static-swift-stdlib \
  && install -D -m 0755 "$(swift build -c release --show-bin-path)/weir" /out/weir \
  && strip --strip-debug /out/weir

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates curl libcurl4 libhiredis0.14 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=builder /out/weir /usr/bin/weir
COPY LICENSE /usr/share/doc/weir/LICENSE
# Weir writes no file. HOME is for the caches of upstream commands, where an image made from this one brings some.
# Without the backtracer a crash ends the process at once and prints nothing of its memory.
ENV SWIFT_BACKTRACE=enable=no HOME=/tmp
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["/usr/bin/weir"]
CMD ["serve", "--config", "/etc/weir/weir.yaml"]
