package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/ingest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/seen"
)

// station is the door over a real log, and one source.
type station struct {
	*httptest.Server
	t       *testing.T
	door    *ingest.Events
	ids     *seen.Index
	journal *journal.Journal
	sources *track.Service
	key     string
}

func opened(t *testing.T) *station {
	t.Helper()
	d := dbtest.SQLite(t, db.Options{})
	s := &station{t: t, journal: dbtest.Journal(t, d), sources: track.New(d)}
	src, err := s.sources.Create(t.Context(), "person:ana", "shop", "production", "web")
	if err != nil {
		t.Fatal(err)
	}
	s.key = src.Key
	ids, err := seen.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ids.Close() })
	door := ingest.NewEvents(s.journal, s.sources, ids, time.Now, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	door.Mount(mux)
	s.door, s.ids = door, ids
	dbtest.Run(t, door.Run)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// post sends a body, and gives status and answer.
func (s *station) post(path string, body []byte, headers ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// logged reads all that the log has: events and failures.
func (s *station) logged() (events []capture.Event, failed []capture.Failed) {
	s.t.Helper()
	_, last, err := s.journal.EventsHeld(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if last == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	err = s.journal.ReadEvents(ctx, 0, 1000, func(batch []journal.Telemetry) error {
		for _, m := range batch {
			var e capture.Event
			var f capture.Failed
			switch m.Subject {
			case "events.shop.event":
				err = json.Unmarshal(m.Data, &e)
				events = append(events, e)
			case "events.shop.failed":
				err = json.Unmarshal(m.Data, &f)
				failed = append(failed, f)
			default:
				err = fmt.Errorf("subject %s", m.Subject)
			}
			if err != nil {
				return err
			}
			if m.Sequence == last {
				cancel()
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return events, failed
}

func basic(key string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(key)) }

func zipped(t *testing.T, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// However a client speaks, and whatever it says about it, its events are in the log.
func TestClientsSpeakAsTheyDo(t *testing.T) {
	s := opened(t)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	item := func(id string) string { return `{"type":"track","event":"x","userId":"u","messageId":"` + id + `"}` }
	batch := func(id string) string { return `{"batch":[` + item(id) + `],"writeKey":"` + s.key + `"}` }
	hog := func(id string) string {
		return `{"api_key":"` + s.key + `","event":"x","distinct_id":"u","uuid":"` + id + `"}`
	}
	plain := func(id string) string { return `{"id":"` + id + `","name":"x","user":"u"}` }
	cloud := func(id string) string { return `{"specversion":"1.0","id":"` + id + `","source":"/s","type":"x"}` }
	var want []string
	for i, c := range []struct {
		path    string
		body    func(id string) []byte
		headers []string
		answer  string
	}{
		{"/v1/batch", func(id string) []byte { return []byte(batch(id)) }, nil, `{"success":true}`},
		{"/v1/track", func(id string) []byte { return []byte(item(id)) }, []string{"Authorization", basic(s.key + ":")}, `{"success":true}`},
		{"/v1/t", func(id string) []byte { return []byte(item(id)) }, []string{"Authorization", basic(s.key), "Content-Type", "text/plain"}, `{"success":true}`},
		{"/v1/import", func(id string) []byte { return []byte(batch(id)) }, []string{"Authorization", "Bearer " + s.key}, `{"success":true}`},
		{"/v1/batch", func(id string) []byte { return zipped(t, batch(id)) }, []string{"Content-Encoding", "gzip", "Content-Type", "application/x-www-form-urlencoded"}, `{"success":true}`},
		{"/v1/batch", func(id string) []byte { return enc.EncodeAll([]byte(batch(id)), nil) }, nil, `{"success":true}`},
		{"/batch/", func(id string) []byte { return zipped(t, hog(id)) }, nil, `{"status":1}`},
		{"/e/?compression=gzip-js&ver=1", func(id string) []byte { return zipped(t, "["+hog(id)+"]") }, []string{"Content-Type", "text/plain"}, `{"status":1}`},
		{"/capture", func(id string) []byte {
			return []byte("data=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(hog(id)))))
		}, nil, `{"status":1}`},
		{"/i/v0/e/", func(id string) []byte { return []byte("data=" + url.QueryEscape(hog(id))) }, nil, `{"status":1}`},
		{"/v1/events", func(id string) []byte { return []byte(plain(id)) }, []string{"Authorization", "Bearer " + s.key, "Slipway-Release", "rel_9"}, `{"accepted":1,"failed":[],"repeated":0}`},
		{"/v1/cloudevents?write_key=" + s.key, func(id string) []byte { return []byte(cloud(id)) }, []string{"Content-Type", "application/cloudevents+json"}, `{"accepted":1,"failed":[],"repeated":0}`},
		{"/v1/cloudevents?write_key=" + s.key, func(id string) []byte { return []byte(`{"a":1}`) }, []string{"Ce-Specversion", "1.0", "Ce-Id", "13", "Ce-Source", "/s", "Ce-Type", "x"}, `{"accepted":1,"failed":[],"repeated":0}`},
	} {
		id := fmt.Sprint(i + 1)
		if strings.HasPrefix(c.path, "/v1/cloud") {
			want = append(want, "/s#"+id)
		} else {
			want = append(want, id)
		}
		if status, answer := s.post(c.path, c.body(id), c.headers...); status != http.StatusOK || answer != c.answer {
			t.Errorf("%d: %s answers %d %s", i+1, c.path, status, answer)
		}
	}
	events, failed := s.logged()
	var got []string
	for _, e := range events {
		got = append(got, e.ID)
		if e.App != "shop" || e.Environment != "production" || e.Source == "" || e.Name != "x" {
			t.Errorf("%+v", e)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") || len(failed) != 0 {
		t.Errorf("the log has %v and %v, want %v", got, failed, want)
	}
	if r := events[10].Release; r != "rel_9" {
		t.Errorf("release %q", r)
	}
	if c := string(events[0].Context); !strings.Contains(c, `"ip":"127.0.0.0"`) {
		t.Errorf("context %s", c)
	}
}

// Many clients send the same events at the same time, some of them twice: each is in the log once.
func TestNothingComesTwice(t *testing.T) {
	s := opened(t)
	const clients, ids = 8, 40
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range ids {
				body := fmt.Sprintf(`[{"id":"%d","name":"x","user":"u"},{"id":"%d","name":"x","user":"u"},{"id":"%d","name":"x","user":"u"}]`, i, i, (i+c)%ids)
				if status, answer := s.post("/v1/events", []byte(body), "Authorization", "Bearer "+s.key); status != http.StatusOK {
					t.Errorf("%d %s", status, answer)
				}
			}
		})
	}
	wg.Wait()
	events, _ := s.logged()
	times := map[string]int{}
	for _, e := range events {
		times[e.ID]++
	}
	for i := range ids {
		if times[fmt.Sprint(i)] != 1 {
			t.Errorf("id %d is in the log %d times", i, times[fmt.Sprint(i)])
		}
	}
}

func TestFailuresAreKept(t *testing.T) {
	s := opened(t)
	status, answer := s.post("/v1/events", []byte(`[{"name":"good","user":"u"},{"name":"lost","user_id":"u4"},{"kind":"nonsense"}]`), "Authorization", "Bearer "+s.key)
	var told struct {
		Accepted int
		Failed   []capture.Failure
	}
	if err := json.Unmarshal([]byte(answer), &told); err != nil || status != http.StatusOK || told.Accepted != 1 || len(told.Failed) != 2 || told.Failed[0].Message != `"user_id" is no member of an event; did you mean "user"?` || told.Failed[1].Reason != capture.Malformed {
		t.Errorf("%d %s", status, answer)
	}
	if _, failed := s.logged(); len(failed) != 2 || string(failed[0].Raw) != `{"name":"lost","user_id":"u4"}` || string(failed[1].Raw) != `{"kind":"nonsense"}` || failed[0].Source == "" || failed[0].Received.IsZero() {
		t.Errorf("%+v", failed)
	}
}

// What is not taken is said so, to whom it concerns.
func TestRefusals(t *testing.T) {
	s := opened(t)
	stopped, err := s.sources.Create(t.Context(), "person:ana", "shop", "production", "old")
	if err == nil {
		_, err = s.sources.Stop(t.Context(), "person:ana", "shop", stopped.ID, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	big := `[` + strings.Repeat(`{"name":"x","user":"u"},`, 50_000) + `{"name":"x","user":"u"}]`
	for name, c := range map[string]struct {
		body   []byte
		key    string
		status int
		says   string
	}{
		"no key":        {[]byte(`{"name":"x","user":"u"}`), "", 401, "has no write key"},
		"unknown key":   {[]byte(`{"name":"x","user":"u"}`), "wk_nobody", 401, "is not known; copy it from"},
		"stopped":       {[]byte(`{"name":"x","user":"u"}`), stopped.Key, 403, `\"old\" was stopped`},
		"not JSON":      {[]byte(`name=x`), s.key, 400, "not JSON"},
		"too large":     {[]byte(big), s.key, 400, "larger than 500 KB"},
		"too many":      {[]byte("[" + strings.Repeat("1,", 10_000) + "1]"), s.key, 400, "send at most 10000"},
		"a zip bomb":    {zipped(t, strings.Repeat(" ", 50<<20)), s.key, 400, "larger than 500 KB"},
		"broken gzip":   {[]byte("\x1f\x8bxxxxxxxxxxxx"), s.key, 400, "gzip"},
		"half a gzip":   {zipped(t, big)[:400], s.key, 400, "ends early"},
		"broken base64": {[]byte("data=@@@"), s.key, 400, "neither JSON nor base64"},
	} {
		status, answer := s.post("/v1/events", c.body, "Authorization", "Bearer "+c.key)
		if status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s: %d %.200s", name, status, answer)
		}
	}
	if events, failed := s.logged(); len(events)+len(failed) > 0 {
		t.Errorf("the log has %v, %v", events, failed)
	}
}

// After a crash the index has lost its newest part, and learns it from the log.
func TestAnIndexThatIsBehindLearns(t *testing.T) {
	s := opened(t)
	for i := range 3 {
		s.post("/v1/events", fmt.Appendf(nil, `[{"id":"a%d","name":"x","user":"u"},{"id":"b%d","name":"x","user":"u"},{"kind":"bad"}]`, i, i), "Authorization", "Bearer "+s.key)
	}
	// One that was repaired and replayed came long before it was written: its id is known from then on.
	raw, err := json.Marshal(capture.Event{ID: "old", Source: s.source().ID, App: "shop", Received: time.Now().Add(-3 * seen.Window)})
	if err == nil {
		_, err = s.journal.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: raw})
	}
	if err != nil {
		t.Fatal(err)
	}
	ids, err := seen.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler)) // it has lost all
	if err != nil {
		t.Fatal(err)
	}
	defer ids.Close()
	// Nor does the place count that it had in a log which is no more.
	if err := ids.Settle(t.Context(), func(context.Context) (uint64, error) { return 5000, nil }); err != nil {
		t.Fatal(err)
	}
	again := ingest.NewEvents(s.journal, s.sources, ids, time.Now, slog.New(slog.DiscardHandler))
	if err := again.Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	again.Mount(mux)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`[{"id":"a2","name":"x","user":"u"},{"id":"b0","name":"x","user":"u"},{"id":"old","name":"x","user":"u"},{"id":"new","name":"x","user":"u"}]`))
	req.Header.Set("Authorization", "Bearer "+s.key)
	mux.ServeHTTP(rec, req)
	if rec.Body.String() != `{"accepted":1,"failed":[],"repeated":3}` {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if p, err := again.Position(t.Context()); err != nil || p != 11 {
		t.Errorf("position %d, %v", p, err)
	}
}

// A log that gives no answer leaves open what it has. The client is told to come again; by then it is known: what the log has is not written twice, and what it has not is as if it had never come.
func TestWhatIsInDoubtIsSettled(t *testing.T) {
	q := aboutToStop(t)
	j, sources, src, ids := q.journal, q.sources, q.source, q.ids
	// The answer to this one was lost: it is in the log, and the door does not know.
	raw, err := json.Marshal(capture.Event{ID: "there", Source: src.ID, App: "shop", Received: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.AppendEvents(t.Context(), journal.Record{Subject: "shop.event", Data: raw}); err != nil {
		t.Fatal(err)
	}
	q.stop() // from here on the log takes nothing
	door := ingest.NewEvents(j, sources, ids, time.Now, slog.New(slog.DiscardHandler))
	door.SettleAfter(20 * time.Millisecond)
	dbtest.Run(t, door.Run)
	mux := http.NewServeMux()
	door.Mount(mux)
	post := func(id string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`{"id":"`+id+`","name":"x","user":"u"}`))
		req.Header.Set("Authorization", "Bearer "+src.Key)
		mux.ServeHTTP(rec, req)
		return rec
	}
	for _, id := range []string{"there", "nowhere"} {
		if rec := post(id); rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", id, rec.Code, rec.Body)
		}
	}
	// Who comes again waits until it is settled.
	if rec := post("there"); rec.Code != http.StatusOK || rec.Body.String() != `{"accepted":0,"failed":[],"repeated":1}` {
		t.Errorf("what the log has: %d %s", rec.Code, rec.Body)
	}
	if rec := post("nowhere"); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("what the log has not, and cannot take: %d %s", rec.Code, rec.Body)
	}
}

