import { v5, v7 } from 'uuid';

// Any fixed UUID will do as the namespace (RFC 9562, section 5.5); changing it would orphan every point in every index.
const NAMESPACE = '6f1f1f5e-6f0a-4c55-9a3e-2f6f0e0b8d11';

/** A new identifier that sorts by the time it was made (UUID version 7, RFC 9562). */
export function newId(): string {
  return v7();
}

/** The same parts always give the same identifier (UUID version 5), so that work done twice changes nothing. */
export function derivedId(...parts: readonly (string | number)[]): string {
  return v5(JSON.stringify(parts), NAMESPACE);
}
