package edge_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/stats/repeats"
)

// What is told of visitors is what they met: each failed once, and those on the new release four times more.
func TestVisitorsWhoErrAgainAreToldOf(t *testing.T) {
	p := newPlane(t)
	fails := func(release, path string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, path) {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = w.Write([]byte(release))
		}
	}
	o, _ := backend(t, "old", "h1", fails("old", "/first"))
	n, _ := backend(t, "new", "h1", fails("new", "/"))
	p.set(route(0.5, o, n))
	e, _ := p.start(nil)
	p.apply(route(0.5, o, n))
	const visitors = 40
	want := map[string]int64{}
	for i := range visitors {
		release, _ := get(t, "http://"+e.Addr()+"/first", visitorID(i))
		for range 4 {
			get(t, "http://"+e.Addr()+"/more", visitorID(i))
		}
		want[release]++
	}
	again := map[string]int64{"old": 0, "new": int64(repeats.Bucket(4))}
	p.await("all who erred are told of, with what they met since", func() bool {
		for _, s := range p.seconds {
			for _, r := range s.Routes {
				told := map[string]int64{}
				for release, cells := range r.Erred {
					for _, c := range cells {
						if c[1] == again[release] && c[2] == int64(repeats.Bucket(4)) && c[3] == 0 {
							told[release] += c[4]
						}
					}
				}
				if maps.Equal(told, want) {
					return true
				}
			}
		}
		return false
	})
}
