import type { Approval } from '../../src/domain/state.ts';
import type { IncidentDetail, StoreTransaction } from '../../src/domain/store.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

/** A store that can be stopped in its tracks, as by a disk that hangs. */
export class StallableStore extends SqliteStore {
  #going: PromiseWithResolvers<void> | undefined;

  /** From now on nothing is read and nothing committed. */
  stall(): void {
    this.#going ??= Promise.withResolvers();
  }

  goOn(): void {
    this.#going?.resolve();
    this.#going = undefined;
  }

  override async transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    await this.#going?.promise;
    return super.transact(work);
  }

  override async approval(id: string): Promise<Approval | undefined> {
    await this.#going?.promise;
    return super.approval(id);
  }

  override async incidentDetail(id: string): Promise<IncidentDetail | undefined> {
    await this.#going?.promise;
    return super.incidentDetail(id);
  }
}
