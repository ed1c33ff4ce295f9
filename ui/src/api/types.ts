// The API's types by the names the page uses. schema.ts is made from /openapi.json; what is said here is what the description cannot say:
// which objects may be null.
import type * as s from './schema';

export type { Answer, Card, Commit, Condition, Config, ConfigDiff, ConfigVersion, Decision, Hotfix, Lease, Mark, Notice, Notices, Person, Reason, Release, Sample, Selection, Series, Session, Token, Unit } from './schema';

export interface Page<T> {
  items: T[];
  next?: string;
}

export type Role = s.App['role'];
export type Environment = Omit<s.Environment, 'live' | 'frozen' | 'rollout'> & { live: s.Live | null; frozen: s.Frozen | null; rollout: s.RolloutSummary | null };
export type App = Omit<s.App, 'environments'> & { environments: Environment[] };
export type Agent = Omit<s.AgentView, 'lease'> & { lease: s.Work | null };
export type Process = s.Process;
export type Line = s.Line;
export type Stage = s.Card['stage'];
export type Build = s.Build & Partial<Pick<s.Detail, 'units' | 'leases' | 'suites'>>;
export type UnitStatus = s.Unit['status'];
export type Rollout = s.View;
export type Step = s.StepView;
export type Vital = s.VitalView;
export type Power = s.PowerView;
export type RolloutHost = s.HostView;
export type { Day, Harm, Harms, Score, Verdict } from './schema';
export type FailingPath = s.PathView;
export type Action = 'pause' | 'resume' | 'promote' | 'rollback';
export type JoinToken = s.JoinToken & Partial<Pick<s.Created, 'token' | 'command'>>;
export type Source = s.Source;
export type { CheckedPlan, FaultCount, LearnedEvent, Plan, PlannedEvent } from './schema';
export type { Failed, FailedCount, Repaired, SavedQuestion, State } from './schema';
export type { Forgotten, KnownPerson } from './schema';
export type EventSettings = s.Settings;
export type AccessToken = s.Token & Partial<Pick<s.NewToken, 'token'>>;
export type Webhook = s.Target;
export type AuditEntry = s.Entry;
export type Envelope = Omit<s.Event, 'data'> & { data: Record<string, unknown> };
export type Problem = Partial<s.ErrorModel>;
