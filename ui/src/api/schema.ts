// Made by `npm run gen` from /openapi.json. Do not edit.

export interface AgentView {
  addr?: string;
  cpus?: number;
  id: string;
  joined_at: string;
  labels?: Record<string, string>;
  last_seen: string;
  lease: Work;
  name: string;
  releases: Process[] | null;
  roles: string[] | null;
  sample?: Sample;
  state: "up" | "lost";
  version?: string;
}

export interface Answer {
  columns: Column[];
  more: boolean;
  rows: (unknown[] | null)[];
  sql: string;
  stored: number;
  took_ms: number;
}

export interface App {
  created_at: string;
  environments: Environment[];
  git_url: string;
  name: string;
  role: "viewer" | "deployer" | "admin";
}

export interface ArmView {
  at_risk: number;
  events: number;
  rate: number;
}

export interface Assessment {
  at?: string;
  by?: string;
  note?: string;
  revision: number;
  word: "right" | "wrong" | "";
}

export interface Attribute {
  examples: string[];
  name: string;
  visitors: number;
}

export interface BackBody {
  reason?: string;
  release?: string;
}

export interface Build {
  app: string;
  artifact?: string;
  bound_s?: number;
  branch: string;
  commits: Commit[] | null;
  done: number;
  ended_at?: string;
  environment: string;
  estimate_s?: number;
  failed: number;
  head: Commit;
  hotfix?: Hotfix;
  id: string;
  makespan_s?: number;
  number: number;
  queued_at: string;
  reasons: Reason[] | null;
  retry_of?: string;
  size?: number;
  started_at?: string;
  state: "queued" | "listing" | "testing" | "packaging" | "passed" | "failed" | "cancelled";
  suspects: Commit[] | null;
  total: number;
  waiting?: string;
}

export interface BuildStarted {
  build: string;
}

export interface CancelBody {
  reason?: string;
}

export interface Card {
  build?: string;
  build_number?: number;
  commit: Commit;
  commits: Commit[];
  id: string;
  number?: number;
  progress: number;
  release?: string;
  rollout?: string;
  sentence: string;
  since: string;
  stage: "waiting" | "tests" | "red" | "canary" | "held" | "returned" | "live";
}

export interface ChangedPlan {
  additional_events: boolean;
  changed_at?: string;
  changed_by?: string;
  effects?: PlanEffect[];
  events: PlannedEvent[];
  from?: PlanOrigin;
  mode: "observe" | "warn" | "reject";
}

export interface CheckedPlan {
  effects: PlanEffect[];
}

export interface Choice {
  alpha: number;
  chosen: boolean;
  detect_s: number;
  false_alarms_a_month: number;
}

export interface Chosen {
  limit?: number;
  reason?: string;
  sequences?: number[] | null;
}

export interface Column {
  name: string;
  type: string;
}

export interface Commit {
  author: string;
  email: string;
  sha: string;
  subject: string;
  time: string;
}

export interface Condition {
  is: "equal" | "not_equal" | "contains" | "set" | "not_set" | "more" | "less";
  property: string;
  value?: string;
}

export interface Config {
  history: ConfigVersion[] | null;
  secrets: SecretInfo[] | null;
  settings: Record<string, string>;
  version: number;
}

export interface ConfigChange {
  reason?: string;
  remove?: string[] | null;
  secrets?: Record<string, string>;
  settings?: Record<string, string>;
}

export interface ConfigDiff {
  by: string;
  reason?: string;
  removed?: string[] | null;
  secrets?: string[] | null;
  settings?: string[] | null;
}

export interface ConfigVersion {
  actor: string;
  at: string;
  reason: string;
  removed: string[] | null;
  secrets: string[] | null;
  settings: string[] | null;
  version: number;
}

export interface Count {
  at_risk_new: number;
  at_risk_old: number;
  new: number;
  old: number;
}

export interface CountBody {
  dropped: number;
}

export interface CountsBody {
  items: FailedCount[];
}

export interface CreateBody {
  expires?: string;
  label?: string;
  roles: ("host" | "work" | "edge")[] | null;
  uses?: number;
}

export interface Created {
  command: string;
  created_at: string;
  created_by: string;
  expires?: string;
  id: string;
  label: string;
  roles: string[] | null;
  token: string;
  uses: number;
}

export interface Day {
  day: string;
  promoted: number;
  rolled_back: number;
  wrong: number;
}

export interface Decision {
  actor: string;
  at: string;
  from: string;
  reasons: Reason[] | null;
  step: number;
  to: string;
  verdict?: string;
}

