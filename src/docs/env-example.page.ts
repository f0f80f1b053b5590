import { z } from 'zod';
import { type SettingInfo, settingInfo } from '../config/setting.js';
import { settingsSchema } from '../config/settings.js';

interface Entry extends SettingInfo {
  name: string;
  /** What it may be, where that is a short list. */
  choices: readonly string[];
}

/** .env.example: every setting with its default, commented out. */
export function envExample(): string {
  const entries = Object.entries(settingsSchema.shape).map(([name, schema]): Entry => {
    const info = settingInfo.get(schema);
    if (info === undefined) throw new Error(`The setting ${name} has no description`);
    return { name, ...info, choices: choicesOf(schema) };
  });
  const groups = [...Map.groupBy(entries, (entry) => entry.group)];
  return [
    '# Generated from src/config/settings.ts: npm run generate',
    '# Copy this file to .env and set what should differ. Every setting has a default: an empty .env starts the service.',
    ...groups.flatMap(([group, members]) => ['', `# --- ${group} ---`, ...members.flatMap(lines)]),
    '',
  ].join('\n');
}

function choicesOf(schema: z.ZodType): string[] {
  return (z.toJSONSchema(schema, { unrepresentable: 'any' }).enum ?? []).map(String);
}

function lines({ name, description, choices, unit, fallback, secret }: Entry): string[] {
  const facts = [
    description,
    ...(choices.length < 2 ? [] : [`One of ${choices.join(', ')}.`]),
    ...(unit === undefined ? [] : [`Unit: ${unit}.`]),
    ...(secret === true ? ['Secret.'] : []),
  ];
  return ['', `# ${facts.join(' ')}`, `#${name}=${fallback ?? ''}`];
}
