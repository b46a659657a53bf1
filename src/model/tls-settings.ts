/** What TLS may be set to: names that OpenSSL of every supported NGINX knows. One that it does not know stops them all. */

export const tlsProtocols = ['TLSv1.2', 'TLSv1.3'] as const
export type TlsProtocol = (typeof tlsProtocols)[number]

/** Cipher suites of TLS 1.2 without known weakness in their cipher; those of TLS 1.3 are always offered. */
export const tlsCiphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'AES128-SHA',
  'AES256-SHA',
] as const
export type TlsCipher = (typeof tlsCiphers)[number]

export const tlsCurves = ['X25519', 'prime256v1', 'secp384r1', 'secp521r1'] as const
export type TlsCurve = (typeof tlsCurves)[number]

/** What OpenSSL's HIGH and DEFAULT are told to leave out; none of it can take away a suite of the list above. */
const EXCLUSIONS = [
  ...['aNULL', 'eNULL', 'NULL', 'ADH', 'AECDH', 'MD5', 'RC2', 'RC4', 'DES', '3DES', 'IDEA', 'SEED', 'CAMELLIA', 'ARIA'],
  ...['EXP', 'EXPORT', 'LOW', 'MEDIUM', 'PSK', 'SRP', 'DSS'],
] as const

/** Words of a cipher list for backends, which may be older than browsers are. */
export const backendCiphers = ['HIGH', 'DEFAULT', ...tlsCiphers, ...EXCLUSIONS.map((name) => `!${name}` as const)] as const
export type BackendCipher = (typeof backendCiphers)[number]