export interface Detail {
  app: string;
  artifact?: string;
  bound_s?: number;
  branch: string;
  commits: Commit[] | null;
  done: number;
  ended_at?: string;
  environment: string;
  estimate_s?: number;
  failed: number;
  head: Commit;
  hotfix?: Hotfix;
  id: string;
  leases: Lease[] | null;
  makespan_s?: number;
  number: number;
  queued_at: string;
  reasons: Reason[] | null;
  retry_of?: string;
  size?: number;
  started_at?: string;
  state: "queued" | "listing" | "testing" | "packaging" | "passed" | "failed" | "cancelled";
  suites: Suite[] | null;
  suspects: Commit[] | null;
  total: number;
  units: Unit[] | null;
  waiting?: string;
}

export interface DomainToSet {
  reason?: string;
  yaml: string;
}

export interface Entry {
  action: string;
  actor: string;
  app?: string;
  at: string;
  detail?: Record<string, unknown>;
  environment?: string;
  id: number;
  reason?: string;
  target?: string;
}

export interface Environment {
  allow_force_push: boolean;
  app: string;
  branch: string;
  config: number;
  created_at: string;
  domains: string[];
  frozen: Frozen;
  hosts: string[];
  labels: Record<string, string>;
  live: Live;
  name: string;
  role: "viewer" | "deployer" | "admin";
  rollout: RolloutSummary;
  url: string;
  waiting: number;
}

export interface EnvironmentChange {
  allow_force_push?: boolean;
  branch?: string;
  domains?: string[];
  hosts?: string[];
  labels?: Record<string, string>;
  reason?: string;
}

export interface ErrorModel {
  detail: string;
  errors?: FieldError[] | null;
  status: number;
  title: string;
  type: string;
}

export interface Event {
  actor: string;
  app?: string;
  cause?: string;
  data: unknown;
  environment?: string;
  id: string;
  position?: number;
  time: string;
  type: string;
  version: number;
}

export interface EventPlan {
  additional_events?: boolean;
  events: PlannedEvent[];
  mode: "observe" | "warn" | "reject";
  reason?: string;
}

export interface EventSettings {
  hidden: string[];
  ip: "truncate" | "full" | "none";
  keep_days: number;
  reason?: string;
}

export interface Failed {
  app: string;
  changed?: string;
  dialect?: string;
  environment: string;
  kind?: string;
  message: string;
  raw: unknown;
  reason: string;
  received: string;
  sequence: number;
  source: string;
  state: string;
}

export interface FailedCount {
  count: number;
  last: string;
  reason: string;
  state: string;
}

export interface Fared {
  errors: number;
  requests: number;
}

export interface FaultCount {
  count: number;
  example?: string;
  fault: string;
  first: string;
  kind: string;
  last: string;
  name: string;
  path: string;
}

export interface FieldError {
  field: string;
  message: string;
}

export interface FlagAbout {
  description?: string;
  owner?: string;
  permanent?: boolean;
  reason?: string;
  server_only?: boolean;
  stale_days?: number;
  tags?: string[] | null;
  type?: "boolean" | "string" | "number" | "json";
}

export interface FlagAudience {
  authenticated?: boolean;
  everyone?: boolean;
  groups?: string[] | null;
  languages?: string[] | null;
  note?: string;
  percent?: number;
  rollout?: boolean;
  staff?: boolean;
  superusers?: boolean;
  testing?: boolean;
  users?: string[] | null;
}

export interface FlagChange {
  after?: FlagState;
  at: string;
  before?: FlagState;
  by: string;
  environment?: string;
  how: "created" | "edited" | "restored" | "planned" | "plan_failed" | "archived" | "brought_back" | "ramped" | "applied";
  id: string;
  reason?: string;
  revision?: number;
  words: string;
}

export interface FlagGroup {
  changed_at: string;
  changed_by: string;
  definition: unknown;
  id: string;
  note?: string;
}

export interface FlagKey {
  app: string;
  created_at: string;
  created_by: string;
  encryption?: string;
  environment: string;
  id: string;
  key: string;
  kind: "server" | "client";
  name: string;
  remote?: boolean;
  stopped?: boolean;
}

export interface FlagList {
  archive?: boolean;
  dry_run?: boolean;
  flags: NewFlag[];
  reason?: string;
}

export interface FlagMark {
  at: string;
  by: string;
  environment?: string;
  flag: string;
  how: "created" | "edited" | "restored" | "planned" | "archived" | "brought_back" | "ramped" | "applied";
  id: string;
  name: string;
  words: string;
}

export interface FlagMove {
  change: "archive" | "bring_back" | "restore";
  reason?: string;
  restored?: string;
}

export interface FlagNeeds {
  by?: string[] | null;
  flags?: string[] | null;
  groups?: string[] | null;
}

export interface FlagPlan {
  at: string;
  before: unknown;
  by: string;
  decided_at?: string;
  decided_by?: string;
  due?: string;
  environment: string;
  flag: string;
  id: string;
  name: string;
  patch: unknown;
  reason?: string;
  said?: string;
  status: "waiting" | "approved" | "done" | "refused" | "withdrawn" | "failed";
  wall?: string;
  words: string;
  zone?: string;
}

