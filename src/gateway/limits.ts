/** Bounds that keep one client, or one function, from taking all of the gateway. */
export interface GatewayLimits {
  /** All header lines of a request together; more is a 431. */
  readonly headerBytes: number;
  /** From the first byte of a request to the end of its head; later is a 408. */
  readonly headersTimeoutMs: number;
  /**
   * A client may be so long without sending any of a body that is wanted, or taking any of an answer that is there. How slow
   * it is otherwise does not matter.
   */
  readonly stallMs: number;
  /** How often the two times above are looked at. */
  readonly checkIntervalMs: number;
  /** An idle connection is kept so long. */
  readonly keepAliveMs: number;
  /** A connection that is closed while the client still sends is read for so long, so that the answer is not lost to a reset. */
  readonly lingerMs: number;
  /** Connections of one address; the next one is closed at once. 0 = no limit. */
  readonly connectionsPerAddress: number;
  /** Body of a request; more is a 413. */
  readonly bodyBytes: number;
  /** Body of a request that is carried out later; more is a 413. */
  readonly laterBytes: number;
  /** Such bodies that are read at once, all of them in memory; the next one is a 503. */
  readonly laterBodies: number;
  /** Requests that wait for one function; the next one is a 503. */
  readonly queueMax: number;
  /** Header block of a CGI answer. */
  readonly cgiHeadBytes: number;
  /** After a function has closed stdout it gets so long to end by itself. */
  readonly cgiExitGraceMs: number;
  /** A chunked body up to this size is read before the function starts, so that CONTENT_LENGTH is known. */
  readonly cgiChunkedBytes: number;
  /** What the record keeps of stderr: its end. */
  readonly stderrBytes: number;
  /** Local redirects that one request may make. */
  readonly redirects: number;
}

export const defaultLimits: GatewayLimits = {
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  stallMs: 60_000,
  checkIntervalMs: 2_000,
  keepAliveMs: 30_000,
  lingerMs: 5_000,
  connectionsPerAddress: 1_024,
  bodyBytes: 1024 ** 3,
  laterBytes: 1024 ** 2,
  laterBodies: 256,
  queueMax: 1_000,
  cgiHeadBytes: 64 * 1024,
  cgiExitGraceMs: 1_000,
  cgiChunkedBytes: 64 * 1024,
  stderrBytes: 4 * 1024,
  redirects: 10,
};
