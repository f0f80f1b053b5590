import { pathToFileURL } from 'node:url';

/** A module of the built service that this process is about to load. */
export const moduleUrl = (path) => new URL(path, pathToFileURL(process.argv[1])).href;

/** Its exports. What is changed of their classes is changed for the service. */
export const moduleOf = (path) => import(moduleUrl(path));
