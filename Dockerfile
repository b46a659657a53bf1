# One image for both containers of the Pod: the official NGINX, with Node beside it. `npm run image` builds it here; a
# release names both bases by digest.
ARG NGINX_IMAGE=docker.io/library/nginx:1.30
ARG NODE_IMAGE=docker.io/library/node:24

# Of the processor that the image is for. Symbols for debuggers are a seventh of the binary.
FROM ${NODE_IMAGE} AS node
RUN strip /usr/local/bin/node

# All else is JavaScript, and made once for every processor.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${NODE_IMAGE} AS build
WORKDIR /opt/nginx-ts
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.ts scripts/compile-templates.ts scripts/project.ts scripts/
COPY templates/ templates/
COPY src/ src/
RUN node scripts/build.ts
COPY LICENSE ./
# The program is bundled with the packages that it is made of; their licences go along.
RUN mkdir -p /image/opt/nginx-ts/licenses /image/usr/local/bin \
 && cp -R dist package.json LICENSE /image/opt/nginx-ts/ \
 && npm prune --omit=dev --ignore-scripts \
 && find node_modules -type f -iname 'licen*' -exec cp --parents {} /image/opt/nginx-ts/licenses/ \; \
 && find /image -name '*.map' -delete \
 && chmod -R a+rX /image \
 && ln -s /opt/nginx-ts/dist/main.js /image/usr/local/bin/nginx-ts

# Nothing runs here, so that another processor's image needs none.
FROM ${NGINX_IMAGE}
LABEL org.opencontainers.image.title="nginx-ts" \
      org.opencontainers.image.description="A Kubernetes ingress controller: TypeScript plans, a stock NGINX serves." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image/ /
EXPOSE 8080 8443 10254
# The account of NGINX in the official image; the chart gives each container one of its own.
USER 101:101
# The official image has SIGQUIT, which is NGINX's own word for it and would end Node at once.
STOPSIGNAL SIGTERM
# Its first line names Node's flags. `env`, which reads it, is all that is needed of the system.
ENTRYPOINT ["/usr/local/bin/nginx-ts"]
CMD ["--help"]