export interface FlagSettings {
  approvals?: string[] | null;
  create_missing?: boolean;
  insecure_cookies?: boolean;
  missing_on?: boolean;
  override?: boolean;
  stale_days?: number;
}

export interface FlagShown {
  app: string;
  archived_at?: string;
  changed_at: string;
  changed_by: string;
  created_at: string;
  created_by: string;
  description?: string;
  id: string;
  kind: "flag" | "switch" | "sample";
  name: string;
  needs: FlagNeeds;
  owner?: string;
  permanent?: boolean;
  ramps?: Record<string, RampUnder>;
  server_only?: boolean;
  stale?: Record<string, string>;
  stale_days?: number;
  states: Record<string, FlagState>;
  tags?: string[] | null;
  type?: "boolean" | "string" | "number" | "json";
}

export interface FlagState {
  audience?: FlagAudience;
  changed_at?: string;
  changed_by?: string;
  default?: unknown;
  off?: unknown;
  on: boolean;
  percent?: number;
  revision?: number;
  rules?: unknown;
}

export interface FlagStep {
  do: "create" | "change" | "archive" | "bring_back";
  environment?: string;
  flag: string;
  kind: string;
  words: string;
}

export interface FlagSteps {
  steps: FlagStep[];
}

export interface ForgetUser {
  keep_aliases?: boolean;
  reason?: string;
  suppress?: boolean;
}

export interface Forgotten {
  aliases: string[];
  anonymous: string[];
  dropped: number;
  forgotten_at: string;
  forgotten_by: string;
  removed?: number;
  suppressed: boolean;
  user: string;
}

export interface Frozen {
  at: string;
  by: string;
  reason: string;
}

export interface Funnel {
  environment?: string;
  from: string;
  steps: Selection[] | null;
  to: string;
  within_seconds?: number;
  zone?: string;
}

export interface Given {
  by: string;
  flag: string;
  percent?: number;
  place?: number;
  problem?: string;
  rule?: string;
  value: unknown;
  variation?: string;
}

export interface Grant {
  app: string;
  environment: string;
  role: "viewer" | "deployer";
}

export interface Harm {
  a_second: number;
  done: number;
  kind: "failed" | "slow";
  rest_s: number;
  spared: number;
  spared_at_least: number;
}

export interface Harms {
  done: number;
  rollouts: number;
  spared: number;
  spared_at_least: number;
}

export interface HostView {
  canary: boolean;
  id: string;
  left_out: boolean;
  name: string;
  new: string;
  old: string;
  requests: number;
  state: "waiting" | "ready" | "failed" | "lost" | "left_out";
  text?: string;
}

export interface Hotfix {
  by?: string;
  reason: string;
  skip_tests?: boolean;
  skip_watch?: boolean;
}

export interface HotfixBody {
  reason: string;
  skip_tests?: boolean;
  skip_watch?: boolean;
}

export interface JoinToken {
  created_at: string;
  created_by: string;
  expires?: string;
  id: string;
  label: string;
  roles: string[] | null;
  uses: number;
}

export interface JudgeReason {
  about: string;
  text: string;
  vital: string;
}

export interface JudgeVerdict {
  outcome: string;
  reasons: JudgeReason[] | null;
  split?: SplitEvidence;
  vitals: VitalEvidence[] | null;
}

export interface KeyChange {
  change: "turned" | "stopped" | "resumed";
  reason?: string;
}

export interface KnownPerson {
  aliases: string[];
  anonymous: string[];
  events: number;
  failed: number;
  first?: string;
  last?: string;
  user: string;
}

export interface LearnedEvent {
  count: number;
  first: string;
  kind: string;
  last: string;
  name: string;
  planned: boolean;
  properties: LearnedProperty[];
}

export interface LearnedProperty {
  count: number;
  first: string;
  last: string;
  name: string;
  planned: boolean;
  type: "string" | "number" | "boolean" | "object" | "array" | "null";
}

export interface Lease {
  agent: string;
  ended_at?: string;
  exit: number;
  granted_at: string;
  id: string;
  kind: "list" | "test" | "package";
  log_size: number;
  phase?: string;
  ran_ms: number;
  reason?: string;
  setup_ms: number;
  started_at?: string;
  state: "running" | "done" | "lost" | "cancelled";
  suite?: string;
  units: number;
  upload_ms: number;
  worker: string;
}

export interface Limit {
  changed_at: string;
  changed_by: string;
  definition: RateLimit;
  group: string;
  note?: string;
  overrides: LimitOverride[] | null;
  revision: number;
  words: string;
}

