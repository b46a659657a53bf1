/**
 * What ours is measured against: the nginx.conf that a good engineer writes by hand for this one job. What a request
 * gets is the same as from ours: the log line, the headers to the backend with upgrades and a client's request ID passed
 * on, TLS, keep-alive. How is not: what is known beforehand is written out (one host a port, scheme, port, the name in
 * the log), where ours finds it at run time.
 */
import { join } from 'node:path'
import type { WorkerAccount } from '../../src/nginx/machine.ts'

export type Ports = { readonly http: number; readonly https: number }

export type IdealSite = {
  readonly folder: string
  readonly ports: Ports
  readonly backendPort: number
  readonly host: string
  readonly tlsHost: string
  /** What the log calls the backend of each host. */
  readonly logName: string
  readonly tlsLogName: string
  readonly account: WorkerAccount | undefined
}

/** Expects the certificate and its key in `pair.pem`; logs to `access.log`. */
export function idealConfiguration(site: IdealSite): string {
  return `${processLines(site.folder, site.account)}
http {
${temporaryPaths(site.folder)}
    default_type application/octet-stream;
    server_tokens off;
    keepalive_timeout 75s;
    http2 on;

    ${logFormat('plain', site.logName)}
    ${logFormat('tls', site.tlsLogName)}

    map $http_x_request_id $req_id {
        default $request_id;
        "~^[A-Za-z0-9._-]{1,128}$" $http_x_request_id;
    }
    map $http_upgrade $upgrade {
        default $http_upgrade;
        "~*h2c" "";
    }
    map $upgrade $connection_header {
        default upgrade;
        "" "";
    }

    upstream backend {
        server 127.0.0.1:${site.backendPort} max_fails=0;
        keepalive 320;
        keepalive_timeout 60s;
        keepalive_requests 10000;
    }
    proxy_http_version 1.1;
    proxy_buffering off;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:tls:10m;
    ssl_session_timeout 10m;
    ssl_session_tickets off;

    server {
        listen ${site.ports.http};
        server_name ${site.host};
        access_log ${join(site.folder, 'access.log')} plain;
        location / {
${headers('http', site.ports.http)}
            proxy_pass http://backend;
        }
    }
    server {
        listen ${site.ports.https} ssl;
        server_name ${site.tlsHost};
        ssl_certificate ${join(site.folder, 'pair.pem')};
        ssl_certificate_key ${join(site.folder, 'pair.pem')};
        access_log ${join(site.folder, 'access.log')} tls;
        add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
        location / {
${headers('https', site.ports.https)}
            proxy_pass http://backend;
        }
    }
}
`
}

/** The same ones set, passed on and taken away as by ours, so that a forged header fares no better. */
function headers(scheme: string, port: number): string {
  const set = [
    'Host $http_host',
    'X-Request-ID $req_id',
    'X-Real-IP $remote_addr',
    'X-Forwarded-For $remote_addr',
    'X-Forwarded-Host $http_host',
    `X-Forwarded-Port ${port}`,
    `X-Forwarded-Proto ${scheme}`,
    `X-Forwarded-Scheme ${scheme}`,
    `X-Scheme ${scheme}`,
    'X-Original-Forwarded-For $http_x_forwarded_for',
    'X-Original-Forwarded-Host $http_x_forwarded_host',
    'Upgrade $upgrade',
    'Connection $connection_header',
    ...TAKEN_AWAY.map((name) => `${name} ""`),
  ]
  return set.map((header) => `            proxy_set_header ${header};`).join('\n')
}

const TAKEN_AWAY = [
  'X-Forwarded-Prefix',
  'X-Forwarded-Server',
  'X-Forwarded-Ssl',
  'Forwarded',
  'X-Original-URL',
  'X-Rewrite-URL',
  'Proxy',
  'Ssl-Client-Cert',
  'Ssl-Client-Verify',
  'Ssl-Client-Subject-Dn',
  'Ssl-Client-Issuer-Dn',
]

function logFormat(name: string, backend: string): string {
  return `log_format ${name} '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [${backend}] [] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id';`
}

const BODY = 'x'.repeat(1024)

/** An NGINX of its own that answers 1 KiB; `/heard` says how many bytes the request had when it arrived. */
export function backendConfiguration(folder: string, port: number, account: WorkerAccount | undefined): string {
  return `${processLines(folder, account)}
http {
${temporaryPaths(folder)}
    access_log off;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:${port};
        location / { return 200 "${BODY}"; }
        location = /heard { return 200 "$request_length"; }
    }
}
`
}

/** NGINX makes these folders at its start; the built-in places are there only where a package of NGINX is installed. */
function temporaryPaths(folder: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `    ${name}_temp_path ${join(folder, `temp-${name}`)};`)
    .join('\n')
}

function processLines(folder: string, account: WorkerAccount | undefined): string {
  return `daemon off;
${account === undefined ? '' : `user ${account.user} ${account.group};`}
worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log stderr warn;
events { worker_connections 4096; multi_accept on; }`
}
