package apiclient

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// ReleaseRef is a release in short.
type ReleaseRef struct {
	ID      string `json:"id"`
	Number  int    `json:"number"`
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
	Author  string `json:"author"`
}

// Rollout is how a release reaches everyone, or comes back.
type Rollout struct {
	ID          string      `json:"id"`
	Number      int         `json:"number"`
	App         string      `json:"app"`
	Environment string      `json:"environment"`
	Release     ReleaseRef  `json:"release"`
	From        *ReleaseRef `json:"from"`
	Mode        string      `json:"mode"`
	State       string      `json:"state"`
	Step        int         `json:"step"`
	Steps       []Step      `json:"steps"`
	Share       float64     `json:"share"`
	Verdict     string      `json:"verdict"`
	Sentence    string      `json:"sentence"`
	Missing     string      `json:"missing"`
	Reasons     []Reason    `json:"reasons"`
	Vitals      []Vital     `json:"vitals"`
	RequestsNew int64       `json:"requests_new"`
	RequestsOld int64       `json:"requests_old"`
	ErrorsNew   int64       `json:"errors_new"`
	ErrorsOld   int64       `json:"errors_old"`
	Actions     []string    `json:"actions"`
	CreatedAt   time.Time   `json:"created_at"`
	StartedAt   time.Time   `json:"started_at"`
	EndedAt     time.Time   `json:"ended_at"`
	RegressedAt time.Time   `json:"regressed_at"`
	Outcome     string      `json:"outcome"`
	Vital       string      `json:"vital"`
}

// Ended tells whether it is over.
func (r Rollout) Ended() bool { return r.Outcome != "" }

// Step is one share of visitors, watched for a while.
type Step struct {
	Share     float64   `json:"share"`
	HoldBack  float64   `json:"hold_back"`
	WatchS    float64   `json:"watch_s"`
	State     string    `json:"state"`
	StartedAt time.Time `json:"started_at"`
	SettledAt time.Time `json:"settled_at"`
	EndedAt   time.Time `json:"ended_at"`
	Until     time.Time `json:"until"`
}

// Vital is the evidence on one thing that is counted on both releases.
type Vital struct {
	Name           string  `json:"name"`
	Label          string  `json:"label"`
	State          string  `json:"state"`
	Unit           string  `json:"unit"`
	Log10E         float64 `json:"log10_e"`
	Log10Threshold float64 `json:"log10_threshold"`
	Ratio          float64 `json:"ratio"`
	RatioLow       float64 `json:"ratio_low"`
	RatioHigh      float64 `json:"ratio_high"`
	New            Arm     `json:"new"`
	Old            Arm     `json:"old"`
	Text           string  `json:"text"`
}

// Arm is one release's side of a vital.
type Arm struct {
	Events int64   `json:"events"`
	AtRisk int64   `json:"at_risk"`
	Rate   float64 `json:"rate"`
}

// Rollouts lists rollouts, newest first.
func (c *Client) Rollouts(ctx context.Context, s Some) ([]Item[Rollout], error) {
	var p page[Item[Rollout]]
	return p.Items, c.get(ctx, s.path("rollouts"), s.query(), &p)
}

func rolloutPath(app, rollout, more string) string {
	return "/v1/apps/" + url.PathEscape(app) + "/rollouts/" + url.PathEscape(rollout) + more
}

// Rollout shows one with its evidence.
func (c *Client) Rollout(ctx context.Context, app, rollout string) (Item[Rollout], error) {
	var r Item[Rollout]
	return r, c.get(ctx, rolloutPath(app, rollout, ""), nil, &r)
}

// Verdict judges a rollout again, with the settings in query: alpha, margin, rule_out. The answer is the API's JSON.
func (c *Client) Verdict(ctx context.Context, app, rollout string, query url.Values) (json.RawMessage, error) {
	var verdict json.RawMessage
	return verdict, c.get(ctx, rolloutPath(app, rollout, "/verdict"), query, &verdict)
}

// Command puts a hand on the wheel: pause, resume, promote or rollback.
func (c *Client) Command(ctx context.Context, app, rollout, command, why string) (Rollout, error) {
	var r Rollout
	return r, c.post(ctx, rolloutPath(app, rollout, "/"+url.PathEscape(command)), reason{why}, &r)
}

// Release is an artifact with a configuration version.
type Release struct {
	ID        string    `json:"id"`
	Number    int       `json:"number"`
	Commit    string    `json:"commit"`
	Subject   string    `json:"subject"`
	Author    string    `json:"author"`
	Size      int64     `json:"size"`
	Config    int       `json:"config"`
	Why       string    `json:"why"`
	CreatedAt time.Time `json:"created_at"`
	State     string    `json:"state"`
	Verdict   string    `json:"verdict"`
}

// Releases lists the releases of an environment, newest first.
func (c *Client) Releases(ctx context.Context, s Some) ([]Item[Release], error) {
	var p page[Item[Release]]
	return p.Items, c.get(ctx, s.path("releases"), s.query(), &p)
}