export interface LimitCount {
  asked: number;
  asks: number;
  denied: number;
  given: number;
  near: number;
}

export interface LimitDeniedKey {
  asked: number;
  asks: number;
  denied: number;
  given: number;
  key: string;
  near: number;
  points: LimitDeniedPoint[] | null;
}

export interface LimitDeniedPoint {
  at: string;
  denied: number;
}

export interface LimitDomain {
  changed_at: string;
  changed_by: string;
  name: string;
  revision: number;
  yaml: string;
}

export interface LimitForget {
  reason?: string;
}

export interface LimitKey {
  amount: number;
  capacity: number;
  full_at?: string;
  key: string;
  left: number;
  override?: LimitOverride;
}

export interface LimitKeyCount {
  asked: number;
  asks: number;
  denied: number;
  given: number;
  key: string;
  near: number;
}

export interface LimitListed {
  changed_at: string;
  changed_by: string;
  definition: RateLimit;
  group: string;
  note?: string;
  overrides: LimitOverride[] | null;
  revision: number;
  use?: LimitCount;
  words: string;
}

export interface LimitOverride {
  amount: number;
  burst?: number;
  group: string;
  reason?: string;
  set_at: string;
  set_by: string;
  until?: string;
}

export interface LimitPoint {
  asked: number;
  asks: number;
  at: string;
  denied: number;
  given: number;
  near: number;
}

export interface LimitSimulatedKey {
  asks: number;
  denied: number;
  key: string;
  was_denied: number;
}

export interface LimitSimulatedPoint {
  asks: number;
  at: string;
  denied: number;
  was_denied: number;
}

export interface LimitSimulation {
  denied: number;
  from: string;
  given: number;
  hit: number;
  keys: number;
  points: LimitSimulatedPoint[] | null;
  to: string;
  top: LimitSimulatedKey[] | null;
  was: LimitCount;
  words: string;
}

export interface LimitToSet {
  definition: RateLimit;
  note?: string;
  reason?: string;
}

export interface LimitToTry {
  definition: RateLimit;
  from?: string;
  group: string;
  to?: string;
}

export interface LimitUse {
  denied: LimitDeniedKey[] | null;
  near: LimitKeyCount[] | null;
  points: LimitPoint[] | null;
  step_seconds: number;
  top: LimitKeyCount[] | null;
  total: LimitCount;
}

export interface Line {
  cards: Card[];
  environment: string;
  stages: string[];
}

export interface ListAgentView {
  items: AgentView[];
  next?: string;
}

export interface ListApp {
  items: App[];
  next?: string;
}

export interface ListBuild {
  items: Build[];
  next?: string;
}

export interface ListEntry {
  items: Entry[];
  next?: string;
}

export interface ListEnvironment {
  items: Environment[];
  next?: string;
}

export interface ListEvent {
  items: Event[];
  next?: string;
}

export interface ListFailed {
  items: Failed[];
  next?: string;
}

export interface ListFaultCount {
  items: FaultCount[];
  next?: string;
}

export interface ListFlagChange {
  items: FlagChange[];
  next?: string;
}

export interface ListFlagGroup {
  items: FlagGroup[];
  next?: string;
}

export interface ListFlagKey {
  items: FlagKey[];
  next?: string;
}

export interface ListFlagMark {
  items: FlagMark[];
  next?: string;
}

export interface ListFlagPlan {
  items: FlagPlan[];
  next?: string;
}

export interface ListFlagShown {
  items: FlagShown[];
  next?: string;
}

export interface ListForgotten {
  items: Forgotten[];
  next?: string;
}

export interface ListJoinToken {
  items: JoinToken[];
  next?: string;
}

export interface ListLearnedEvent {
  items: LearnedEvent[];
  next?: string;
}

export interface ListLimitDomain {
  items: LimitDomain[];
  next?: string;
}

export interface ListLimitKey {
  items: LimitKey[];
  next?: string;
}

export interface ListLimitListed {
  items: LimitListed[];
  next?: string;
}

export interface ListNotice {
  items: Notice[];
  next?: string;
}

export interface ListPerson {
  items: Person[];
  next?: string;
}

export interface ListRamp {
  items: Ramp[];
  next?: string;
}

export interface ListRelease {
  items: Release[];
  next?: string;
}

export interface ListSample {
  items: Sample[];
  next?: string;
}

export interface ListSavedQuestion {
  items: SavedQuestion[];
  next?: string;
}

export interface ListSource {
  items: Source[];
  next?: string;
}

export interface ListToken {
  items: Token[];
  next?: string;
}

export interface ListVerdict {
  items: Verdict[];
  next?: string;
}

export interface ListView {
  items: View[];
  next?: string;
}

export interface Live {
  commit: string;
  number: number;
  release: string;
  since: string;
  subject: string;
}

