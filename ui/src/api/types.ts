// The shapes of the API, as the page uses them. Times are RFC 3339 strings in UTC; `…_ms` are milliseconds, `…_s` seconds, shares and progress 0 to 1.

export interface Page<T> {
  items: T[] | null;
  next?: string;
}

export interface Commit {
  sha: string;
  author: string;
  email: string;
  subject: string;
  time: string;
}

export interface Reason {
  code: string;
  text: string;
  numbers?: Record<string, number>;
}

export type Role = 'admin' | 'deployer' | 'viewer';

export interface Person {
  id: string;
  name: string;
  email: string;
  admin?: boolean;
  created_at?: string;
  grants?: { app: string; role: Role }[];
}

export interface Session {
  person: Person;
  admin: boolean;
  grants: { app: string; role: Role }[] | null;
  version: string;
  edge_url: string;
  demo: boolean;
}

export interface App {
  name: string;
  created_at: string;
  role: Role;
  git_url: string;
  environments: Environment[] | null;
}

export interface ReleaseLite {
  id: string;
  number: number;
  commit: string;
  subject: string;
  author: string;
}

export interface Environment {
  name: string;
  branch: string;
  allow_force_push: boolean;
  labels: Record<string, string> | null;
  hosts?: string[] | null;
  domains: string[] | null;
  live: { release: string; number: number; commit: string; subject: string; since: string } | null;
  frozen: { by: string; reason: string; at: string } | null;
  rollout: RolloutSummary | null;
  waiting: number;
  url: string;
}

export interface Config {
  version: number;
  settings: Record<string, string> | null;
  secrets: { name: string; version: number; updated_at: string }[] | null;
  history:
    | {
        version: number;
        at: string;
        actor: string;
        settings: string[] | null;
        secrets: string[] | null;
        removed: string[] | null;
        reason: string;
      }[]
    | null;
}

export type Stage = 'waiting' | 'tests' | 'canary' | 'live' | 'red' | 'returned' | 'held';

export interface Card {
  id: string;
  stage: Stage;
  commit: Commit;
  commits: Commit[] | null;
  build?: string;
  build_number?: number;
  rollout?: string;
  release?: string;
  number?: number;
  progress: number;
  sentence: string;
  since: string;
}

export interface Line {
  environment: Environment;
  stages: string[];
  cards: Card[] | null;
}

export type BuildState = 'queued' | 'listing' | 'testing' | 'packaging' | 'passed' | 'failed' | 'cancelled';
export type UnitStatus = 'waiting' | 'running' | 'passed' | 'failed' | 'skipped' | 'error';

export interface Unit {
  suite: string;
  unit: string;
  status: UnitStatus;
  duration_ms: number;
  expected_ms: number;
  worker: string;
  lease: string;
  started_at: string | null;
  attempts: number;
  output: string;
  failed_tests: string[] | null;
}

export interface Lease {
  id: string;
  kind: 'list' | 'test' | 'package';
  suite: string;
  worker: string;
  agent: string;
  state: 'running' | 'done' | 'lost' | 'cancelled';
  units: number;
  granted_at: string;
  started_at: string | null;
  ended_at: string | null;
  setup_ms: number;
  ran_ms: number;
  exit: number;
  reason: string;
  log_size: number;
}

export interface Hotfix {
  skip_tests?: boolean;
  skip_watch?: boolean;
  reason: string;
}

export interface Build {
  id: string;
  number: number;
  app: string;
  environment: string;
  branch: string;
  state: BuildState;
  head: Commit;
  commits: Commit[] | null;
  queued_at: string;
  started_at: string | null;
  ended_at: string | null;
  waiting: string;
  estimate_s: number;
  total: number;
  done: number;
  failed: number;
  reasons: Reason[] | null;
  artifact: string;
  size: number;
  release: string;
  hotfix: Hotfix | null;
  suspects: Commit[] | null;
  bound_s: number;
  makespan_s: number;
  units?: Unit[] | null;
  leases?: Lease[] | null;
}

export interface Release {
  id: string;
  number: number;
  app: string;
  environment: string;
  commit: string;
  commits: Commit[] | null;
  subject: string;
  author: string;
  artifact: string;
  size: number;
  config: number;
  why: 'push' | 'config' | string;
  build: string;
  created_at: string;
  state: 'waiting' | 'live' | 'rolling' | 'good' | 'bad' | 'superseded';
  verdict: Verdict | '';
}

export type RolloutState =
  | 'queued'
  | 'staging'
  | 'shifting'
  | 'settling'
  | 'watching'
  | 'paused'
  | 'held'
  | 'returning'
  | 'promoting'
  | 'promoted'
  | 'rolled_back'
  | 'superseded';

