package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/power"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// PowerView is what rollouts to an environment can see, by its traffic of late and the policy of the release that serves.
type PowerView struct {
	PerSecond   float64     `json:"requests_per_s" doc:"In the last half hour in which one release served alone; 0: nothing was counted"`
	ErrorRate   float64     `json:"error_rate" doc:"The part of them that failed"`
	RuleOut     float64     `json:"rule_out" doc:"The harm that is looked for, as a ratio: 2 is a doubling of errors"`
	Monthly     int         `json:"rollouts_a_month" doc:"In the last 30 days"`
	Alpha       float64     `json:"alpha" doc:"At most this part of good releases comes back"`
	AlphaText   string      `json:"alpha_text"`
	FalseAlarms float64     `json:"false_alarms_a_month,omitempty" doc:"What the policy allows; not there where it names alpha itself"`
	Steps       []StepPower `json:"steps"`
	Choices     []Choice    `json:"choices" doc:"What other settings of false_alarms would cost, in the first step"`
}

// StepPower is what one step can see.
type StepPower struct {
	Share    float64 `json:"share" doc:"On the new release, without what is held back"`
	WatchS   float64 `json:"watch_s"`
	DetectS  float64 `json:"detect_s" doc:"After so long the harm is seen, in 9 of 10 cases; 0: it cannot be told"`
	ExcludeS float64 `json:"exclude_s" doc:"After so long it is ruled out, in 9 of 10 cases; 0: it cannot be told"`
}

// Choice is one setting of the knob, and its price.
type Choice struct {
	FalseAlarms float64 `json:"false_alarms_a_month"`
	Alpha       float64 `json:"alpha"`
	DetectS     float64 `json:"detect_s"`
	Chosen      bool    `json:"chosen"`
}

// usual are the settings whose price is shown, false alarms a month.
var usual = []float64{0.1, 1, 4, 30}

const daysAMonth = 365.25 / 12

func alarmsAMonth(p manifest.Rollout) float64 { return p.FalseAlarms.PerDay() * daysAMonth }