export interface LogEntry {
  app: string;
  data: unknown;
  sequence: number;
  type: string;
}

export interface LogPart {
  first: number;
  items: LogEntry[];
  next: number;
}

export interface LoginLink {
  url: string;
}

export interface Mark {
  kind: string;
  second: number;
  text: string;
}

export interface NamedQuestion {
  kind: "sql" | "trend" | "funnel" | "retention";
  name: string;
  question: unknown;
  reason?: string;
}

export interface Needed {
  events: number;
  requests: number;
}

export interface NewApp {
  name: string;
}

export interface NewEnvironment {
  allow_force_push?: boolean;
  branch: string;
  domains?: string[] | null;
  hosts?: string[] | null;
  labels?: Record<string, string>;
  name: string;
}

export interface NewFlag {
  description?: string;
  kind?: "flag" | "switch" | "sample";
  name: string;
  owner?: string;
  permanent?: boolean;
  reason?: string;
  server_only?: boolean;
  stale_days?: number;
  states?: Record<string, FlagState>;
  tags?: string[] | null;
  type?: "boolean" | "string" | "number" | "json";
}

export interface NewGrant {
  environment?: string;
  role: "viewer" | "deployer";
}

export interface NewKey {
  encrypted?: boolean;
  environment?: string;
  kind: "server" | "client";
  name: string;
  remote?: boolean;
}

export interface NewLimit {
  definition: RateLimit;
  group: string;
  note?: string;
  reason?: string;
}

export interface NewPerson {
  admin?: boolean;
  email?: string;
  name: string;
}

export interface NewRamp {
  condition?: unknown;
  false_alarms?: number;
  hash_attribute?: string;
  reason?: string;
  rule_out?: number;
  steps?: RampStep[] | null;
  unknown?: "promote" | "wait" | "hold";
  value?: unknown;
  vitals?: RampVital[] | null;
}

export interface NewSource {
  environment?: string;
  name: string;
}

export interface NewToken {
  created_at: string;
  expires_at: string | null;
  id: string;
  label: string;
  person: string;
  token: string;
  used_at: string | null;
}

export interface Notice {
  at: string;
  ended_at?: string;
  error?: string;
  host: string;
  id: string;
  kind: string;
  state: "waiting" | "sent" | "failed";
  topic: string;
  tries: number;
}

export interface Notices {
  webhooks: Target[];
}

export interface OverrideToSet {
  amount: number;
  burst?: number;
  reason?: string;
  until?: string;
}

export interface PathView {
  excess_errors: number;
  new_errors: number;
  new_requests: number;
  old_errors: number;
  old_requests: number;
  path: string;
  stands_out: boolean;
}

export interface Person {
  admin: boolean;
  created_at: string;
  email: string;
  grants: Grant[] | null;
  id: string;
  name: string;
}

export interface Plan {
  additional_events: boolean;
  changed_at?: string;
  changed_by?: string;
  events: PlannedEvent[];
  from?: PlanOrigin;
  mode: "observe" | "warn" | "reject";
}

export interface PlanDecision {
  decision: "approve" | "refuse";
  said?: string;
}

export interface PlanEffect {
  event: string;
  of: number;
  rejected: number;
  text: string;
  used_by: string;
}

export interface PlanOrigin {
  commit: string;
  environment: string;
  folder: string;
  number: number;
  release: string;
}

export interface PlannedEvent {
  kind?: "track" | "page" | "screen" | "identify" | "group" | "alias" | "exposure";
  name?: string;
  schema: unknown;
}

export interface PlannedState {
  audience?: FlagAudience;
  changed_at?: string;
  changed_by?: string;
  default?: unknown;
  off?: unknown;
  on: boolean;
  percent?: number;
  reason?: string;
  revision?: number;
  rules?: unknown;
  wall?: string;
  zone?: string;
}

export interface PowerView {
  alpha: number;
  alpha_text: string;
  choices: Choice[] | null;
  error_rate: number;
  false_alarms_a_month?: number;
  requests_per_s: number;
  rollouts_a_month: number;
  rule_out: number;
  steps: StepPower[] | null;
}

export interface Preview {
  audience?: FlagAudience;
  changed_at?: string;
  changed_by?: string;
  default?: unknown;
  off?: unknown;
  on: boolean;
  percent?: number;
  revision?: number;
  rules?: unknown;
  visitors?: boolean;
}

export interface Previewed {
  attributes?: Attribute[];
  fault?: string;
  otherwise?: number;
  path?: string;
  rules?: number[];
  sampled?: number;
  visitors?: number;
}

export interface Process {
  addr?: string;
  app: string;
  environment: string;
  host: string;
  process: string;
  process_state: string;
  release: string;
  restarts: number;
  since: string;
  text?: string;
}

