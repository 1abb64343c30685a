/**
 * The name under which CGI, WSGI, PHP and Java environments cannot tell headers apart: lower case, and `-`, `_`, `.` and every
 * other sign alike (RFC 3875 4.1.18 says it of `-`; some servers do it to all that is no letter or digit). What guards one
 * spelling must guard all.
 */
export function foldHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "-");
}
