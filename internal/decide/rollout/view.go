package rollout

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/route"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// ReleaseView is a release in short.
type ReleaseView struct {
	ID      string `json:"id"`
	Number  int    `json:"number"`
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
	Author  string `json:"author"`
	Why     string `json:"why"`
	Config  int    `json:"config"`
	// Change is there where Why is "config".
	Change *event.ConfigDiff `json:"change,omitempty" doc:"Which settings and secrets were changed, by whom and why: names, never values"`
}

// StepView is one step as shown.
type StepView struct {
	Share     float64   `json:"share" doc:"As the policy says, 0 to 1; hold_back of it stays on the old release"`
	HoldBack  float64   `json:"hold_back"`
	WatchS    float64   `json:"watch_s"`
	DetectS   float64   `json:"detect_s,omitempty" doc:"After so long a harm of the size to be ruled out is seen on errors, in 9 of 10 cases, at the traffic of before the push"`
	State     string    `json:"state" enum:"waiting,staging,starting,shifting,settling,watching,done,stopped"`
	StartedAt time.Time `json:"started_at,omitzero"`
	SettledAt time.Time `json:"settled_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Until     time.Time `json:"until,omitzero"`
}

// PathView is one route pattern.
type PathView struct {
	Path        string `json:"path"`
	NewRequests int64  `json:"new_requests"`
	NewErrors   int64  `json:"new_errors"`
	OldRequests int64  `json:"old_requests"`
	OldErrors   int64  `json:"old_errors"`
	// Excess and StandsOut: see package route.
	Excess    float64 `json:"excess_errors" doc:"Errors of the new release beyond what the old one's rate on this route leads to expect; negative where there are fewer"`
	StandsOut bool    `json:"stands_out" doc:"The excess is this route's own and hardly chance. Slow requests are not counted by route"`
}

// View is a rollout as shown.
type View struct {
	ID          string            `json:"id"`
	Number      int               `json:"number"`
	App         string            `json:"app"`
	Env         string            `json:"environment"`
	Release     ReleaseView       `json:"release"`
	From        *ReleaseView      `json:"from,omitempty" doc:"The release that serves beside it, and that it goes back to; of a queued rollout the one that is live"`
	Mode        string            `json:"mode"`
	State       machine.State     `json:"state"`
	Step        int               `json:"step"`
	Steps       []StepView        `json:"steps"`
	Share       float64           `json:"share" minimum:"0" maximum:"1" doc:"The part of visitors, hosts or requests (see mode) that is sent to the new release: 1 once it is promoted, 0 once it came back. What is held back is not in it"`
	Verdict     string            `json:"verdict" enum:"healthy,regressed,unknown,wrong_split,none"`
	Sentence    string            `json:"sentence"`
	WaitsFor    string            `json:"waits_for,omitempty" enum:"freeze,rollout,hosts" doc:"What a queued rollout waits for"`
	Missing     string            `json:"missing,omitempty"`
	Reasons     []event.Reason    `json:"reasons"`
	Vitals      []VitalView       `json:"vitals" doc:"Those that decide, then those for the alarm alone that show anything"`
	Split       *SplitView        `json:"split,omitempty" doc:"How the traffic was divided; not there while nothing is known of it"`
	Alpha       float64           `json:"alpha"`
	AlphaText   string            `json:"alpha_text,omitempty"`
	RuleOut     float64           `json:"rule_out"`
	Unknown     string            `json:"unknown"`
	SettleS     float64           `json:"settle_s"`
	Progress    float64           `json:"progress"`
	EtaS        float64           `json:"eta_s"`
	RequestsNew int64             `json:"requests_new"`
	RequestsOld int64             `json:"requests_old"`
	ErrorsNew   int64             `json:"errors_new"`
	ErrorsOld   int64             `json:"errors_old"`
	Hosts       []HostView        `json:"hosts"`
	Paths       []PathView        `json:"paths" doc:"By route pattern, those with the most excess errors first; at most 20"`
	Path        string            `json:"path,omitempty" doc:"The route whose errors rose most, if one stands out"`
	Commits     []event.Commit    `json:"commits"`
	Decisions   []Decision        `json:"decisions,omitempty"`
	Actions     []machine.Command `json:"actions"`
	CreatedAt   time.Time         `json:"created_at"`
	StartedAt   time.Time         `json:"started_at,omitzero"`
	EndedAt     time.Time         `json:"ended_at,omitzero"`
	RegressedAt time.Time         `json:"regressed_at,omitzero"`
	Outcome     string            `json:"outcome,omitempty" enum:"promoted,rolled_back,superseded"`
	Vital       string            `json:"vital,omitempty"`
	Hotfix      *event.Hotfix     `json:"hotfix,omitempty"`
	Back        bool              `json:"back,omitempty" doc:"Somebody goes back to an older release by it; hotfix says who and why"`
	Since       *before.Since     `json:"since,omitempty" doc:"How requests fare since everyone has it, beside before the push; nothing is decided by it. For a day after a promotion"`
	LastGood    *ReleaseView      `json:"last_good,omitempty" doc:"Where a rollback goes to, while what this rollout promoted is live and nothing else is under way"`
}

// List gives the rollouts of an environment (or of the whole app), newest first, those before the number given (0: from the newest).
func (s *Service) List(ctx context.Context, app, env string, before, limit int) ([]View, error) {
	if before <= 0 {
		before = math.MaxInt32
	}
	ms, err := machines(ctx, s.db, `app = $1 AND ($2 = '' OR env = $2) AND number < $3 ORDER BY number DESC, env LIMIT $4`, app, env, before, limit)
	if err != nil {
		return nil, err
	}
	out := make([]View, 0, len(ms))
	for _, m := range ms {
		v, err := s.view(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Get gives one rollout with its decisions.
func (s *Service) Get(ctx context.Context, id string) (View, error) {
	m, err := loadMachine(ctx, s.db, id)
	if err != nil {
		return View{}, err
	}
	v, err := s.view(ctx, m)
	if err != nil {
		return v, err
	}
	if v.LastGood, err = s.wayBack(ctx, m); err != nil {
		return v, err
	}
	if m.State == machine.Promoted && m.From != "" {
		if v.Since, err = before.LoadSince(ctx, s.db, m.App, m.Env, m.From, m.Release, m.Started, m.EndedAt); err != nil {
			return v, err
		}
	}
	v.Decisions, err = selectDecisions(ctx, s.db, id)
	return v, err
}

// wayBack is the release that a rollback goes to after m, nil where m's is not what serves, or there is none.
func (s *Service) wayBack(ctx context.Context, m *machine.Rollout) (*ReleaseView, error) {
	if m.State != machine.Promoted {
		return nil, nil
	}
	e, err := loadEnv(ctx, s.db, m.App, m.Env)
	if err != nil || e.live != m.Release || e.current != "" {
		return nil, err
	}
	id, _, err := lastGood(ctx, s.db, e)
	if fault.Is(err, fault.CodeConflict) {
		return nil, nil // it is the first one that is good
	}
	if err != nil {
		return nil, err
	}
	r, err := s.shown(ctx, s.db, id)
	return &r, err
}

func (s *Service) view(ctx context.Context, m *machine.Rollout) (View, error) {
	v := View{
		ID: m.ID, Number: m.Number, App: m.App, Env: m.Env, Mode: string(m.Mode), State: m.State, Step: m.Step, Share: m.ShareOn(m.Split),
		Verdict: string(m.Verdict), Reasons: m.EndReasons(), AlphaText: m.Alpha, RuleOut: float64(m.Policy.RuleOut), Unknown: string(m.Policy.Unknown),
		SettleS: max(m.Policy.Settle.Seconds(), 0), RequestsNew: m.Totals.RequestsNew, RequestsOld: m.Totals.RequestsOld, ErrorsNew: m.Totals.ErrorsNew,
		ErrorsOld: m.Totals.ErrorsOld, Commits: m.Commits, Actions: actions(m), CreatedAt: m.Created, StartedAt: m.Started, EndedAt: m.EndedAt,
		RegressedAt: m.RegressAt, Outcome: m.Outcome, Vital: m.Vital, Hotfix: m.Hotfix, Back: m.Back, Vitals: []VitalView{}, Steps: []StepView{},
	}
	if v.Verdict == "" {
		v.Verdict = "none"
	}
	var err error
	if v.Release, err = s.shown(ctx, s.db, m.Release); err != nil {
		return v, err
	}
	v.Sentence = m.Sentence(s.db.Now(), 0)
	from := m.From
	if m.State == machine.Queued {
		if from, err = s.waitView(ctx, m, &v); err != nil {
			return v, err
		}
	}
	if from != "" {
		of, err := s.shown(ctx, s.db, from)
		if err != nil {
			return v, err
		}
		v.From = &of
	}
	for i := range m.Steps {
		v.Steps = append(v.Steps, stepView(m, i))
	}
	if m.Judged() && len(m.Judge.Vitals) > 0 {
		v.Alpha = m.Judge.Alpha
		v.addVitals(m)
	}
	v.Paths, v.Path = pathViews(m), route.Worst(m.Totals.Paths)
	now := s.db.Now()
	v.Progress, v.EtaS = m.Progress(now)
	if m.State == machine.Watching {
		v.Sentence = m.Sentence(now, errorRatio(v.Vitals))
	}
	v.Hosts, err = s.hostViews(ctx, m)
	return v, err
}

// waitView says what a queued rollout waits for, and gives the release that is live: what it will be compared with is fixed only when its turn comes.
func (s *Service) waitView(ctx context.Context, m *machine.Rollout, v *View) (live string, err error) {
	e, err := loadEnv(ctx, s.db, m.App, m.Env)
	if err != nil {
		return "", err
	}
	switch {
	case !e.frozenAt.IsZero():
		v.WaitsFor = "freeze"
		v.Sentence = fmt.Sprintf("Waits, because %s is frozen by %s: %s", m.Env, access.Name(e.frozenBy), e.frozenWhy)
		v.Actions = slices.DeleteFunc(v.Actions, func(c machine.Command) bool { return c == machine.Promote }) // the freeze has to be lifted first
	case e.current != "" && e.current != m.ID:
		current, err := loadMachine(ctx, s.db, e.current)
		if err != nil {
			return "", err
		}
		v.WaitsFor = "rollout"
		if len(m.Reasons) == 0 {
			v.Sentence = fmt.Sprintf("Waits for rollout #%d to end", current.Number)
		}
	case len(m.Reasons) > 0:
		v.WaitsFor = "hosts"
	}
	return e.live, nil
}

// shown is a release in short.
func (s *Service) shown(ctx context.Context, q db.Querier, id string) (ReleaseView, error) {
	r, err := loadRelease(ctx, q, id)
	return releaseView(r.body), err
}

func releaseView(r event.ReleaseCreated) ReleaseView {
	v := ReleaseView{ID: r.Release, Number: r.Number, Commit: r.Commit, Why: r.Why, Config: r.Config}
	for _, c := range r.Commits {
		if c.SHA == r.Commit {
			v.Subject, v.Author = c.Subject, c.Author
		}
	}
	if r.Why == "config" {
		v.Subject = fmt.Sprintf("configuration %d", r.Config)
	}
	if r.Change != nil {
		v.Change, v.Subject, v.Author = r.Change, r.Change.Subject(r.Config), access.Name(r.Change.By)
	}
	return v
}

func actions(m *machine.Rollout) []machine.Command {
	out := []machine.Command{}
	if m.State.Ended() {
		return out
	}
	for _, c := range []machine.Command{machine.Pause, machine.Resume, machine.Promote, machine.RollBack} {
		if m.Allows(c) {
			out = append(out, c)
		}
	}
	return out
}

func stepView(m *machine.Rollout, i int) StepView {
	s := m.Steps[i]
	v := StepView{DetectS: m.StepPower(i).Detect.Seconds(), Share: s.Share, HoldBack: s.HoldBack, WatchS: s.Watch.Seconds(), StartedAt: s.Started, SettledAt: s.Settled, EndedAt: s.Ended, Until: s.Until}
	switch {
	case i < m.Step || i == m.Step && (m.State == machine.Promoting || m.State == machine.Promoted):
		v.State = "done"
	case i > m.Step && !m.State.Ended() && m.State != machine.Returning:
		v.State = "waiting"
	case (m.State == machine.Returning || m.State.Ended()) && s.Started.IsZero():
		v.State = "waiting"
	case m.State == machine.Returning || m.State.Ended():
		v.State = "stopped"
	case m.Phase() == machine.Held:
		v.State = "watching"
	case m.Phase() == machine.Queued:
		v.State = "waiting"
	default:
		v.State = string(m.Phase())
	}
	return v
}

func pathViews(m *machine.Rollout) []PathView {
	out := []PathView{}
	for _, p := range route.Compare(m.Totals.Paths) {
		out = append(out, PathView{
			Path: p.Path, NewRequests: p.New, NewErrors: p.NewErrors, OldRequests: p.Old, OldErrors: p.OldErrors, Excess: trace.Round(p.Excess), StandsOut: p.StandsOut,
		})
	}
	return out[:min(len(out), 20)]
}

// EnvView is an environment as this slice knows it.
type EnvView struct {
	App       string    `json:"app"`
	Env       string    `json:"environment"`
	Live      string    `json:"live,omitempty"`
	Current   string    `json:"current,omitempty"`
	Waiting   int       `json:"waiting"`
	FrozenBy  string    `json:"frozen_by,omitempty"`
	FrozenWhy string    `json:"frozen_reason,omitempty"`
	FrozenAt  time.Time `json:"frozen_at,omitzero"`
}

// Env gives an environment's state; not_found when there is none.
func (s *Service) Env(ctx context.Context, app, env string) (EnvView, error) {
	e, err := loadEnv(ctx, s.db, app, env)
	if err != nil {
		return EnvView{}, err
	}
	v := EnvView{App: app, Env: env, Live: e.live, Current: e.current, FrozenBy: access.Name(e.frozenBy), FrozenWhy: e.frozenWhy, FrozenAt: e.frozenAt}
	err = s.db.QueryRow(ctx, `SELECT COUNT(*) FROM rollout_rollouts WHERE app = $1 AND env = $2 AND state = $3`, app, env, string(machine.Queued)).Scan(&v.Waiting)
	if err != nil {
		return v, fmt.Errorf("count what waits in %s/%s: %w", app, env, err)
	}
	return v, nil
}

// Open counts the rollouts that have not ended, by state.
func (s *Service) Open(ctx context.Context) (map[string]float64, error) {
	rows, err := s.db.Query(ctx, `SELECT state, COUNT(*) FROM rollout_rollouts WHERE ended_at = 0 GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("count the rollouts: %w", err)
	}
	defer rows.Close()
	out := map[string]float64{}
	for rows.Next() {
		var state string
		var n float64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, fmt.Errorf("count the rollouts: %w", err)
		}
		out[state] = n
	}
	return out, rows.Err()
}
