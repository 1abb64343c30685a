import type { Texts } from "./texts.ts";

export const french: Texts = {
  chooser: {
    title: "Connexion",
    lead: (app) => (app === null ? "Où souhaitez-vous vous connecter ?" : `Pour continuer vers ${app}`),
    email: "Adresse e-mail",
    submit: "Continuer",
    or: "ou",
    providers: "Choisissez où vous connecter",
    continueWith: (provider) => `Continuer avec ${provider}`,
    problems: {
      invalid: "Ceci ne ressemble pas à une adresse e-mail. Veuillez la vérifier.",
      "unknown-domain":
        "Cette adresse ne correspond à aucun service de connexion d’ici. Veuillez la vérifier ou choisir un service ci-dessous.",
      "provider-unavailable":
        "Le service de connexion ne répond pas pour le moment. Réessayez dans un instant ou choisissez un autre service.",
    },
    problemPrefix: "Erreur : ",
  },
  refusal: {
    title: "Vous n’avez pas accès",
    lead: (app) => `Vous êtes connecté, mais l’accès à ${app} vous est refusé.`,
    reasons: {
      "denied-by-rule": "Une règle de cette application vous empêche d’ouvrir cette page.",
      "no-rule-matched": "Votre compte ne fait pas partie de ceux qui peuvent ouvrir cette page.",
      "membership-unknown": "Impossible de déterminer à quels groupes vous appartenez, et cette page est réservée à certains groupes.",
      "credential-rejected": "Ce avec quoi vous vous êtes connecté n’a pas été accepté.",
      "websocket-not-allowed": "Cette application n’autorise pas de connexion en direct ici.",
      "origin-not-allowed": "La demande vient d’un autre site, ce que cette application n’autorise pas.",
      "identity-unfit-for-header": "Les informations de votre compte ne peuvent pas être transmises à cette application.",
    },
    signedInAs: "Connecté en tant que",
    via: (provider) => `avec ${provider}`,
    anotherAccount: "Utiliser un autre compte",
    logout: "Se déconnecter",
    help: "Si vous pensez devoir y accéder, signalez-le à la personne qui s’occupe de cette application en lui donnant ce numéro :",
  },
  error: {
    titles: {
      "not-found": "Page introuvable",
      request: "Cela n’a pas fonctionné",
      login: "La connexion n’a pas abouti",
      "not-let-in": "L’accès vous a été refusé",
      logout: "Déconnexion",
      "app-down": "L’application n’est pas disponible",
      later: "Réessayez dans un instant",
      internal: "Un problème est survenu",
    },
    words: {
      "request.malformed": "La demande n’a pas été comprise.",
      "request.path-ambiguous": "L’adresse de cette page n’est pas valide.",
      "request.host-malformed": "La demande n’a pas été comprise.",
      "request.host-unknown": "Ce site n’existe pas ici.",
      "request.method-not-allowed": "Cette méthode n’est pas autorisée ici.",
      "request.body-too-large": "Ce que vous avez envoyé est trop volumineux.",
      "request.target-too-long": "L’adresse de cette page est trop longue.",
      "request.expectation-unknown": "La demande n’a pas été comprise.",
      "request.headers-too-large": "La demande est trop volumineuse.",
      "request.timeout": "La demande a mis trop de temps à arriver.",
      "request.not-found": "Cette page n’existe pas.",
      "upstream.unreachable": "L’application ne répond pas.",
      "upstream.answer-malformed": "L’application a donné une réponse qui ne peut pas être transmise.",
      "upstream.tls-failed": "L’application n’a pas pu être jointe de manière sûre.",
      "upstream.timeout": "L’application a mis trop de temps à répondre.",
      "gateway.overloaded": "Il y a trop de visiteurs pour le moment. Réessayez dans un instant.",
      "gateway.draining": "Ce service redémarre. Réessayez dans un instant.",
      "gateway.internal": "Un problème est survenu ici.",
      "store.unavailable": "Votre session ne peut pas être vérifiée pour le moment. Réessayez dans un instant.",
      "login.stale": "Cette connexion a expiré. Veuillez recommencer.",
      "login.other-browser": "Cette connexion a été commencée dans un autre navigateur. Veuillez recommencer.",
      "login.return-refused": "L’adresse de retour n’est pas valide.",
      "login.provider-unknown": "Ce service de connexion n’existe pas ici.",
      "login.provider-unavailable": "Le service de connexion ne répond pas. Réessayez dans un instant.",
      "login.provider-refused": "Le service de connexion ne vous a pas laissé entrer.",
      "login.answer-rejected": "La réponse du service de connexion n’a pas pu être acceptée. Veuillez recommencer.",
      "login.email-domain": "Votre adresse e-mail relève d’un autre service de connexion.",
      "login.identity-incomplete": "Le service de connexion n’en a pas dit assez à votre sujet.",
      "login.loop": "La connexion recommence sans cesse.",
      "logout.cross-site": "Veuillez confirmer sur cette page que vous souhaitez vous déconnecter.",
      "logout.token-rejected": "La demande n’a pas été comprise.",
      "bearer.rejected": "Le jeton d’accès n’a pas été accepté.",
      "config.invalid": "Un problème est survenu ici.",
      "listener.failed": "Un problème est survenu ici.",
    },
    startAgain: "Recommencer",
  },
  loop: {
    title: "La connexion recommence sans cesse",
    lead: (app) => `Vous vous êtes connecté, mais ${app ?? "l’application"} vous le redemande encore et encore. Cause probable :`,
    causes: {
      "cookies-blocked":
        "Votre navigateur ne garde pas les cookies de ce site. Autorisez-les et désactivez les extensions qui les suppriment.",
      clock: "L’horloge de votre appareil, ou celle de ce service, n’est pas à l’heure. Vérifiez la date et l’heure.",
      "strength-not-given":
        "Cette page demande une connexion plus forte (par exemple avec un second facteur), que votre service de connexion n’a pas fournie.",
    },
    startAgain: "Réessayer",
  },
  confirmLogout: {
    title: "Se déconnecter ?",
    lead: (who) =>
      who === null
        ? "Vous serez déconnecté de toutes les applications ouvertes avec ce compte."
        : `Vous êtes connecté en tant que ${who}. Vous serez déconnecté de toutes les applications ouvertes avec ce compte.`,
    submit: "Se déconnecter",
    back: "Rester connecté",
  },
  signedOut: {
    title: "Vous êtes déconnecté",
    complete: "Vous pouvez fermer cette fenêtre.",
    incomplete:
      "Votre service de connexion se souvient peut-être encore de vous. Sur un ordinateur partagé, fermez toutes les fenêtres de ce navigateur.",
    startAgain: "Se reconnecter",
  },
  continue: { title: "Un instant", lead: "Vous êtes en route vers votre service de connexion.", submit: "Continuer" },
  requestId: "Numéro de demande",
};
