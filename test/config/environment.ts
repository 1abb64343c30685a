/** What the configurations of these tests find in their environment. */
export const env: Readonly<Record<string, string>> = {
  CONSOLE_TOKEN: "b25lIGNvbnNvbGUgdG9rZW4sIGxvbmcgZW5vdWdo",
  VESTIBULE_SECRET: "b2xkIGVub3VnaCB0byBrbm93IGJldHRlciwgeW91bmc=",
  SHORT_SECRET: "too-short",
  EMPTY: "",
  COLLECTOR_AUTHORIZATION: "Bearer of-the-collector",
  CLIENT_SECRET: "client-secret-from-the-environment",
  LDAP_PASSWORD: "ldap-password-from-the-environment",
  ENTRA_CLIENT_SECRET: "client-secret-from-the-environment",
  GOOGLE_CLIENT_SECRET: "client-secret-from-the-environment",
  SCIM_TOKEN: "scim-token-from-the-environment",
  REDIS_URL: "redis://127.0.0.1:6379/0",
  WEB_URL: "https://redis.acme.example",
};

/** A certificate and its key, and a key that is not its own. They protect nothing. */
export const aCertificate = `-----BEGIN CERTIFICATE-----
MIIB9TCCAZqgAwIBAgIUCX6iHZyQG6JO7eEu/7MFkbHnI9IwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTY29uZmlndXJhdGlvbiB0ZXN0czAgFw0yNjExMzAxNjMwMjZa
GA8yMTI2MTEwNjE2MzAyNlowHjEcMBoGA1UEAwwTY29uZmlndXJhdGlvbiB0ZXN0
czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNzTIqFnqc0ov1oy4owqx+Aq7hc5
GdU0csKE7SVcM4/qtv9Xrx19adcOJTanLquzplsMLuCz9HZPyXR544JFuhCjgbMw
gbAwHQYDVR0OBBYEFCgVGz4Rw8S6yQ5gmnCvMVlygd2jMB8GA1UdIwQYMBaAFCgV
Gz4Rw8S6yQ5gmnCvMVlygd2jMA8GA1UdEwEB/wQFMAMBAf8wXQYDVR0RBFYwVIIM
YWNtZS5leGFtcGxlgg4qLmFjbWUuZXhhbXBsZYIOKi5iZXRhLmV4YW1wbGWCEyou
YXBwcy5hY21lLmV4YW1wbGWCDyoub3RoZXIuZXhhbXBsZTAKBggqhkjOPQQDAgNJ
ADBGAiEA2hmtkzGEtHC3vGbQ0+PtMl8rKNEICZ4DfkFSeT5QpkwCIQD9cfw8Q4ef
kiDO9GSOxjtrilV8zsTBnoQVcPcZfHJ1JA==
-----END CERTIFICATE-----
`;
export const aPrivateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsE9iHDETEX6kChEj
B/3ULxbru88vMszoXnOf02CmOwyhRANCAATc0yKhZ6nNKL9aMuKMKsfgKu4XORnV
NHLChO0lXDOP6rb/V68dfWnXDiU2py6rs6ZbDC7gs/R2T8l0eeOCRboQ
-----END PRIVATE KEY-----
`;
export const anotherPrivateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkPF3kXaCUAjVeY66
k+idHBr/p/IlBlL6FBa+GhroPp6hRANCAAS6v5pMKnz37QocvO8Smc6HJkh7NyWQ
1jCwpEjeITF2oXxIE7fYkpJbHyBnJ/qTEC0aG1qQp+bjnVjxPUhHeEFM
-----END PRIVATE KEY-----
`;
