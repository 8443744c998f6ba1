# syntax=docker/dockerfile:1
#
# One image for every service and job; the command selects which:
#   node dist/apps/scim-gateway/src/main.js          node dist/apps/identity-service/src/main.js
#   node dist/apps/deactivation-worker/src/main.js   node dist/apps/auth-service/src/main.js
#   node dist/apps/provision/src/main.js
#                                                    (each service also takes --migrate, --print-config, --help)
#
# Node is process 1 and needs no init: it starts no children, and libs/platform handles SIGTERM itself. There is no
# HEALTHCHECK here: the probes stand in docker-compose.yml and k8s/. Nothing is written at run time, so the root file
# system can be read-only, and no secret is ever an argument or a layer.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY . .
# What only tests and local runs use stays out of the image, above all the stand-ins for Okta and Cognito; the triggers
# run in AWS Lambda.
RUN node tools/bootstrap.mjs build \
 && rm -rf dist/apps/sandbox dist/apps/cognito-triggers dist/tools dist/test dist/bench dist/examples dist/.build.json \
 && find dist -name '*.tsbuildinfo' -delete

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# "optional" is Node itself and embedded Postgres for machines that have neither.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:${NODE_VERSION}-bookworm-slim
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps
WORKDIR /app
# Owned by root and not writable by the user that runs it.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
# The number, not the name "node": Kubernetes' runAsNonRoot cannot check a name.
USER 1000:1000
EXPOSE 3000
STOPSIGNAL SIGTERM
CMD ["node", "dist/apps/scim-gateway/src/main.js", "--help"]
