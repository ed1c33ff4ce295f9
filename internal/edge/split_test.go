package edge_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/edge/split"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

func do(t *testing.T, c *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(raw)
}

func visitorID(i int) string { return fmt.Sprintf("%032x", i) }

func TestVisitorsStayAndALargerShareOnlyAddsSome(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", nil)
	n, _ := backend(t, "new", "h1", nil)
	p.set(route(0.2, o, n))
	e, stop := p.start(nil)
	url := "http://" + e.Addr() + "/"
	const visitors = 300
	before := map[int]bool{}
	total := int64(0)
	for _, share := range []float64{0.2, 0.2, 0.6, 1, 0} {
		p.apply(route(share, o, n))
		fresh := 0
		for i := range visitors {
			release, body := get(t, url, visitorID(i))
			total++
			if release != body {
				t.Fatalf("%s answered, and the header says %q", body, release)
			}
			if before[i] && release != "new" && share > 0 {
				t.Errorf("visitor %d lost the new release at share %v", i, share)
			}
			before[i] = release == "new"
			if before[i] {
				fresh++
			}
		}
		if got := float64(fresh) / visitors; got < share-0.12 || got > share+0.12 {
			t.Errorf("share %v: %v of the visitors got the new release", share, got)
		}
	}
	stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.requests(); got != total {
		t.Errorf("%d requests counted, %d made", got, total)
	}
	checkSums(t, p.seconds)
}

// checkSums compares the views of what was counted: hosts, buckets and paths tell of the same requests under each split. A request that begins while a second is
// closed may be in that second by one view and in the next by another.
func checkSums(t *testing.T, seconds map[string]event.EdgeSecond) {
	t.Helper()
	type views struct{ hosts, buckets, paths int64 }
	sums := map[string]views{}
	for _, s := range seconds {
		for _, r := range s.Routes {
			v := sums[r.Traffic]
			for _, h := range r.Hosts {
				v.hosts += h.Requests
				if h.Requests > 0 && r.Split.Share == 0 && h.Release == "new" {
					t.Errorf("requests of the new release under share 0: %+v", h)
				}
			}
			for _, b := range r.Buckets {
				v.buckets += b.Requests
			}
			for _, p := range r.Paths {
				v.paths += p.Requests
			}
			sums[r.Traffic] = v
		}
	}
	for traffic, v := range sums {
		if v.hosts != v.buckets || v.hosts != v.paths || v.hosts == 0 {
			t.Errorf("under %s: by host %d, by bucket %d, by path %d requests", traffic, v.hosts, v.buckets, v.paths)
		}
	}
}

func TestTheFirstAnswerBringsTheIdThatTheFirstRequestWasDrawnBy(t *testing.T) {
	p := newPlane(t)
	o, _ := backend(t, "old", "h1", nil)
	n, _ := backend(t, "new", "h1", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/cached") {
			w.Header().Set("Cache-Control", "public, max-age=60")
		}
		_, _ = w.Write([]byte("new"))
	})
	p.set(route(0.5, o, n))
	e, _ := p.start(nil)
	p.apply(route(0.5, o, n))
	for range 40 {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+"/", nil)
		res, first := do(t, http.DefaultClient, req)
		cookies := res.Cookies()
		if len(cookies) != 1 || cookies[0].Name != wire.CookieVisitor || len(cookies[0].Value) != 32 || !cookies[0].HttpOnly ||
			cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].MaxAge != 365*24*3600 || cookies[0].Secure {
			t.Fatalf("cookies: %v", cookies)
		}
		if release, _ := get(t, "http://"+e.Addr()+"/", cookies[0].Value); release != first {
			t.Fatalf("the first answer came from %s, the second from %s", first, release)
		}
		req, _ = http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+"/cached", nil)
		if res, body := do(t, http.DefaultClient, req); body == "new" && len(res.Cookies()) != 0 {
			t.Fatalf("an answer that shared caches keep carries a visitor's id")
		}
	}
}

