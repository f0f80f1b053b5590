import { freePort } from '../../test/support/ports.ts';
import { eventually } from '../../test/support/eventually.ts';

/** What a process holds that nobody could collect. */
export interface Live {
  /** Objects, and the buffers that they hold. */
  heapMb: number;
  buffersMb: number;
}

const MB = 1_024 * 1_024;

/** Node's own inspector of another process, on loopback: from outside there is no other way to have its garbage collected. */
export class Inspector {
  private readonly socket: WebSocket;
  private asked = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
  }

  /** @returns what Node is told so that it can be inspected, and what inspects it once it runs */
  static async prepare(): Promise<{ flag: string; connect: () => Promise<Inspector> }> {
    const at = `127.0.0.1:${await freePort()}`;
    return { flag: `--inspect=${at}`, connect: () => Inspector.connect(at) };
  }

  private static async connect(at: string): Promise<Inspector> {
    const [target] = await eventually(async () => {
      const answer = await fetch(`http://${at}/json/list`);
      return (await answer.json()) as { webSocketDebuggerUrl: string }[];
    });
    const socket = new WebSocket(target!.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', reject, { once: true });
    });
    return new Inspector(socket);
  }

  /** Has the garbage collected. The process stands still for it. @returns what is left */
  async live(): Promise<Live> {
    await this.send('HeapProfiler.collectGarbage', {});
    const { result } = await this.send('Runtime.evaluate', {
      expression: 'process.memoryUsage()',
      returnByValue: true,
    });
    const { heapUsed, external } = result.value as NodeJS.MemoryUsage;
    return { heapMb: heapUsed / MB, buffersMb: external / MB };
  }

  async stop(): Promise<void> {
    this.socket.close();
  }

  private send(method: string, params: object): Promise<any> {
    this.asked += 1;
    const id = this.asked;
    return new Promise((resolve, reject) => {
      const hear = ({ data }: MessageEvent) => {
        const answer = JSON.parse(String(data));
        if (answer.id !== id) return;
        this.socket.removeEventListener('message', hear);
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(`${method}: ${answer.error.message}`));
      };
      this.socket.addEventListener('message', hear);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
