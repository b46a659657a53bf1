/** Options → what holds for every server. */
import type { HttpSettings, NextUpstream, StrictTransportSecurity } from '../model/http-settings.ts'
import type { KeyPair } from '../model/model.ts'
import type { PortNumber } from '../model/values.ts'
import type { Options } from '../options.ts'

/** What the options say, in NGINX's own nouns. */
export function httpSettingsOf(options: Options, defaultKeyPair: KeyPair): HttpSettings {
  return {
    httpPort: options.httpPort as PortNumber,
    httpsPort: options.httpsPort as PortNumber,
    publicHttpPort: (options.publicHttpPort ?? options.httpPort) as PortNumber,
    publicHttpsPort: (options.publicHttpsPort ?? options.httpsPort) as PortNumber,
    defaultKeyPair: defaultKeyPair.name,
    redirectCode: options.httpRedirectCode,
    workers: {
      processes: options.workerProcesses,
      connections: options.maxWorkerConnections,
      openFiles: options.maxWorkerOpenFiles === 0 ? undefined : options.maxWorkerOpenFiles,
      multiAccept: options.enableMultiAccept,
      shutdownTimeout: options.workerShutdownTimeout,
    },
    client: {
      maxBodySize: options.proxyBodySize,
      bodyBufferSize: options.clientBodyBufferSize,
      bodyTimeout: options.clientBodyTimeout,
      headerBufferSize: options.clientHeaderBufferSize,
      headerTimeout: options.clientHeaderTimeout,
      largeHeaderBuffers: options.largeClientHeaderBuffers,
      underscoresInHeaders: options.enableUnderscoresInHeaders,
      keepAlive: options.keepAlive,
      keepAliveRequests: options.keepAliveRequests,
      http2: options.useHttp2,
      http2Streams: options.http2MaxConcurrentStreams,
      ipv6: !options.disableIpv6,
      generateRequestId: options.generateRequestId,
      serverTokens: options.serverTokens,
    },
    forwarding: {
      proxyProtocol: options.useProxyProtocol,
      realIp:
        options.useForwardedHeaders || options.enableRealIp || options.useProxyProtocol
          ? { header: options.forwardedForHeader, from: options.proxyRealIpCidr ?? [] }
          : undefined,
      trustsForwarded: options.useForwardedHeaders,
      fullForwardedFor: options.useForwardedHeaders && options.computeFullForwardedFor,
    },
    access: {
      allowed: options.whitelistSourceRange,
      denied: options.denylistSourceRange ?? [],
      blocked: options.blockCidrs ?? [],
    },
    limits: { requests: options.limitReqStatusCode, connections: options.limitConnStatusCode },
    tls: {
      protocols: options.sslProtocols,
      ciphers: options.sslCiphers,
      curves: options.sslEcdhCurve,
      sessionCacheSize: options.sslSessionCache ? options.sslSessionCacheSize : undefined,
      sessionTimeout: options.sslSessionTimeout,
      sessionTickets: options.sslSessionTickets,
      rejectUnknownNames: options.sslRejectHandshake,
      strictTransportSecurity: strictTransportSecurityOf(options),
    },
    proxy: {
      connectTimeout: options.proxyConnectTimeout,
      readTimeout: options.proxyReadTimeout,
      sendTimeout: options.proxySendTimeout,
      buffering: options.proxyBuffering,
      bufferSize: options.proxyBufferSize,
      buffersNumber: options.proxyBuffersNumber,
      nextUpstream: nextUpstreamOf(options),
      nextUpstreamTimeout: options.proxyNextUpstreamTimeout,
      nextUpstreamTries: options.proxyNextUpstreamTries,
      hiddenHeaders: options.hideHeaders,
    },
    upstream: {
      method: options.loadBalance === 'round_robin' ? 'round-robin' : 'least-conn',
      keepAlive: options.upstreamKeepaliveConnections,
      keepAliveTimeout: options.upstreamKeepaliveTimeout,
      keepAliveRequests: options.upstreamKeepaliveRequests,
      keepAliveTime: options.upstreamKeepaliveTime,
      resolvesIpv6: !options.disableIpv6Dns,
    },
    gzip: options.useGzip ? { level: options.gzipLevel, minLength: options.gzipMinLength, types: options.gzipTypes } : undefined,
    log: {
      format: options.logFormatUpstream,
      escape: options.logFormatEscapeJson ? 'json' : options.logFormatEscapeNone ? 'none' : 'default',
      access: !options.disableAccessLog,
      skippedUris: options.skipAccessLogUrls,
      errorLevel: options.errorLogLevel,
    },
  }
}

function strictTransportSecurityOf(options: Options): StrictTransportSecurity | undefined {
  if (!options.hsts) return undefined
  return { maxAge: options.hstsMaxAge, includeSubDomains: options.hstsIncludeSubdomains, preload: options.hstsPreload }
}

function nextUpstreamOf(options: Options): readonly NextUpstream[] {
  const words = options.proxyNextUpstream
  if (words.includes('off')) return ['off']
  return options.retryNonIdempotent && !words.includes('non_idempotent') ? [...words, 'non_idempotent'] : words
}
