/** Where traces go, and under which name. */
export interface TracingOptions {
  /** The base URL of an OTLP collector over HTTP: `http://collector:4318` */
  endpoint: string;
  headers: Record<string, string>;
  service: string;
  version: string;
  environment: string;
  /** The share of new traces that is kept; what a caller has decided already stands. */
  ratio: number;
}
