/** What operators put on the gateway's own pages. Everything is read and checked at load. */
export interface BrandingSettings {
  /** The organisation, in titles and where a page speaks of itself; null = none is named. */
  readonly name: string | null;
  readonly logo: { readonly light: BrandImage; readonly dark: BrandImage } | null;
  /** `#rrggbb`, with enough contrast on the pages' light ground. */
  readonly accent: string | null;
  readonly support: { readonly text: string; readonly url: string } | null;
  readonly footer: readonly { readonly text: string; readonly url: string }[];
  /** Style sheet text that comes after the pages' own. */
  readonly css: string | null;
}

export interface BrandImage {
  readonly type: "image/svg+xml" | "image/png" | "image/jpeg" | "image/webp" | "image/gif";
  readonly bytes: Uint8Array;
}

/** No organisation's branding: what a file without `branding` gets. */
export const noBranding: BrandingSettings = { name: null, logo: null, accent: null, support: null, footer: [], css: null };

/** The grounds that text and buttons of the accent colour stand on; the pages' style uses the same. */
export const pageGrounds = { light: "#fffdf9", dark: "#1d2123" } as const;
