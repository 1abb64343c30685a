import type { Chapter } from "../promise.ts";

/** Passwords and tickets: each promise, and the tests that would notice if it were broken. */
export const passwordsAndTickets: Chapter = {
  title: "Passwords and tickets (LDAP, Kerberos)",
  promises: [
    {
      promise: "An empty password is never sent to a directory: many answer it with success (RFC 4513 5.1.2).",
      tests: {
        "test/login/ldap/directory.test.ts": [
          "an empty password is never sent",
          "a password behind a NUL is never sent",
          "a password of soft hyphens is never sent",
        ],
      },
    },
    {
      promise: "What is typed as a login stays one value, in a filter (RFC 4515) and in a name (RFC 4514).",
      tests: {
        "test/login/ldap/words.test.ts": ["a value put into a filter stays one value, whatever it is"],
        "test/login/ldap/directory.test.ts": ["a direct bind takes a value that ends the name for part of the login"],
      },
    },
    {
      promise: "A login that is the name of a SASL mechanism is a login.",
      tests: { "test/login/ldap/directory.test.ts": ["a login that is the name of a SASL mechanism is a login"] },
    },
    {
      promise: "An unknown name and a wrong password are one answer, and cost one bind each.",
      tests: {
        "test/login/ldap/directory.test.ts": ["a login costs one bind of the visitor, known or unknown"],
        "test/e2e/ldap-login.test.ts": ["an unknown name shows the form again with one and the same sentence, and the login goes on"],
      },
    },
    {
      promise: "A directory whose certificate does not hold or bears another name gets neither password nor service account.",
      tests: {
        "test/login/ldap/servers.test.ts": [
          "a certificate for another name is refused before anything is sent",
          "an authority that is not trusted, by StartTLS is refused before anything is sent",
        ],
      },
    },
    {
      promise: "What a directory, or one on the way, says in the clear before TLS begins is never taken for what came through TLS.",
      tests: {
        "test/login/ldap/servers.test.ts": [
          "a server that sends more than its answer before TLS begins is left (StartTLS response injection)",
        ],
      },
    },
    {
      promise: "Whatever bytes a directory answers with, no one is let in, nothing breaks, and it takes no longer than the time-out.",
      tests: {
        "test/login/ldap/servers.test.ts": [
          "whatever bytes a server answers with, no one is let in and nothing breaks",
          "a server whose answer comes byte by byte, and never ends, takes no longer than the time that was given",
        ],
      },
    },
    {
      promise: "The login form of one browser signs no other one in (login CSRF).",
      tests: {
        "test/e2e/ldap-login.test.ts": ["the form of one browser is worth nothing in another, nor without its state (login CSRF)"],
      },
    },
    {
      promise: "One account's password is tried ten times a minute at most, and a refused service account once in half a minute.",
      tests: {
        "test/e2e/ldap-login.test.ts": ["the eleventh password for one account in a minute is not tried"],
        "test/e2e/kerberos-two-instances.test.ts": [
          "ten passwords a minute for one account are ten over both instances: the directory is asked no more",
        ],
        "test/login/ldap/directory.test.ts": [
          "no password is tried on an entry whose tries are spent, by whichever name it is found",
          "all spellings of a login that directories take for one have its tries together",
        ],
        "test/login/ldap/servers.test.ts": ["a service account that is refused is named, and not tried again at once"],
      },
    },
    {
      promise: "However many log in at once, connections to the directory are bounded, and each password has a connection of its own.",
      tests: {
        "test/login/ldap/directory.test.ts": ["two hundred logins at once share four service connections and eight of their own"],
      },
    },
    {
      promise: "A person who leaves a group, is disabled or deleted in the directory is out within the recheck.",
      tests: {
        "test/e2e/ldap-login.test.ts": ["who leaves the group, is disabled or deleted while signed in is out within the recheck"],
      },
    },
    {
      promise: "A ticket presented twice is a replay, in every process and in any wrapping.",
      tests: {
        "test/login/kerberos/acceptor.test.ts": ["a ticket presented twice is a replay, also in another wrapping"],
        "test/e2e/kerberos-two-instances.test.ts": [
          "of one ticket presented to two instances with two workers each at the same time, one is accepted",
        ],
      },
    },
    {
      promise: "Groups in a ticket count only when the service's key has signed them for the ticket's owner, and whole or not at all.",
      tests: {
        "test/login/kerberos/acceptor.test.ts": [
          "of a PAC nothing counts when another key has signed it, and the ticket stays good",
          "of a PAC nothing counts when it is another account's, and the ticket stays good",
          "hostile logon information under a good signature is unreadable, and the thread goes on",
        ],
        "test/login/kerberos/pac.test.ts": [
          "a changed count, length or pointer never gives more groups than there are bytes for, and takes no memory for them",
        ],
      },
    },
    {
      promise: "A ticket for another service of the same keytab, or of a realm that is not listed, opens nothing.",
      tests: {
        "test/login/kerberos/acceptor.test.ts": [
          "a ticket for another service of the same keytab is refused",
          "a visitor of a realm that is not listed is refused",
        ],
      },
    },
    {
      promise: "A person whom the directory of people has shut out is out by ticket and by password alike.",
      tests: {
        "test/e2e/directory-and-tickets.test.ts": [
          "somebody who is shut out is out by ticket and by password alike, whichever account is known",
        ],
      },
    },
    {
      promise: "A ticket that was made for another server's TLS connection is refused: it was relayed.",
      tests: {
        "test/login/kerberos/acceptor.test.ts": [
          "a ticket that is bound to another TLS connection is refused, one bound to ours or to none is accepted",
        ],
      },
    },
    {
      promise: "Only pages for visitors of the named networks, over TLS, are answered with a challenge.",
      tests: {
        "test/login/kerberos/provider.test.ts": ["a visitor from elsewhere: instead", "an origin without TLS: instead"],
      },
    },
  ],
};