// rolloutsAMonth counts the rollouts that began since a time, 30 days ago, but one.
func rolloutsAMonth(ctx context.Context, tx db.Querier, app, env, except string, since int64) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM rollout_rollouts WHERE app = $1 AND env = $2 AND started_at > $3 AND rollout <> $4`, app, env, since, except).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the rollouts of %s/%s: %w", app, env, err)
	}
	return n, nil
}

// Power tells what rollouts to an environment can see.
func (s *Service) Power(ctx context.Context, app, env string) (PowerView, error) {
	e, err := loadEnv(ctx, s.db, app, env)
	if err != nil {
		return PowerView{}, err
	}
	policy, err := livePolicy(ctx, s.db, e)
	if err != nil {
		return PowerView{}, err
	}
	v := PowerView{RuleOut: float64(policy.RuleOut), Alpha: policy.Alpha, Steps: []StepPower{}, Choices: []Choice{}}
	if v.Monthly, err = rolloutsAMonth(ctx, s.db, app, env, "", db.Micros(s.db.Now().AddDate(0, 0, -30))); err != nil {
		return v, err
	}
	w, err := before.Load(ctx, s.db, app, env)
	if err != nil {
		return v, err
	}
	v.PerSecond, v.ErrorRate = w.Rates()
	m := &machine.Rollout{Policy: policy, Mode: policy.Canary.For(max(1, len(w.Hosts)))}
	for h := range w.Hosts {
		m.Hosts = append(m.Hosts, h)
	}
	slices.Sort(m.Hosts)
	if m.Thresholds, err = before.Thresholds(ctx, s.db, s.db.Now(), app, env, e.live, policy.Weights(m.Mode)); err != nil {
		return v, err
	}
	if v.Alpha > 0 {
		v.AlphaText = fmt.Sprintf("at most %.3g %% of good releases come back, as the policy says", 100*v.Alpha)
	} else {
		v.FalseAlarms = alarmsAMonth(policy)
		if v.Alpha, v.AlphaText, err = judge.AlphaFor(v.FalseAlarms, float64(v.Monthly)); err != nil {
			return v, fmt.Errorf("set alpha of %s/%s: %w", app, env, err)
		}
	}
	v.forecast(m, func(alpha float64) judge.Policy {
		return machine.PolicyOf(m, alpha, policy.Weights(m.Mode), w, e.history)
	})
	return v, nil
}

// livePolicy is that of the release that serves, or the default where none does.
func livePolicy(ctx context.Context, q db.Querier, e *envRow) (manifest.Rollout, error) {
	if e.live == "" {
		return manifest.DefaultRollout(), nil
	}
	r, err := loadRelease(ctx, q, e.live)
	if err != nil {
		return manifest.Rollout{}, err
	}
	var mf manifest.Manifest
	if err := json.Unmarshal(r.body.Manifest, &mf); err != nil {
		return manifest.Rollout{}, fmt.Errorf("read the manifest of release %s: %w", e.live, err)
	}
	return mf.Rollout, nil
}

// ReadVitals tells what vitals would have read over the last hour: those given, or those of the release that serves.
func (s *Service) ReadVitals(ctx context.Context, app, env string, vitals []manifest.Vital) ([]before.Reading, error) {
	e, err := loadEnv(ctx, s.db, app, env)
	if err != nil {
		return nil, err
	}
	if len(vitals) == 0 {
		policy, err := livePolicy(ctx, s.db, e)
		if err != nil {
			return nil, err
		}
		vitals = policy.Vitals
	}
	asked := Queries{App: app, Env: env}
	if _, err := s.addQueries(ctx, s.db, e, &asked, func(v manifest.Vital) bool { return v.Prometheus != "" }); err != nil {
		return nil, err
	}
	found, err := before.Read(ctx, s.db, s.db.Now(), app, env, vitals)
	for i := range found {
		switch v := vitals[i]; {
		case err != nil:
		case v.Event != "": // also where some count: it says what does not
			var text string
			var ok bool
			text, ok, err = s.probe(ctx, e, v)
			found[i].Say(text, ok)
		case v.Prometheus != "" && others(asked.Vitals, v):
			found[i] = before.Reading{Name: v.Name, Unit: found[i].Unit, Minutes: []*float64{}}
			found[i].Text, found[i].Found, err = s.probe(ctx, e, v)
		case v.Prometheus != "" && !found[i].Found:
			found[i].Text, found[i].Found, err = s.probe(ctx, e, v)
		}
	}
	return found, err
}

// others tells that what is called like a vital is read by other queries: it says nothing of these.
func others(vitals []manifest.Vital, v manifest.Vital) bool {
	return slices.ContainsFunc(vitals, func(o manifest.Vital) bool {
		return o.Name == v.Name && (o.Prometheus != v.Prometheus || o.Per != v.Per)
	})
}

// forecast fills in what each step sees, and what other settings would cost.
func (v *PowerView) forecast(m *machine.Rollout, policy func(alpha float64) judge.Policy) {
	for _, s := range m.Policy.Steps {
		share := float64(s.Share) - float64(s.HoldBack)
		p := power.Of(policy(v.Alpha), v.PerSecond, v.ErrorRate, share)
		v.Steps = append(v.Steps, StepPower{Share: share, WatchS: s.Watch.Seconds(), DetectS: p.Detect.Seconds(), ExcludeS: p.Exclude.Seconds()})
	}
	alarms := usual
	if v.FalseAlarms > 0 && !slices.Contains(alarms, v.FalseAlarms) {
		alarms = append(slices.Clone(alarms), v.FalseAlarms)
		slices.Sort(alarms)
	}
	for _, a := range alarms {
		alpha, _, err := judge.AlphaFor(a, float64(v.Monthly))
		if err != nil || len(v.Steps) == 0 {
			continue
		}
		p := power.Of(policy(alpha), v.PerSecond, v.ErrorRate, v.Steps[0].Share)
		v.Choices = append(v.Choices, Choice{FalseAlarms: a, Alpha: alpha, DetectS: p.Detect.Seconds(), Chosen: a == v.FalseAlarms})
	}
}
