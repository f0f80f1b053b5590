// Nest's packages are ESM. Load them before any CommonJS package require()s them, or Jest reports an import cycle.
import 'reflect-metadata';
import '@nestjs/common';
import '@nestjs/core';
