import type { FastifyRequest } from 'fastify';
import type { MultipartFile } from '@fastify/multipart';
import { AppError, type FieldError, invalid } from '../../kernel/app-error.js';
import type { ContentType } from './chunking/chunk.js';
import { newDocument, type NewDocument, uploadFields } from './document.schemas.js';
import { decode, tooLarge, typeOfName } from './intake.js';

/**
 * Reads a form with one file as a new document. The file's name is its title unless the form has one, and its ending tells
 * its type unless the form or the part does.
 */
export async function readUpload(request: FastifyRequest, bytesMax: number): Promise<NewDocument> {
  const { file, bytes, fields } = await receive(request, bytesMax).catch((error: unknown) => {
    throw isProblem(error)
      ? error
      : new AppError('malformed_request', 'The form cannot be read: is it whole?', { cause: error });
  });
  const parsed = uploadFields.safeParse(fields);
  if (!parsed.success) throw refused(parsed.error.issues);
  const { content_type, title, ...rest } = parsed.data;
  const document = newDocument.safeParse({
    ...rest,
    title: title ?? file.filename,
    content: decode(bytes),
    content_type: content_type ?? typeOf(file),
  });
  if (!document.success) throw refused(document.error.issues);
  return document.data;
}

async function receive(request: FastifyRequest, bytesMax: number) {
  const fields: Record<string, unknown> = {};
  let received: { file: MultipartFile; bytes: Buffer } | undefined;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      fields[part.fieldname] = part.value;
      continue;
    }
    if (part.fieldname !== 'file')
      throw invalid(part.fieldname, 'is not known: the file goes into the field file');
    const bytes = await part.toBuffer().catch((error: { code?: string }) => {
      if (error.code === 'FST_REQ_FILE_TOO_LARGE') throw tooLarge(part.file.bytesRead, bytesMax);
      throw error;
    });
    received = { file: part, bytes };
  }
  if (received === undefined) throw invalid('file', 'is missing: send the document in the form field file');
  return { ...received, fields };
}

/** Our own error, or one of Fastify's with a status that says what it is; the form parser's have none. */
function isProblem(error: unknown): boolean {
  return error instanceof AppError || (error as { statusCode?: unknown }).statusCode !== undefined;
}

function typeOf({ filename, mimetype }: MultipartFile): ContentType {
  const byEnding = typeOfName(filename);
  if (byEnding !== undefined) return byEnding;
  if (mimetype === 'text/markdown' || mimetype === 'text/html') return mimetype;
  if (mimetype.startsWith('text/') || mimetype === 'application/octet-stream') return 'text/plain';
  throw new AppError(
    'unsupported_media_type',
    `A file of type ${mimetype} is not taken: send text, Markdown or HTML`,
  );
}

function refused(issues: readonly { path: PropertyKey[]; message: string }[]): AppError {
  const errors: FieldError[] = issues.map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  return new AppError('validation_failed', errors.map((e) => `${e.path}: ${e.message}`).join('; '), {
    errors,
  });
}
