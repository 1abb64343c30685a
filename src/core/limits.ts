/** What one process takes on before it refuses. */
export interface LimitSettings {
  /** Open at once, for each listener. */
  readonly connections: number;
  /** The same for one address. */
  readonly connectionsPerAddress: number;
  /** Under way at once; WebSockets do not count. */
  readonly requests: number;
  /** Requests to the login endpoints a minute, over all processes. */
  readonly loginsPerAddress: number;
  /** The same, at once in one process. */
  readonly loginsPerAddressAtOnce: number;
  /** Of every request; an app may say other ones. */
  readonly head: HeadLimits;
}
/** How much a request may say before its body. */
export interface HeadLimits {
  readonly fields: number;
  /** Of all header fields together. */
  readonly fieldBytes: number;
  readonly targetBytes: number;
}
