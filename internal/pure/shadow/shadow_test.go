package shadow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// between is a factor that holds for a while.
func between(from, until int64, factor float64) func(int64, int) float64 {
	return func(s int64, _ int) float64 {
		if s >= from && s < until {
			return factor
		}
		return 1
	}
}

// Days of a site whose errors swing with the hour; many deploys that change nothing and one that doubles the errors, until the team goes back.
func TestTheBadDeployIsNamedAndNoOther(t *testing.T) {
	bad, back := at(2, 10, 0), at(2, 12, 30)
	deploys := []shadow.Deploy{
		{Time: at(0, 9, 0), Release: "v1"}, {Time: at(0, 15, 0), Release: "v2"}, {Time: at(1, 8, 0), Release: "v3"}, {Time: at(1, 20, 0), Release: "v4"},
		{Time: bad, Release: "v5"}, {Time: back, Release: "v4"}, {Time: at(2, 21, 0), Release: "v6"}, {Time: at(3, 9, 0), Release: "v7"}, {Time: at(3, 17, 0), Release: "v8"},
	}
	w := world{seed: 1, from: at(0, 0, 0), seconds: 4 * 86400, hosts: 3, rps: 8, errors: 0.01, swing: 0.35, factor: between(bad, back, 2)}
	r := judge(t, w.traffic(t), deploys, shadow.Options{})
	show(t, r)
	if r.Score.Called != 0 || r.Score.Moments < 60 || r.Score.Moments > 75 {
		t.Errorf("%d of %d moments were called bad: those around deploys are none", r.Score.Called, r.Score.Moments)
	}
	for _, d := range r.Deploys {
		switch d.Release {
		case "v5":
			if d.Verdict != shadow.Indicated || d.Method != shadow.BeforeAndAfter || d.At.Sub(d.Time) > 20*time.Minute || d.WentBack == nil || d.WentBack.Unix() != back || d.SparedUntil.Unix() != back || !strings.Contains(d.Sentence, "about 790 errors") {
				t.Errorf("%+v", d)
			}
		case "v4":
			if d.Time.Unix() == back && d.Verdict != shadow.WayBack {
				t.Errorf("%+v", d)
			}
		default:
			if d.Verdict != shadow.NothingSeen || d.Spared != 0 || d.At != nil {
				t.Errorf("%+v", d)
			}
		}
	}
}
