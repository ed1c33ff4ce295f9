import { Failure } from '../api/client';
import type { Problem } from '../api/types';
import { offer } from '../charts/save';

// saveParquet asks a SELECT again, and offers its answer as a Parquet file.
export async function saveParquet(app: string, sql: string, limit: number): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`/v1/apps/${encodeURIComponent(app)}/events/sql/parquet`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, credentials: 'same-origin', body: JSON.stringify({ sql, limit }) });
  } catch {
    throw new Failure(0, {});
  }
  if (!response.ok) throw new Failure(response.status, (await response.json().catch(() => ({}))) as Problem);
  offer('events.parquet', await response.blob());
}
