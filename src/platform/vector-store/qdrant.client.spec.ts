import { addressOf } from './qdrant.client.js';

describe('addressOf', () => {
  it.each([
    ['http://qdrant', { url: 'http://qdrant', port: 6333 }],
    ['http://qdrant:6333/', { url: 'http://qdrant', port: 6333 }],
    ['https://qdrant.example.com:443', { url: 'https://qdrant.example.com', port: 443 }],
    ['http://qdrant:80', { url: 'http://qdrant', port: 80 }],
    ['https://[::1]:8443', { url: 'https://[::1]', port: 8443 }],
    [
      'https://proxy.example.com:8443/qdrant/',
      { url: 'https://proxy.example.com', port: 8443, prefix: '/qdrant' },
    ],
  ])('%s', (url, address) => {
    expect(addressOf(url)).toEqual(address);
  });
});
