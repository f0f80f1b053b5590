import { randomUUID } from 'node:crypto';
import type { Schemas } from '@qdrant/js-client-rest';
import { Collection } from './qdrant.collection.ts';
import { Refusal } from './qdrant.filter.ts';

/** What a Qdrant server keeps. */
export class Engine {
  readonly collections = new Map<string, Collection>();
  readonly aliases = new Map<string, string>();

  /** The collection that a name or an alias stands for. */
  find(name: string): Collection {
    const found = this.collections.get(this.aliases.get(name) ?? name);
    if (found === undefined) throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`);
    return found;
  }

  create(name: string, config: Schemas['CreateCollection']): boolean {
    if (name.length > 255 || /[<>:"/\\|?*]/.test(name))
      throw new Refusal(
        422,
        `Validation error in path parameters: [name: collection name cannot contain that: ${name}]`,
      );
    if (this.collections.has(name))
      throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`);
    if (this.aliases.has(name))
      throw new Refusal(
        400,
        `Wrong input: Can't create collection with name ${name}. Alias with the same name already exists`,
      );
    this.collections.set(name, new Collection(config));
    return true;
  }

  delete(name: string): boolean {
    for (const [alias, target] of this.aliases) if (target === name) this.aliases.delete(alias);
    return this.collections.delete(name);
  }

  /** All of them or none. */
  changeAliases(actions: readonly Schemas['AliasOperations'][]): boolean {
    const changed = new Map(this.aliases);
    for (const action of actions) {
      if ('create_alias' in action) {
        const { alias_name: alias, collection_name: name } = action.create_alias;
        if (!this.collections.has(name))
          throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`);
        if (this.collections.has(alias))
          throw new Refusal(400, `Wrong input: Collection with name ${alias} already exists`);
        changed.set(alias, name);
      } else if ('delete_alias' in action) {
        changed.delete(action.delete_alias.alias_name);
      } else {
        const { old_alias_name: old, new_alias_name: next } = action.rename_alias;
        const target = changed.get(old);
        if (target === undefined) throw new Refusal(404, `Not found: Alias ${old} does not exists!`);
        changed.delete(old);
        changed.set(next, target);
      }
    }
    this.aliases.clear();
    for (const [alias, name] of changed) this.aliases.set(alias, name);
    return true;
  }

  index(
    name: string,
    { field_name: field, field_schema: schema }: Schemas['CreateFieldIndex'],
    wait: boolean,
  ) {
    const collection = this.find(name);
    const params =
      typeof schema === 'string' ? undefined : (schema as Schemas['PayloadSchemaParams'] | undefined);
    const data_type = (params?.type ?? schema) as Schemas['PayloadSchemaType'];
    return collection.write(wait, () =>
      collection.indexes.set(field, { data_type, points: collection.points.size, ...(params && { params }) }),
    );
  }

  snapshot(name: string): Schemas['SnapshotDescription'] {
    const collection = this.find(name);
    const snapshot = {
      name: `${name}-${randomUUID()}.snapshot`,
      size: 1_024 * collection.points.size,
      checksum: null,
    };
    collection.snapshots.set(snapshot.name, snapshot);
    return snapshot;
  }

  /** Forgets everything, as a server does that was started again without its disk. */
  lose(): void {
    this.collections.clear();
    this.aliases.clear();
  }
}
