// The API's types about flags by the names that these pages use.
import type * as s from '../api/schema';

export type Flag = s.FlagShown;
export type State = s.FlagState;
export type Audience = s.FlagAudience;
export type Change = s.FlagChange;
export type Plan = s.FlagPlan;
export type Group = s.FlagGroup;
export type Key = s.FlagKey;
export type Settings = s.FlagSettings;
export type Previewed = s.Previewed;
export type { Attribute, Given, Refs, Tried } from '../api/schema';

export type Kind = Flag['kind'];
export type ValueType = NonNullable<Flag['type']>;

// A rule as GrowthBook has it. What these pages do not know is kept as it is.
export interface Rule {
  id?: string;
  condition?: unknown;
  force?: unknown;
  coverage?: number;
  variations?: unknown[];
  weights?: number[];
  key?: string;
  hashVersion?: number;
  meta?: unknown[];
  [other: string]: unknown;
}

export const rulesOf = (state: State | undefined): Rule[] => (Array.isArray(state?.rules) ? (state.rules as Rule[]) : []);
export const typeOf = (flag: { type?: Flag['type'] }): ValueType => flag.type ?? 'boolean';
