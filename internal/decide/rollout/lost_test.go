package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/event"
)

// In a second in which one release's packets had no room, the counters of neither count: the other would seem to have risen. What the host itself measures still does.
func TestASecondThatLostPacketsCountsForNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		second := func(number, lost int64) {
			sec := event.HostSecond{Agent: "us1", Boot: "b", Number: number, Second: w.clock.now().Unix(), Host: &event.HostUse{CPU: .3, Load1: .7}}
			for i, r := range []string{"rel_old", "rel_new"} {
				sec.Releases = append(sec.Releases, event.ReleaseSecond{
					App: app, Env: env, Release: r, Use: &event.ProcessUse{Processes: 1, CPU: .2, Memory: 1 << 20}, Lost: lost * int64(i),
					Metrics: []event.Metric{{Name: "orders", Kind: event.MetricCounter, Values: 1, Sum: 10}},
				})
			}
			data, err := json.Marshal(sec)
			if err == nil {
				err = w.j.Append(t.Context(), "host", data)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.until("the host's second is taken", func() bool {
				var n int64
				return w.db.QueryRow(t.Context(), `SELECT number FROM rollout_edges WHERE edge = 'us1'`).Scan(&n) == nil && n == number
			})
		}
		second(1, 0)
		second(2, 3)
		for _, r := range []string{"rel_old", "rel_new"} {
			var body string
			if err := w.db.QueryRow(t.Context(), `SELECT body FROM rollout_measures WHERE release = $1`, r).Scan(&body); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body, `"orders":10}`) || !strings.Contains(body, `"u":2`) {
				t.Errorf("of two seconds, one with losses, %s has %s", r, body)
			}
		}
	})
}