// What the answer to a request without a key recommends is what does.
func TestAKeyIsTakenAsIsRecommended(t *testing.T) {
	s := opened(t)
	status, answer := s.post("/v1/events", []byte(`{"name":"x","user":"u"}`))
	if status != http.StatusUnauthorized {
		t.Fatalf("%d %s", status, answer)
	}
	for i, c := range []struct{ said, path, header string }{
		{`Authorization: Bearer wk_`, "", "Bearer " + s.key},
		{"the user of HTTP Basic", "", "Basic " + base64.StdEncoding.EncodeToString([]byte(s.key+":"))},
		{"?write_key=wk_", "?write_key=" + s.key, ""},
	} {
		if !strings.Contains(answer, c.said) {
			t.Errorf("%q is not recommended: %s", c.said, answer)
		}
		for path, body := range map[string]string{"/v1/events": `{"name":"x","user":"u","id":"%d"}`, "/v1/track": `{"event":"x","userId":"u","messageId":"%d"}`, "/batch": `{"event":"x","distinct_id":"u","uuid":"p%d"}`} {
			if status, answer := s.post(path+c.path, fmt.Appendf(nil, body, i), "Authorization", c.header); status != http.StatusOK {
				t.Errorf("%s, %s: %d %s", c.said, path, status, answer)
			}
		}
	}
}

