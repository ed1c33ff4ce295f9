package edge_test

import (
	"net/http"
	"slices"
	"testing"
)

// A page is told who served it, beside what the app measures itself; other files are not, and so is a page that the browser has already.
func TestAPageIsToldWhoServedIt(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "agt_1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server-Timing", "db;dur=3")
		switch r.URL.Path {
		case "/page":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		case "/data":
			w.Header().Set("Content-Type", "application/json")
		case "/same":
			w.WriteHeader(http.StatusNotModified)
		}
		_, _ = w.Write([]byte("{}"))
	})
	e, _ := p.start(nil)
	p.apply(route(0, o))
	told := []string{"db;dur=3", `slipway;desc="old/agt_1/trf_0"`}
	for _, c := range []struct {
		path, dest string
		want       []string
	}{{"/page", "", told}, {"/data", "document", told[:1]}, {"/same", "document", told}, {"/same", "script", told[:1]}} {
		for range 2 { // what one answer is told is not added to the next
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.dest != "" {
				req.Header.Set("Sec-Fetch-Dest", c.dest)
			}
			res, _ := do(t, http.DefaultClient, req)
			if got := res.Header.Values("Server-Timing"); !slices.Equal(got, c.want) {
				t.Errorf("%s for a %q: %q, want %q", c.path, c.dest, got, c.want)
			}
		}
	}
}
