# syntax=docker/dockerfile:1
# The image opens HTTP and MQTT to the network. The admin API stays inside: use it with `docker exec`, or open it with
# `-e TIDEGATE_ADMIN=0.0.0.0:3001 -p 3001:3001` (every request to it needs a token).

FROM node:20-bookworm-slim AS dashboard
WORKDIR /src
COPY web .
RUN npm ci && npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY host host
COPY wit wit
COPY sdk-rust sdk-rust
COPY examples examples
COPY migrations migrations
COPY tests tests
COPY --from=dashboard /src/dist web/dist
RUN cargo build --locked --profile dist --package tidegate

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/tidegate --create-home tidegate
COPY --from=build /src/target/dist/tidegate /usr/local/bin/tidegate
USER tidegate
ENV TIDEGATE_DATA_DIR=/var/lib/tidegate/data \
    TIDEGATE_HTTP=0.0.0.0:3000 \
    TIDEGATE_MQTT=0.0.0.0:1883
VOLUME /var/lib/tidegate
EXPOSE 3000 1883
HEALTHCHECK CMD ["tidegate", "functions"]
ENTRYPOINT ["tidegate"]
CMD ["serve"]
