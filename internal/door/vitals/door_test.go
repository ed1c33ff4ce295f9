package vitals

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/analytics/pg"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/seen"
	"github.com/slipwayhq/slipway/internal/wire"
)

// site is a web site that is shipped: its rollouts, the door that its visitors' events come to, the log, and the counter between them. Its host and edge are events, as other slices emit them.
type site struct {
	*httptest.Server
	t        *testing.T
	db       *db.DB
	j        *journal.Journal
	rollouts *rollout.Service
	counter  *Counter
	door     *ingest.Events
	feeder   *feed.Feeder
	sources  *track.Service
	key      string
	per      string // what the vital is divided by, as the next release has it
	releases int
	seconds  int64
	visitors int

	mu    sync.Mutex
	ahead time.Duration
	run   []string
	split event.TrafficRequested
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

func newSite(t *testing.T, open func(*testing.T) (analytics.Engine, error)) *site {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &site{t: t, per: "page"}
	s.db = dbtest.SQLite(t, db.Options{Now: s.now, Logger: log})
	s.j = dbtest.Journal(t, s.db)
	s.rollouts = rollout.New(s.db, s.j, log)
	sources := track.New(s.db)
	s.sources = sources
	source, err := sources.Create(t.Context(), "person:ana", "shop", "production", "web")
	if err != nil {
		t.Fatal(err)
	}
	s.key = source.Key
	ids, err := seen.Open(t.TempDir(), s.now, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ids.Close() })
	engine, err := open(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	s.feeder = feed.New(feed.Options{Journal: s.j, Engine: engine, Mark: filepath.Join(t.TempDir(), "stored"), Leave: sources.Leave, Logger: log})
	if err := s.feeder.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.counter = New(s.rollouts, s.j, engine, s.now, log)
	s.rollouts.ProbeEvents = s.counter.Probe
	door := ingest.NewEvents(s.j, sources, ids, s.now, log)
	door.Counted = s.counter.Count
	mux := http.NewServeMux()
	door.Mount(mux)
	s.door = door
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for _, run := range []func(context.Context) error{s.rollouts.Run, s.outside, door.Run, s.feeder.Run} {
		dbtest.Run(t, run)
	}
	dbtest.Emit(t, s.db, event.Meta{Actor: "agent:agt_1"}, event.AgentJoined{Agent: "agt_1", Name: "eu1", Roles: []string{wire.RoleHost}})
	s.emit(event.EnvironmentCreated{Name: "production", Spec: event.EnvironmentSpec{Branch: "main"}})
	return s
}

// inDuck and inPostgres are where events are asked about.
func inDuck(t *testing.T) (analytics.Engine, error) {
	return duck.Open(duck.Options{Dir: t.TempDir(), Memory: 128, Threads: 1})
}

func inPostgres(t *testing.T) (analytics.Engine, error) {
	return pg.Open(t.Context(), pg.Options{URL: dbtest.PostgresURL(t), Secret: []byte("of the test")})
}

func (s *site) emit(p event.Payload) {
	s.t.Helper()
	dbtest.Emit(s.t, s.db, event.Meta{App: "shop", Env: "production", Actor: "system:test"}, p)
}

// outside is the host, which does what it is asked, and the edge, which splits as it is told.
func (s *site) outside(ctx context.Context) error {
	return s.db.Consume(ctx, s.j, db.Consumer{Name: "outside", Types: []event.Type{"deploy.requested", "traffic.requested"}, Handle: func(ctx context.Context, tx *db.Tx, ev event.Event) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		by := ev.By("agent:agt_1", tx.Now())
		if r, err := event.Decode[event.TrafficRequested](ev); err == nil {
			s.split = r
			_, err := tx.Emit(ctx, by, event.TrafficApplied{Traffic: r.Traffic, Rollout: r.Rollout})
			return err
		}
		d, err := event.Decode[event.DeployRequested](ev)
		if err != nil {
			return err
		}
		for _, r := range d.Run {
			if !slices.Contains(s.run, r) {
				if _, err := tx.Emit(ctx, by, event.ProcessChanged{Host: "agt_1", Release: r, Process: "web", State: wire.ProcessUp, Addr: "127.0.0.1:1"}); err != nil {
					return err
				}
			}
		}
		s.run = d.Run
		_, err = tx.Emit(ctx, by, event.DeployApplied{Deploy: d.Deploy, Host: "agt_1"})
		return err
	}})
}