export interface Ramp {
  alpha: number;
  alpha_why: string;
  app: string;
  ended_at?: string;
  environment: string;
  flag: string;
  id: string;
  name: string;
  reasons: string[];
  share: number;
  spec: RampSpec;
  started_at: string;
  started_by: string;
  state: "watching" | "paused" | "held" | "promoted" | "returned" | "overtaken";
  step: number;
  step_at: string;
  warnings?: string[] | null;
}

export interface RampCommand {
  command: "pause" | "resume" | "next" | "return";
  reason?: string;
}

export interface RampMove {
  at: string;
  by: string;
  id: string;
  move: "started" | "watching" | "paused" | "held" | "resumed" | "promoted" | "returned" | "overtaken";
  reasons: string[];
  share: number;
  step: number;
}

export interface RampShown {
  alpha: number;
  alpha_why: string;
  app: string;
  ended_at?: string;
  environment: string;
  flag: string;
  id: string;
  moves: RampMove[];
  name: string;
  reasons: string[];
  share: number;
  slots: RampSlot[];
  spec: RampSpec;
  started_at: string;
  started_by: string;
  state: "watching" | "paused" | "held" | "promoted" | "returned" | "overtaken";
  step: number;
  step_at: string;
  verdict: JudgeVerdict;
  warnings?: string[] | null;
}

export interface RampSlot {
  counts: Record<string, Count>;
  second: number;
  share: number;
  step: number;
}

export interface RampSpec {
  condition?: unknown;
  false_alarms?: number;
  hash_attribute?: string;
  rule_out?: number;
  steps?: RampStep[] | null;
  unknown?: "promote" | "wait" | "hold";
  value?: unknown;
  vitals?: RampVital[] | null;
}

export interface RampStep {
  share: number;
  watch_seconds: number;
}

export interface RampUnder {
  beneath: FlagState;
  ramp: string;
  share: number;
  state: "watching" | "paused" | "held";
}

export interface RampVital {
  bad?: "rise" | "drop";
  event: string;
}

export interface RateLimit {
  amount: number;
  burst?: number;
  every?: number;
  exact?: boolean;
  hold_seconds?: number;
  kind: string;
  near?: number;
  refill?: number;
  shadow?: boolean;
  unit?: string;
  zone?: string;
}

export interface Reading {
  events: number;
  found: boolean;
  hosts?: number;
  mean?: number;
  minutes: (number | null)[] | null;
  name: string;
  of: number;
  rate: number;
  text: string;
  unit: "share" | "cores" | "bytes" | "load" | "ms";
}

export interface Readings {
  vitals: Reading[];
}

export interface Reason {
  code: string;
  numbers?: Record<string, number>;
  text: string;
}

export interface Reasoned {
  reason?: string;
}

export interface Rebuild {
  archived: number;
  message?: string;
  state: "none" | "checking" | "filling" | "reading" | "done" | "refused";
  stored: number;
  target: number;
}

export interface Ref {
  flag: string;
  line: number;
  path: string;
  text: string;
}

export interface Refs {
  branch?: string;
  commit?: string;
  more?: boolean;
  refs: Ref[];
  unnamed: string[];
}

export interface Refusal {
  bodies: number;
  last: string;
  source: string;
}

export interface Release {
  app: string;
  artifact: string;
  author: string;
  build?: string;
  change?: ConfigDiff;
  commit: string;
  commits: Commit[];
  config: number;
  created_at: string;
  environment: string;
  hotfix?: Hotfix;
  id: string;
  live_at: string | null;
  number: number;
  rollout?: string;
  size: number;
  state: "waiting" | "rolling" | "live" | "good" | "bad" | "superseded";
  stored: boolean;
  subject: string;
  verdict: string;
  why: "push" | "config";
}

export interface ReleaseView {
  author: string;
  change?: ConfigDiff;
  commit: string;
  config: number;
  id: string;
  number: number;
  subject: string;
  why: string;
}

export interface Repair {
  limit?: number;
  program: string;
  reason?: string;
  sequences?: number[] | null;
  try?: boolean;
}

export interface Repaired {
  failed: number;
  left: number;
  repaired: number;
  results: Tale[];
}

export interface Result {
  alpha: number;
  at_second: number;
  e_value: number;
  margin: number;
  ratio: number;
  ratio_high: number;
  ratio_low: number;
  reasons: string[] | null;
  rows_repeated: number;
  rule_out: number;
  seconds_before: number;
  seconds_judged: number;
  seconds_left_out: number;
  split?: SplitEvidence;
  split_by: "hosts" | "requests";
  threshold: number;
  verdict: "healthy" | "regressed" | "unknown" | "wrong_split";
  vital: string;
  vitals: VitalEvidence[] | null;
}

export interface Retention {
  back?: Selection;
  environment?: string;
  first?: Selection;
  from: string;
  interval?: "day" | "week" | "month";
  to: string;
  zone?: string;
}

