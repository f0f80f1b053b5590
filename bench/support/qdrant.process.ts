import '../../test/chaos/sources.ts';

// The double of Qdrant as a process of its own: what it computes is then not computed by whoever measures.
const { startQdrant } = await import('../../test/support/qdrant.js');
const qdrant = await startQdrant();
process.stdout.write(`${qdrant.url}\n`);
