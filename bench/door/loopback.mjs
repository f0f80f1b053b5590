// Loaded before a server that listens on all addresses (node --import): it then listens on loopback alone, and says where.
import { Server } from 'node:net';

const { value: listen } = Object.getOwnPropertyDescriptor(Server.prototype, 'listen');
Server.prototype.listen = function (port, _host, ready) {
  return listen.call(this, port, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${this.address().port}/v1\n`);
    ready?.();
  });
};