export interface RolloutStarted {
  rollout: string;
}

export interface RolloutSummary {
  id: string;
  release: string;
  share: number;
  state: string;
  step: number;
  verdict: string;
}

export interface SQL {
  limit?: number;
  sql: string;
}

export interface Sample {
  cpu: number;
  disk_free: number;
  load1: number;
  mem_total: number;
  mem_used: number;
  time: string;
}

export interface SavedQuestion {
  changed_at: string;
  changed_by: string;
  id: string;
  kind: "sql" | "trend" | "funnel" | "retention";
  name: string;
  question: unknown;
  saved_at: string;
  saved_by: string;
}

export interface Score {
  app: string;
  budget: number;
  by_crash: number;
  by_day: Day[];
  by_hosts: number;
  by_judge: number;
  by_person: number;
  days: number;
  decision_s: number;
  environment: string;
  failed: Harms;
  judged: number;
  missed: number;
  not_judged: number;
  promoted: number;
  right: number;
  rolled_back: number;
  since: string;
  slow: Harms;
  spent: number;
  unknown: number;
  unsaid: number;
  wrong: number;
}

export interface ScrapeLabels {
  app: string;
  environment: string;
  host: string;
  process: string;
  release: string;
}

export interface ScrapeTarget {
  labels: ScrapeLabels;
  targets: string[];
}

export interface SecretInfo {
  name: string;
  updated_at: string;
  version: number;
}

export interface Selection {
  event?: string;
  kind?: "track" | "page" | "screen" | "identify" | "group" | "alias" | "exposure";
  where?: Condition[] | null;
}

export interface Series {
  at_risk_new: number[] | null;
  at_risk_old: number[] | null;
  high: number[] | null;
  log10_e: number[] | null;
  log10_threshold: number;
  low: number[] | null;
  marks: Mark[] | null;
  new_rate: (number | null)[] | null;
  old_rate: (number | null)[] | null;
  ratio: number[] | null;
  requests_new: number[] | null;
  requests_old: number[] | null;
  seconds: number[] | null;
  vital: string;
}

export interface Session {
  admin: boolean;
  demo: boolean;
  edge_url: string;
  grants: Grant[];
  person: SessionPerson;
  url: string;
  version: string;
}

export interface SessionPerson {
  email: string;
  id: string;
  name: string;
}

export interface Settings {
  changed_at?: string;
  changed_by?: string;
  hidden: string[];
  ip: "truncate" | "full" | "none";
  keep_days: number;
}

export interface SettingsOfFlags {
  approvals?: string[] | null;
  create_missing?: boolean;
  insecure_cookies?: boolean;
  missing_on?: boolean;
  override?: boolean;
  reason?: string;
  stale_days?: number;
}

export interface SignIn {
  token: string;
}

export interface Since {
  after: Fared;
  before: Fared;
}

export interface Source {
  app: string;
  created_at: string;
  created_by: string;
  environment: string;
  id: string;
  limit?: number;
  name: string;
  stopped: boolean;
  write_key: string;
}

export interface SourceChange {
  change: "key" | "stop" | "resume" | "limit";
  limit?: number;
  reason?: string;
}

export interface SplitEvidence {
  e_value: number;
  intended: number;
  share: number;
  threshold: number;
  wrong: boolean;
}

export interface SplitView {
  intended: number;
  share: number;
  wrong: boolean;
}

export interface State {
  limited?: Refusal[] | null;
  refused?: string;
  stored: number;
  trouble?: string;
  written: number;
}

export interface StateToSet {
  audience?: FlagAudience;
  changed_at?: string;
  changed_by?: string;
  default?: unknown;
  off?: unknown;
  on: boolean;
  percent?: number;
  reason?: string;
  revision?: number;
  rules?: unknown;
}

export interface StepPower {
  detect_s: number;
  exclude_s: number;
  share: number;
  watch_s: number;
}

export interface StepView {
  detect_s?: number;
  ended_at?: string;
  hold_back: number;
  settled_at?: string;
  share: number;
  started_at?: string;
  state: "waiting" | "staging" | "starting" | "shifting" | "settling" | "watching" | "done" | "stopped";
  until?: string;
  watch_s: number;
}

export interface Suite {
  cached?: boolean;
  note?: string;
  state: "waiting" | "listing" | "listed" | "failed";
  suite: string;
}

export interface Tale {
  event?: unknown;
  item?: unknown;
  message?: string;
  raw: unknown;
  sequence: number;
}

export interface Target {
  kind: "webhook" | "slack";
  on: ("red" | "held" | "returned")[] | null;
  url: string;
}

export interface Timeline {
  before?: string;
  before_sequence?: number;
  limit?: number;
  visitor: string;
}

