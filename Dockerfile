# One image for every service and job; the command selects which:
#   node dist/apps/scim-gateway/src/main.js          node dist/apps/identity-service/src/main.js
#   node dist/apps/deactivation-worker/src/main.js   node dist/apps/auth-service/src/main.js
#   node dist/apps/integration-hub/src/main.js       node dist/apps/provision/src/main.js
#                                                    (each service also takes --migrate, --print-config, --help)
#   stackflow --help                                 the command line over the services' internal APIs
#
# Node is process 1 and needs no init: it starts no children, and libs/platform handles SIGTERM. The health checks are in
# docker-compose.yml and k8s/. Nothing is written at run time, so the root file system can be read-only. No secret is an
# argument or a layer.
ARG NODE_VERSION=24.21.0

# "--workspaces=false" leaves out packages/ and examples/, which the image does not run.
FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --workspaces=false --no-audit --no-fund
COPY . .
# The image does not contain what only tests and local runs use, above all the stand-ins for Okta and Cognito. It does not
# contain the triggers either, which run in AWS Lambda.
RUN node tools/bootstrap.mjs build \
 && rm -rf dist/apps/sandbox dist/apps/cognito-triggers dist/tools dist/test dist/bench dist/examples dist/.built \
 && find dist -name '*.tsbuildinfo' -delete

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The optional dependencies are Node itself and embedded Postgres, for machines that have neither.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts --workspaces=false --no-audit --no-fund

FROM node:${NODE_VERSION}-bookworm-slim
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps
WORKDIR /app
# Root owns these files, and the user that runs them cannot write to them.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
RUN printf '#!/bin/sh\nexec node /app/dist/apps/cli/src/main.js "$@"\n' > /usr/local/bin/stackflow \
 && chmod 755 /usr/local/bin/stackflow
# A number, because Kubernetes' runAsNonRoot cannot check the name "node".
USER 1000:1000
EXPOSE 3000
STOPSIGNAL SIGTERM
CMD ["node", "dist/apps/scim-gateway/src/main.js", "--help"]