// A time that cannot be is not the event's; the answer says of how many it was not.
func TestTimesThatCannotBeAreTold(t *testing.T) {
	s := opened(t)
	send := func(some string) string {
		_, answer := s.post("/v1/events", []byte(`{"events":[`+some+`]}`), "Authorization", "Bearer "+s.key)
		return answer
	}
	const event = `{"name":"x","user":"u","id":"%d","time":%q}`
	ahead := time.Now().Add(25 * time.Hour).UTC().Format(time.RFC3339)
	got := send(fmt.Sprintf(event+","+event+","+event, 1, "1999-12-31T23:59:59Z", 2, ahead, 3, "2000-01-01T00:00:00Z"))
	if got != `{"accepted":3,"failed":[],"misdated":2,"repeated":0}` {
		t.Errorf("the answer is %s", got)
	}
	if got := send(fmt.Sprintf(event, 4, time.Now().Add(23*time.Hour).UTC().Format(time.RFC3339))); got != `{"accepted":1,"failed":[],"repeated":0}` {
		t.Errorf("the answer is %s", got)
	}
	events, _ := s.logged()
	for i, e := range events[:2] {
		if !e.Time.Equal(e.Received) || e.Original.IsZero() || !e.Misdated() {
			t.Errorf("event %d is kept at %s, said %s", i, e.Time, e.Original)
		}
	}
}