// ship makes a release that is judged by orders, and lets visitors come until it is through; orders is how many of them there are on it, of what there were.
func (s *site) ship(orders float64) rollout.View {
	s.t.Helper()
	s.releases++
	m := manifest.Manifest{App: "shop", Processes: map[string]manifest.Process{"web": {Run: "./shop"}}, Rollout: manifest.DefaultRollout()}
	m.Rollout.Vitals = []manifest.Vital{{Name: "errors", Weight: 1}, {Name: "order_completed", Event: "order_completed", Per: s.per, Bad: manifest.Drop, Weight: 1}}
	m.Rollout.Steps = []manifest.Step{{Share: .5, Watch: manifest.Every(90 * time.Second)}}
	m.Rollout.Settle, m.Rollout.Alpha, m.Rollout.FalseAlarms = manifest.Every(time.Second), .01, manifest.Rate{}
	text, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	s.emit(event.ReleaseCreated{Release: fmt.Sprintf("rel_%d", s.releases), Number: s.releases, Commit: fmt.Sprintf("%040x", s.releases), Artifact: fmt.Sprintf("%064x", s.releases), Manifest: text, Why: "push"})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		list, err := s.rollouts.List(s.t.Context(), "shop", "production", 0, 1)
		if err == nil && len(list) == 1 && list[0].Number == s.releases && list[0].State.Ended() {
			v, err := s.rollouts.Get(s.t.Context(), list[0].ID)
			if err != nil {
				s.t.Fatal(err)
			}
			return v
		}
		s.second(orders)
	}
	s.t.Fatalf("release %d does not come through", s.releases)
	return rollout.View{}
}

