import { type Child, bootChild } from './boot.js';
import { eventually } from './eventually.js';
import { Balancer } from './haproxy.js';
import { freePort } from './ports.js';

/** Two replicas of the built service behind a load balancer, each of which can be restarted as a deployment does it. */
export class Replicas {
  private constructor(
    private readonly env: Record<string, string>,
    private readonly ports: readonly number[],
    private readonly children: Child[],
    private readonly balancer: Balancer,
  ) {}

  /** @param env of each of them: what they share is in there */
  static async start(env: Record<string, string>): Promise<Replicas> {
    const ports = [await freePort(), await freePort()];
    const children = ports.map((port) => bootChild({ ...env, PORT: String(port) }));
    try {
      await Promise.all(children.map((child) => child.ready()));
      return new Replicas(env, ports, children, await Balancer.start(ports));
    } catch (error) {
      await killed(children);
      throw error;
    }
  }

  /** Of the balancer. */
  get url(): string {
    return this.balancer.url;
  }

  get first(): Child {
    return this.children[0]!;
  }

  /** Tells one to stop, and starts it again when it has. @returns the code that it ended with */
  async restart(at: number): Promise<number | null> {
    this.children[at]!.kill('SIGTERM');
    const { code } = await this.children[at]!.exited;
    this.children[at] = bootChild({ ...this.env, PORT: String(this.ports[at]) });
    await this.children[at].ready();
    // The balancer has to know it again before it loses the other.
    await eventually(() => this.balancer.knows(at));
    return code;
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    await killed(this.children);
  }
}

async function killed(children: readonly Child[]): Promise<void> {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => child.exited));
}
