import type { Chapter } from "../promise.ts";

/** SAML 2.0 (Core 2.5, Profiles 4.1.4.3, Bindings 3.4-3.5): each promise, and the tests that would notice if it were broken. */
export const saml: Chapter = {
  title: "SAML 2.0 (Core 2.5, Profiles 4.1.4.3, Bindings 3.4-3.5)",
  promises: [
    {
      promise: "A wrong or absent Destination is refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response another's Destination is refused as saml.destination",
          "signed response no Destination is refused as saml.destination",
          "signed response an empty Destination is refused as saml.destination",
        ],
      },
    },
    {
      promise: "A wrong or absent Recipient is refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response another's Recipient is refused as saml.destination",
          "signed response no Recipient is refused as saml.destination",
        ],
      },
    },
    {
      promise: "A wrong or absent Issuer is refused, of the Response and of the Assertion.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response another Issuer of the Response is refused as saml.issuer-unknown",
          "signed response no Issuer of the Response is refused as saml.issuer-unknown",
          "signed response another Issuer of the Assertion is refused as saml.issuer-unknown",
          "signed response an Issuer that only begins alike is refused as saml.issuer-unknown",
          "signed response an Issuer of another format is refused as saml.issuer-unknown",
        ],
      },
    },
    {
      promise: "A confirmation Method other than bearer, or no SubjectConfirmation, is refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response only sender-vouches is refused as saml.conditions",
          "signed response no confirmation is refused as saml.conditions",
        ],
      },
    },
    {
      promise: "A bearer confirmation has an end, which has not passed, and no beginning.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response a confirmation that ended is refused as saml.clock-skew",
          "signed response a confirmation without an end is refused as saml.malformed",
          "signed response a confirmation with NotBefore is refused as saml.conditions",
        ],
      },
    },
    {
      promise: "A Status other than Success is refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response a refusal is refused as saml.status",
          "signed response a refusal that holds a Success is refused as saml.status",
        ],
      },
    },
    {
      promise: "A Version other than 2.0 is refused, of the Response and of the Assertion.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response Version 1.1 of the Response is refused as saml.malformed",
          "signed response Version 1.1 of the Assertion is refused as saml.malformed",
        ],
      },
    },
    {
      promise: "An unsigned InResponseTo that the signed confirmation does not have is refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed assertion an InResponseTo outside the confirmatio… is refused as saml.request-expired",
          "signed assertion a signed InResponseTo that the Response… is refused as saml.request-expired",
        ],
      },
    },
    {
      promise: "A SessionNotOnOrAfter in the past is refused.",
      tests: { "test/login/saml/messages/response.test.ts": ["signed response a session that has ended is refused as saml.clock-skew"] },
    },
    {
      promise: "An unknown Condition is refused.",
      tests: { "test/login/saml/messages/response.test.ts": ["signed response an unknown condition is refused as saml.conditions"] },
    },
    {
      promise: "An assertion for another audience, or for none, is refused; several restrictions must all hold.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response another's audience is refused as saml.audience",
          "signed response no audience is refused as saml.audience",
          "signed response a second restriction to somebody else is refused as saml.audience",
        ],
      },
    },
    {
      promise: "Conditions that have not begun, or have ended, are refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response conditions of a later time is refused as saml.clock-skew",
          "signed response conditions that ended is refused as saml.clock-skew",
        ],
      },
    },
    {
      promise: "What was issued in the future, or more than a day ago, is refused.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response a Response of tomorrow is refused as saml.clock-skew",
          "signed response an Assertion of tomorrow is refused as saml.clock-skew",
          "signed response an Assertion of the day before is refused as saml.clock-skew",
        ],
      },
    },
    {
      promise: "An instant without a zone is refused: it means another one on every machine.",
      tests: { "test/login/saml/messages/response.test.ts": ["signed response an instant without a zone is refused as saml.malformed"] },
    },
    {
      promise: "An AuthnStatement is required, and its login lies in the past.",
      tests: {
        "test/login/saml/messages/response.test.ts": [
          "signed response no login is refused as saml.conditions",
          "signed response a login in the future is refused as saml.clock-skew",
        ],
      },
    },
    {
      promise: "What was asked for by `authnContext` is checked in the answer.",
      tests: {
        "test/login/saml/messages/response.test.ts": ["what this browser asked for a strength that was not given: saml.authn-context"],
        "test/login/saml/login.test.ts": [
          "a login that states no strength: saml.authn-context",
          "a strength that is not the configured o…: saml.authn-context",
        ],
        "test/login/flow/login.test.ts": ["a provider that does not give the strength asked for is told at once"],
      },
    },
    {
      promise: "What was asked for by `forceAuthn`, or by another account, is checked in the answer.",
      tests: {
        "test/login/saml/messages/response.test.ts": ["what this browser asked for a new login that there was not: saml.authn-context"],
        "test/login/saml/login.test.ts": [
          "an old login where a new proof was aske…: saml.authn-context",
          "an old login that nobody asked for, wit…: saml.authn-context",
        ],
      },
    },
    {
      promise: "A DOCTYPE is refused.",
      tests: { "test/attack/saml-documents.test.ts": ["with a signed assertion a DOCTYPE is refused"] },
    },
    {
      promise: "A processing instruction is refused: signed text could be turned into one.",
      tests: { "test/attack/saml-documents.test.ts": ["with a signed assertion a processing instruction is refused"] },
    },
    {
      promise: "A comment is refused: it truncates names for some readers.",
      tests: { "test/attack/saml-documents.test.ts": ["with a signed assertion a comment that truncates the name (CVE-… is refused"] },
    },
    {
      promise: "An entity beyond the five of XML is refused.",
      tests: { "test/attack/saml-documents.test.ts": ["with a signed assertion an entity that nobody declared is refused"] },
    },
    {
      promise: "Two roots, and text beside the root, are refused.",
      tests: {
        "test/attack/saml-documents.test.ts": [
          "with a signed assertion another root after the first is refused",
          "with a signed assertion text after the root is refused",
        ],
      },
    },
    {
      promise: "More than 256 KiB are refused before parsing, as bytes and not as characters.",
      tests: {
        "test/attack/saml-documents.test.ts": [
          "bombs one byte too many are refused",
          "bombs a byte too many in fewer characters are refused",
        ],
        "test/login/saml/login-endpoints.test.ts": ["more than any message needs is refused with 413"],
      },
    },
    {
      promise: "More than 64 levels are refused.",
      tests: { "test/attack/saml-documents.test.ts": ["bombs 65 levels are refused"] },
    },
    {
      promise: "More elements, attributes and prefixes than any message needs are refused.",
      tests: {
        "test/attack/saml-documents.test.ts": [
          "bombs 60,000 elements are refused",
          "bombs 65 attributes are refused",
          "bombs 65 prefixes are refused",
        ],
      },
    },
    {
      promise: "Nothing is believed that only one of two independent readers has seen in the signed bytes.",
      tests: {
        "test/login/saml/xml/second-reader.test.ts": [
          "nothing is believed that only one reader has seen in an answer with a signed assertion",
          "nothing is believed that only one reader has seen in what a signature covers",
          "nothing is believed that only one reader has seen in an assertion that was encrypted within a signed Response",
          "nothing is believed that only one reader has seen in a logout message by redirect",
        ],
      },
    },
    {
      promise: "Whatever is changed in a signed answer: what is accepted says exactly what was signed.",
      tests: {
        "test/attack/saml-mutations.test.ts": ["what is accepted says exactly what was signed, and the judge reads it alike"],
      },
    },
    {
      promise: "A stranger's signature is refused before a whole document is canonicalised for it.",
      tests: {
        "test/attack/saml-signature.test.ts": [
          "a stranger's signature is refused before the document is canonicalised and hashed for it",
          "a certificate in the document is named by its bytes, and not parsed",
        ],
      },
    },
    {
      promise: "A document does not grow into megabytes when it is canonicalised.",
      tests: {
        "test/attack/saml-documents.test.ts": ["bombs a long namespace used by thousands of siblings does not grow into megabytes"],
      },
    },
    {
      promise: "The ACS takes `application/x-www-form-urlencoded` only.",
      tests: { "test/login/saml/login-endpoints.test.ts": ["a good answer as plain text is refused with 400"] },
    },
    {
      promise: "A form with two answers or two RelayStates is refused.",
      tests: { "test/attack/saml-binding.test.ts": ["two answers in one form: 400", "two RelayStates: 400"] },
    },
    {
      promise: "Deflate bombs stop at the cap.",
      tests: {
        "test/login/saml/messages/redirect.test.ts": ["a deflate bomb stops at the limit, and does so before any signature is looked at"],
      },
    },
    {
      promise: "An attribute twice in one element, and an undeclared prefix, are refused.",
      tests: {
        "test/attack/saml-documents.test.ts": [
          "with a signed assertion an attribute twice is refused",
          "with a signed assertion an undeclared prefix is refused",
        ],
      },
    },
    {
      promise: "Repeated attributes merge.",
      tests: { "test/login/saml/claims.test.ts": ["reading repeated attributes merge"] },
    },
    {
      promise: "Attributes go into a Map: the names that objects have by birth are only names.",
      tests: { "test/login/saml/claims.test.ts": ["names that objects have by birth are only names"] },
    },
    {
      promise: "An EncryptedAttribute is refused, not left out: a rule that denies a group must see it.",
      tests: { "test/login/saml/messages/response.test.ts": ["signed response an EncryptedAttribute is refused as saml.malformed"] },
    },
    {
      promise: "A text with an element inside is refused: two readers would see two values.",
      tests: { "test/login/saml/messages/response.test.ts": ["signed response an element inside the NameID is refused as saml.malformed"] },
    },
    {
      promise: "Unsigned answers are refused.",
      tests: { "test/attack/saml-wrapping.test.ts": ["with a signed assertion no signature at all"] },
    },
    {
      promise: "Identity is read only from bytes whose digest was compared.",
      tests: { "test/attack/saml-wrapping.test.ts": ["with a signed assertion a changed name"] },
    },
    {
      promise: "The SignatureValue is verified with a known key.",
      tests: { "test/attack/saml-signature.test.ts": ["with a signed assertion a SignatureValue of other bytes is refused"] },
    },
    {
      promise: "The signature is for the very element that is read.",
      tests: { "test/attack/saml-signature.test.ts": ["what the provider itself signs in another way a Reference to another element"] },
    },
    {
      promise: "The signed ID stands once in the document.",
      tests: { "test/attack/saml-wrapping.test.ts": ["with a signed assertion a second element with the signed ID"] },
    },
    {
      promise: "No signature stands where none belongs.",
      tests: {
        "test/attack/saml-wrapping.test.ts": ["with a signed assertion a stray signature"],
        "test/attack/saml-signature.test.ts": ["with a signed assertion an Object in the signature is refused"],
      },
    },
    {
      promise: "Exactly one assertion, wherever another may stand.",
      tests: {
        "test/attack/saml-wrapping.test.ts": [
          "with a signed assertion an assertion beside the one in its place",
          "two assertions are refused even when the provider signed them both",
        ],
        "test/attack/saml-encryption.test.ts": ["what is inside an unsigned Response cannot be given a second, plain assertion"],
      },
    },
    {
      promise: "A signed Response does not lend its word to an assertion that another party signed.",
      tests: { "test/attack/saml-wrapping.test.ts": ["a response signed by the provider does not lend its word"] },
    },
    {
      promise: "Keys and issuer are bound to the provider whose endpoint was called.",
      tests: {
        "test/attack/saml-signature.test.ts": ["keys between two providers, neither can speak for the other, by key or by issuer"],
        "test/attack/saml-binding.test.ts": [
          "a provider's own, good answer to a request that went to another one signs nobody in (mix-up)",
        ],
      },
    },
    {
      promise: "KeyInfo is ignored: a key that the message carries is not believed.",
      tests: { "test/attack/saml-signature.test.ts": ["keys a key that the message itself carries is not believed"] },
    },
    {
      promise: "SHA-1 is refused, in signatures and in digests.",
      tests: {
        "test/attack/saml-signature.test.ts": [
          "algorithms a SHA-1 signature over a SHA-256 digest: saml.signature",
          "algorithms a SHA-1 digest under a SHA-256 signature: saml.signature",
        ],
      },
    },
    {
      promise: "No HMAC: every reader of the public key could sign.",
      tests: {
        "test/attack/saml-signature.test.ts": [
          "algorithms http://www.w3.org/2001/04/xmldsig-more#hmac-sha256 with the public key as its secret is refused",
        ],
      },
    },
    {
      promise: "RSA keys below 2048 bits, other curves than NIST's three and other kinds of keys prove nothing.",
      tests: {
        "test/attack/saml-signature.test.ts": [
          "keys 1024 bits of RSA is not taken as a provider's key",
          "keys a curve that few know is not taken as a provider's key",
          "keys an Ed25519 key is not taken as a provider's key",
        ],
      },
    },
    {
      promise: "At most the two standard transforms, without parameters.",
      tests: {
        "test/attack/saml-signature.test.ts": [
          "what the provider itself signs in another way XSLT",
          "what the provider itself signs in another way a third transform",
          "what the provider itself signs in another way base64 in place of the enveloped signat…",
          "what the provider itself signs in another way a parameter of the enveloped signature",
          "what the provider itself signs in another way a parameter of the algorithm",
        ],
      },
    },
    {
      promise: "No outbound fetch: a reference outside the message is refused.",
      tests: { "test/attack/saml-encryption.test.ts": ["keys a RetrievalMethod elsewhere is refused"] },
    },
    {
      promise: "The signed InResponseTo equals the id outstanding for this browser.",
      tests: {
        "test/login/saml/messages/response.test.ts": ["what this browser asked for another browser's request: saml.request-expired"],
        "test/login/saml/login.test.ts": ["an answer that nobody asked for, for th…: saml.request-expired"],
        "test/login/saml/login-endpoints.test.ts": ["another browser's answer signs nobody in (login CSRF)"],
      },
    },
    {
      promise: "An assertion logs in once, also one that answers no request.",
      tests: {
        "test/login/saml/login-endpoints.test.ts": ["of two posts of one assertion, however close, exactly one goes on"],
        "test/e2e/saml-login.test.ts": ["with allowIdpInitiated an unsolicited answer works once"],
      },
    },
    {
      promise: "Assertion ids are remembered until they expire.",
      tests: {
        "test/login/saml/login-endpoints.test.ts": ["an assertion is remembered for as long as it could be accepted"],
        "test/login/saml/messages/response.test.ts": ["a good answer with a signed assertion gives every fact"],
      },
    },
    {
      promise: "Of two posts in parallel on two processes exactly one logs in.",
      tests: { "test/e2e/saml-two-instances.test.ts": ["one assertion posted to both instances at once logs in exactly once"] },
    },
    {
      promise: "Unsolicited responses are off unless configured.",
      tests: {
        "test/login/saml/messages/response.test.ts": ["signed response an unsolicited answer is refused as saml.unsolicited"],
        "test/e2e/saml-login.test.ts": ["a login by SAML an answer that nobody asked for is refused unless it is allowed"],
      },
    },
    {
      promise: "The RelayState of an unsolicited response may only name a page of an app that accepts the provider.",
      tests: {
        "test/login/saml/login-endpoints.test.ts": [
          "an unsolicited answer with an app of other providers as RelayState leads to https://campus.acme.example/",
          "an unsolicited answer with another site as RelayState leads to https://campus.acme.example/",
        ],
      },
    },
    {
      promise: "RelayState decides nothing in an answer that was asked for.",
      tests: { "test/attack/saml-binding.test.ts": ["RelayState decides nothing: the page is that of the request which was signed for"] },
    },
    {
      promise: "A parked answer is taken once.",
      tests: {
        "test/login/saml/login-endpoints.test.ts": [
          "an answer that nobody asked for is finished once: whoever reads its address later is nobody",
        ],
      },
    },
    {
      promise: "SessionNotOnOrAfter caps the session, the earliest of several.",
      tests: {
        "test/login/saml/login.test.ts": [
          "the session ends with the provider's, and holds the names that its logout messages will use",
          "of several ends the earliest counts",
        ],
      },
    },
    {
      promise: "NameID and SessionIndex are kept for logout.",
      tests: {
        "test/login/saml/login.test.ts": ["the session ends with the provider's, and holds the names that its logout messages will use"],
        "test/e2e/saml-logout.test.ts": ["one that names no session ends all of that person, in every browser, and only once"],
      },
    },
    {
      promise: "Unsigned logout messages are refused.",
      tests: { "test/login/saml/logout.test.ts": ["by redirect unsigned is refused", "by post unsigned is refused"] },
    },
    {
      promise: "Logout messages that another key signed, or that were changed, are refused.",
      tests: { "test/login/saml/logout.test.ts": ["by redirect signed by somebody else is refused"] },
    },
    {
      promise: "Duplicated or disguised parameters of a redirect are refused.",
      tests: {
        "test/login/saml/messages/redirect.test.ts": [
          "two RelayStates is refused",
          "two messages is refused",
          "an escaped second RelayState is refused",
          "a request and a response is refused",
        ],
      },
    },
    {
      promise: "In a form, the signature must be the message's own.",
      tests: { "test/login/saml/logout.test.ts": ["in a form, the signature must be the message's own"] },
    },
    {
      promise: "An old logout message is refused, whatever it says of itself.",
      tests: {
        "test/login/saml/logout.test.ts": [
          "by redirect eleven minutes old, without an end is refused",
          "by redirect past its NotOnOrAfter is refused",
        ],
      },
    },
    {
      promise: "A logout message for another recipient, or from another provider, is refused.",
      tests: {
        "test/login/saml/logout.test.ts": [
          "by redirect addressed to somebody else is refused",
          "by redirect addressed to nobody is refused",
          "by redirect from another provider is refused",
        ],
      },
    },
    {
      promise: "A logout request is obeyed once.",
      tests: { "test/login/saml/slo-endpoint.test.ts": ["a request taken from the wire ends nothing a second time"] },
    },
    {
      promise: "A logout request ends the sessions that it names, or all of the account, and no other's.",
      tests: {
        "test/login/saml/slo-endpoint.test.ts": [
          "a provider's request ends the sessions that it names, in every browser, and is answered",
          "one that names none ends all of the account, and nobody else's",
        ],
      },
    },
    {
      promise: "A logout answer to nothing, or a second one, is refused.",
      tests: { "test/login/saml/slo-endpoint.test.ts": ["an answer to nothing, or a second one, is refused"] },
    },
    {
      promise: "Decryption failures are indistinguishable.",
      tests: { "test/attack/saml-encryption.test.ts": ["every failure after decryption began looks the same"] },
    },
    {
      promise: "AES-CBC is accepted only behind a per-provider switch.",
      tests: { "test/attack/saml-encryption.test.ts": ["algorithms AES-CBC (SimpleSAMLphp)"] },
    },
    {
      promise: "RSA PKCS #1 v1.5 is accepted only behind a per-provider switch.",
      tests: { "test/attack/saml-encryption.test.ts": ["algorithms RSA PKCS #1 v1.5"] },
    },
    {
      promise: "What was encrypted is not trusted for that: it must be signed.",
      tests: { "test/attack/saml-encryption.test.ts": ["what is inside must be signed, itself or by the Response around it"] },
    },
    {
      promise: "Every key of ours is tried.",
      tests: { "test/attack/saml-encryption.test.ts": ["keys each of ours is tried, and without any nothing is"] },
    },
    {
      promise: "Our keys overlap on rollover: all are published, for signatures and for encryption.",
      tests: { "test/login/saml/metadata/write.test.ts": ["both keys are published for signatures and for encryption during a rollover"] },
    },
    {
      promise: "A provider with no usable certificate refuses logins.",
      tests: { "test/login/saml/metadata/read.test.ts": ["metadata is refused when it has no certificate"] },
    },
    {
      promise: "A provider with only expired metadata refuses logins, and what the store kept is no way around that.",
      tests: {
        "test/login/saml/metadata/source.test.ts": [
          "a document is never used past its validity, not even from the store",
          "when it sends what has expired the last good document stays, counted and logged, and a new gateway takes it up",
        ],
      },
    },
    {
      promise: "Such a login is answered with 503.",
      tests: { "test/login/saml/login-endpoints.test.ts": ["a provider without usable metadata is told as 503, and nothing is signed in"] },
    },
    {
      promise: "Verification is never skipped for want of a key.",
      tests: { "test/login/saml/messages/response.test.ts": ["every key of the provider is tried, wherever it stands in the list"] },
    },
    {
      promise: "All certificates in metadata are tried.",
      tests: {
        "test/login/saml/messages/response.test.ts": ["every key of the provider is tried, wherever it stands in the list"],
        "test/login/saml/metadata/read.test.ts": ["every key that may sign is listed once, in order"],
      },
    },
    {
      promise: "A certificate that changed unannounced costs no visitor a login, and forgeries cost the provider one fetch a minute.",
      tests: {
        "test/e2e/saml-login.test.ts": [
          "a login by SAML a certificate that changes costs no login, announced or not, and the old one is believed no longer",
        ],
        "test/login/saml/metadata/source.test.ts": [
          "a changed certificate is found at the first signature that does not fit, with one fetch a minute at most",
        ],
      },
    },
    {
      promise: "With a metadata signer, only what it signed is read.",
      tests: {
        "test/login/saml/metadata/read.test.ts": [
          "metadata is refused when it should be signed and is not",
          "metadata is refused when somebody else signed it",
        ],
      },
    },
    {
      promise: "Metadata that was kept counts only under the settings by which it was checked.",
      tests: { "test/login/saml/metadata/source.test.ts": ["what was kept does not count when another signer is demanded"] },
    },
    {
      promise: "Logins go over https, unless `insecure` says otherwise.",
      tests: { "test/login/saml/metadata/read.test.ts": ["metadata is refused when logins would go over http"] },
    },
    {
      promise: "The last good metadata outlives a provider that is away or sends anything else.",
      tests: {
        "test/login/saml/metadata/source.test.ts": [
          "when it breaks off the last good document stays, counted and logged, and a new gateway takes it up",
        ],
      },
    },
  ],
};
