import { type AnyCause, type Runbook, RUNBOOKS } from '../health/runbook.js';

/** docs/runbooks.md: what each root cause means, and what to do about it. */
export function runbooksPage(): string {
  const sections = Object.entries(RUNBOOKS) as [AnyCause, Runbook][];
  return `<!-- Generated from src/health/runbook.ts: npm run generate -->

# Runbooks

\`GET /api/v1/health/diagnostics\` names one root cause as \`root_cause\`: the thing to mend first. What is unwell only because of it stands
in \`consequences\`, what is wrong by itself in \`others\`. The page is for operators: with \`OPERATOR_TOKEN\` set, a browser asks for
it as the password; without it, this machine alone is answered. Each cause has a section here.

When a dependency has to be kept away from although it seems well, or taken back at once:

\`\`\`sh
curl -X POST -H "Authorization: Bearer $OPERATOR_TOKEN" "$URL/api/v1/operations/circuits/database/isolate"
curl -X POST -H "Authorization: Bearer $OPERATOR_TOKEN" "$URL/api/v1/operations/circuits/database/reset"
\`\`\`

And to keep all callers away for a while, with a time to come again (\`kill -USR2\` does the same to one process):

\`\`\`sh
curl -X PUT -H "Authorization: Bearer $OPERATOR_TOKEN" -H 'Content-Type: application/json' \\
  -d '{ "enabled": true, "detail": "Back at nine", "retry_after_s": 600 }' "$URL/api/v1/operations/maintenance"
\`\`\`

Both reach the other replicas where they share a Redis.
${sections.map(section).join('')}`;
}

function section([cause, { meaning, look, fix, over }]: [AnyCause, Runbook]): string {
  const plain = (text: string) =>
    text
      .replaceAll('`{setting}`', 'its setting')
      .replaceAll('{setting}', 'its setting')
      .replaceAll('{dependency}', '<dependency>');
  return `
## ${cause}

${meaning}

- **Whether it is that:** ${look}
- **What to do:** ${plain(fix)}
- **It is over when:** ${over[0]!.toLowerCase()}${over.slice(1)}
`;
}