export interface Token {
  created_at: string;
  expires_at: string | null;
  id: string;
  label: string;
  person: string;
  used_at: string | null;
}

export interface TokenRequest {
  expires_at?: string;
  label: string;
  person?: string;
}

export interface Top {
  environment?: string;
  event?: string;
  from: string;
  kind?: "track" | "page" | "screen" | "identify" | "group" | "alias" | "exposure";
  limit?: number;
  property: string;
  to: string;
  where?: Condition[] | null;
  zone?: string;
}

export interface Trend {
  environment?: string;
  event?: string;
  from: string;
  interval?: "minute" | "hour" | "day" | "week" | "month";
  kind?: "track" | "page" | "screen" | "identify" | "group" | "alias" | "exposure";
  measure?: "events" | "visitors" | "sum" | "average" | "p90";
  of?: string;
  split?: string;
  to: string;
  where?: Condition[] | null;
  zone?: string;
}

export interface Tried {
  flags: Given[];
}

export interface Unit {
  attempts: number;
  duration_ms: number;
  expected_ms: number;
  failed_tests?: string[] | null;
  lease?: string;
  output?: string;
  started_at?: string;
  status: "waiting" | "running" | "passed" | "failed" | "skipped" | "error";
  suite: string;
  unit: string;
  worker?: string;
}

export interface Verdict {
  alpha: number;
  app: string;
  assessment: Assessment;
  by: "judge" | "person" | "crash" | "hosts";
  can_be_said: boolean;
  decided_at?: string;
  ended_at: string;
  environment: string;
  false_alarms_a_day?: number;
  harm?: Harm;
  id: string;
  judged: boolean;
  number: number;
  outcome: "promoted" | "rolled_back";
  release: ReleaseView;
  release_id: string;
  text: string;
  verdict: "healthy" | "regressed" | "unknown" | "wrong_split" | "none";
  visitors_at?: string;
  vital?: string;
}

export interface View {
  actions: string[] | null;
  alpha: number;
  alpha_text?: string;
  app: string;
  back?: boolean;
  commits: Commit[] | null;
  created_at: string;
  decisions?: Decision[] | null;
  ended_at?: string;
  environment: string;
  errors_new: number;
  errors_old: number;
  eta_s: number;
  from?: ReleaseView;
  hosts: HostView[] | null;
  hotfix?: Hotfix;
  id: string;
  last_good?: ReleaseView;
  missing?: string;
  mode: string;
  number: number;
  outcome?: "promoted" | "rolled_back" | "superseded";
  path?: string;
  paths: PathView[] | null;
  progress: number;
  reasons: Reason[] | null;
  regressed_at?: string;
  release: ReleaseView;
  requests_new: number;
  requests_old: number;
  rule_out: number;
  sentence: string;
  settle_s: number;
  share: number;
  since?: Since;
  split?: SplitView;
  started_at?: string;
  state: string;
  step: number;
  steps: StepView[] | null;
  unknown: string;
  verdict: "healthy" | "regressed" | "unknown" | "wrong_split" | "none";
  vital?: string;
  vitals: VitalView[] | null;
  waits_for?: "freeze" | "rollout" | "hosts";
}

export interface Visitor {
  attributes: Record<string, unknown>;
  flags?: string[] | null;
  url?: string;
}

export interface VisitorGroup {
  definition: unknown;
  note?: string;
  reason?: string;
}

export interface VitalEvidence {
  at_risk_new: number;
  at_risk_old: number;
  e_value: number;
  exclude_threshold: number;
  excluded: number;
  expected: number;
  label: string;
  name: string;
  needed: Needed;
  new: number;
  old: number;
  outcome: string;
  peak: number;
  rate_new: number;
  rate_old: number;
  ratio_estimate: number;
  ratio_high: number;
  ratio_low: number;
  rule_out: number;
  suspect?: string;
  text: string;
  threshold: number;
  to_detect: Needed;
}

export interface VitalView {
  alarm_only: boolean;
  bad: "rise" | "drop";
  detect_s: number;
  label: string;
  log10_e: number;
  log10_threshold: number;
  missing_requests: number;
  name: string;
  needed_s: number;
  new: ArmView;
  of: "requests" | "events";
  old: ArmView;
  ratio: number;
  ratio_high: number;
  ratio_low: number;
  rule_out: number;
  state: "regressed" | "healthy" | "unknown";
  suspect?: string;
  text: string;
  unit: "share" | "cores" | "bytes" | "load" | "errors";
  weight: number;
}

export interface VitalsBody {
  manifest?: string;
}

export interface Word {
  note?: string;
  word: "right" | "wrong";
}

export interface Work {
  app: string;
  build: string;
  kind: "list" | "test" | "package";
  since: string;
  suite?: string;
  units: number;
}
