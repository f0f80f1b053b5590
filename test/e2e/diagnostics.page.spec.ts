import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { Dependencies } from '../../src/resilience/dependencies.js';
import { boot, type Booted } from '../support/boot.js';
import { browserMissing, openBrowser } from '../support/browser.js';
import { ingest } from '../support/documents.js';
import { describeNeeding } from '../support/needs.js';

const TOKEN = 'an-operators-token-of-length';
const PATH = '/api/v1/health/diagnostics';

// What is evaluated in the browser: its types are none of ours.
const TOPS = `[...document.querySelectorAll('.root, .card:not(.root), table')].map((e) => e.getBoundingClientRect().top)`;
const LOOKS = `(() => {
  const { color, backgroundColor } = getComputedStyle(document.body);
  const lightness = (rgb) => rgb.match(/\\d+/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0) / 765;
  const sizes = [...document.querySelectorAll('td, dd, p')].map((e) => parseFloat(getComputedStyle(e).fontSize));
  return {
    overflows: document.documentElement.scrollWidth > window.innerWidth,
    contrast: Math.abs(lightness(color) - lightness(backgroundColor)),
    dark: lightness(backgroundColor) < 0.5,
    smallest: Math.min(...sizes),
  };
})()`;
interface Looks {
  overflows: boolean;
  contrast: number;
  dark: boolean;
  smallest: number;
}

describeNeeding(browserMissing, 'Diagnostics in a browser', () => {
  let service: Booted;
  let browser: Browser;

  beforeAll(async () => {
    [service, browser] = await Promise.all([boot({ OPERATOR_TOKEN: TOKEN }), openBrowser()]);
    await ingest(service.api, { title: 'Lamp', content: 'The lamp burns colza oil.' });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });
  afterEach(() => {
    for (const dependency of service.app.get(Dependencies)) dependency.reset();
  });

  /** Opens the page as an operator does, and fails for whatever the browser finds wrong with it. */
  const opened = async (work: (page: Page) => Promise<void>, options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({
      httpCredentials: { username: 'operator', password: TOKEN },
      ...options,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    try {
      const response = await page.goto(`${service.url}${PATH}`);
      expect(response!.status()).toBe(200);
      await work(page);
      // A browser asks for an icon by itself.
      expect([...new Set(requests)].filter((path) => path !== '/favicon.ico')).toEqual([PATH]);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  };

  it('says that nothing is wrong where nothing is', () =>
    opened(async (page) => {
      expect(await page.title()).toBe('ready: mainstay');
      expect(await page.locator('.card').first().innerText()).toBe('Nothing is known to be wrong.');
      const rows = await page.locator('h2:text-is("Dependencies") + table tbody tr').allInnerTexts();
      expect(rows.map((row) => row.split(/\s/)[0])).toEqual([
        'database',
        'cache',
        'vector_store',
        'web_pages',
        'llm',
        'embeddings',
      ]);
    }));

  it('shows what to mend before everything else, and refreshes itself', async () => {
    const dependency = (name: string) => service.app.get(Dependencies).get(name)!;
    await opened(async (page) => {
      dependency('cache').observe(new Error('<script>alert(1)</script> "quoted" & more'));
      dependency('cache').isolate();
      dependency('database').isolate();
      // Five seconds at most: nobody touches it.
      await page.waitForSelector('.root');
      const [root, other] = await page.locator('.card').allInnerTexts();
      expect(root).toMatch(/^database: isolated\s+When it is well .*circuits\/database\/reset/);
      expect(root).toContain('Every write is refused');
      expect(other).toMatch(/^cache: isolated/);
      expect(await page.locator('h2:text-is("Dependencies") + table').innerText()).toContain(
        'check: <script>alert(1)</script> "quoted" & more',
      );
      const tops = await page.evaluate<number[]>(TOPS);
      expect(tops).toEqual(tops.toSorted((a, b) => a - b));
    });
  }, 60_000);

  it.each<[string, BrowserContextOptions]>([
    ['on a telephone', { viewport: { width: 360, height: 740 }, colorScheme: 'light' }],
    ['on a telephone at night', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
    ['on a desk', { viewport: { width: 1_280, height: 800 }, colorScheme: 'dark' }],
  ])('can be read %s', async (_where, options) => {
    service.app.get(Dependencies).get('vector_store')!.isolate();
    await opened(async (page) => {
      const found = await page.evaluate<Looks>(LOOKS);
      const folder = process.env.SCREENSHOTS;
      if (folder !== undefined) {
        const path = `${folder}/diagnostics-${options.viewport!.width}-${options.colorScheme}.png`;
        await page.screenshot({ path, fullPage: true });
      }
      expect(found.overflows).toBe(false);
      expect(found.contrast).toBeGreaterThan(0.7);
      expect(found.dark).toBe(options.colorScheme === 'dark');
      expect(found.smallest).toBeGreaterThanOrEqual(14);
    }, options);
  });

  it('asks a browser for a password, and shows nothing without it', async () => {
    const asked = await service.api('GET', PATH, undefined, { accept: 'text/html' });
    expect(asked.status).toBe(401);
    expect(asked.headers.get('www-authenticate')).toMatch(/^Basic /);
    const wrong = { accept: 'text/html', authorization: `Basic ${btoa('operator:wrong')}` };
    expect((await service.api('GET', PATH, undefined, wrong)).status).toBe(401);
    // It changes things only for who has sent the token on purpose.
    const basic = { authorization: `Basic ${btoa(`operator:${TOKEN}`)}` };
    expect(
      (await service.api('PUT', '/api/v1/operations/maintenance', { enabled: true }, basic)).status,
    ).toBe(401);
  });
});