export type Verdict = 'healthy' | 'regressed' | 'unknown';
export type Action = 'pause' | 'resume' | 'promote' | 'rollback';

export interface RolloutSummary {
  id: string;
  number: number;
  state: RolloutState;
  share: number;
  verdict: Verdict | '';
  sentence: string;
  release: ReleaseLite;
}

export interface Step {
  share: number;
  watch_s: number;
  hold_back: number;
  state: 'waiting' | 'shifting' | 'settling' | 'watching' | 'done' | 'stopped';
  started_at: string | null;
  settled_at: string | null;
  ended_at: string | null;
}

export interface Side {
  events: number;
  at_risk: number;
  rate: number;
}

export interface Vital {
  name: string;
  state: 'ok' | Verdict;
  log10_e: number;
  log10_threshold: number;
  ratio: number;
  ratio_low: number;
  ratio_high: number | null;
  new: Side;
  old: Side;
  weight: number;
  text: string;
}

export interface RolloutHost {
  id: string;
  name: string;
  state: string;
  old: string;
  new: string;
  left_out: boolean;
  text: string;
}

export interface FailingPath {
  path: string;
  new_requests: number;
  new_errors: number;
  old_requests: number;
  old_errors: number;
}

export interface Decision {
  at: string;
  from: string;
  to: string;
  step: number;
  actor: string;
  verdict: string;
  reasons: Reason[] | null;
}

export interface Rollout {
  id: string;
  number: number;
  app: string;
  environment: string;
  release: ReleaseLite;
  from: ReleaseLite | null;
  mode: 'visitors' | 'hosts' | 'requests' | string;
  state: RolloutState;
  step: number;
  steps: Step[] | null;
  share: number;
  verdict: Verdict | '';
  sentence: string;
  reasons: Reason[] | null;
  missing: string;
  vitals: Vital[] | null;
  alpha: number;
  rule_out: number;
  false_alarms: string;
  unknown: string;
  settle_s: number;
  progress: number;
  eta_s: number | null;
  requests_new: number;
  requests_old: number;
  errors_new: number;
  errors_old: number;
  hosts: RolloutHost[] | null;
  paths: FailingPath[] | null;
  decisions: Decision[] | null;
  actions: Action[] | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  outcome: string;
  hotfix: Hotfix | null;
}

export interface Series {
  from: string;
  seconds: number[] | null;
  new_rate: (number | null)[] | null;
  old_rate: (number | null)[] | null;
  log10_e: (number | null)[] | null;
  ratio: (number | null)[] | null;
  low: (number | null)[] | null;
  high: (number | null)[] | null;
  log10_threshold: number;
  marks: Mark[] | null;
  requests_new: (number | null)[] | null;
  requests_old: (number | null)[] | null;
}

export interface Mark {
  second: number;
  text: string;
  kind: string;
}

export interface Sample {
  time: string;
  cpu: number;
  load1: number;
  mem_used: number;
}

export interface AgentRelease {
  app: string;
  environment: string;
  release: string;
  number: number;
  commit: string;
  state: string;
  process_state: string;
  addr: string;
  restarts: number;
  text: string;
}

export interface Agent {
  id: string;
  name: string;
  roles: string[] | null;
  state: 'up' | 'lost' | string;
  addr: string;
  labels: Record<string, string> | null;
  cpus: number;
  version: string;
  joined_at: string;
  last_seen: string;
  sample: Sample | null;
  releases: AgentRelease[] | null;
  lease: { build: string; kind: string; suite: string; units: number; since: string } | null;
}

export interface JoinToken {
  id: string;
  roles: string[];
  uses: number;
  used?: number;
  expires_at?: string;
  created_at?: string;
  token?: string;
  command?: string;
}

export interface AccessToken {
  id: string;
  label: string;
  person?: string;
  created_at: string;
  expires_at: string | null;
  last_used_at?: string | null;
  token?: string;
}

export interface Webhook {
  url: string;
  kind: 'webhook' | 'slack';
  on: ('red' | 'held' | 'returned')[];
}

export interface Notices {
  webhooks: Webhook[] | null;
}

export interface NoticeEntry {
  id: string;
  at: string;
  target: string;
  about: string;
  state: string;
  text: string;
}

export interface AuditEntry {
  id: string;
  at: string;
  actor: string;
  action: string;
  app: string;
  environment: string;
  target: string;
  reason: string;
  detail: unknown;
}

export interface Envelope {
  id: string;
  type: string;
  version: number;
  app?: string;
  environment?: string;
  actor: string;
  cause?: string;
  time: string;
  position?: number;
  data: Record<string, unknown>;
}

export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { message?: string; location?: string }[];
}
