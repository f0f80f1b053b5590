import './sources.ts';

// `npm run chaos`: what dies, and what the user sees of it. See docs/chaos.md.
const { program } = await import('./program.js');
process.exitCode = await program(process.argv.slice(2));
