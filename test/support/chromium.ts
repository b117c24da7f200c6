/**
 * A Chromium without a screen, driven over its pipe by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/):
 * what a page test needs, and no package for it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Debian's, or another one on the path. */
export const CHROMIUM: string | undefined = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => existsSync(path));

type Message = {
  id?: number;
  method?: string;
  params?: Record<string, never>;
  result?: never;
  error?: { message: string };
};

export class Browser {
  /** What pages complained of: exceptions, console errors, loads that failed or were refused. */
  readonly complaints: string[] = [];
  private readonly child: ChildProcess;
  private readonly input: Writable;
  private readonly folder = mkdtempSync(join(tmpdir(), 'rxsteer-chromium-'));
  private readonly waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  private session: string | undefined;
  private next = 1;

  constructor(path: string) {
    const args = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      '--remote-debugging-pipe',
      `--user-data-dir=${this.folder}`,
    ];
    this.child = spawn(path, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.input = this.child.stdio[3] as Writable;
    let rest = '';
    (this.child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\0');
      rest = parts.pop() ?? '';
      for (const part of parts) this.take(JSON.parse(part) as Message);
    });
  }

  /** Opens a page. */
  async open(url: string): Promise<void> {
    if (this.session === undefined) {
      const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
      const attached = await this.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
      this.session = attached.sessionId;
      for (const domain of ['Page', 'Runtime', 'Log', 'DOM', 'Network']) await this.send(`${domain}.enable`);
    }
    await this.send('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<{ result: { value: T }; exceptionDetails?: { text: string } }>(
      'Runtime.evaluate',
      { expression, returnByValue: true, awaitPromise: true },
    );
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result.value;
  }

  /** Waits until an expression in the page is true, or something else that counts as true; resolves with it. */
  async until<T>(expression: string): Promise<T> {
    for (let tries = 0; tries < 1200; tries++) {
      const value = await this.evaluate<T>(expression).catch(() => undefined);
      if (value) return value;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`never true: ${expression}`);
  }

  /** Chooses files for the input that a selector names. */
  async choose(selector: string, files: readonly string[]): Promise<void> {
    const { root } = await this.send<{ root: { nodeId: number } }>('DOM.getDocument');
    const { nodeId } = await this.send<{ nodeId: number }>('DOM.querySelector', { nodeId: root.nodeId, selector });
    await this.send('DOM.setFileInputFiles', { nodeId, files });
  }

  /** The whole page as PNG. */
  async screenshot(width: number, scheme: 'light' | 'dark' = 'light'): Promise<Uint8Array> {
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
    const { data } = await this.send<{ data: string }>('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(data, 'base64');
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill();
    await ended;
    // Its helper processes end after it, and may still write.
    for (let tries = 0; ; tries++) {
      try {
        rmSync(this.folder, { recursive: true, force: true });
        return;
      } catch (error) {
        if (tries === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  private send<T>(method: string, params: Record<string, unknown> = {}): Promise<T> {
    const id = this.next++;
    const sessionId = method.startsWith('Target.') ? undefined : this.session;
    this.input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise<never>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private take({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const call = this.waiting.get(id);
      this.waiting.delete(id);
      if (error !== undefined) call?.reject(new Error(error.message));
      else call?.resolve(result as never);
    } else if (method === 'Runtime.exceptionThrown' || method === 'Network.loadingFailed') {
      this.complaints.push(JSON.stringify(params));
    } else if (method === 'Runtime.consoleAPICalled' || method === 'Log.entryAdded') {
      const text = JSON.stringify(params);
      if (/"(type|level)":"(error|warning)"/.test(text)) this.complaints.push(text);
    }
  }
}
