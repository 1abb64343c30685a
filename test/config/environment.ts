/** What the configurations of these tests find in their environment. */
export const env: Readonly<Record<string, string>> = {
  VESTIBULE_SECRET: "b2xkIGVub3VnaCB0byBrbm93IGJldHRlciwgeW91bmc=",
  SHORT_SECRET: "too-short",
  EMPTY: "",
  CLIENT_SECRET: "client-secret-from-the-environment",
  ENTRA_CLIENT_SECRET: "client-secret-from-the-environment",
  GOOGLE_CLIENT_SECRET: "client-secret-from-the-environment",
  REDIS_URL: "redis://127.0.0.1:6379/0",
  WEB_URL: "https://redis.acme.example",
};

/** PEM by its form: nothing here looks inside. */
export const aCertificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
export const aPrivateKey = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
