FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs its install script at run time: their native parts are optional.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# KUBERNETES=1: the client for connections of the kind kubernetes, in the version that the tests run with. It doubles the packages.
ARG KUBERNETES=
RUN if [ -n "$KUBERNETES" ]; then \
      npm install --save-prod --omit=dev --ignore-scripts --no-audit --no-fund \
        "@kubernetes/client-node@$(node -p "require('./package.json').devDependencies['@kubernetes/client-node']")"; \
    fi

FROM node:24-slim
# POSTGRES_CLIENT="15 17": pg_dump and pg_restore for servers of these versions, for postgres.dump and postgres.restore_test.
# The very versions: pg_restore 17 begins with a setting that older servers refuse.
ARG POSTGRES_CLIENT=
RUN if [ -n "$POSTGRES_CLIENT" ]; then \
      apt-get update && \
      apt-get install -y --no-install-recommends ca-certificates postgresql-common && \
      /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && \
      apt-get install -y --no-install-recommends $(printf 'postgresql-client-%s ' $POSTGRES_CLIENT) && \
      rm -rf /var/lib/apt/lists/*; \
    fi
ENV NODE_ENV=production \
    REMEDYD_HEALTH_URL=http://127.0.0.1:9099/-/healthy
COPY package.json /app/
COPY --from=packages /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
# The daemon reads remedyd.yml and rules/ where it is started, and writes to data/ only: a volume, so that the rest can be read-only.
RUN mkdir -p /data /etc/remedyd/rules && chown node:node /data && ln -s /data /etc/remedyd/data
WORKDIR /etc/remedyd
VOLUME /data
USER node
EXPOSE 9099
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.REMEDYD_HEALTH_URL).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
