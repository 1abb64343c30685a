# Vestibule's image: compiled sources and production dependencies, nothing else, run by a user without rights.
#   docker build -t vestibule .
#   docker run -p 8443:8443 -v ./vestibule.yaml:/etc/vestibule/vestibule.yaml:ro -e VESTIBULE_SECRET=... vestibule
# The multi-platform image by its digest: a tag can be moved, and what was looked at is what is built on.
ARG NODE=24.21.0-trixie-slim@sha256:8ec5d7557396cfe32d21c3f9c13072355ceab22b584578ca4bb28af31120cffe

FROM node:${NODE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No dependency's install script runs; the `node` package, which would fetch a second Node, is therefore inert.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY test/support/build.ts ./test/support/build.ts
RUN node test/support/build.ts
RUN npm ci --ignore-scripts --omit=dev

FROM node:${NODE}
ENV NODE_ENV=production
WORKDIR /opt/vestibule
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY package.json LICENSE ./
COPY config ./config
# npm and yarn are not needed to run, and what is not there cannot be attacked.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn-* /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && ln -s /opt/vestibule/dist/main.js /usr/local/bin/vestibule
USER node
EXPOSE 8443
# The admin listener stays on the container's own loopback; VESTIBULE_HEALTH_URL names it when `admin.address` is another.
ENV VESTIBULE_HEALTH_URL=http://127.0.0.1:9090/healthz
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.VESTIBULE_HEALTH_URL).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/vestibule/dist/main.js"]
CMD ["serve", "--config", "/etc/vestibule/vestibule.yaml"]
