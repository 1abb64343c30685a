/** The provider's own store in memory, named explicitly: the implicit one prints a warning for production. */
declare module "oidc-provider/lib/adapters/memory_adapter.js" {
  export function createMemoryAdapter(): unknown;
}
