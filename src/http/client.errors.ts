import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Settings } from '../config/settings.js';
import { AppError } from '../kernel/app-error.js';
import { toProblem } from './problem.js';

type Limits = Pick<Settings, 'REQUEST_HEADER_BYTES_MAX' | 'REQUEST_RECEIVE_TIMEOUT_MS'>;

/** Answers what is no request to HTTP: it never gets as far as Fastify, and is told in the same words as everything else. */
export function answerClientError(
  limits: Limits,
): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    // Whoever has gone away is told nothing; nor is one who has had a part of an answer.
    if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
      socket.destroy();
      return;
    }
    const [status, detail] = refusalOf(error.code, limits);
    const id = randomUUID();
    const problem = { ...toProblem(new AppError('malformed_request', detail), id), status };
    const body = JSON.stringify(problem);
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${id}`,
      'X-Content-Type-Options: nosniff',
      'Cache-Control: no-store',
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };
}

function refusalOf(code: string | undefined, limits: Limits): [status: number, detail: string] {
  if (code === 'HPE_HEADER_OVERFLOW')
    return [
      431,
      `The path and the headers have more than ${limits.REQUEST_HEADER_BYTES_MAX} bytes (REQUEST_HEADER_BYTES_MAX)`,
    ];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return [
      408,
      `The request did not arrive within ${limits.REQUEST_RECEIVE_TIMEOUT_MS} ms (REQUEST_RECEIVE_TIMEOUT_MS)`,
    ];
  return [400, 'This is not HTTP/1.1'];
}
