import { Module } from '@nestjs/common';
import { SearchModule } from '../search/search.module.js';
import { Library } from './library.js';
import { Writer } from './writer.js';

/** What everything that writes from the tenant's documents shares: what a text may rest on, and who writes it. */
@Module({ imports: [SearchModule], providers: [Library, Writer], exports: [Library, Writer] })
export class WritingModule {}