func TestHostNamesLeadToEnvironments(t *testing.T) {
	p := newPlane(t)
	a, _ := backend(t, "a", "h1", nil)
	b, _ := backend(t, "b", "h1", nil)
	one := wire.Route{App: "a", Env: "production", Hosts: []string{"A.example"}, Split: event.Split{Old: "a"}, Backends: []wire.Backend{a}}
	two := wire.Route{App: "b", Env: "production", Split: event.Split{Old: "b"}, Backends: []wire.Backend{b}}
	e, _ := p.start(nil)
	ask := func(host string) (int, string) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.Addr()+"/", nil)
		req.Host = host
		res, body := do(t, http.DefaultClient, req)
		return res.StatusCode, body
	}
	p.apply(one, two)
	for host, want := range map[string]string{"a.example": "a", "A.EXAMPLE:8080": "a", "a.example.": "a", "b.example": "b", "[::1]:80": "b"} {
		if _, body := ask(host); body != want {
			t.Errorf("%s: %q", host, body)
		}
	}
	p.apply(one)
	if status, body := ask("b.example"); status != http.StatusServiceUnavailable || !strings.Contains(body, "Nothing is here yet") {
		t.Errorf("an unknown host name: %d %q", status, body)
	}
}

func TestModeHostsAndModeRequests(t *testing.T) {
	p := newPlane(t)
	var backends []wire.Backend
	for i := range 4 {
		host := fmt.Sprintf("h%d", i)
		o, _ := backend(t, "old", host, nil)
		n, _ := backend(t, "new", host, nil)
		backends = append(backends, o, n)
	}
	e, stop := p.start(nil)
	const visitors = 200
	var r wire.Route
	// Whatever the share says, the hosts' part of the visitors is their part of all hosts: each host gets as many. One that was left out counts, too.
	for i, fresh := range [][]string{{"h2"}, {"h2", "h0", "h3"}} {
		r = route(0.01, backends...)
		r.Traffic, r.Split.Mode, r.Split.NewHosts, r.Split.LeftOut = fmt.Sprint("trf_hosts_", i), "hosts", fresh, []string{"h1"}
		p.apply(r)
		for i := range visitors {
			want := "old"
			if split.Below(split.Hash(r.Split.Salt, visitorID(i)), float64(len(fresh))/4) {
				want = "new"
			}
			for range 2 {
				if got, _ := get(t, "http://"+e.Addr()+"/", visitorID(i)); got != want {
					t.Fatalf("with %v, visitor %d got the %s release, want the %s one", fresh, i, got, want)
				}
			}
		}
	}
	r.Traffic, r.Split.Mode, r.Split.Share = "trf_requests", "requests", 0.5
	p.apply(r)
	seen := map[string]int{}
	for range 60 {
		release, _ := get(t, "http://"+e.Addr()+"/", visitorID(1))
		seen[release]++
	}
	if seen["old"] < 5 || seen["new"] < 5 {
		t.Errorf("by request, one visitor should see both releases: %v", seen)
	}
	stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.seconds {
		for _, r := range s.Routes {
			for _, h := range r.Hosts {
				if r.Split.Mode == "hosts" && h.Requests > 0 && (h.Release == "new") != slices.Contains(r.Split.NewHosts, h.Host) {
					t.Errorf("in mode hosts %s was served by %s", h.Release, h.Host)
				}
			}
		}
	}
}

func TestHashedAssetsOfBothReleasesAreServed(t *testing.T) {
	p := newPlane(t)
	files := func(release, file string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != file {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(release))
		}
	}
	o, _ := backend(t, "old", "h1", files("old", "/assets/app-1.js"))
	n, _ := backend(t, "new", "h1", files("new", "/assets/app-2.js"))
	r := route(0.5, o, n)
	r.Assets = []string{"/assets/"}
	e, _ := p.start(nil)
	p.apply(r)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			for file, want := range map[string]string{"/assets/app-1.js": "old", "/assets/app-2.js": "new"} {
				if release, body := get(t, "http://"+e.Addr()+file, visitorID(i)); body != want || release != want {
					t.Errorf("%s came from %q (%q)", file, release, body)
				}
			}
			if _, body := get(t, "http://"+e.Addr()+"/assets/none.js", visitorID(i)); !strings.Contains(body, "404") {
				t.Errorf("a file nobody has: %q", body)
			}
		})
	}
	group.Wait()
}