// second lets one pass in which visitors come by the present split. A third of them see a page and order, what they send is sent twice; another one has had a page open since long, which was the old release's.
func (s *site) second(orders float64) {
	s.t.Helper()
	s.mu.Lock()
	s.ahead += time.Second
	r := s.split
	s.mu.Unlock()
	s.seconds++
	sec := event.EdgeSecond{Edge: "edge", Boot: "b", Number: s.seconds, Second: s.now().Unix() - 1}
	route := event.RouteSecond{App: "shop", Env: "production", Traffic: r.Traffic, Rollout: r.Rollout, Split: r.Split}
	var sent []map[string]any
	did := func(name, visitor, release string) {
		e := map[string]any{"id": fmt.Sprint(name, visitor), "name": name, "anonymous": visitor, "release": release, "context": map[string]any{"userAgent": "Mozilla/5.0"}}
		if name == "page" {
			e["kind"] = "page"
		}
		sent = append(sent, e)
	}
	for release, share := range map[string]float64{r.Split.Old: 1 - r.Split.Share, r.Split.New: r.Split.Share} {
		n := int(math.Round(60 * share))
		if release == "" || n == 0 {
			continue
		}
		route.Hosts = append(route.Hosts, event.HostCount{Release: release, Host: "agt_1", Counts: event.Counts{Requests: 5 * int64(n), AtRisk: 5 * int64(n)}})
		part := 1.0
		if release == r.Split.New {
			part = orders
		}
		for i := range n {
			s.visitors++
			visitor := fmt.Sprint("v", s.visitors)
			did("page", visitor, wire.Served(release, "agt_1", r.Traffic))
			if float64(i) < float64(n)/3*part {
				did("order_completed", visitor, wire.Served(release, "agt_1", r.Traffic))
			}
		}
	}
	if r.Split.New != "" { // whoever these were drawn for, their page is the old release's
		for range 20 {
			s.visitors++
			did("order_completed", fmt.Sprint("v", s.visitors), wire.Served(r.Split.Old, "agt_1", "trf_0"))
			s.visitors++
			did("order_completed", fmt.Sprint("v", s.visitors), r.Split.Old)
		}
	}
	sec.Routes = []event.RouteSecond{route}
	s.post(sent)
	s.post(sent)
	if err := s.counter.second(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	data, err := json.Marshal(sec)
	if err == nil {
		err = s.j.Append(s.t.Context(), "edge", data)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.until("the second is folded", func() bool {
		for from, number := range map[string]int64{"edge": s.seconds, "": s.counter.numbers[""]} {
			var n int64
			err := s.db.QueryRow(s.t.Context(), `SELECT COALESCE(MAX(number), 0) FROM rollout_edges WHERE edge = $1`, from).Scan(&n)
			if err != nil || n < number {
				return false
			}
		}
		return true
	})
}

func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// post sends events to the door.
func (s *site) post(events []map[string]any) {
	s.t.Helper()
	if len(events) == 0 {
		return
	}
	s.postTo("/v1/events", map[string]any{"events": events})
}

// postTo sends a body, all of whose events are to be taken.
func (s *site) postTo(path string, what any) {
	s.t.Helper()
	body, err := json.Marshal(what)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(s.key, "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if said, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(said), `"failed":[]`) {
		s.t.Fatalf("%s: %s, %v", res.Status, said, err)
	}
}

// From what visitors send to the verdict: a release with half of the orders comes back by them, one with as many is promoted, although pages that were open before go on to order on the old release.
func TestReleasesAreJudgedByWhatVisitorsSend(t *testing.T) {
	s := newSite(t, inDuck)
	if v := s.ship(1); v.Outcome != "promoted" {
		t.Fatalf("the first release ended %s: %v", v.Outcome, v.Reasons)
	}
	if v := s.ship(.5); v.Outcome != "rolled_back" || v.Vital != "order_completed" {
		t.Fatalf("half of the orders ended %s by %q: %v", v.Outcome, v.Vital, v.Reasons)
	}
	v := s.ship(1)
	if v.Outcome != "promoted" || v.Verdict != "healthy" {
		t.Fatalf("as many orders as before ended %s, %s: %v", v.Outcome, v.Verdict, v.Reasons)
	}
	for _, one := range v.Vitals {
		if one.Name == "order_completed" && (math.Abs(one.New.Rate/one.Old.Rate-1) > .05 || math.Abs(one.Old.Rate-1./3) > .02) {
			t.Errorf("the vital: %+v", one)
		}
	}
	if _, last, err := s.j.EventsHeld(t.Context()); err != nil || s.feeder.WaitFor(t.Context(), last) != nil {
		t.Fatal(err)
	}
	found, err := s.rollouts.ReadVitals(t.Context(), "shop", "production", []manifest.Vital{
		{Name: "order_completed", Event: "order_completed", Per: "page", Bad: manifest.Drop}, {Name: "gone", Event: "gone", Bad: manifest.Drop},
	})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, part := range []string{" order_completed of ", " came, ", "with one that does not serve, or not any more"} {
		if !found[0].Found || !strings.Contains(found[0].Text, part) {
			t.Errorf("%v %q lacks %q", found[0].Found, found[0].Text, part)
		}
	}
	if found[1].Found || !strings.Contains(found[1].Text, `no event "gone" came to production in the last hour; send it, and with it the release that served`) {
		t.Errorf("%+v", found[1])
	}
}

// Who asks why a vital has no data is told what came without a release, and what else kept it from counting.
func TestWhyAVitalHasNoData(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (analytics.Engine, error){"duck": inDuck, "postgres": inPostgres} {
		t.Run(name, func(t *testing.T) { whyNoData(t, newSite(t, open)) })
	}
}

func whyNoData(t *testing.T, s *site) {
	t.Helper()
	s.ship(1)
	var sent, nobodys []map[string]any
	for i := range 5 {
		nobodys = append(nobodys, map[string]any{"specversion": "1.0", "id": fmt.Sprint(i), "source": "s", "type": "order_completed", "release": "rel_1"})
		sent = append(sent, map[string]any{"name": "order_completed", "user": fmt.Sprint("w", i)},
			map[string]any{"name": "order_completed", "user": fmt.Sprint("x", i), "release": "rel_1", "time": s.now().Add(-time.Hour)})
	}
	sent = append(sent, map[string]any{"name": "signed_up", "user": "w"})
	s.post(sent)
	s.postTo("/v1/cloudevents", nobodys)
	if err := s.counter.second(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, last, err := s.j.EventsHeld(t.Context()); err != nil || s.feeder.WaitFor(t.Context(), last) != nil {
		t.Fatal(err)
	}
	found, err := s.rollouts.ReadVitals(t.Context(), "shop", "production", []manifest.Vital{
		{Name: "order_completed", Event: "order_completed", Per: "page", Bad: manifest.Drop}, {Name: "signed_up", Event: "signed_up", Bad: manifest.Drop},
	})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, part := range []string{"5 do not say which served", "5 did not count, which name nobody who did it", "5 did not count, which happened more than five minutes before"} {
		if !strings.Contains(found[0].Text, part) {
			t.Errorf("%q lacks %q", found[0].Text, part)
		}
	}
	if found[1].Found || !strings.Contains(found[1].Text, "in the last hour 1 came, 0 of them with the release that served; 1 do not say which served") {
		t.Errorf("%+v", found[1])
	}
}
