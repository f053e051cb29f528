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

FROM node:24-slim
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
