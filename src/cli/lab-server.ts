/** Serves the lab to browsers of this machine. */
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { labPage } from '../report/page/lab-page.ts';
import { labModules } from './lab-modules.ts';

export interface LabServer {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  close(): Promise<void>;
}

/** Names by which a page of ours can have been asked for: another one is a stranger's that was bent to this address. */
const OWN_HOST = /^(127\.0\.0\.1|localhost)(:\d+)?$/;

/**
 * @param port 0: any that is free
 * @param capture file that the page begins with
 */
export async function serveLab(port: number, capture?: string): Promise<LabServer> {
  const modules = await labModules();
  const page = labPage(capture);
  const server = createServer((request, response) => answer(request, response, page, modules, capture));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${bound}/`, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  page: string,
  modules: ReadonlyMap<string, string>,
  capture: string | undefined,
): void {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'x-content-type-options': 'nosniff' });
    response.end(body);
  };
  const path = (request.url ?? '/').split(/[?#]/)[0].slice(1);
  const module = modules.get(path);
  if (!OWN_HOST.test(request.headers.host ?? '')) send(403, 'text/plain', 'ask for 127.0.0.1');
  else if (request.method !== 'GET') send(405, 'text/plain', 'only GET');
  else if (path === '') send(200, 'text/html', page);
  else if (module !== undefined) send(200, 'text/javascript', module);
  else if (path === 'capture' && capture !== undefined) sendFile(capture, response);
  else send(404, 'text/plain', 'not here');
}

function sendFile(path: string, response: ServerResponse): void {
  const stream = createReadStream(path);
  stream.once('open', () => response.writeHead(200, { 'content-type': 'application/octet-stream' }));
  stream.once('error', () => response.destroy());
  stream.pipe(response);
}
