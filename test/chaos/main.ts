import './sources.ts';

// `npm run chaos`: what dies, and what the user sees of it. See docs/chaos.md.
const { program } = await import('./program.js');
// At once: lines that are still held, and calls that wait on them, have nothing more to say.
process.exit(await program(process.argv.slice(2)));
