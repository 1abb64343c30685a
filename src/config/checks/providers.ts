import { methods } from "../../login/methods.ts";
import type { Draft } from "../draft.ts";
import type { Report } from "../problems/report.ts";
import { methodOf, type ProviderFile } from "../schema/providers.ts";
import type { References } from "../values/references.ts";

/** Who owns which mail domain, and how each provider is spoken to. */
export function checkProviders(draft: Draft, references: References, now: number, report: Report): void {
  const owners = new Map<string, string>();
  // A misshapen `insecure` says nothing about any hole: no second problem then.
  const allowed = (hole: keyof NonNullable<Draft["insecure"]>) => draft.insecure?.[hole] !== false;
  for (const [id, provider] of draft.providers) {
    if (provider === null) continue;
    checkDomains(id, provider, owners, allowed("publicEmailDomains"), report);
    for (const method of Object.values(methods)) {
      const file = methodOf(provider, method.id);
      const path = ["providers", id, method.id];
      if (file !== undefined) method.check(file, { id, path, allowed, others: draft.providers, references, now, report });
    }
  }
}

function checkDomains(id: string, provider: ProviderFile, owners: Map<string, string>, publicAllowed: boolean, report: Report): void {
  for (const [at, domain] of provider.emailDomains.entries()) {
    const path = ["providers", id, "emailDomains", at];
    const owner = owners.get(domain);
    if (owner !== undefined) {
      const where =
        owner === id ? "stands here twice: remove one" : `already belongs to the provider ${owner}: an address signs in at one place`;
      report.problem(path, `${domain} ${where}`);
    } else owners.set(domain, id);
    if (!publicAllowed && isPublicEmailDomain(domain)) {
      report.problem(
        path,
        `${domain} is a public mail domain, anyone can have an address there: remove it (or set insecure.publicEmailDomains)`,
      );
    }
  }
}

/** Where anyone can have an address: owning such a domain would send strangers to one provider and shut out the others. */
const exact = new Set(
  [
    "gmail.com googlemail.com outlook.com live.com msn.com passport.com icloud.com me.com mac.com proton.me protonmail.com pm.me",
    "protonmail.ch aol.com aim.com zoho.com zohomail.com zohomail.eu mail.com email.com usa.com post.com yandex.com yandex.ru ya.ru",
    "mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru fastmail.com fastmail.fm hey.com tutanota.com tutanota.de tuta.io tuta.com tutamail.com",
    "keemail.me hushmail.com mailbox.org posteo.de posteo.net runbox.com disroot.org riseup.net web.de freenet.de t-online.de arcor.de",
    "mail.de email.de online.de vodafone.de orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr numericable.fr club-internet.fr",
    "libero.it virgilio.it tiscali.it alice.it tin.it tim.it aruba.it poste.it pec.it email.it wp.pl o2.pl onet.pl interia.pl op.pl gazeta.pl",
    "seznam.cz centrum.cz email.cz post.cz azet.sk zoznam.sk freemail.hu citromail.hu abv.bg mail.bg ukr.net i.ua meta.ua bluewin.ch sunrise.ch",
    "telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl xs4all.nl planet.nl home.nl hetnet.nl telia.com telenor.no online.no mail.dk",
    "btinternet.com btopenworld.com virginmedia.com ntlworld.com sky.com talktalk.net blueyonder.co.uk tiscali.co.uk",
    "comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net juno.com netzero.net",
    "rogers.com shaw.ca sympatico.ca bell.net telus.net videotron.ca bigpond.com bigpond.net.au optusnet.com.au xtra.co.nz",
    "uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com rediffmail.com sify.com qq.com foxmail.com 163.com 126.com yeah.net",
    "sina.com sina.cn sohu.com aliyun.com 139.com 189.cn naver.com hanmail.net daum.net kakao.com nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp",
    "duck.com mozmail.com privaterelay.appleid.com simplelogin.com anonaddy.com mailinator.com guerrillamail.com yopmail.com 10minutemail.com",
    "temp-mail.org trashmail.com sharklasers.com gmx.com rocketmail.com ymail.com windowslive.com caramail.com lycos.com excite.com",
  ].flatMap((line) => line.split(" ")),
);
/** Families that end in a country: `hotmail.co.uk`, `yahoo.fr`, `gmx.at`, `outlook.de`. */
const family = /^(hotmail|outlook|live|yahoo|ymail|rocketmail|gmx|yandex|aol)(\.[a-z]{2,3}){1,2}$/;

/** True for a mail domain (canonical) where anyone can have an address. */
function isPublicEmailDomain(domain: string): boolean {
  return exact.has(domain) || family.test(domain);
}
