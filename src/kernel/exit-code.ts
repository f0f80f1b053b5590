/** What a start that fails ends with, by cause: a script can tell one from another. docs/errors.md lists them. */
export const ExitCode = {
  failed: 1,
  settings: 10,
  unreachable: 11,
  unauthorized: 12,
  schema: 13,
  dimension: 14,
  capacity: 15,
  port: 16,
  dataFolder: 17,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
