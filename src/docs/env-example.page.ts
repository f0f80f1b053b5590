import { z } from 'zod';
import { type SettingInfo, settingInfo } from '../config/setting.js';
import { settingsSchema } from '../config/settings.js';
import { aliases } from '../config/aliases.js';
import { KNOWN_PROVIDERS, providerShape } from '../config/models.settings.js';

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
  const groups = [...Map.groupBy([...entries, ...providerEntries()], (entry) => entry.group)];
  return [
    '# Generated from src/config: npm run generate',
    '# Copy this file to .env and set what should differ. Every setting has a default: an empty .env starts the service.',
    ...groups.flatMap(([group, members]) => ['', `# --- ${group} ---`, ...members.flatMap(lines)]),
    '',
    '# --- Names of other systems, and what they are here ---',
    ...aliases.map(({ name, setting, note }) => `# ${name}: ${[setting, note].filter(Boolean).join(', ')}`),
    '',
  ].join('\n');
}

/** The settings of the providers that we know by name, and of one that we do not. */
function providerEntries(): Entry[] {
  return [...KNOWN_PROVIDERS, 'any_other'].flatMap((provider) =>
    Object.entries(providerShape(provider)).map(([field, schema]) => ({
      name: `${provider.toUpperCase()}_${field}`,
      ...settingInfo.get(schema)!,
      choices: [],
    })),
  );
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
